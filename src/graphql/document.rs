//! Measures a parsed document with its fragments and variables written out, before the library
//! looks at it. The library's own checks follow every spread anew, copy a variable's value for
//! each use of it, and keep an error for each pair of an operation and a mistake: a few hundred
//! bytes of document would keep it busy for minutes, or take gigabytes.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::RECURSION;

/// Selections of all operations and fragments together, spreads written out.
const SELECTIONS: usize = 10_000;
/// Selections with the lists of introspection written out, by [`entries_of_list`]: complexity
/// takes them for single fields. `GraphiQL` asks for some 210,000.
const INTROSPECTED: usize = 500_000;
/// Bytes of all arguments, spreads and variables written out.
const WRITTEN_OUT: usize = 8 * 1024 * 1024;
/// What a value takes in memory, apart from its text.
const VALUE: usize = 64;
const OPERATIONS: usize = 50;
/// Arguments of one field or directive.
const ARGUMENTS: usize = 50;
const ROOT_QUERIES: usize = 20;
const ROOT_MUTATIONS: usize = 10;

/// Why a document is not looked at any further, in words for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    #[error("the fragment {0} spreads itself")]
    Cycle(String),
    #[error("the document nests more than {RECURSION} selections, fragments included")]
    Depth,
    #[error("the document has more than {SELECTIONS} selections, fragments written out")]
    Selections,
    #[error("the document asks for too much introspection at once")]
    Introspection,
    #[error(
        "the document's arguments have more than {WRITTEN_OUT} bytes, variables and fragments \
         written out"
    )]
    Values,
    #[error("the document has more than {OPERATIONS} operations")]
    Operations,
    #[error("{0} has more than {ARGUMENTS} arguments")]
    Arguments(String),
    #[error("the operation has {found} root fields, {most} at most")]
    RootFields { found: usize, most: usize },
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    selections: usize,
    /// Selections, with the entries of introspection's lists.
    introspected: usize,
    /// Bytes of the arguments.
    values: usize,
    height: usize,
    /// Fields of the set itself, through its fragments.
    fields: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.introspected = self.introspected.saturating_add(other.introspected);
        self.values = self.values.saturating_add(other.values);
    }

    fn check(&self) -> Result<(), Excess> {
        if self.selections > SELECTIONS {
            Err(Excess::Selections)
        } else if self.introspected > INTROSPECTED {
            Err(Excess::Introspection)
        } else if self.values > WRITTEN_OUT {
            Err(Excess::Values)
        } else {
            Ok(())
        }
    }
}

/// `None` while the fragment is being measured.
type Measured<'a> = HashMap<&'a Name, Option<Size>>;

/// Measures each fragment once, whatever spreads it.
pub fn measure(document: &ExecutableDocument, variables: &Variables) -> Result<(), Excess> {
    if document.operations.iter().count() > OPERATIONS {
        return Err(Excess::Operations);
    }
    let mut measure = Measure {
        document,
        variables: bytes_of_variables(document, variables),
        measured: Measured::new(),
    };
    let mut whole = Size::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        whole.values = whole
            .values
            .saturating_add(measure.directives(&operation.directives)?);
        let size = measure.set(&operation.selection_set.node, RECURSION)?;
        check_root(operation, size.fields)?;
        whole.add(size);
    }
    // Validation walks fragments that no operation reaches, too.
    for fragment in document.fragments.values() {
        whole.values = whole
            .values
            .saturating_add(measure.directives(&fragment.node.directives)?);
        whole.add(measure.set(&fragment.node.selection_set.node, RECURSION)?);
    }
    whole.check()
}

/// The bytes of each variable: of the value that is given, or of its largest default.
fn bytes_of_variables<'a>(
    document: &'a ExecutableDocument,
    variables: &Variables,
) -> HashMap<&'a Name, usize> {
    let mut bytes = HashMap::new();
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            let name = &definition.node.name.node;
            let value = variables.get(name).or(definition.node.default_value());
            let found = bytes.entry(name).or_default();
            *found = value.map_or(VALUE, bytes_of_constant).max(*found);
        }
    }
    bytes
}

fn bytes_of_constant(value: &ConstValue) -> usize {
    let text = match value {
        ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) => 0,
        ConstValue::String(text) => text.len(),
        ConstValue::Enum(name) => name.len(),
        ConstValue::Binary(bytes) => bytes.len(),
        ConstValue::List(values) => values.iter().map(bytes_of_constant).sum(),
        ConstValue::Object(entries) => entries
            .iter()
            .map(|(name, value)| name.len() + bytes_of_constant(value))
            .sum(),
    };
    VALUE + text
}

/// About how many entries a list of introspection has.
fn entries_of_list(field: &str) -> usize {
    match field {
        "types" => 100,
        "fields" | "inputFields" | "enumValues" => 10,
        "possibleTypes" | "directives" => 5,
        "args" => 3,
        "interfaces" => 2,
        _ => 1,
    }
}

fn check_root(operation: &OperationDefinition, found: usize) -> Result<(), Excess> {
    let most = match operation.ty {
        OperationType::Mutation => ROOT_MUTATIONS,
        OperationType::Query | OperationType::Subscription => ROOT_QUERIES,
    };
    if found > most {
        Err(Excess::RootFields { found, most })
    } else {
        Ok(())
    }
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    variables: HashMap<&'a Name, usize>,
    measured: Measured<'a>,
}

impl<'a> Measure<'a> {
    fn set(&mut self, set: &'a SelectionSet, left: usize) -> Result<Size, Excess> {
        let left = left.checked_sub(1).ok_or(Excess::Depth)?;
        let mut size = Size::default();
        for selection in &set.items {
            let (inside, fields) = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let set = &field.selection_set.node;
                    let mut inside = if set.items.is_empty() {
                        Size::default()
                    } else {
                        self.set(set, left)?
                    };
                    let entries = entries_of_list(&field.name.node);
                    inside.introspected = inside.introspected.saturating_mul(entries);
                    let own = self.arguments(&field.name.node, &field.arguments)?;
                    inside.values = inside
                        .values
                        .saturating_add(own)
                        .saturating_add(self.directives(&field.directives)?);
                    (inside, 1)
                }
                Selection::InlineFragment(fragment) => {
                    let set = &fragment.node.selection_set.node;
                    let mut inside = self.set(set, left)?;
                    let own = self.directives(&fragment.node.directives)?;
                    inside.values = inside.values.saturating_add(own);
                    (inside, inside.fields)
                }
                Selection::FragmentSpread(spread) => {
                    let mut inside = self.fragment(&spread.node.fragment_name.node, left)?;
                    let own = self.directives(&spread.node.directives)?;
                    inside.values = inside.values.saturating_add(own);
                    (inside, inside.fields)
                }
            };
            if inside.height > left {
                return Err(Excess::Depth);
            }
            size.add(inside);
            size.selections = size.selections.saturating_add(1);
            size.introspected = size.introspected.saturating_add(1);
            size.fields = size.fields.saturating_add(fields);
            size.height = size.height.max(inside.height);
        }
        size.height += 1;
        Ok(size)
    }

    fn fragment(&mut self, name: &'a Name, left: usize) -> Result<Size, Excess> {
        match (self.measured.get(name), self.document.fragments.get(name)) {
            (Some(None), _) => Err(Excess::Cycle(name.to_string())),
            (Some(Some(size)), _) => Ok(*size),
            // Validation reports it.
            (None, None) => Ok(Size::default()),
            (None, Some(fragment)) => {
                self.measured.insert(name, None);
                let size = self.set(&fragment.node.selection_set.node, left)?;
                self.measured.insert(name, Some(size));
                Ok(size)
            }
        }
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<usize, Excess> {
        directives
            .iter()
            .map(|directive| self.arguments(&directive.node.name.node, &directive.node.arguments))
            .try_fold(0_usize, |sum, bytes| Ok(sum.saturating_add(bytes?)))
    }

    fn arguments(
        &self,
        of: &Name,
        arguments: &[(Positioned<Name>, Positioned<Value>)],
    ) -> Result<usize, Excess> {
        if arguments.len() > ARGUMENTS {
            return Err(Excess::Arguments(of.to_string()));
        }
        let bytes = arguments.iter().map(|(_, value)| self.value(&value.node));
        Ok(bytes.fold(0, usize::saturating_add))
    }

    fn value(&self, value: &Value) -> usize {
        let text = match value {
            // Validation reports one that is not defined.
            Value::Variable(name) => return self.variables.get(name).copied().unwrap_or(VALUE),
            Value::Null | Value::Number(_) | Value::Boolean(_) => 0,
            Value::String(text) => text.len(),
            Value::Enum(name) => name.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(values) => values
                .iter()
                .map(|value| self.value(value))
                .fold(0, usize::saturating_add),
            Value::Object(entries) => entries
                .iter()
                .map(|(name, value)| name.len() + self.value(value))
                .fold(0, usize::saturating_add),
        };
        text.saturating_add(VALUE)
    }
}

#[cfg(test)]
mod tests;
