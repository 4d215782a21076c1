//! What the mutations are about, made ahead of them.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::app::App;
use crate::support::client::text;
use crate::support::connecting::AgreedLink;
use crate::support::sign_on::{auth_identity, own_provider, sign_on};

/// The idempotency key of the link that is there.
pub const SENT: &str = "sent";
/// What completes the link that waits.
pub const CODE: &str = "canary-code";

pub struct Rows {
    pub user: String,
    pub joe: String,
    /// A member, with an account where the user has none.
    pub double: String,
    /// Of another one, who had nothing.
    pub merge: String,
    /// The double's only way in.
    pub doubles_identity: String,
    /// A member's at a provider that takes several; the first is the primary one.
    pub mates: [String; 2],
    /// The organization's own provider, its sign-on there, and the links of the user and of the
    /// member, who has another way in.
    pub sso: String,
    pub sign_on: String,
    pub users_link: String,
    pub mates_link: String,
    pub provider: String,
    /// The user's.
    pub identity: String,
    pub joes_identity: String,
    /// The user is a member, joe is not.
    pub organization: String,
    /// Installed in the organization, and acts as nobody.
    pub integration: String,
    pub share: String,
    pub spare_provider: String,
    pub spare_key: String,
    /// The user's, with `person` and another.
    pub session: String,
    /// Where accounts are linked by a flow; one of joe's waits for the application `writer`, with
    /// [`CODE`].
    pub linkable: String,
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
        // Ids of one millisecond are in no order.
        app.clock.advance(TimeDelta::milliseconds(2));
        let joes = app.link(link(&joe, "4713")).await.data();
        let organization = app.organization("acme").await;
        app.add_member(&organization, &user).await;
        let installed = app
            .ask(
                "mutation($organization: ID!) {
                installIntegration(input: { organizationId: $organization, provider: \"github\", externalId: \"1\", name: \"Hub\" }) {
                    integration { id } organizationIntegration { id } } }",
            )
            .variables(json!({ "organization": organization }))
            .data()
            .await;
        let (double, twin) = (app.user("double").await, app.user("twin").await);
        let doubles_identity = app.linked(&door, &double, "double").await;
        app.add_member(&organization, &double).await;
        let merged = app
            .ask("mutation($twin: ID!, $user: ID!) { mergeUsers(input: { fromUserId: $twin, intoUserId: $user }) { merge { id } } }")
            .variables(json!({ "twin": twin, "user": user }))
            .data()
            .await;
        let sso = own_provider(app, &organization, "sso").await;
        let sign_on = sign_on(app, &organization, &sso, true).await;
        let mate = app.member(&organization, "mate").await;
        app.ask("mutation { upsertUser(input: { entityRef: \"user:mate\", hasOtherSignIn: true }) { user { id } } }")
            .data()
            .await;
        let openid = json!({
            "type": "oidc", "config": { "issuer": "https://login.example" }, "clientId": "us",
            "clientSecret": "canary-secret",
        });
        let linkable = app.provider_with("linkable", openid).await;
        app.agreed_link(AgreedLink {
            application: "writer",
            provider: &linkable,
            user: &joe,
            external_id: "L1",
            code: CODE,
        })
        .await;
        let several = json!({ "allowsMultiplePerUser": true });
        let several = app.provider_with("several", several).await;
        Self {
            mates: [
                app.linked(&several, &mate, "m1").await,
                app.linked(&several, &mate, "m2").await,
            ],
            users_link: auth_identity(app, &sign_on, &user, "S1").await,
            mates_link: auth_identity(app, &sign_on, &mate, "S2").await,
            sso,
            linkable,
            sign_on,
            doubles_identity,
            double,
            merge: text(&merged, "/mergeUsers/merge/id"),
            identity: text(&linked, "/linkIdentity/identity/id"),
            joes_identity: text(&joes, "/linkIdentity/identity/id"),
            integration: text(&installed, "/installIntegration/integration/id"),
            share: text(&installed, "/installIntegration/organizationIntegration/id"),
            organization,
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
        let door = text(&door, "/identityProvider/id");
        app.session(&self.user, &door).await;
    }
}
