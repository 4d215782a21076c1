use serde_json::json;

use super::*;

const KNOWN: [&str; 2] = ["user", "emails"];

fn wrong(source: &str) -> String {
    Expression::read(source, &KNOWN).unwrap_err().to_string()
}

async fn evaluated(source: &str) -> Result<Value, Failure> {
    let expression = Expression::read(source, &KNOWN).unwrap();
    let mut documents = Documents::default();
    let user = json!({
        "id": 583_231, "name": "Ada", "company": null, "big": u64::MAX,
        "groups": ["a", "b"], "mail": "Ada@x.example", "yes": true, "half": 0.5,
    });
    documents.add("user", user).unwrap();
    let emails = json!([
        { "email": "old@x.example", "primary": false, "verified": true },
        { "email": "ada@x.example", "primary": true, "verified": true },
    ]);
    documents.add("emails", emails).unwrap();
    let mut values = Evaluator::default()
        .evaluate(vec![expression], documents)
        .await;
    values.remove(0)
}

#[tokio::test]
async fn what_expressions_say() {
    for (source, expected) in [
        ("user.name", json!("Ada")),
        ("user.id", json!(583_231)),
        ("user.big", json!(u64::MAX)),
        ("user.company", Value::Null),
        ("has(user.name) && !has(user.login)", json!(true)),
        ("user.?login.orValue(user.name)", json!("Ada")),
        (
            "emails.filter(e, e.primary && e.verified)[?0].?email.orValue(null)",
            json!("ada@x.example"),
        ),
        (
            "emails.filter(e, e.email == 'x')[?0].?email.orValue(null)",
            Value::Null,
        ),
        (
            "user.groups.map(g, 'group:' + g)",
            json!(["group:a", "group:b"]),
        ),
        ("'a' in user.groups ? 1 : 2", json!(1)),
        ("user.mail.split('@')[0].lowerAscii()", json!("ada")),
        (
            "emails.all(e, emails.exists(o, o.email == e.email))",
            json!(true),
        ),
        ("{'a': [1, 2.5]}", json!({ "a": [1, 2.5] })),
    ] {
        assert_eq!(evaluated(source).await, Ok(expected), "{source}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_does_not_fit() {
    for source in [
        "user.login",
        "emails[7]",
        "user.login.more",
        "emails[0].name",
    ] {
        assert_eq!(evaluated(source).await, Err(Failure::Missing), "{source}");
    }
    for source in [
        "user.name + 1",
        "user.name.more",
        "user.company.name",
        "size(user.id)",
        "int(user.name)",
    ] {
        let failed = evaluated(source).await.unwrap_err();
        assert!(matches!(failed, Failure::Failed(_)), "{source}");
        assert!(!failed.to_string().contains("Ada"), "{failed}");
    }
}

#[test]
fn what_an_expression_looks_at_is_known() {
    for (source, expected) in [
        ("user.name", [true, false]),
        ("emails.filter(e, e.email == user.mail)", [true, true]),
        ("'user' + string(1)", [false, false]),
        ("null", [false, false]),
    ] {
        let expression = Expression::read(source, &KNOWN).unwrap();
        assert_eq!(
            KNOWN.map(|name| expression.names(name)),
            expected,
            "{source}"
        );
    }
}

#[test]
fn what_is_no_expression_is_refused_with_what_is_wrong() {
    for (source, expected) in [
        ("", "is no CEL"),
        ("user.", "is no CEL, at 1:"),
        ("usr.name", "names `usr`, which is none of emails, user"),
        ("replace(user.name, '', 'x')", "calls `replace`"),
        ("user.name.replace('', user.name)", "calls `replace`"),
        ("user.name.matches('(a+)+')", "calls `matches`"),
        ("user.id * 2", "calls `_*_`"),
        ("Message{}", "makes a message"),
    ] {
        let wrong = wrong(source);
        assert!(wrong.contains(expected), "{source}: {wrong}");
    }
}

#[test]
fn what_is_hostile_is_refused_by_size_depth_and_cost() {
    let long = format!("{}1", "1+".repeat(MOST_BYTES));
    assert!(wrong(&long).contains("at most 2000"), "size");
    for deep in [
        format!("{}1{}", "(".repeat(990), ")".repeat(990)),
        format!("{}1{}", "[".repeat(990), "]".repeat(990)),
        format!("{}true", "!".repeat(1_990)),
        format!("{}1", "-".repeat(1_990)),
        format!("{}1{}", "user[".repeat(330), "]".repeat(330)),
        format!("user{}", ".a".repeat(990)),
        format!("{}1", "1+".repeat(990)),
        format!("{}1", "true?1:".repeat(280)),
    ] {
        // Whichever way it ends: it ends, and nothing overflows.
        drop(Expression::read(&deep, &KNOWN));
    }
    for (costly, expected) in [
        (
            "emails.all(a, emails.all(b, emails.all(c, true)))",
            "nested more than 2",
        ),
        (
            "user.name.split('').all(a, user.name.split('').all(b, true))",
            "too long",
        ),
        ("(emails + emails).all(a, true)", "a list that is computed"),
        (
            "[emails + emails][0].all(a, true)",
            "a list that is computed",
        ),
        (
            "emails.map(a, [a, a]).all(b, b.all(c, true))",
            "a list that is computed",
        ),
        ("emails.map(a, emails.map(b, b))", "may cost too much"),
        ("emails.map(a, emails.map(b, 'x'))", "may cost too much"),
    ] {
        let wrong = wrong(costly);
        assert!(wrong.contains(expected), "{costly}: {wrong}");
    }
    let many = format!("emails.map(e, {}'')", "user.name + ".repeat(100));
    assert!(wrong(&many).contains("may cost too much"));
}

/// The deepest that may be evaluated, on the thread that evaluates.
#[tokio::test]
async fn what_is_allowed_to_be_deep_has_room() {
    for deep in [
        format!("{}1", "1+".repeat(990)),
        format!("{}true", "!".repeat(1_990)),
        format!("user{}", ".name".repeat(390)),
        format!("{}1", "true?1:".repeat(280)),
    ] {
        if Expression::read(&deep, &KNOWN).is_ok() {
            drop(evaluated(&deep).await);
        }
    }
}

#[test]
fn documents_are_bounded() {
    let add = |document| Documents::default().add("user", document);
    assert!(add(json!({ "a": ["x".repeat(4_000)] })).is_ok());
    assert!(add(json!(vec![1; MOST_ELEMENTS_IN_TESTS])).is_ok());
    let refused = |document| add(document).unwrap_err().to_string();
    assert!(refused(json!(vec![1; MOST_ELEMENTS_IN_TESTS + 1])).contains("1,000 elements"));
    let members = (0..=MOST_ELEMENTS_IN_TESTS).map(|number| (number.to_string(), json!(1)));
    let object = Value::Object(members.collect());
    assert!(refused(json!([object])).contains("1,000 members"));
    assert!(refused(json!(vec!["x".repeat(4_000); 100])).contains("256 KiB"));
    assert!(refused(json!(vec![vec![1; 1_000]; 100])).contains("20,000 values"));
}

const MOST_ELEMENTS_IN_TESTS: usize = 1_000;
