//! Takes out of a document what its variables leave out. To GraphQL an argument, or a field of an
//! input object, is not there when its variable has no value; the library reads it as null, and
//! null clears what is stored.

use std::collections::HashSet;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

/// A variable that must have a value, and has none. The library would tell only where the
/// variable is used, when other fields have run already.
pub fn missing<'a>(
    operation: &'a OperationDefinition,
    variables: &Variables,
) -> Option<&'a Positioned<Name>> {
    operation
        .variable_definitions
        .iter()
        .map(|definition| &definition.node)
        .filter(|definition| !definition.var_type.node.nullable)
        .find(|definition| match variables.get(&definition.name.node) {
            Some(value) => *value == ConstValue::Null,
            None => definition.default_value.is_none(),
        })
        .map(|definition| &definition.name)
}

/// The document as the operation means it; `None` where its variables leave nothing out.
///
/// Its variables may then be defined and not used: it is to be executed, not validated.
pub fn taken_out(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Option<ExecutableDocument> {
    let absent: HashSet<&Name> = operation
        .variable_definitions
        .iter()
        .map(|definition| &definition.node)
        .filter(|definition| {
            definition.var_type.node.nullable && definition.default_value.is_none()
        })
        .map(|definition| &definition.name.node)
        .filter(|name| !variables.contains_key(*name))
        .collect();
    if absent.is_empty() {
        return None;
    }
    let mut document = document.clone();
    match &mut document.operations {
        DocumentOperations::Single(operation) => {
            from_set(&mut operation.node.selection_set.node, &absent);
        }
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                from_set(&mut operation.node.selection_set.node, &absent);
            }
        }
    }
    for fragment in document.fragments.values_mut() {
        from_set(&mut fragment.node.selection_set.node, &absent);
    }
    Some(document)
}

fn from_set(set: &mut SelectionSet, absent: &HashSet<&Name>) {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                let field = &mut field.node;
                field
                    .arguments
                    .retain_mut(|(_, value)| stays(&mut value.node, absent));
                from_set(&mut field.selection_set.node, absent);
            }
            Selection::InlineFragment(fragment) => {
                from_set(&mut fragment.node.selection_set.node, absent);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// In lists what has no value is null, in GraphQL too.
fn stays(value: &mut Value, absent: &HashSet<&Name>) -> bool {
    match value {
        Value::Variable(name) => return !absent.contains(name),
        Value::Object(entries) => entries.retain(|_, value| stays(value, absent)),
        Value::List(values) => {
            for value in values {
                // Of itself it stays; what is inside it may not.
                stays(value, absent);
            }
        }
        Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => {}
    }
    true
}
