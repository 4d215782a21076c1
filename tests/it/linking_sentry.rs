//! Sentry's table of `link_identity`, row for row, with each policy: its `should_reattach=True` is
//! REATTACH, `should_reattach=False` is FAIL, and UPDATE_IN_PLACE is what its installation of
//! integrations does. Which outcome and which codes each case has, says `linking`; here is what
//! happens to the rows.
//!
//! | state before | test |
//! |---|---|
//! | no row for the user nor for the account | [`no_row_for_the_user_nor_for_the_account`] |
//! | the exact row exists | [`the_exact_row_exists`] |
//! | the user is linked to another account | [`the_user_is_linked_to_another_account`] |
//! | the account is linked to another user | [`the_account_is_linked_to_another_user`] |
//! | both | [`both_are_linked_elsewhere`] |
//! | an event for everyone who lost a link (not there) | `linking::reattach_leaves_a_new_identity_and_an_event_for_each_that_went` |

use lanyard::database::identity::{Model, Status};
use lanyard::database::json::{Json, Texts};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::dump::Dump;
use crate::support::stored::Stored;

/// Two people and a provider; and another provider, where nothing may change.
struct Ground {
    app: App,
    provider: String,
    me: String,
    other: String,
}

impl Ground {
    async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        let ground = Self {
            provider: app.provider("here").await,
            me: app.user("me").await,
            other: app.user("other").await,
            app,
        };
        let elsewhere = ground.app.provider("elsewhere").await;
        for (user, account) in [(&ground.me, "A"), (&ground.other, "B")] {
            ground.app.linked(&elsewhere, user, account).await;
        }
        ground
    }

    /// An account with everything that a row may have, not verified for long, and no longer good.
    async fn full(&self, user: &str, account: &str) -> String {
        let input = json!({
            "providerId": self.provider, "userId": user, "externalId": account,
            "scopes": ["old"], "data": { "old": account, "nested": { "a": 1 } },
            "profile": { "email": "old@example.org", "emailVerified": true },
            "credential": { "accessToken": "canary-token-old", "refreshToken": "canary-token-old" },
        });
        let payload = self.app.link(input).await.data();
        let id = text(&payload, "/linkIdentity/identity/id");
        let set = format!("UPDATE identity SET status = 'INVALID' WHERE external_id = '{account}'");
        self.app.execute(&set).await;
        id
    }

    /// Links the account to me.
    async fn link(&self, account: &str, policy: &str, more: &Value) -> Value {
        let mut input = json!({
            "providerId": self.provider, "userId": self.me, "externalId": account,
            "onConflict": policy,
        });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.app.link(input).await.data()["linkIdentity"].clone()
    }

    /// The link is refused, and changes nothing at all.
    async fn is_refused(&self, account: &str, policy: &str, codes: &[&str]) {
        let before = self.dump().await;
        let payload = self.link(account, policy, &json!({ "data": {} })).await;
        let errors = payload["userErrors"].as_array().unwrap().iter();
        let found: Vec<_> = errors
            .map(|error| error["code"].as_str().unwrap())
            .collect();
        assert_eq!(found, codes, "{payload:#}");
        assert_eq!(self.dump().await, before);
    }

    /// Sealing what was written before is no change.
    async fn dump(&self) -> Dump {
        self.app.all_sealed().await;
        self.app.dump().await
    }

    /// The rows at the provider.
    fn here(&self, stored: &Stored) -> Vec<Model> {
        let mut rows = stored.identities.clone();
        rows.retain(|row| row.provider_id.to_string() == self.provider);
        rows
    }

    /// What is stored besides.
    fn elsewhere(&self, stored: &Stored) -> Vec<Model> {
        let mut rows = stored.identities.clone();
        rows.retain(|row| row.provider_id.to_string() != self.provider);
        rows
    }

    /// The one row that there is at the provider: mine, with all that was given and nothing else.
    fn assert_only_a_new_row(&self, before: &Stored, after: &Stored, payload: &Value) {
        let [row] = self.here(after).try_into().unwrap();
        assert_eq!(row.id.to_string(), text(payload, "/identity/id"));
        assert!(before.identities.iter().all(|old| old.id != row.id));
        let expected = Model {
            provider_id: self.provider.parse().unwrap(),
            provider_type: "custom".to_owned(),
            organization_id: None,
            user_id: self.me.parse().unwrap(),
            external_id: "B".to_owned(),
            account_slot: String::new(),
            is_primary: true,
            email: None,
            email_folded: None,
            email_verified: None,
            username: None,
            display_name: None,
            attributes_json: Json(json!({})),
            scopes_json: Texts(vec!["new".to_owned()]),
            status: Status::Valid,
            data_json: Json(json!({ "new": 1 })),
            version: 1,
            date_updated: row.date_added,
            date_verified: row.date_added,
            id: row.id,
            date_added: row.date_added,
        };
        assert_eq!(row, expected);
        let newest = before.events.last().unwrap().at;
        assert!(row.date_added > newest, "dated anew");
        assert!(
            after.credentials.is_empty(),
            "nobody's tokens are carried over"
        );
        assert_eq!(self.elsewhere(after), self.elsewhere(before));
    }
}

fn given() -> Value {
    json!({ "data": { "new": 1 }, "scopes": ["new"] })
}

const OWNED: &str = "ACCOUNT_OWNED_BY_ANOTHER_USER";
const ANOTHER: &str = "USER_HAS_ANOTHER_ACCOUNT";

#[rstest]
#[tokio::test]
async fn no_row_for_the_user_nor_for_the_account(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
) {
    let ground = Ground::new(on).await;
    let before = ground.app.stored().await;
    let payload = ground.link("B", policy, &given()).await;
    assert_eq!(payload["outcome"], "CREATED");
    let after = ground.app.stored().await;
    ground.assert_only_a_new_row(&before, &after, &payload);
}

#[rstest]
#[tokio::test]
async fn the_exact_row_exists(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
    #[values(json!({}), given())] more: Value,
) {
    let ground = Ground::new(on).await;
    let id = ground.full(&ground.me, "B").await;
    let before = ground.app.stored().await;
    let payload = ground.link("B", policy, &more).await;
    assert_eq!(payload["outcome"], "UPDATED");
    assert_eq!(payload["identity"]["id"], id);
    let after = ground.app.stored().await;
    let (was, is) = (before.identity(&id), after.identity(&id));
    let mut expected = Model {
        status: Status::Valid,
        version: was.version + 1,
        date_updated: is.date_updated,
        date_verified: is.date_verified,
        ..was.clone()
    };
    if more != json!({}) {
        // Wholesale: nothing of what was there is merged in.
        expected.data_json = Json(json!({ "new": 1 }));
        expected.scopes_json = Texts(vec!["new".to_owned()]);
    }
    assert_eq!(*is, expected);
    assert!(is.date_verified > was.date_verified);
    assert_eq!(after.credentials, before.credentials);
    assert_eq!(ground.elsewhere(&after), ground.elsewhere(&before));
}

#[rstest]
#[tokio::test]
async fn the_user_is_linked_to_another_account(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
) {
    let ground = Ground::new(on).await;
    let id = ground.full(&ground.me, "A").await;
    if policy == "FAIL" {
        return ground.is_refused("B", policy, &[ANOTHER]).await;
    }
    let before = ground.app.stored().await;
    let payload = ground.link("B", policy, &given()).await;
    let after = ground.app.stored().await;
    if policy == "REATTACH" {
        assert_eq!(payload["outcome"], "REATTACHED");
        return ground.assert_only_a_new_row(&before, &after, &payload);
    }
    // The id stays, so whatever acts as this identity goes on doing so.
    assert_eq!(payload["outcome"], "UPDATED_IN_PLACE");
    assert_eq!(payload["identity"]["id"], id);
    let (was, is) = (before.identity(&id), after.identity(&id));
    let expected = Model {
        external_id: "B".to_owned(),
        status: Status::Valid,
        data_json: Json(json!({ "new": 1 })),
        scopes_json: Texts(vec!["new".to_owned()]),
        // What was known of the other account.
        email: None,
        email_folded: None,
        email_verified: None,
        version: was.version + 1,
        date_updated: is.date_updated,
        date_verified: is.date_verified,
        ..was.clone()
    };
    assert_eq!(*is, expected);
    assert_eq!(ground.here(&after).len(), 1);
    assert_eq!(ground.elsewhere(&after), ground.elsewhere(&before));
}

#[rstest]
#[tokio::test]
async fn the_account_is_linked_to_another_user(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
) {
    let ground = Ground::new(on).await;
    ground.full(&ground.other, "B").await;
    if policy != "REATTACH" {
        return ground.is_refused("B", policy, &[OWNED]).await;
    }
    let before = ground.app.stored().await;
    let payload = ground.link("B", policy, &given()).await;
    assert_eq!(payload["outcome"], "REATTACHED");
    let after = ground.app.stored().await;
    ground.assert_only_a_new_row(&before, &after, &payload);
}

#[rstest]
#[tokio::test]
async fn both_are_linked_elsewhere(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
) {
    let ground = Ground::new(on).await;
    ground.full(&ground.me, "A").await;
    ground.full(&ground.other, "B").await;
    if policy != "REATTACH" {
        return ground.is_refused("B", policy, &[OWNED, ANOTHER]).await;
    }
    let before = ground.app.stored().await;
    let payload = ground.link("B", policy, &given()).await;
    assert_eq!(payload["outcome"], "REATTACHED");
    let after = ground.app.stored().await;
    ground.assert_only_a_new_row(&before, &after, &payload);
}
