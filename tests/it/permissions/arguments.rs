//! Scopes that a value in an argument needs, however the value gets there; and those that depend
//! on the provider.

use rstest::rstest;
use serde_json::{Value, json};

use super::evasion::assert_refused;
use crate::support::app::{App, Db};
use crate::support::client::text;

/// A mutation that anything forbidden beside it must keep from running.
const WITNESS: &str =
    "witness: upsertUser(input: { entityRef: \"user:default/witness\" }) { userErrors { code } }";

/// Ways to hand a value of an input over. `FIELD` and `INPUT` are the field and its input type,
/// `REST` the other entries of the input, `NAME` and `VALUE` the entry in question, `TYPE` its
/// type.
const WAYS: &[(&str, &str)] = &[
    (
        "literally",
        "OPERATION { WITNESS FIELD(input: { REST, NAME: VALUE }) ANSWER }",
    ),
    (
        "by a variable",
        "OPERATION($value: TYPE!) { WITNESS FIELD(input: { REST, NAME: $value }) ANSWER }",
    ),
    (
        "by a variable's default",
        "OPERATION($value: TYPE! = VALUE) { WITNESS FIELD(input: { NAME: $value, REST }) ANSWER }",
    ),
    (
        "beside a variable that is not given",
        "OPERATION($none: String) { WITNESS FIELD(input: { REST, NAME: VALUE, LEFT_OUT: $none }) ANSWER }",
    ),
    (
        "by the whole input",
        "OPERATION($input: INPUT!) { WITNESS FIELD(input: $input) ANSWER }",
    ),
    (
        "by the whole input's default",
        "OPERATION($input: INPUT! = { REST, NAME: VALUE }) { WITNESS FIELD(input: $input) ANSWER }",
    ),
    (
        "in a fragment",
        "OPERATION($value: TYPE!) { ...F } fragment F on Mutation { WITNESS FIELD(input: { REST, NAME: $value }) ANSWER }",
    ),
    (
        "under an alias",
        "OPERATION { WITNESS upsertUser: FIELD(input: { REST, NAME: VALUE }) ANSWER }",
    ),
];

/// An entry of an input that needs a scope of its own.
struct Entry<'a> {
    field: &'a str,
    input: &'a str,
    rest: Value,
    name: &'a str,
    value: Value,
    of_type: &'a str,
    left_out: &'a str,
    answer: &'a str,
}

impl Entry<'_> {
    /// Documents and their variables, for each of the ways.
    fn documents(&self) -> Vec<(&'static str, String, Value)> {
        let literal = |value: &Value| match value {
            Value::String(text) if self.of_type == "LinkConflictPolicy" => text.clone(),
            other => other.to_string(),
        };
        let rest = self.rest.as_object().unwrap().iter();
        let rest: Vec<String> = rest
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let mut whole = self.rest.clone();
        whole[self.name] = self.value.clone();
        let (operation, on) = match self.field {
            "linkPreview" => ("query", "Query"),
            _ => ("mutation", "Mutation"),
        };
        let witness = if operation == "query" { "" } else { WITNESS };
        WAYS.iter()
            .map(|(how, way)| {
                let document = way
                    .replace("OPERATION", operation)
                    .replace("on Mutation", &format!("on {on}"))
                    .replace("WITNESS", witness)
                    .replace("FIELD", self.field)
                    .replace("INPUT", self.input)
                    .replace("REST", &rest.join(", "))
                    .replace("NAME", self.name)
                    .replace("VALUE", &literal(&self.value))
                    .replace("TYPE", self.of_type)
                    .replace("LEFT_OUT", self.left_out)
                    .replace("ANSWER", self.answer);
                let mut variables = json!({ "value": self.value, "input": whole });
                let given = |name: &str| match name {
                    "value" => way.contains("($value: TYPE!)"),
                    _ => way.contains("($input: INPUT!)"),
                };
                variables
                    .as_object_mut()
                    .unwrap()
                    .retain(|name, _| given(name));
                (*how, document, variables)
            })
            .collect()
    }
}

#[rstest]
#[tokio::test]
async fn reattach_needs_its_scope_however_it_is_said(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let provider = app.provider("crm").await;
    let identity = app.linked(&provider, &jane, "4711").await;
    let scopes = [
        "identity:read",
        "identity:write",
        "identity:assert",
        "directory:write",
    ];
    let key = app.key("linker", &scopes).await;
    let full = app
        .key("full", &[&scopes[..], &["identity:reattach"]].concat())
        .await;
    app.all_sealed().await;
    for (field, answer) in [
        ("linkIdentity", "{ outcome }"),
        ("linkPreview", "{ outcome }"),
    ] {
        let entry = |user: &str| {
            Entry {
                field,
                input: "LinkIdentityInput",
                rest: json!({ "providerId": provider, "userId": user, "externalId": "4711" }),
                name: "onConflict",
                value: json!("REATTACH"),
                of_type: "LinkConflictPolicy",
                left_out: "idempotencyKey",
                answer,
            }
            .documents()
        };
        let before = app.dump().await;
        for (how, document, variables) in entry(&joe) {
            let answer = app
                .ask(&document)
                .variables(variables)
                .by(&key)
                .send()
                .await;
            assert_refused(how, &answer, &[field, "identity:reattach"]);
            assert_eq!(app.dump().await, before, "{field} {how}");
        }
        // The same documents with the scope: they do take the account over, to and fro.
        for (index, (how, document, variables)) in entry(&joe).into_iter().enumerate() {
            let other = entry(&jane).swap_remove(index);
            for (document, variables) in [(document, variables), (other.1, other.2)] {
                let data = app
                    .ask(&document)
                    .variables(variables)
                    .by(&full)
                    .data()
                    .await;
                let outcome = data.get(field).or(data.get("upsertUser")).unwrap();
                let outcomes = ["REATTACHED", "UPDATED"];
                assert!(
                    outcomes.contains(&outcome["outcome"].as_str().unwrap()),
                    "{how}: {data:#}"
                );
            }
        }
        app.all_sealed().await;
    }
    let stored = app.stored().await;
    assert!(
        stored
            .identities
            .iter()
            .all(|row| row.id.to_string() != identity)
    );
}

#[rstest]
#[tokio::test]
async fn a_demanded_variable_that_is_missing_hides_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, joe, provider) = (
        app.user("jane").await,
        app.user("joe").await,
        app.provider("crm").await,
    );
    app.linked(&provider, &jane, "4711").await;
    let key = app
        .key("linker", &["identity:write", "directory:write"])
        .await;
    let document = format!(
        "mutation($none: String!) {{ {WITNESS} linkIdentity(input: {{ idempotencyKey: $none, onConflict: REATTACH,
            providerId: {provider:?}, userId: {joe:?}, externalId: \"4711\" }}) {{ outcome }} }}"
    );
    app.all_sealed().await;
    let before = app.dump().await;
    let answer = app.ask(&document).by(&key).send().await;
    assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn sign_in_at_a_provider_is_the_admins_to_allow(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = app.provider("crm").await;
    let key = app
        .key(
            "provider",
            &["provider:read", "provider:write", "directory:write"],
        )
        .await;
    app.all_sealed().await;
    let before = app.dump().await;
    for (field, input, rest, value) in [
        (
            "createIdentityProvider",
            "CreateIdentityProviderInput",
            json!({ "slug": "new", "type": "custom", "config": {} }),
            true,
        ),
        (
            "updateIdentityProvider",
            "UpdateIdentityProviderInput",
            json!({ "id": provider }),
            true,
        ),
        (
            "updateIdentityProvider",
            "UpdateIdentityProviderInput",
            json!({ "id": provider, "name": "CRM" }),
            false,
        ),
    ] {
        let entry = Entry {
            field,
            input,
            rest,
            name: "allowsSignIn",
            value: json!(value),
            of_type: "Boolean",
            left_out: "clientId",
            answer: "{ userErrors { code } }",
        };
        for (how, document, variables) in entry.documents() {
            let answer = app
                .ask(&document)
                .variables(variables)
                .by(&key)
                .send()
                .await;
            assert_refused(how, &answer, &[field, "allowsSignIn", "admin"]);
            assert_eq!(app.dump().await, before, "{field} {how}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_value_that_is_not_given_needs_no_scope(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = app.provider("crm").await;
    let key = app
        .key("provider", &["provider:read", "provider:write"])
        .await;
    // As an application with one document for all changes sends it.
    let document = "mutation($id: ID!, $name: String, $allowsSignIn: Boolean) {
        updateIdentityProvider(input: { id: $id, name: $name, allowsSignIn: $allowsSignIn }) {
            identityProvider { name allowsSignIn } userErrors { code }
        }
    }";
    let variables = json!({ "id": provider, "name": "CRM" });
    let data = app.ask(document).variables(variables).by(&key).data().await;
    let expected = json!({ "name": "CRM", "allowsSignIn": false });
    assert_eq!(data["updateIdentityProvider"]["identityProvider"], expected);
    // Null is no value that the field takes, whoever sends it.
    let variables = json!({ "id": provider, "allowsSignIn": null });
    assert_eq!(
        app.ask(document).variables(variables).by(&key).code().await,
        "BAD_USER_INPUT"
    );
}

#[rstest]
#[tokio::test]
async fn links_at_a_provider_that_people_sign_in_with_need_assert(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, provider) = (
        app.user("jane").await,
        app.provider_with("sso", json!({ "allowsSignIn": true }))
            .await,
    );
    let identity = app.linked(&provider, &jane, "4711").await;
    let scopes = ["identity:read", "identity:write", "identity:reattach"];
    let key = app.key("linker", &scopes).await;
    let full = app
        .key("full", &[&scopes[..], &["identity:assert"]].concat())
        .await;
    let link = format!("providerId: {provider:?}, userId: {jane:?}, externalId: \"4711\"");
    app.all_sealed().await;
    let before = app.dump().await;
    let documents = [
        (
            "linkPreview",
            format!("{{ linkPreview(input: {{ {link} }}) {{ outcome }} }}"),
        ),
        (
            "linkPreview",
            format!("{{ linkPreview(input: {{ {link}, onConflict: REATTACH }}) {{ outcome }} }}"),
        ),
        (
            "linkIdentity",
            format!("mutation {{ linkIdentity(input: {{ {link} }}) {{ outcome }} }}"),
        ),
        (
            "startLink",
            format!(
                "mutation {{ startLink(input: {{ providerId: {provider:?}, userId: {jane:?}, returnTo: \"https://app.example/\" }}) {{ url }} }}"
            ),
        ),
        (
            "updateIdentityData",
            format!(
                "mutation {{ updateIdentityData(input: {{ id: {identity:?}, data: {{ a: 1 }} }}) {{ identity {{ data }} }} }}"
            ),
        ),
    ];
    for (field, document) in &documents {
        let answer = app.ask(document).by(&key).send().await;
        assert_eq!(answer.code(), "FORBIDDEN", "{document}");
        assert_eq!(answer.body["errors"][0]["path"][0], *field, "{document}");
        assert!(
            answer.message().contains("identity:assert"),
            "{}",
            answer.message()
        );
        assert_eq!(app.dump().await, before, "{document}");
    }
    for (_, document) in &documents {
        app.ask(document).by(&full).data().await;
    }
    // Elsewhere it is not needed.
    let crm = app.provider("crm").await;
    let link = json!({ "providerId": crm, "userId": jane, "externalId": "1" });
    let linked = app
        .ask(crate::support::fixtures::LINK)
        .variables(json!({ "input": link }))
        .by(&key);
    text(&linked.data().await, "/linkIdentity/identity/id");
}
