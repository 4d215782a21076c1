//! Tokens of linked accounts: read while they are good, refreshed where they are not, and what is
//! said of those that can't be.

mod failing;
mod forced;
mod health;
mod keeping;
mod reading;
mod reads;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::database::credential;
use lanyard::demo::provider::Issuer;
use lanyard::id::IdentityId;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::flows::ACME;
use crate::support::app::App;
use crate::support::client::{Answer, text};
use crate::support::world::World;

const READ: &str =
    "query($id: ID!) { identity(filter: { id: $id }) { credential { accessToken } } }";
const ABOUT: &str = "query($id: ID!) { identity(filter: { id: $id }) { status version credential {
    tokenType expiresAt lastRefreshedAt refreshable failures failureReason scopes
    refreshTokenExpiresAt nextAttemptAt } } }";

/// The account of somebody at Acme, with tokens that Acme has given.
struct Account<'a> {
    world: &'a World,
    id: String,
    access_token: String,
}

impl<'a> Account<'a> {
    /// Linked to a new user, with an access token that is good for so many seconds.
    async fn new(world: &'a World, username: &str, seconds: i64) -> Self {
        let end = world.app.clock.now() + TimeDelta::seconds(seconds);
        Self::with(world, username, json!({ "expiresAt": end })).await
    }

    /// The same with this said of the tokens.
    async fn with(world: &'a World, username: &str, more: Value) -> Self {
        Self::at(ACME, world, username, more).await
    }

    /// The same at this provider.
    async fn at(issuer: Issuer, world: &'a World, username: &str, more: Value) -> Self {
        let app = &world.app;
        let user = app.user(username).await;
        let given = world.provider.give(issuer, username).unwrap();
        let access_token = given.access_token.expose_secret().to_owned();
        let mut credential = json!({
            "accessToken": access_token,
            "refreshToken": given.refresh_token.expose_secret(),
            "scopes": ["openid", "offline_access"],
        });
        let members = credential.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        let input = json!({
            "providerId": provider(app, issuer).await, "userId": user, "externalId": given.sub,
            "credential": credential,
        });
        let id = text(&app.link(input).await.data(), "/linkIdentity/identity/id");
        Self {
            world,
            id,
            access_token,
        }
    }

    async fn read(&self) -> Answer {
        let ask = self.world.app.ask(READ);
        ask.variables(json!({ "id": self.id })).send().await
    }

    /// The token that a read gives.
    #[track_caller]
    fn token(answer: Answer) -> String {
        text(&answer.data(), "/identity/credential/accessToken")
    }

    /// What is known of the identity and its credential.
    async fn about(&self) -> Value {
        let ask = self.world.app.ask(ABOUT);
        let data = ask.variables(json!({ "id": self.id })).data().await;
        data["identity"].clone()
    }

    async fn refresh(&self) -> Value {
        let ask = self.world.app.ask(REFRESH);
        let data = ask.variables(json!({ "id": self.id })).data().await;
        data["refreshIdentity"].clone()
    }

    async fn set(&self, column: credential::Column, value: Option<DateTime<Utc>>) {
        let id: IdentityId = self.id.parse().unwrap();
        let written = self.world.app.database.write(|tx| async move {
            let update = credential::Entity::update_many()
                .col_expr(column, Expr::value(value))
                .filter(credential::Column::IdentityId.eq(id));
            Ok(update.exec(&*tx).await?.rows_affected)
        });
        assert_eq!(written.await.unwrap(), 1);
    }

    /// The actions of its events since it was linked, oldest first.
    async fn events(&self) -> Vec<String> {
        let stored = self.world.app.stored().await;
        let own = stored.events.into_iter();
        let own = own.filter(|event| event.target_id.as_ref() == Some(&self.id));
        own.map(|event| event.action).skip(1).collect()
    }
}

const REFRESH: &str = "mutation($id: ID!) { refreshIdentity(id: $id) {
    identity { id credential { lastRefreshedAt } } userErrors { code message field retryable } } }";

/// The token of a session of that user at Acme.
async fn session(app: &App, username: &str) -> String {
    let query = "query($ref: EntityRef!) { user(entityRef: $ref) { id } }";
    let reference = format!("user:default/{username}");
    let user = app.ask(query).variables(json!({ "ref": reference }));
    let user = text(&user.data().await, "/user/id");
    app.session(&user, &acme(app).await).await
}

/// The id of Acme.
async fn acme(app: &App) -> String {
    provider(app, ACME).await
}

async fn provider(app: &App, issuer: Issuer) -> String {
    let query = "query($slug: String!) { identityProvider(slug: $slug) { id } }";
    let ask = app.ask(query).variables(json!({ "slug": issuer.slug() }));
    text(&ask.data().await, "/identityProvider/id")
}

/// How often Acme was asked for fresh tokens.
fn refreshes(world: &World) -> u64 {
    world.provider.counts(ACME).refreshes
}

/// Whether Acme takes the access token.
async fn is_good(world: &World, token: &str) -> bool {
    is_good_at(ACME, world, token).await
}

async fn is_good_at(issuer: Issuer, world: &World, token: &str) -> bool {
    let url = format!("{}/userinfo", world.provider.issuer(issuer));
    let request = world.app.http().get(url).bearer_auth(token);
    request.send().await.unwrap().status() == 200
}

#[track_caller]
fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}
