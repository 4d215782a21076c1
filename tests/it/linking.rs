//! Linking: the three policies, what they leave, and who may.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

#[rstest]
#[tokio::test]
async fn a_link_is_made_and_looked_up_again(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let link = app
        .link(json!({
            "providerId": provider, "userId": user, "externalId": "4711",
            "profile": { "email": "Jane@Example.org", "emailVerified": true, "username": "jane",
                         "displayName": "Jane", "attributes": { "company": "Acme" } },
            "scopes": ["read"], "data": { "team": 7 },
        }))
        .await
        .data();
    assert_eq!(link["linkIdentity"]["outcome"], "CREATED", "{link:#}");
    let found = app
        .ask("query($provider: ID!) { identity(filter: {providerId: $provider, externalId: \"4711\"}) {
            email emailVerified username displayName scopes data version isPrimary status
            attributes { name value } attribute(name: \"company\")
            provider { slug } user { entityRef }
        } }")
        .variables(json!({ "provider": provider }))
        .data()
        .await;
    assert_eq!(
        found["identity"],
        json!({
            "email": "Jane@Example.org", "emailVerified": true, "username": "jane",
            "displayName": "Jane", "scopes": ["read"], "data": { "team": 7 }, "version": 1,
            "isPrimary": true, "status": "VALID",
            "attributes": [{ "name": "company", "value": "Acme" }], "attribute": "Acme",
            "provider": { "slug": "crm" }, "user": { "entityRef": "user:default/jane" },
        })
    );
}

/// A provider, and two people: `me`, who is to get an account, and `other`.
struct Ground {
    app: App,
    provider: String,
    me: String,
    other: String,
}

impl Ground {
    async fn new(on: Db, provider: Value) -> Self {
        let app = App::start(on).await;
        Self {
            provider: app.provider_with("crm", provider).await,
            me: app.user("me").await,
            other: app.user("other").await,
            app,
        }
    }

    async fn link_me(&self, external_id: &str, policy: &str, more: Value) -> Value {
        let mut input = json!({
            "providerId": self.provider, "userId": self.me,
            "externalId": external_id, "onConflict": policy,
        });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.app.link(input).await.data()["linkIdentity"].clone()
    }

    async fn linked_to_me(&self, external_id: &str) -> String {
        self.app.linked(&self.provider, &self.me, external_id).await
    }

    async fn linked_to_other(&self, external_id: &str) -> String {
        self.app
            .linked(&self.provider, &self.other, external_id)
            .await
    }
}

fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}

/// What a link answered: its outcome, or the codes of its refusal.
fn answered(payload: &Value) -> Vec<&str> {
    match payload["outcome"].as_str() {
        Some(outcome) => {
            assert!(codes(payload).is_empty(), "{payload:#}");
            vec![outcome]
        }
        None => {
            assert!(payload["identity"].is_null(), "{payload:#}");
            codes(payload)
        }
    }
}

const OWNED: &str = "ACCOUNT_OWNED_BY_ANOTHER_USER";
const ANOTHER: &str = "USER_HAS_ANOTHER_ACCOUNT";

/// Whether I have the account, I have another one, somebody else has the account; and what each
/// policy makes of linking the account to me: FAIL, UPDATE_IN_PLACE, REATTACH.
const TABLE: [([bool; 3], [&[&str]; 3]); 5] = [
    (
        [false, false, false],
        [&["CREATED"], &["CREATED"], &["CREATED"]],
    ),
    (
        [true, false, false],
        [&["UPDATED"], &["UPDATED"], &["UPDATED"]],
    ),
    (
        [false, true, false],
        [&[ANOTHER], &["UPDATED_IN_PLACE"], &["REATTACHED"]],
    ),
    ([false, false, true], [&[OWNED], &[OWNED], &["REATTACHED"]]),
    (
        [false, true, true],
        [&[OWNED, ANOTHER], &[OWNED, ANOTHER], &["REATTACHED"]],
    ),
];

#[rstest]
#[tokio::test]
async fn every_case_by_every_policy(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
) {
    let app = App::start(on).await;
    let (me, other) = (app.user("me").await, app.user("other").await);
    for (case, ([mine, another, taken], expected)) in TABLE.into_iter().enumerate() {
        let expected = match policy {
            "FAIL" => expected[0],
            "UPDATE_IN_PLACE" => expected[1],
            _ => expected[2],
        };
        let provider = app.provider(&format!("case-{case}")).await;
        for (there, user, account) in [
            (mine, &me, "account"),
            (another, &me, "another"),
            (taken, &other, "account"),
        ] {
            if there {
                app.linked(&provider, user, account).await;
            }
        }
        let before = app.stored().await;
        let input = json!({
            "providerId": provider, "userId": me, "externalId": "account", "onConflict": policy,
            "data": { "new": true },
        });
        let payload = app.link(input).await.data()["linkIdentity"].clone();
        assert_eq!(answered(&payload), expected, "case {case}: {payload:#}");
        let after = app.stored().await;
        if payload["outcome"].is_null() {
            assert_eq!(after, before, "a refusal changes nothing: case {case}");
            continue;
        }
        let here: Vec<_> = after
            .identities
            .iter()
            .filter(|row| row.provider_id.to_string() == provider)
            .map(|row| (row.user_id.to_string(), row.external_id.as_str()))
            .collect();
        assert_eq!(here, [(me.clone(), "account")], "case {case}");
    }
}

#[rstest]
#[tokio::test]
async fn a_refusal_says_which_side_is_in_the_way(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let ground = Ground::new(on, json!({})).await;
    ground.linked_to_me("mine").await;
    ground.linked_to_other("taken").await;
    let payload = ground.link_me("taken", "FAIL", json!({})).await;
    assert_eq!(
        payload,
        json!({
            "outcome": null, "identity": null,
            "userErrors": [
                { "code": OWNED, "message": "the account is linked to another user",
                  "field": ["input", "externalId"], "retryable": false },
                { "code": ANOTHER, "message": "the user has another account at this provider",
                  "field": ["input", "userId"], "retryable": false },
            ],
        })
    );
}

#[rstest]
#[tokio::test]
async fn reattach_leaves_a_new_identity_and_an_event_for_each_that_went(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on, json!({})).await;
    let app = &ground.app;
    let theirs = ground.linked_to_other("account").await;
    let credential =
        json!({ "credential": { "accessToken": "canary-token-old" }, "data": { "old": 1 } });
    let mine = text(
        &ground.link_me("mine", "FAIL", credential).await,
        "/identity/id",
    );
    let before = app.stored().await;

    let payload = ground.link_me("account", "REATTACH", json!({})).await;
    assert_eq!(payload["outcome"], "REATTACHED");
    let new = text(&payload, "/identity/id");
    assert!(new != theirs && new != mine, "a new identity has a new id");
    assert_eq!(payload["identity"]["version"], 1);

    let after = app.stored().await;
    let ids: Vec<_> = after
        .identities
        .iter()
        .map(|row| row.id.to_string())
        .collect();
    assert_eq!(ids, [new.clone()]);
    let row = after.identity(&new);
    assert!(row.is_primary);
    assert_eq!(
        row.data_json.0,
        json!({}),
        "nothing of the old rows is kept"
    );
    assert_eq!(after.credentials, [], "their tokens went with them");
    let mut events = after.events_since(&before);
    assert_eq!(
        events.pop(),
        Some(("identity.linked".to_owned(), new.clone()))
    );
    events.sort();
    let mut gone = [theirs.clone(), mine.clone()].map(|id| ("identity.unlinked".to_owned(), id));
    gone.sort();
    assert_eq!(events, gone);
    for (id, user) in [(&theirs, &ground.other), (&mine, &ground.me)] {
        let event = after
            .events
            .iter()
            .rev()
            .find(|e| e.target_id.as_ref() == Some(id));
        assert_eq!(event.unwrap().user_id.as_ref(), Some(user), "whose affair");
    }
    let found = app
        .ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }")
        .variables(json!({ "ids": [theirs, mine, new] }))
        .data()
        .await;
    assert_eq!(found["nodes"], json!([null, null, { "id": new }]));
}

#[rstest]
#[tokio::test]
async fn where_users_have_several_accounts_the_first_linked_becomes_primary_next(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on, json!({ "allowsMultiplePerUser": true })).await;
    let first = ground.linked_to_other("first").await;
    let second = ground.linked_to_other("second").await;
    let third = ground.linked_to_other("third").await;
    let own = ground.linked_to_me("own").await;
    let primary = async || {
        let stored = ground.app.stored().await;
        let of_other = stored.identities.iter().filter(|row| row.is_primary);
        let mut ids: Vec<_> = of_other.map(|row| row.id.to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(primary().await, sorted([&first, &own]));
    let before = ground.app.stored().await;
    let version = before.identity(&second).version;

    let taken = ground.link_me("first", "REATTACH", json!({})).await;
    assert_eq!(taken["outcome"], "REATTACHED");
    assert_eq!(taken["identity"]["isPrimary"], false, "I have one already");
    assert_eq!(primary().await, sorted([&second, &own]));
    let stored = ground.app.stored().await;
    assert_eq!(stored.identity(&second).version, version + 1, "it shows");
    let event = |action: &str, id: &str| (action.to_owned(), id.to_owned());
    assert_eq!(
        stored.events_since(&before),
        [
            event("identity.unlinked", &first),
            event("identity.updated", &second),
            event("identity.linked", &text(&taken, "/identity/id")),
        ]
    );
    assert_eq!(
        stored.identities.len(),
        4,
        "only the account in the way went"
    );

    // One that is not primary leaves the primary one alone.
    ground.link_me("third", "REATTACH", json!({})).await;
    assert_eq!(primary().await, sorted([&second, &own]));
    let stored = ground.app.stored().await;
    assert_eq!(stored.identity(&second).version, version + 1);
    assert!(
        !stored
            .identities
            .iter()
            .any(|row| row.id.to_string() == third)
    );

    // The last one that they had: nothing is left to promote.
    ground.link_me("second", "REATTACH", json!({})).await;
    assert_eq!(primary().await, [own]);
}

fn sorted(ids: [&String; 2]) -> Vec<String> {
    let mut ids = ids.map(Clone::clone).to_vec();
    ids.sort();
    ids
}

#[rstest]
#[tokio::test]
async fn update_in_place_keeps_the_identity_and_forgets_the_old_account(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on, json!({})).await;
    let known = json!({
        "profile": { "email": "old@example.org", "emailVerified": true, "username": "old",
                     "displayName": "Old", "attributes": { "company": "Old" } },
        "scopes": ["old"], "data": { "kept": "the application's own" },
        "credential": { "accessToken": "canary-token-a", "refreshToken": "canary-token-r", "tokenType": "Bearer" },
    });
    let id = text(&ground.link_me("old", "FAIL", known).await, "/identity/id");
    let before = ground.app.stored().await;
    let payload = ground.link_me("new", "UPDATE_IN_PLACE", json!({})).await;
    assert_eq!(payload["outcome"], "UPDATED_IN_PLACE");
    assert_eq!(payload["identity"]["id"], id);
    let after = ground.app.stored().await;
    let (old, new) = (before.identity(&id), after.identity(&id));
    let expected = lanyard::database::identity::Model {
        external_id: "new".to_owned(),
        email: None,
        email_folded: None,
        email_verified: None,
        username: None,
        display_name: None,
        attributes_json: lanyard::database::json::Json(json!({})),
        scopes_json: lanyard::database::json::Texts::default(),
        version: old.version + 1,
        date_updated: new.date_updated,
        date_verified: new.date_verified,
        ..old.clone()
    };
    assert_eq!(*new, expected);
    assert!(new.date_verified > old.date_verified && new.date_updated == new.date_verified);
    assert_eq!(after.credentials, [], "the old account's tokens");
    assert_eq!(
        after.events_since(&before),
        [("identity.updated".to_owned(), id)]
    );
    let event = after.events.last().unwrap();
    let side = |json: &Option<lanyard::database::json::Json>| {
        json.as_ref().unwrap().0["externalId"].clone()
    };
    assert_eq!(side(&event.before_json), "old");
    assert_eq!(side(&event.after_json), "new");
}

#[rstest]
#[tokio::test]
async fn update_in_place_takes_what_is_given_for_the_new_account(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on, json!({})).await;
    let old = json!({
        "profile": { "email": "old@example.org" },
        "credential": { "accessToken": "canary-token-a", "refreshToken": "canary-token-r" },
    });
    ground.link_me("old", "FAIL", old).await;
    let new = json!({
        "profile": { "username": "new" }, "scopes": ["new"], "data": { "new": 1 },
        "credential": { "accessToken": "canary-token-b", "tokenType": "Bearer" },
    });
    ground.link_me("new", "UPDATE_IN_PLACE", new).await;
    let stored = ground.app.stored().await;
    let row = &stored.identities[0];
    assert_eq!(row.email, None);
    assert_eq!(row.username.as_deref(), Some("new"));
    assert_eq!(row.scopes_json.0, ["new"]);
    assert_eq!(row.data_json.0, json!({ "new": 1 }));
    assert_eq!(stored.credentials.len(), 1);
    assert_eq!(stored.credentials[0].token_type.as_deref(), Some("Bearer"));
    assert_eq!(
        stored.credentials[0].refresh_token_sealed, None,
        "the old account's refresh token is not the new one's"
    );
}

#[rstest]
#[tokio::test]
async fn several_accounts_of_one_user_stand_side_by_side_where_the_provider_takes_them(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
) {
    let ground = Ground::new(on, json!({ "allowsMultiplePerUser": true })).await;
    for (number, primary) in [(1, true), (2, false), (3, false)] {
        let payload = ground
            .link_me(&format!("account {number}"), policy, json!({}))
            .await;
        assert_eq!(payload["outcome"], "CREATED");
        assert_eq!(payload["identity"]["isPrimary"], primary);
    }
    let again = ground.link_me("account 2", policy, json!({})).await;
    assert_eq!(again["outcome"], "UPDATED");
    assert_eq!(again["identity"]["isPrimary"], false);
    assert_eq!(ground.app.stored().await.identities.len(), 3);
}
