//! Every mutation: how it is called so that it changes something, is refused, or changes nothing;
//! and which events it leaves. A new mutation is a row in each of the three tables.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::Ask;

/// A call that changes something, and the events that it leaves.
pub struct Case {
    pub field: &'static str,
    pub call: String,
    pub by: By,
    /// In the order of writing.
    pub actions: Vec<&'static str>,
    /// Where the payload says what the last event's target is.
    pub target: &'static str,
    /// Parts of the last event; null: it has none.
    pub before: Value,
    pub after: Value,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Key,
    Person,
}

impl Case {
    fn new(
        field: &'static str,
        call: impl Into<String>,
        action: &'static str,
        target: &'static str,
    ) -> Self {
        Self {
            field,
            call: call.into(),
            by: By::Key,
            actions: vec![action],
            target,
            before: Value::Null,
            after: Value::Null,
        }
    }

    fn before(self, before: Value) -> Self {
        Self { before, ..self }
    }

    fn after(self, after: Value) -> Self {
        Self { after, ..self }
    }

    fn by_person(self) -> Self {
        Self {
            by: By::Person,
            ..self
        }
    }

    /// With these events ahead of its own.
    fn behind(mut self, actions: &[&'static str]) -> Self {
        self.actions.splice(0..0, actions.iter().copied());
        self
    }

    /// Ready to be sent by the key, or by the person of the rows.
    pub fn ask<'a>(&self, app: &'a App, rows: &Rows, key: &str) -> Ask<'a> {
        let asked = app.ask(&format!("mutation {{ {} }}", self.call));
        match self.by {
            By::Key => asked.by(key),
            By::Person => asked.by_person(&rows.person),
        }
    }
}

/// What the mutations are about. Secrets that are given have `canary` in them.
pub fn cases(rows: &Rows) -> Vec<Case> {
    let Rows {
        user,
        joe,
        provider,
        identity,
        spare_provider,
        spare_key,
        session,
        ..
    } = rows;
    vec![
        Case::new("upsertUser", r#"upsertUser(input: { entityRef: "User:Jim", displayName: "Jim", annotations: { team: "a" } }) { user { id } }"#, "user.created", "/user/id")
            .after(json!({ "entityRef": "user:default/jim", "displayName": "Jim", "annotations": { "team": "a" }, "status": "ACTIVE" })),
        Case::new("createIdentityProvider", r#"createIdentityProvider(input: { slug: "gh", type: "github", config: {}, clientId: "id", clientSecret: "canary-secret" }) { identityProvider { id } userErrors { message } }"#, "provider.created", "/identityProvider/id")
            .after(json!({ "slug": "gh", "type": "github", "clientId": "id", "hasClientSecret": true, "allowsSignIn": false, "version": 1 })),
        Case::new("updateIdentityProvider", format!("updateIdentityProvider(input: {{ id: {provider:?}, name: \"CRM\", enabled: false }}) {{ identityProvider {{ id }} }}"), "provider.updated", "/identityProvider/id")
            .before(json!({ "slug": "crm", "enabled": true, "version": 1 }))
            .after(json!({ "slug": "crm", "name": "CRM", "enabled": false, "version": 2 })),
        Case::new("updateIdentityData", format!("updateIdentityData(input: {{ id: {identity:?}, data: {{ team: 7 }} }}) {{ identity {{ id }} }}"), "identity.updated", "/identity/id")
            .before(json!({ "data": {} }))
            .after(json!({ "data": { "team": 7 } })),
        Case::new("linkIdentity", format!("linkIdentity(input: {{ userId: {user:?}, providerId: {provider:?}, externalId: \"4711\", profile: {{ email: \"j@example.org\" }}, credential: {{ accessToken: \"canary-a\", refreshToken: \"canary-r\" }}, idempotencyKey: \"canary-k\" }}) {{ identity {{ id }} }}"), "identity.updated", "/identity/id")
            .before(json!({ "externalId": "4711", "email": null, "version": 2 }))
            .after(json!({ "externalId": "4711", "email": "j@example.org", "version": 3, "userId": user, "providerId": provider })),
        Case::new("linkIdentity", format!("linkIdentity(input: {{ userId: {user:?}, providerId: {provider:?}, externalId: \"4712\", onConflict: UPDATE_IN_PLACE }}) {{ identity {{ id }} }}"), "identity.updated", "/identity/id")
            .before(json!({ "externalId": "4711", "email": "j@example.org" }))
            .after(json!({ "externalId": "4712", "email": null })),
        Case::new("linkIdentity", format!("linkIdentity(input: {{ userId: {joe:?}, providerId: {provider:?}, externalId: \"4712\", onConflict: REATTACH, credential: {{ accessToken: \"canary-a\" }} }}) {{ identity {{ id }} }}"), "identity.linked", "/identity/id")
            .behind(&["identity.unlinked", "identity.unlinked"])
            .after(json!({ "externalId": "4712", "userId": joe, "isPrimary": true, "version": 1 })),
        Case::new("createApiKey", r#"createApiKey(input: { name: "new", scopes: ["audit:read"] }) { apiKey { id } secret }"#, "api_key.created", "/apiKey/id")
            .after(json!({ "name": "new", "scopes": ["audit:read"], "application": "new" })),
        Case::new("revokeApiKey", format!("revokeApiKey(id: {spare_key:?}) {{ deletedId }}"), "api_key.revoked", "/deletedId")
            .before(json!({ "name": "spare", "scopes": ["user:act_as"] })),
        Case::new("deleteIdentityProvider", format!("deleteIdentityProvider(id: {spare_provider:?}) {{ deletedId userErrors {{ message }} }}"), "provider.deleted", "/deletedId")
            .before(json!({ "slug": "spare" })),
        Case::new("endSession", format!("endSession(id: {session:?}) {{ deletedId userErrors {{ message }} }}"), "session.ended", "/deletedId")
            .before(json!({ "identityId": null, "userAgent": "Browser/1.0" })),
        Case::new("endOtherSessions", "endOtherSessions { deletedIds userErrors { message } }", "session.ended", "/deletedIds/0")
            .before(json!({ "identityId": null, "userAgent": "Browser/1.0" }))
            .by_person(),
        // Last, since nothing is linked to a user who is disabled, and nobody is signed in as one.
        Case::new("upsertUser", r#"upsertUser(input: { entityRef: "user:default/jane", email: null, status: DISABLED }) { user { id } }"#, "user.updated", "/user/id")
            .before(json!({ "email": "jane@example.org", "status": "ACTIVE" }))
            .after(json!({ "email": null, "status": "DISABLED", "displayName": "jane" })),
    ]
}

/// How a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// By what is stored, with `userErrors`.
    ByRows,
    /// It is wrong in itself, about nothing, or not the caller's to do.
    Outright,
}

/// Calls by an admin key that are refused, by their mutations.
pub fn refused(rows: &Rows) -> Vec<(&'static str, String, Refused)> {
    use Refused::{ByRows, Outright};
    let Rows {
        user,
        joe,
        provider,
        identity,
        spare_key,
        ..
    } = rows;
    let unknown = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    vec![
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {user:?}, externalId: \"9\" }}) {{ userErrors {{ code }} }}"), ByRows),
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {user:?}, externalId: \"4711\", data: {{ id_token: 1 }} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {joe:?}, externalId: \"4711\", onConflict: UPDATE_IN_PLACE }}) {{ userErrors {{ code }} }}"), ByRows),
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {:?}, externalId: \"9\" }}) {{ userErrors {{ code }} }}", unknown("user")), Outright),
        ("updateIdentityData", format!("updateIdentityData(input: {{ id: {identity:?}, data: {{ a: 1 }}, expectedVersion: 7 }}) {{ userErrors {{ code }} }}"), ByRows),
        ("updateIdentityData", format!("updateIdentityData(input: {{ id: {identity:?}, data: [] }}) {{ userErrors {{ code }} }}"), Outright),
        ("updateIdentityData", format!("updateIdentityData(input: {{ id: {:?}, data: {{}} }}) {{ userErrors {{ code }} }}", unknown("identity")), Outright),
        ("createIdentityProvider", r#"createIdentityProvider(input: { slug: "crm", type: "custom", config: {} }) { userErrors { code } }"#.to_owned(), ByRows),
        ("updateIdentityProvider", format!("updateIdentityProvider(input: {{ id: {provider:?}, name: \"x\", expectedVersion: 7 }}) {{ userErrors {{ code }} }}"), ByRows),
        ("updateIdentityProvider", format!("updateIdentityProvider(input: {{ id: {:?}, name: \"x\" }}) {{ userErrors {{ code }} }}", unknown("provider")), Outright),
        ("deleteIdentityProvider", format!("deleteIdentityProvider(id: {provider:?}) {{ userErrors {{ code }} }}"), ByRows),
        ("deleteIdentityProvider", format!("deleteIdentityProvider(id: {:?}) {{ userErrors {{ code }} }}", unknown("provider")), Outright),
        ("upsertUser", format!("upsertUser(input: {{ id: {joe:?}, entityRef: \"user:default/jane\" }}) {{ userErrors {{ code }} }}"), ByRows),
        ("upsertUser", r#"upsertUser(input: { entityRef: "group:default/a" }) { userErrors { code } }"#.to_owned(), Outright),
        ("createApiKey", r#"createApiKey(input: { name: "x", scopes: ["none"] }) { userErrors { code } }"#.to_owned(), Outright),
        ("revokeApiKey", format!("revokeApiKey(id: {:?}) {{ userErrors {{ code }} }}", unknown("api_key")), Outright),
        ("revokeApiKey", format!("revokeApiKey(id: {:?}) {{ userErrors {{ code }} }}", spare_key.replace("api_key", "user")), Outright),
        ("endSession", format!("endSession(id: {:?}) {{ userErrors {{ code }} }}", unknown("session")), Outright),
        ("endOtherSessions", "endOtherSessions { userErrors { code } }".to_owned(), Outright),
    ]
}

/// Mutations that change something whenever they are not refused.
pub const NEVER_IDLE: [&str; 5] = [
    "createApiKey",
    "createIdentityProvider",
    "deleteIdentityProvider",
    "endSession",
    "revokeApiKey",
];

/// Calls that are carried out and change nothing, by their mutations.
pub fn idle(rows: &Rows) -> Vec<(&'static str, By, String)> {
    let Rows {
        user,
        provider,
        identity,
        ..
    } = rows;
    vec![
        ("upsertUser", By::Key, r#"upsertUser(input: { entityRef: "user:default/jane" }) { userErrors { code } }"#.to_owned()),
        ("upsertUser", By::Key, r#"upsertUser(input: { entityRef: "USER:jane", displayName: "jane", email: "jane@example.org", picture: null, status: ACTIVE, hasOtherSignIn: false, annotations: {} }) { userErrors { code } }"#.to_owned()),
        ("updateIdentityData", By::Key, format!("updateIdentityData(input: {{ id: {identity:?}, data: {{}} }}) {{ userErrors {{ code }} }}")),
        ("updateIdentityProvider", By::Key, format!("updateIdentityProvider(input: {{ id: {provider:?}, config: {{}}, enabled: true }}) {{ userErrors {{ code }} }}")),
        // A link verifies the account anew, so only a request that comes again is idle.
        ("linkIdentity", By::Key, format!("linkIdentity(input: {{ userId: {user:?}, providerId: {provider:?}, externalId: \"4711\", idempotencyKey: {SENT:?} }}) {{ userErrors {{ code }} }}")),
        ("endOtherSessions", By::Person, "endOtherSessions { userErrors { code } }".to_owned()),
    ]
}

/// The idempotency key of the link that is there.
const SENT: &str = "sent";

pub struct Rows {
    pub user: String,
    pub joe: String,
    pub provider: String,
    pub identity: String,
    pub spare_provider: String,
    pub spare_key: String,
    /// The user's, with `person` and another.
    pub session: String,
    /// The token of a session of the user's.
    pub person: String,
}

impl Rows {
    /// What every table begins with.
    pub async fn new(app: &App) -> Self {
        let (user, joe) = (app.user("jane").await, app.user("joe").await);
        let (provider, door) = (app.provider("crm").await, app.provider("door").await);
        let link = |user: &str, external_id: &str| {
            json!({ "providerId": provider, "userId": user, "externalId": external_id,
                    "idempotencyKey": format!("{SENT}{}", external_id.replace("4711", "")) })
        };
        let linked = app.link(link(&user, "4711")).await.data();
        app.link(link(&joe, "4713")).await.data();
        Self {
            identity: crate::support::client::text(&linked, "/linkIdentity/identity/id"),
            person: app.session(&user, &door).await,
            session: app
                .opened(app.new_session(&user, &door))
                .await
                .row
                .id
                .to_string(),
            spare_provider: app.provider("spare").await,
            spare_key: app.key_id(&app.key("spare", &["user:act_as"]).await).await,
            user,
            joe,
            provider,
        }
    }

    /// Another session of the user's.
    pub async fn another_session(&self, app: &App) {
        let door = app
            .ask("{ identityProvider(slug: \"door\") { id } }")
            .data()
            .await;
        let door = crate::support::client::text(&door, "/identityProvider/id");
        app.session(&self.user, &door).await;
    }
}
