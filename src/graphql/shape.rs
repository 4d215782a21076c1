//! Gives answers the shape that GraphQL wants: fields in the order of the document, null for a
//! field that failed, and null for its parents up to the first that may be null. (The library
//! has fields in the order in which they were done, and leaves out those that failed.)

use std::collections::HashMap;

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Response, ServerError, Value, value};

use super::types::{Types, name_of, root_of};

/// The fields that an operation asks for, fragments written out. What stands in several fragments
/// is here once: validation has seen to it that they agree.
#[derive(Debug, Default)]
pub struct Shape {
    fields: Vec<Field>,
    places: HashMap<Name, usize>,
}

#[derive(Debug)]
struct Field {
    key: Name,
    /// `None` for what the schema definition doesn't have: introspection.
    answers_with: Option<Type>,
    inside: Shape,
}

impl Shape {
    /// The shape of the operation's answer. The document's size has been measured.
    pub fn of(
        types: &Types,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
    ) -> Self {
        let mut shape = Self::default();
        shape.add(
            types,
            document,
            root_of(operation),
            &operation.selection_set.node,
        );
        shape
    }

    /// Puts the answer into this shape.
    pub fn restore(&self, response: &mut Response) {
        // Before any null spreads: an object that one of them took must not come back.
        for error in &response.errors {
            self.open(&mut response.data, &error.path);
        }
        for error in &response.errors {
            if !error.path.is_empty() && self.fail(&mut response.data, &error.path) {
                response.data = Value::Null;
            }
        }
        self.sort(&mut response.data);
    }

    fn add(
        &mut self,
        types: &Types,
        document: &ExecutableDocument,
        parent: &str,
        set: &SelectionSet,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let answers_with = types.of_field(parent, &field.name.node);
                    let inner = answers_with.map_or("", |answers_with| name_of(&answers_with.base));
                    self.field(&field.response_key().node, answers_with).add(
                        types,
                        document,
                        inner,
                        &field.selection_set.node,
                    );
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.add(types, document, on, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.add(types, document, on, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn field(&mut self, key: &Name, answers_with: Option<&Type>) -> &mut Self {
        let next = self.fields.len();
        let place = *self.places.entry(key.clone()).or_insert(next);
        if place == next {
            self.fields.push(Field {
                key: key.clone(),
                answers_with: answers_with.cloned(),
                inside: Self::default(),
            });
        }
        &mut self.fields[place].inside
    }

    /// Makes room for the field that failed: the library has null for an object of which every
    /// field has failed.
    fn open(&self, object: &mut Value, path: &[PathSegment]) {
        let Some((PathSegment::Field(key), path)) = path.split_first() else {
            return;
        };
        let Some(field) = self.find(key) else {
            return;
        };
        if *object == Value::Null {
            *object = value!({});
        }
        let Value::Object(entries) = object else {
            return;
        };
        let value = entries.entry(field.key.clone()).or_insert(Value::Null);
        if let Some((value, path)) = in_lists(value, path) {
            field.inside.open(value, path);
        }
    }

    /// The field at the path failed: says whether this object has to be null for it.
    fn fail(&self, object: &mut Value, path: &[PathSegment]) -> bool {
        let Some((PathSegment::Field(key), path)) = path.split_first() else {
            return true;
        };
        let Some(field) = self.find(key) else {
            return true;
        };
        let Value::Object(entries) = object else {
            return true;
        };
        let value = entries.entry(field.key.clone()).or_insert(Value::Null);
        field.fail(value, field.answers_with.as_ref(), path)
    }

    fn find(&self, key: &str) -> Option<&Field> {
        self.fields.get(*self.places.get(key)?)
    }

    fn sort(&self, value: &mut Value) {
        match value {
            Value::List(values) => values.iter_mut().for_each(|value| self.sort(value)),
            Value::Object(entries) => {
                for (key, value) in entries.iter_mut() {
                    // What has no fields of its own is a scalar: free JSON keeps its order.
                    if let Some(field) = self
                        .find(key)
                        .filter(|field| !field.inside.fields.is_empty())
                    {
                        field.inside.sort(value);
                    }
                }
                let place = |key: &Name| self.places.get(key).copied().unwrap_or(usize::MAX);
                if !entries.keys().is_sorted_by_key(place) {
                    entries.sort_by(|one, _, other, _| place(one).cmp(&place(other)));
                }
            }
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => {}
        }
    }
}

impl Field {
    /// Something at or below `value` failed: says whether its parent has to be null for it.
    fn fail(&self, value: &mut Value, answers_with: Option<&Type>, path: &[PathSegment]) -> bool {
        let element = answers_with.and_then(|answers_with| match &answers_with.base {
            BaseType::List(element) => Some(&**element),
            BaseType::Named(_) => None,
        });
        let is_null = match (path.split_first(), &mut *value) {
            (Some((PathSegment::Index(index), path)), Value::List(values)) => {
                match values.get_mut(*index) {
                    Some(value) => self.fail(value, element, path),
                    None => true,
                }
            }
            (Some((PathSegment::Field(_), _)), Value::Object(_)) => self.inside.fail(value, path),
            _ => true,
        };
        if is_null {
            *value = Value::Null;
        }
        is_null && answers_with.is_some_and(|answers_with| !answers_with.nullable)
    }
}

/// What the path's indexes lead to, and the rest of the path.
fn in_lists<'v, 'p>(
    value: &'v mut Value,
    path: &'p [PathSegment],
) -> Option<(&'v mut Value, &'p [PathSegment])> {
    match (path.split_first(), value) {
        (Some((PathSegment::Index(index), path)), Value::List(values)) => {
            in_lists(values.get_mut(*index)?, path)
        }
        (Some((PathSegment::Index(_), _)), _) => None,
        (_, value) => Some((value, path)),
    }
}

/// Errors of an operation that did not run have no path.
pub fn ran(errors: &[ServerError]) -> bool {
    errors.is_empty() || errors.iter().any(|error| !error.path.is_empty())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::permission::selected;

    const SCHEMA: &str = "
        type Query { a: A, must: A!, all: [A!]!, some: [A], any: Any }
        type A { id: ID!, name: String, inner: A!, maybe: A }
        union Any = A";

    fn restored(query: &str, data: Value, paths: &[&str]) -> String {
        let types = Types::read(SCHEMA).unwrap();
        let document = parse_query(query).unwrap();
        let shape = Shape::of(&types, &document, selected(&document, None).unwrap());
        let mut response = Response::new(data);
        response.errors = paths
            .iter()
            .map(|path| {
                let segment = |part: &str| match part.parse() {
                    Ok(index) => PathSegment::Index(index),
                    Err(_) => PathSegment::Field(part.to_owned()),
                };
                let mut error = ServerError::new("failed", None);
                error.path = path.split('.').map(segment).collect();
                error
            })
            .collect();
        shape.restore(&mut response);
        serde_json::to_string(&response.data).unwrap()
    }

    #[test]
    fn fields_come_in_the_order_of_the_document() {
        let query = "{ b: a { name id ...F } a { id } } fragment F on A { maybe { name id } id }";
        let data = value!({
            "a": { "id": "1" },
            "b": { "maybe": { "id": "2", "name": "y" }, "id": "1", "name": "x" },
        });
        assert_eq!(
            restored(query, data, &[]),
            r#"{"b":{"name":"x","id":"1","maybe":{"name":"y","id":"2"}},"a":{"id":"1"}}"#
        );
    }

    #[test]
    fn a_field_that_failed_is_null_and_so_is_what_may_not_hold_null() {
        let all = "{ a { id name inner { id } maybe { inner { id } } } }";
        for (query, data, path, expected) in [
            (
                all,
                value!({ "a": { "id": "1" } }),
                "a.name",
                r#"{"a":{"id":"1","name":null}}"#,
            ),
            (
                all,
                value!({ "a": { "name": "x" } }),
                "a.id",
                r#"{"a":null}"#,
            ),
            (
                all,
                value!({ "a": { "id": "1" } }),
                "a.inner.id",
                r#"{"a":null}"#,
            ),
            (
                all,
                value!({ "a": { "id": "1", "maybe": { "inner": {} } } }),
                "a.maybe.inner.id",
                r#"{"a":{"id":"1","maybe":null}}"#,
            ),
            (all, value!({}), "a", r#"{"a":null}"#),
            (all, Value::Null, "a", r#"{"a":null}"#),
            (
                all,
                value!({ "a": null }),
                "a.name",
                r#"{"a":{"name":null}}"#,
            ),
            (all, value!({ "a": null }), "a.id", r#"{"a":null}"#),
            (
                "{ some { name } }",
                value!({ "some": [null, { "name": "x" }] }),
                "some.0.name",
                r#"{"some":[{"name":null},{"name":"x"}]}"#,
            ),
            ("{ must { id } }", Value::Null, "must", "null"),
            (
                "{ must { id } a { id } }",
                value!({ "a": { "id": "1" } }),
                "must",
                "null",
            ),
            (
                "{ all { id } }",
                value!({ "all": [{ "id": "1" }, {}] }),
                "all.1.id",
                "null",
            ),
            (
                "{ some { id } }",
                value!({ "some": [{}, { "id": "1" }] }),
                "some.0.id",
                r#"{"some":[null,{"id":"1"}]}"#,
            ),
            (
                "{ any { ... on A { id } } a { id } }",
                value!({ "a": { "id": "1" } }),
                "any.id",
                r#"{"any":null,"a":{"id":"1"}}"#,
            ),
        ] {
            assert_eq!(restored(query, data, &[path]), expected, "{query} {path}");
        }
    }

    #[test]
    fn a_null_that_has_spread_stays() {
        for paths in [["a.id", "a.name"], ["a.name", "a.id"]] {
            let data = value!({ "a": null });
            assert_eq!(restored("{ a { id name } }", data, &paths), r#"{"a":null}"#);
        }
    }

    #[test]
    fn several_fields_fail_each_for_itself() {
        let query = "{ a { name } b: a { name } c: a { id } }";
        let data = value!({ "c": { "id": "1" }, "b": {}, "a": {} });
        assert_eq!(
            restored(query, data, &["a.name", "b.name"]),
            r#"{"a":{"name":null},"b":{"name":null},"c":{"id":"1"}}"#
        );
    }
}
