//! Ada's account at Acme, whose tokens many want to read.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use lanyard::clock::Time;
use lanyard::database::{credential, identity};
use lanyard::demo::provider::{Counts, GivenTokens};
use lanyard::id::IdentityId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::flows::ACME;
use crate::support::app::App;
use crate::support::client::text;
use crate::support::marks::answers::{Asked, check_answer};
use crate::support::world::World;

const READ: &str =
    "query($id: ID!) { identity(filter: { id: $id }) { credential { accessToken } } }";
pub const REFRESH: &str = "mutation($id: ID!) { refreshIdentity(id: $id) {
    identity { id status } userErrors { code message } } }";

/// What a reader of the token gets: it, or the code of an error.
pub type Read = Result<String, String>;

pub struct Account {
    /// The identity's id.
    pub id: String,
    /// Of an application that may read its token.
    pub key: String,
}

impl Account {
    /// Linked by the API, with tokens that the provider has given.
    pub async fn new(world: &World) -> Self {
        let app = &world.app;
        let user = app.user("ada").await;
        let given: GivenTokens = world.provider.give(ACME, "ada").unwrap();
        let data = app
            .ask("{ identityProvider(slug: \"acme\") { id } }")
            .data()
            .await;
        let input = json!({
            "providerId": data["identityProvider"]["id"], "userId": user, "externalId": given.sub,
            "credential": {
                "accessToken": given.access_token.expose_secret(),
                "refreshToken": given.refresh_token.expose_secret(),
                "scopes": ["openid", "profile", "email", "offline_access"],
            },
        });
        Self {
            id: text(&app.link(input).await.data(), "/linkIdentity/identity/id"),
            key: app
                .key("reader", &["identity:read", "identity:token"])
                .await,
        }
    }

    /// Reads the token; `None` where the server is gone.
    pub async fn read(&self, app: &App) -> Option<Read> {
        let body = json!({ "query": READ, "variables": { "id": self.id } });
        let request = app.http().post(app.url("/graphql")).bearer_auth(&self.key);
        let response = request.json(&body).send().await.ok()?;
        let headers = response.headers().clone();
        let answer: Value = response.json().await.ok()?;
        let asked = Asked {
            document: READ,
            may_have_tokens: true,
        };
        check_answer(asked, &headers, &answer);
        let token = answer.pointer("/data/identity/credential/accessToken");
        let code = || text(&answer, "/errors/0/extensions/code");
        let token = token.and_then(Value::as_str).map(str::to_owned);
        Some(token.ok_or_else(code))
    }

    /// So many reads at once, at each of the servers.
    pub async fn read_by_many(&self, apps: &[&App], callers: usize) -> Vec<Option<Read>> {
        let reads = apps
            .iter()
            .flat_map(|app| (0..callers).map(|_| self.read(app)));
        join_all(reads).await
    }

    /// The access token is over.
    pub async fn expire(&self, app: &App) {
        self.set(app, credential::Column::ExpiresAt, Some(past(app)))
            .await;
    }

    /// The lease to refresh it is over, as if its time had passed.
    pub async fn end_lease(&self, app: &App) {
        self.set(app, credential::Column::LeaseUntil, Some(past(app)))
            .await;
    }

    /// A refresh may be tried again, as if the time to wait had passed.
    pub async fn try_again(&self, app: &App) {
        self.set(app, credential::Column::NextAttemptAt, None).await;
    }

    async fn set(&self, app: &App, column: credential::Column, value: Option<Time>) {
        let id: IdentityId = self.id.parse().unwrap();
        let written = app.database.write(|tx| async move {
            let update = credential::Entity::update_many()
                .col_expr(column, sea_orm::sea_query::Expr::value(value))
                .filter(credential::Column::IdentityId.eq(id));
            Ok(update.exec(&*tx).await?.rows_affected)
        });
        assert_eq!(written.await.unwrap(), 1);
    }

    /// What is stored of it.
    pub async fn stored(&self, app: &App) -> (identity::Model, credential::Model) {
        let stored = app.stored().await;
        let credential = stored.credentials.clone().remove(0);
        assert_eq!(credential.identity_id.to_string(), self.id);
        (stored.identity(&self.id).clone(), credential)
    }
}

fn past(app: &App) -> Time {
    app.clock.now() - TimeDelta::minutes(1)
}

/// How often the provider was asked what.
pub fn counts(world: &World) -> Counts {
    world.provider.counts(ACME)
}

/// The one token that all have got.
#[track_caller]
pub fn one_token(reads: Vec<Option<Read>>) -> String {
    assert!(!reads.is_empty());
    let reads: BTreeSet<Option<Read>> = reads.into_iter().collect();
    match Vec::from_iter(reads).as_slice() {
        [Some(Ok(token))] => token.clone(),
        other => panic!("not one token for all, but {other:?}"),
    }
}

/// The code of the error that all have got.
#[track_caller]
pub fn one_code(reads: Vec<Option<Read>>) -> String {
    assert!(!reads.is_empty());
    let reads: BTreeSet<Option<Read>> = reads.into_iter().collect();
    match Vec::from_iter(reads).as_slice() {
        [Some(Err(code))] => code.clone(),
        other => panic!("not one error for all, but {other:?}"),
    }
}

/// Whether the provider takes the access token.
pub async fn is_good(world: &World, token: &str) -> bool {
    let url = format!("{}/userinfo", world.provider.issuer(ACME));
    let request = world.app.http().get(url).bearer_auth(token);
    request.send().await.unwrap().status() == 200
}
