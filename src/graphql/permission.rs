//! Holds a whole document against the matrix, before anything of it runs. Arguments are read as
//! far as the matrix asks; resolvers and capabilities ask again for what depends on them.

use std::collections::HashSet;
use std::convert::Infallible;

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, VariableDefinition,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::types::{Types, name_of, root_of};
use crate::access::Viewer;
use crate::access::matrix::{ARGUMENTS, ArgumentRule, Need, rule, rule_of_kind};
use crate::error::Error;
use crate::id::AnyId;

/// # Errors
/// `UNAUTHENTICATED` or `FORBIDDEN`, for the first field that the viewer may not ask for.
pub fn check(
    types: &Types,
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
    viewer: &Viewer,
) -> Result<(), Error> {
    let Some(operation) = selected(document, operation_name) else {
        // Execution reports it, and runs nothing.
        return Ok(());
    };
    let root = root_of(operation);
    let mut walk = Walk {
        types,
        document,
        definitions: &operation.variable_definitions,
        variables,
        viewer,
        seen: HashSet::new(),
    };
    walk.set(root, &operation.selection_set.node)
}

/// The operation that is executed; `None` where the name fits none, or is needed and missing.
pub fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = if let Some(name) = name {
        operations.find(|(found, _)| found.is_some_and(|found| found == name))
    } else {
        let only = operations.next();
        only.filter(|_| operations.next().is_none())
    };
    found.map(|(_, operation)| &operation.node)
}

struct Walk<'a> {
    types: &'a Types,
    document: &'a ExecutableDocument,
    definitions: &'a [Positioned<VariableDefinition>],
    variables: &'a Variables,
    viewer: &'a Viewer,
    /// Fragments are of one type wherever they are spread: each is checked once.
    seen: HashSet<&'a Name>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, parent: &str, set: &'a SelectionSet) -> Result<(), Error> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.field(parent, &field.node)?,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.set(on, &fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name) else {
                        continue;
                    };
                    if self.seen.insert(name) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.set(on, &fragment.node.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, parent: &str, field: &'a Field) -> Result<(), Error> {
        let name = field.name.node.as_str();
        if name.starts_with("__") {
            return Ok(());
        }
        // A field that does not exist is for validation to report.
        let Some(answers_with) = self.types.of_field(parent, name) else {
            return Ok(());
        };
        self.may_ask(parent, name, field)?;
        self.set(name_of(&answers_with.base), &field.selection_set.node)
    }

    fn may_ask(&self, parent: &str, name: &str, field: &Field) -> Result<(), Error> {
        let what = || format!("{parent}.{name}");
        let Some(rule) = rule(parent, name) else {
            let cause = anyhow::anyhow!("the field {} has no row in the matrix", what());
            return Err(Error::Internal(cause));
        };
        rule.check(self.viewer, &what())?;
        if rule.need == Need::ScopeOfIds {
            for id in self.ids(field) {
                rule_of_kind(id.kind).check(self.viewer, &what())?;
            }
        }
        for rule in ARGUMENTS.iter().filter(|rule| rule.field == name) {
            if self.says(field, rule) {
                let what = format!("{} {}", what(), rule.path.join("."));
                rule.demand.check(self.viewer, &what)?;
            }
        }
        Ok(())
    }

    /// The ids that the arguments `id` and `ids` name; what is no id is for the resolver.
    fn ids(&self, field: &Field) -> Vec<AnyId> {
        let arguments = ["id", "ids"]
            .iter()
            .filter_map(|name| self.argument(field, name));
        let mut ids = Vec::new();
        for value in arguments {
            match value {
                ConstValue::String(text) => ids.extend(text.parse::<AnyId>()),
                ConstValue::List(values) => {
                    ids.extend(values.iter().filter_map(|value| match value {
                        ConstValue::String(text) => text.parse::<AnyId>().ok(),
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
        ids
    }

    fn says(&self, field: &Field, rule: &ArgumentRule) -> bool {
        let Some((first, path)) = rule.path.split_first() else {
            return false;
        };
        let Some(mut value) = self.argument(field, first) else {
            return false;
        };
        for name in path {
            let ConstValue::Object(mut entries) = value else {
                return false;
            };
            let Some(inner) = entries.swap_remove(*name) else {
                return false;
            };
            value = inner;
        }
        let Some(expected) = rule.value else {
            // Null gives nothing: what is stored stays.
            return value != ConstValue::Null;
        };
        match value {
            ConstValue::Enum(name) => name == expected,
            ConstValue::String(text) => text == expected,
            ConstValue::Boolean(flag) => flag.to_string() == expected,
            _ => false,
        }
    }

    /// An argument's value, with the variables in it written out. One that has no value must not
    /// hide what stands beside it: it counts as null.
    fn argument(&self, field: &Field, name: &str) -> Option<ConstValue> {
        let value: &Value = &field.get_argument(name)?.node;
        let Ok(written) = value.clone().into_const_with(|variable| {
            let given = self.variables.get(&variable).cloned();
            let definition = self
                .definitions
                .iter()
                .find(|d| d.node.name.node == variable);
            let default = || definition.and_then(|d| d.node.default_value().cloned());
            Ok::<_, Infallible>(given.or_else(default).unwrap_or(ConstValue::Null))
        });
        Some(written)
    }
}
