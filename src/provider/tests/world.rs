//! A server's flows, a provider for them, and a person who goes from one to the other.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{EntityTrait, IntoActiveModel, PaginatorTrait};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use super::fake::Fake;
use crate::clock::Clock;
use crate::database::identity_provider::{self, ManagedBy};
use crate::database::json::Json;
use crate::database::{Database, flow};
use crate::id::ProviderId;
use crate::provider::admin::secret_place;
use crate::provider::catalog::Catalog;
use crate::provider::client_key;
use crate::provider::egress::Egress;
use crate::provider::flow::{
    Answer, Begun, Browser, Finished, FlowError, Flows, NewFlow, OnConflict, Purpose,
};
use crate::provider::relying_party::RelyingParty;
use crate::settings::{self, EgressRule};
use crate::vault::{KeyRing, MasterKey, Vault};

pub struct World {
    pub flows: Flows,
    pub fake: Fake,
    pub row: identity_provider::Model,
    pub clock: Clock,
    folder: Arc<TempDir>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub async fn with(config: Value) -> Self {
        Self::with_patience(config, Duration::from_secs(10)).await
    }

    /// With more configuration, and so much time for each request to the provider.
    pub async fn with_patience(config: Value, patience: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open_sqlite(&folder.path().join("db"), 2)
            .await
            .unwrap();
        database.migrate("test").await.unwrap();
        let clock = Clock::default();
        let fake = Fake::start(&clock).await;
        let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
        keys.check(&database, &clock).await.unwrap();
        let vault = Vault::new(keys, clock.clone());
        let row = provider(&clock, &vault, &fake, &config);
        let egress = Egress::new(&settings::Egress {
            allow: vec![EgressRule::Network("127.0.0.0/8".parse().unwrap())],
            ca_file: None,
        });
        let egress = egress.unwrap().patient_for(patience);
        let world = Self {
            flows: Flows {
                database,
                vault: Arc::new(vault),
                clock: clock.clone(),
                catalog: Arc::new(Catalog::builtin().unwrap()),
                relying_party: Arc::new(RelyingParty::new(Arc::new(egress), clock.clone())),
                public_url: "http://127.0.0.1:8080/".parse().unwrap(),
            },
            fake,
            row,
            clock,
            folder: Arc::new(folder),
        };
        world.insert_row().await;
        world
    }

    /// Another provider of the same server.
    pub async fn beside(&self, slug: &str) -> Self {
        let fake = Fake::start(&self.clock).await;
        let mut row = provider(&self.clock, &self.flows.vault, &fake, &json!({}));
        slug.clone_into(&mut row.slug);
        let beside = Self {
            flows: self.flows.clone(),
            fake,
            row,
            clock: self.clock.clone(),
            folder: Arc::clone(&self.folder),
        };
        beside.insert_row().await;
        beside
    }

    async fn insert_row(&self) {
        let row = &self.row;
        self.write(async |tx| {
            identity_provider::Entity::insert(row.clone().into_active_model())
                .exec_without_returning(&*tx)
                .await
                .map(|_| ())
        })
        .await;
    }

    pub async fn write(
        &self,
        work: impl AsyncFn(Arc<crate::database::Tx>) -> Result<(), sea_orm::DbErr>,
    ) {
        let work = &work;
        let written = self
            .flows
            .database
            .write(|tx| async move { Ok(work(tx).await?) });
        written.await.unwrap();
    }

    pub async fn begin(&self) -> Result<Begun, FlowError> {
        self.begin_for(Purpose::SignIn).await
    }

    pub async fn begin_for(&self, purpose: Purpose) -> Result<Begun, FlowError> {
        let new = NewFlow {
            provider: &self.row,
            purpose,
            return_to: "/account".to_owned(),
            on_conflict: OnConflict::Fail,
            scopes: None,
            client_address: "192.0.2.1".parse().unwrap(),
        };
        // Handlers need futures that may move between threads.
        sendable(self.flows.begin(&new)).await
    }

    pub async fn finish(&self, query: &str, begun: &Begun) -> Result<Finished, FlowError> {
        self.finish_as(query, &self.row.slug, Some(begun), None)
            .await
    }

    pub async fn finish_as(
        &self,
        query: &str,
        slug: &str,
        begun: Option<&Begun>,
        session_id: Option<Uuid>,
    ) -> Result<Finished, FlowError> {
        let flow_secret = |id: Uuid| {
            let of = begun.filter(|begun| begun.flow_id == id);
            of.map(|begun| begun.browser_secret.clone())
        };
        let browser = Browser {
            flow_secret: &flow_secret,
            session_id,
        };
        let answer = Answer::parse(query.as_bytes())?;
        sendable(self.flows.finish(slug, answer, &browser)).await
    }

    /// What is wrong when a flow goes wrong at the provider in the way that was set up.
    pub async fn refusal(&self) -> String {
        let begun = self.begin().await.unwrap();
        let query = self.fake.authorize(&begun.url);
        let error = self.finish(&query, &begun).await.unwrap_err();
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
        assert_eq!(error.flow.as_ref().unwrap().return_to, "/account");
        assert_eq!(self.rows().await, 0, "the state is used up");
        told(&error)
    }

    pub async fn rows(&self) -> u64 {
        flow::Entity::find()
            .count(self.flows.database.reader())
            .await
            .unwrap()
    }
}

fn sendable<F: Future + Send>(future: F) -> F {
    future
}

/// Code and step.
pub fn told(error: &FlowError) -> String {
    match error.refusal.step() {
        None => error.code().to_owned(),
        Some(step) => format!("{} {}", error.code(), step.name()),
    }
}

fn provider(clock: &Clock, vault: &Vault, fake: &Fake, config: &Value) -> identity_provider::Model {
    let id = ProviderId::new(clock);
    let sealing = vault.sealing_for_tests();
    let mut all = json!({"issuer": fake.issuer, "scopes": ["openid", "email"]});
    all.as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    identity_provider::Model {
        id,
        slug: "acme".to_owned(),
        provider_type: "oidc".to_owned(),
        external_id: fake.issuer.clone(),
        name: "Acme".to_owned(),
        client_key_sealed: client_key::is_used(&all).then(|| client_key::made(&sealing, id, clock)),
        config_json: Json(all),
        client_id: Some("us".to_owned()),
        client_secret_sealed: Some(sealing.seal(&secret_place(&id), b"secret-canary")),
        organization_id: None,
        client_of: None,
        enabled: true,
        allows_sign_in: true,
        allows_multiple_per_user: false,
        sign_in_json: None,
        managed_by: ManagedBy::Api,
        version: 1,
        date_added: clock.now(),
        date_updated: clock.now(),
    }
}

pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut found = url.query_pairs().filter(|(found, _)| found == name);
    let value = found.next().map(|(_, value)| value.into_owned());
    assert!(found.next().is_none(), "{name} is there twice");
    value
}
