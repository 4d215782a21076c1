use async_graphql::parser::parse_query;

use super::*;

fn measured(document: &str) -> Result<(), Excess> {
    measure(&parse_query(document).unwrap(), &Variables::default())
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
    let operations: Vec<String> = (0..40)
        .map(|n| format!("query q{n}{{viewer{{...big}}}} "))
        .collect();
    let operations = operations.concat();
    let document = format!(
        "{operations} fragment big on ApiKey{{{}}}",
        "name ".repeat(300)
    );
    assert_eq!(measured(&document), Err(Excess::Selections));
}

#[test]
fn a_variable_counts_for_each_of_its_uses() {
    use serde_json::json;

    let uses = |count: usize| "$a ".repeat(count);
    let values = json!({ "a": vec!["x"; 9_000] });
    let text = json!({ "a": "x".repeat(1_000_000) });
    let default = format!("{{viewer(a:[{}])}}", uses(3_000));
    for (document, variables) in [
        (
            format!("query($a:T){{viewer(a:[{}])}}", uses(20)),
            values.clone(),
        ),
        (
            format!("query($a:T){{viewer@b(a:[{}])}}", uses(20)),
            values.clone(),
        ),
        (
            format!("query($a:T)@b(a:[{}]){{viewer}}", uses(20)),
            values.clone(),
        ),
        (
            format!(
                "query($a:T){{{}}}fragment f on Query{{viewer(a:$a)}}",
                "...f ".repeat(19)
            ),
            values.clone(),
        ),
        (
            format!("query($a:T){{viewer(a:{{a:[{}]}})}}", uses(9)),
            text.clone(),
        ),
        (
            format!("query($a:T=[{}]){default}", "0 ".repeat(3_000)),
            json!({}),
        ),
    ] {
        let document = parse_query(&document).unwrap();
        let variables = Variables::from_json(variables);
        assert_eq!(measure(&document, &variables), Err(Excess::Values));
    }
    for variables in [values, text] {
        let document = parse_query("query($a:T){a:viewer(a:$a) b:viewer(a:{b:$a})}").unwrap();
        assert_eq!(measure(&document, &Variables::from_json(variables)), Ok(()));
    }
}

#[test]
fn lists_of_introspection_count_by_what_they_hold() {
    let names = |count: usize| {
        format!(
            "{{__schema{{types{{fields{{type{{{}}}}}}}}}}}",
            "name ".repeat(count)
        )
    };
    assert_eq!(measured(&names(400)), Ok(()));
    assert_eq!(measured(&names(600)), Err(Excess::Introspection));
}

#[test]
fn operations_and_arguments_are_counted() {
    let operations = |count: usize| {
        let queries: Vec<String> = (0..count)
            .map(|n| format!("query q{n}{{viewer}}"))
            .collect();
        queries.concat()
    };
    assert_eq!(measured(&operations(50)), Ok(()));
    assert_eq!(measured(&operations(51)), Err(Excess::Operations));
    let arguments = |count: usize| "a:1 ".repeat(count);
    for (document, name) in [
        (format!("{{viewer({})}}", arguments(51)), "viewer"),
        (
            format!("{{...@include({}){{viewer}}}}", arguments(51)),
            "include",
        ),
    ] {
        assert_eq!(measured(&document), Err(Excess::Arguments(name.to_owned())));
    }
    assert_eq!(measured(&format!("{{viewer({})}}", arguments(50))), Ok(()));
}
