//! Measures a parsed document with its fragments written out, before the library looks at it:
//! the library's own checks follow every spread anew, and a few hundred bytes of fragments that
//! spread each other twice would keep it busy for minutes.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};

use super::RECURSION;

/// Selections of all operations and fragments together, spreads written out.
const SELECTIONS: usize = 10_000;
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
    #[error("the operation has {found} root fields, {most} at most")]
    RootFields { found: usize, most: usize },
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    selections: usize,
    height: usize,
    /// Fields of the set itself, through its fragments.
    fields: usize,
}

/// `None` while the fragment is being measured.
type Measured<'a> = HashMap<&'a Name, Option<Size>>;

/// Measures each fragment once, whatever spreads it.
pub fn measure(document: &ExecutableDocument) -> Result<(), Excess> {
    let mut measured = Measured::new();
    let mut selections = 0_usize;
    for (_, operation) in document.operations.iter() {
        let set = &operation.node.selection_set.node;
        let size = measure_set(document, set, RECURSION, &mut measured)?;
        check_root(&operation.node, size.fields)?;
        selections = selections.saturating_add(size.selections);
    }
    // Validation walks fragments that no operation reaches, too.
    for fragment in document.fragments.values() {
        let set = &fragment.node.selection_set.node;
        let size = measure_set(document, set, RECURSION, &mut measured)?;
        selections = selections.saturating_add(size.selections);
    }
    if selections > SELECTIONS {
        Err(Excess::Selections)
    } else {
        Ok(())
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

fn measure_set<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    left: usize,
    measured: &mut Measured<'a>,
) -> Result<Size, Excess> {
    let left = left.checked_sub(1).ok_or(Excess::Depth)?;
    let mut size = Size::default();
    for selection in &set.items {
        let (inside, fields) = match &selection.node {
            Selection::Field(field) => {
                let set = &field.node.selection_set.node;
                let inside = if set.items.is_empty() {
                    Size::default()
                } else {
                    measure_set(document, set, left, measured)?
                };
                (inside, 1)
            }
            Selection::InlineFragment(fragment) => {
                let set = &fragment.node.selection_set.node;
                let inside = measure_set(document, set, left, measured)?;
                (inside, inside.fields)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let inside = measure_fragment(document, name, left, measured)?;
                (inside, inside.fields)
            }
        };
        if inside.height > left {
            return Err(Excess::Depth);
        }
        size.selections = size
            .selections
            .saturating_add(1)
            .saturating_add(inside.selections);
        size.fields = size.fields.saturating_add(fields);
        size.height = size.height.max(inside.height);
    }
    size.height += 1;
    Ok(size)
}

fn measure_fragment<'a>(
    document: &'a ExecutableDocument,
    name: &'a Name,
    left: usize,
    measured: &mut Measured<'a>,
) -> Result<Size, Excess> {
    match (measured.get(name), document.fragments.get(name)) {
        (Some(None), _) => Err(Excess::Cycle(name.to_string())),
        (Some(Some(size)), _) => Ok(*size),
        // Validation reports it.
        (None, None) => Ok(Size::default()),
        (None, Some(fragment)) => {
            measured.insert(name, None);
            let size = measure_set(document, &fragment.node.selection_set.node, left, measured)?;
            measured.insert(name, Some(size));
            Ok(size)
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn measured(document: &str) -> Result<(), Excess> {
        measure(&parse_query(document).unwrap())
    }

    /// Each fragment spreads the next one twice: 2^levels selections.
    fn bomb(levels: usize) -> String {
        use std::fmt::Write;
        let mut document = "{...f0}".to_owned();
        for level in 0..levels {
            write!(
                document,
                "fragment f{level} on Query{{...f{next} ...f{next}}}",
                next = level + 1
            )
            .unwrap();
        }
        document + &format!("fragment f{levels} on Query{{viewer{{__typename}}}}")
    }

    #[test]
    fn a_fragment_bomb_is_measured_not_followed() {
        assert_eq!(
            measured(&bomb(30)),
            Err(Excess::RootFields {
                found: 1 << 30,
                most: 20
            })
        );
        assert_eq!(measured(&bomb(90)), Err(Excess::Depth));
        assert_eq!(measured(&bomb(4)), Ok(()));
    }

    #[test]
    fn cycles_are_named() {
        let cycle = "{...a} fragment a on Query{...b} fragment b on Query{...a}";
        assert!(matches!(measured(cycle), Err(Excess::Cycle(_))));
        let unused = "{viewer{__typename}} fragment a on Query{...a}";
        assert_eq!(measured(unused), Err(Excess::Cycle("a".to_owned())));
    }

    #[test]
    fn root_fields_are_counted_through_fragments() {
        let fields = |count: usize| "viewer{__typename} ".repeat(count);
        assert_eq!(measured(&format!("{{{}}}", fields(20))), Ok(()));
        for document in [
            format!("{{{}}}", fields(21)),
            format!("{{...a ...a}} fragment a on Query{{{}}}", fields(11)),
            format!("{{...on Query{{{}}}}}", fields(21)),
            format!("mutation{{{}}}", fields(11)),
        ] {
            assert!(
                matches!(measured(&document), Err(Excess::RootFields { .. })),
                "{document}"
            );
        }
    }

    #[test]
    fn operations_that_share_a_large_fragment_are_counted_each() {
        let operations: String = (0..60)
            .map(|n| format!("query q{n}{{viewer{{...big}}}} "))
            .collect();
        let document = format!(
            "{operations} fragment big on ApiKey{{{}}}",
            "name ".repeat(200)
        );
        assert_eq!(measured(&document), Err(Excess::Selections));
    }
}
