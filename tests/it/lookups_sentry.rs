//! What callers of Sentry's identity service ask, row for row of its methods and filter keys. Most
//! rows have their tests elsewhere; those that nothing else asks are here.
//!
//! | there | test |
//! |---|---|
//! | `get_provider`: the id wins | `lookups_of_kinds::a_provider_is_found_by_id_slug_or_instance_and_the_id_wins` |
//! | … an id that is none counts as left out; type without external id: those that have none | [`a_provider_without_external_id_is_found_by_its_type_alone`] |
//! | … of an organization (not there) | `lookups_within_organizations::an_instance_may_be_shared_and_an_organizations_own` |
//! | `get_identities`: keys are combined with AND, whatever the status | `lookups::every_key_alone_and_every_pair_finds_what_the_model_says` |
//! | `get_identity`: the first; here in the order of ids | [`the_first_identity_is_the_first_that_was_linked`] |
//! | `get_user_identities_by_provider_type`, with the exclusion | `lookups_of_kinds::a_users_identities_of_a_type_leave_out_those_that_name_the_instance` |
//! | `get_org_user_identities_by_provider_type` | `lookups_within_organizations::only_what_is_an_organizations_own_or_shared_is_found` |
//! | `delete_identities` | `auth_identities::a_persons_sign_on_in_an_organization_is_taken_away_and_nothing_else` |
//! | `update_data`: missing | [`data_of_an_identity_that_is_missing_is_not_found`] |
//! | … wholesale, no status or date of verification | [`new_data_changes_the_data_and_nothing_else`] |
//! | … the version that is expected (not there) | `linking_input::the_version_counts_links_and_changes_of_data` |
//! | filter `id`, `user_id`, `identity_ext_id`, `identity_ext_ids`, `provider_id`, `provider_ext_id`, `provider_type` | `lookups::every_key_alone_and_every_pair_finds_what_the_model_says` |
//! | … none of them | `lookups::no_filter_lists_all_and_an_empty_one_is_refused` |
//! | … a key with null | `lookups::a_key_that_is_given_has_a_value` |
//! | … a key that is unknown; there ignored | [`a_key_that_is_unknown_is_refused`] |
//! | the combinations of its callers | [`callers_find_what_their_combinations_of_keys_mean`] |
//! | … a number for the external id | [`an_external_id_is_a_text_though_it_looks_like_a_number`] |

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

const IDENTITIES: &str = "query($filter: IdentityFilter!) {
    identities(filter: $filter) { nodes { id } } identity(filter: $filter) { id } }";

/// Two people with accounts of the same names at two chat workspaces and at a forge.
pub struct Accounts {
    pub app: App,
    pub jane: String,
    pub john: String,
    pub chat: [String; 2],
    pub forge: String,
    /// Jane's at the first workspace.
    pub janes: String,
    /// Jane's, named as the workspace is.
    pub workspaces: String,
    /// John's at the second workspace.
    pub johns: String,
    janes_at_forge: String,
    johns_at_forge: String,
}

impl Accounts {
    pub async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        let (jane, john) = (app.user("jane").await, app.user("john").await);
        let chat = async |external_id: &str| {
            let input = json!({ "externalId": external_id, "allowsMultiplePerUser": true });
            app.provider_with(&external_id.to_lowercase(), input).await
        };
        let chat = [chat("T1").await, chat("T2").await];
        let forge = json!({ "type": "github", "clientId": "id", "clientSecret": "s" });
        let forge = app.provider_with("forge", forge).await;
        Self {
            janes: app.linked(&chat[0], &jane, "U1").await,
            workspaces: app.linked(&chat[0], &jane, "T1").await,
            johns: app.linked(&chat[1], &john, "U1").await,
            janes_at_forge: app.linked(&forge, &jane, "583231").await,
            johns_at_forge: app.linked(&forge, &john, "U1").await,
            app,
            jane,
            john,
            chat,
            forge,
        }
    }
}

pub async fn found(app: &App, filter: &Value) -> Vec<String> {
    let asked = app.ask(IDENTITIES).variables(json!({ "filter": filter }));
    let data = asked.data().await;
    let nodes = data["identities"]["nodes"].as_array().unwrap();
    let ids: Vec<_> = nodes.iter().map(|node| text(node, "/id")).collect();
    let first = data["identity"]["id"].as_str();
    assert_eq!(first, ids.first().map(String::as_str), "{filter}");
    ids
}

#[rstest]
#[tokio::test]
async fn callers_find_what_their_combinations_of_keys_mean(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let accounts = Accounts::new(on).await;
    let Accounts {
        jane,
        john,
        chat,
        forge,
        janes,
        workspaces,
        johns,
        janes_at_forge,
        johns_at_forge,
        ..
    } = &accounts;
    for (who_asks, filter, mut expected) in [
        ("a default identity", json!({ "id": janes }), vec![janes]),
        (
            "a request that comes in from a chat",
            json!({ "providerId": chat[0], "externalId": "U1" }),
            vec![janes],
        ),
        (
            "the same account's name in another workspace",
            json!({ "providerId": chat[1], "externalId": "U1" }),
            vec![johns],
        ),
        (
            "an assignee's account in the workspace",
            json!({ "providerId": chat[1], "userId": john }),
            vec![johns],
        ),
        (
            "an assignee without an account there",
            json!({ "providerId": chat[1], "userId": jane }),
            vec![],
        ),
        (
            "the author of a commit, by the forge's webhook",
            json!({ "externalId": "583231", "providerType": "github", "providerExternalId": null }),
            vec![janes_at_forge],
        ),
        (
            "an author, by the instance",
            json!({ "externalId": "U1", "providerType": "custom", "providerExternalId": "T2" }),
            vec![johns],
        ),
        (
            "an author at an instance that nobody has configured",
            json!({ "externalId": "U1", "providerType": "custom", "providerExternalId": "T3" }),
            vec![],
        ),
        (
            "an author at an instance of another type",
            json!({ "externalId": "U1", "providerType": "github", "providerExternalId": "T2" }),
            vec![],
        ),
        (
            "a bot command that says no more than the account's name",
            json!({ "externalId": "U1" }),
            vec![janes, johns, johns_at_forge],
        ),
        (
            "a bot command that says the type too",
            json!({ "externalId": "U1", "providerType": "github" }),
            vec![johns_at_forge],
        ),
        (
            "all of an instance",
            json!({ "providerType": "custom", "providerExternalId": "T1" }),
            vec![janes, workspaces],
        ),
        (
            "a list of authors",
            json!({ "externalIds": ["583231", "U1", "none"], "providerId": forge }),
            vec![janes_at_forge, johns_at_forge],
        ),
        (
            "a person's of a type",
            json!({ "userId": jane, "providerType": "custom" }),
            vec![janes, workspaces],
        ),
    ] {
        expected.sort();
        let found = found(&accounts.app, &filter).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{who_asks}");
    }
}

#[rstest]
#[tokio::test]
async fn an_external_id_is_a_text_though_it_looks_like_a_number(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let accounts = Accounts::new(on).await;
    let app = &accounts.app;
    let at = |external_id: &str| json!({ "externalId": external_id, "providerId": accounts.forge });
    assert_eq!(
        found(app, &at("583231")).await,
        [accounts.janes_at_forge.clone()]
    );
    let none: [String; 0] = [];
    for other in ["0583231", "583231.0", "5.83231e5", "+583231", " 583231"] {
        assert_eq!(found(app, &at(other)).await, none, "{other:?}");
    }
    // A number is no text: the caller hears of it, instead of finding nothing.
    let literal = app.ask("{ identity(filter: { externalId: 583231 }) { id } }");
    assert_eq!(literal.code().await, "GRAPHQL_VALIDATION_FAILED");
    let variable = app
        .ask(IDENTITIES)
        .variables(json!({ "filter": { "externalId": 583231 } }));
    assert_eq!(variable.code().await, "GRAPHQL_VALIDATION_FAILED");
    let before = app.stored().await;
    let link =
        json!({ "providerId": accounts.forge, "userId": accounts.jane, "externalId": 583231 });
    assert_eq!(app.link(link).await.code(), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(app.stored().await, before);
}

#[rstest]
#[tokio::test]
async fn a_key_that_is_unknown_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let accounts = Accounts::new(on).await;
    let app = &accounts.app;
    // Also beside one that is known: what was meant to restrict must not be passed over.
    for filter in [
        "{ identityExtId: \"U1\" }",
        "{ externalId: \"U1\", idpId: \"1\" }",
    ] {
        let asked = app.ask(&format!("{{ identity(filter: {filter}) {{ id }} }}"));
        assert_eq!(asked.code().await, "GRAPHQL_VALIDATION_FAILED", "{filter}");
    }
    let variable = app
        .ask(IDENTITIES)
        .variables(json!({ "filter": { "externalId": "U1", "idpId": "1" } }));
    assert_eq!(variable.code().await, "GRAPHQL_VALIDATION_FAILED");
}

#[rstest]
#[tokio::test]
async fn the_first_identity_is_the_first_that_was_linked(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, john) = (app.user("jane").await, app.user("john").await);
    let several = json!({ "allowsMultiplePerUser": true });
    let chat = app.provider_with("chat", several).await;
    let z = app.linked(&chat, &jane, "z").await;
    // Ids of one millisecond are in no order.
    app.clock.advance(TimeDelta::milliseconds(2));
    let a = app.linked(&chat, &jane, "a").await;
    let filter = json!({ "userId": jane, "providerId": chat });
    assert_eq!(found(&app, &filter).await, [z.clone(), a.clone()]);
    // Neither what is done to them later, nor their status, changes the order.
    app.linked(&chat, &jane, "a").await;
    app.linked(&chat, &jane, "z").await;
    app.execute("UPDATE identity SET status = 'INVALID' WHERE external_id = 'z'")
        .await;
    assert_eq!(found(&app, &filter).await, [z, a.clone()]);
    let taken = json!({
        "providerId": chat, "userId": john, "externalId": "z", "onConflict": "REATTACH",
    });
    app.link(taken).await.data();
    assert_eq!(found(&app, &filter).await, [a]);
}

pub async fn provider(app: &App, arguments: &str) -> Value {
    let asked = app.ask(&format!("{{ identityProvider({arguments}) {{ id }} }}"));
    asked.data().await["identityProvider"]["id"].clone()
}

#[rstest]
#[tokio::test]
async fn a_provider_without_external_id_is_found_by_its_type_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let Accounts {
        app, chat, forge, ..
    } = Accounts::new(on).await;
    for (arguments, expected) in [
        ("type: \"github\"", json!(forge)),
        ("type: \"github\", externalId: null", json!(forge)),
        ("id: null, type: \"github\"", json!(forge)),
        (
            "id: null, slug: null, type: \"custom\", externalId: \"T2\"",
            json!(chat[1]),
        ),
        // Not one of those that have an external id.
        ("type: \"custom\"", Value::Null),
        ("type: \"custom\", externalId: null", Value::Null),
        ("type: \"github\", externalId: \"T1\"", Value::Null),
    ] {
        assert_eq!(provider(&app, arguments).await, expected, "{arguments}");
    }
    // The id wins over an instance that is there.
    let both = format!("id: {:?}, type: \"custom\", externalId: \"T2\"", chat[0]);
    assert_eq!(provider(&app, &both).await, chat[0]);
}

const UPDATE: &str = "mutation($input: UpdateIdentityDataInput!) {
    updateIdentityData(input: $input) { identity { data status } userErrors { code } } }";

#[rstest]
#[tokio::test]
async fn data_of_an_identity_that_is_missing_is_not_found(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let accounts = Accounts::new(on).await;
    let app = &accounts.app;
    // One that has never been, and one that is gone.
    let gone = json!({
        "providerId": accounts.chat[1], "userId": accounts.jane, "externalId": "U1",
        "onConflict": "REATTACH",
    });
    app.link(gone).await.data();
    let before = app.stored().await;
    for (id, code) in [
        ("identity_01h455vb4pex5vsknk084sn02q", "NOT_FOUND"),
        (accounts.johns.as_str(), "NOT_FOUND"),
        (accounts.jane.as_str(), "BAD_USER_INPUT"),
        ("1", "BAD_USER_INPUT"),
    ] {
        for expected_version in [Value::Null, json!(1)] {
            let input = json!({ "id": id, "data": {}, "expectedVersion": expected_version });
            let asked = app.ask(UPDATE).variables(json!({ "input": input }));
            assert_eq!(asked.code().await, code, "{id}");
        }
    }
    assert_eq!(app.stored().await, before);
}

#[rstest]
#[tokio::test]
async fn new_data_changes_the_data_and_nothing_else(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("UNKNOWN", "VALID", "INVALID")] status: &str,
) {
    let accounts = Accounts::new(on).await;
    let app = &accounts.app;
    let full = json!({
        "providerId": accounts.forge, "userId": accounts.jane, "externalId": "583231",
        "scopes": ["read"], "data": { "a": { "b": 1, "c": 2 }, "kept": "?" },
        "profile": { "email": "jane@example.org", "emailVerified": true, "username": "jane",
                     "displayName": "Jane", "attributes": { "company": "Acme" } },
        "credential": { "accessToken": "canary-token-a", "refreshToken": "canary-token-r" },
    });
    let id = text(&app.link(full).await.data(), "/linkIdentity/identity/id");
    app.execute(&format!("UPDATE identity SET status = '{status}'"))
        .await;
    let before = app.stored().await;
    let data = json!({ "a": { "b": 2 } });
    let asked = app
        .ask(UPDATE)
        .variables(json!({ "input": { "id": id, "data": data } }));
    assert_eq!(
        asked.data().await["updateIdentityData"],
        json!({ "identity": { "data": data, "status": status }, "userErrors": [] })
    );
    let after = app.stored().await;
    let (was, is) = (before.identity(&id), after.identity(&id));
    let expected = lanyard::database::identity::Model {
        data_json: lanyard::database::json::Json(data),
        version: was.version + 1,
        date_updated: is.date_updated,
        ..was.clone()
    };
    assert_eq!(*is, expected);
    assert!(is.date_updated > was.date_updated);
    assert_eq!(after.credentials, before.credentials);
    let others = |stored: &crate::support::stored::Stored| {
        let mut rows = stored.identities.clone();
        rows.retain(|row| row.id.to_string() != id);
        rows
    };
    assert_eq!(others(&after), others(&before));
}
