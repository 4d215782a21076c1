//! Creating, changing and deleting configured providers.

mod check;
mod redirection;
mod stored;

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use self::check::{as_object, check_secret, check_sign_in, checked};
use self::stored::{check_lender, exists, no_twin};
use super::catalog::{Catalog, ProviderType};
use super::client_key;
use super::config::{self, ProviderInput};
use crate::access::{Caller, Scope, sees};
use crate::clock::Clock;
use crate::database::identity_provider::{self, Entity, ManagedBy, Model};
use crate::database::json::Json;
use crate::database::{Database, Sealed, Tx, auth_provider, identity, provider_health};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::{OrganizationId, ProviderId};
use crate::input::{Change, check_data};
use crate::limits;
use crate::vault::{Place, Vault};

/// What changing providers needs to do its work.
#[derive(Clone)]
pub struct ProviderAdmin {
    pub database: Database,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub catalog: Arc<Catalog>,
    /// Whether the operator allows plain http to a URL's host.
    pub allow_http: Arc<dyn Fn(&Url) -> bool + Send + Sync>,
}

#[derive(Debug, Clone)]
pub struct NewProvider {
    pub slug: String,
    pub provider_type: String,
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub config: Value,
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub allows_sign_in: bool,
    pub allows_multiple_per_user: bool,
    /// As [`super::config::sign_in::SignInConfig`] reads it.
    pub sign_in: Option<Value>,
    pub client_of: Option<ProviderId>,
    /// Whose it is to be; left out by a key that is bound to an organization: that one's.
    pub organization_id: Option<OrganizationId>,
    pub enabled: bool,
}

/// What is left out stays.
#[derive(Debug, Clone)]
pub struct ProviderChange {
    pub id: ProviderId,
    pub name: Option<String>,
    pub config: Option<Value>,
    pub client_id: Change<String>,
    pub client_secret: Change<SecretString>,
    pub allows_sign_in: Option<bool>,
    pub sign_in: Change<Value>,
    pub enabled: Option<bool>,
    pub expected_version: Option<i64>,
}

impl ProviderAdmin {
    /// # Errors
    /// `BAD_USER_INPUT`, `FORBIDDEN` for sign-in without `admin`; refused with `ALREADY_EXISTS`,
    /// `INVALID_CONFIGURATION` or `SECRET_IN_DATA`.
    pub async fn create(&self, caller: &Caller, new: &NewProvider) -> Result<ProviderId, Error> {
        limits::slug("input.slug", &new.slug)?;
        if let Some(name) = &new.name {
            limits::text("input.name", name, limits::NAME)?;
        }
        if let Some(secret) = &new.client_secret {
            check_secret(secret)?;
        }
        check_sign_in(new.sign_in.as_ref())?;
        if new.allows_sign_in || new.sign_in.is_some() {
            let what = "a provider that people sign in with";
            caller.viewer.require(Scope::Admin, what)?;
            caller.viewer.require_unbound(what)?;
        }
        let organization = new.organization_id.or_else(|| caller.viewer.bound_to());
        caller
            .viewer
            .require_within(organization, "a provider of all organizations")?;
        check_data("input.config", &new.config)?;
        let provider_type = self.type_of(&new.provider_type)?;
        let external_id = checked(
            provider_type,
            &ProviderInput {
                slug: &new.slug,
                config: as_object(&new.config)?,
                client_id: new.client_id.as_deref(),
                has_client_secret: new.client_secret.is_some(),
                borrows_client: new.client_of.is_some(),
                external_id: new.external_id.as_deref(),
                allow_http: &*self.allow_http,
            },
        )?;
        let row = &Model {
            organization_id: organization,
            ..self.new_row(new, provider_type, external_id)
        };
        let secret = new.client_secret.as_ref();
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let client_secret_sealed = match secret {
                    Some(secret) => Some(self.seal(tx, row.id, secret).await?),
                    None => None,
                };
                let row = Model {
                    client_secret_sealed,
                    client_key_sealed: self.client_key(tx, row).await?,
                    ..row.clone()
                };
                self.insert(tx, caller, row).await
            })
            .await
    }

    /// # Errors
    /// As [`Self::create`], and `NOT_FOUND`; refused with `VERSION_CONFLICT`, `IMMUTABLE` or
    /// `MANAGED_BY_CONFIGURATION`.
    pub async fn update(&self, caller: &Caller, change: &ProviderChange) -> Result<(), Error> {
        if let Some(name) = &change.name {
            limits::text("input.name", name, limits::NAME)?;
        }
        if let Some(config) = &change.config {
            check_data("input.config", config)?;
        }
        if let Some(secret) = change.client_secret.set() {
            check_secret(secret)?;
        }
        check_sign_in(change.sign_in.set())?;
        if change.allows_sign_in.is_some() || change.sign_in != Change::Keep {
            let what = "changing who may sign in with a provider";
            caller.viewer.require(Scope::Admin, what)?;
            caller.viewer.require_unbound(what)?;
        }
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let stored = find_own(tx, caller, change.id).await?;
                let row = self.changed(tx, &stored, change).await?;
                if row == stored {
                    return Ok(());
                }
                self.check_redirection(tx, caller, &stored, &row).await?;
                let row = Model {
                    version: stored.version + 1,
                    date_updated: self.clock.now(),
                    ..row
                };
                let event = NewEvent {
                    target: Some(row.id.any()),
                    organization: row.organization_id,
                    before: Some(describe(&stored)),
                    after: Some(describe(&row)),
                    ..NewEvent::new(Action::ProviderUpdated)
                };
                // What was held against it may be put right by this.
                provider_health::forget(tx, row.id).await?;
                row.into_active_model().reset_all().update(tx).await?;
                event::record(tx, &self.clock, &caller.origin(), event).await
            })
            .await
    }

    /// Deletes a provider that nothing refers to any more.
    ///
    /// # Errors
    /// `NOT_FOUND`; refused with `IN_USE` or `MANAGED_BY_CONFIGURATION`.
    pub async fn delete(&self, caller: &Caller, id: ProviderId) -> Result<(), Error> {
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let row = find_own(tx, caller, id).await?;
                let filter = identity::Filter {
                    provider_id: Some(id),
                    ..identity::Filter::default()
                };
                let identities = identity::count(tx, &filter).await?;
                let borrowers = identity_provider::borrowers(tx, id).await?;
                let sign_ons = u64::from(auth_provider::by_provider(tx, id).await?.is_some());
                if identities + borrowers + sign_ons > 0 {
                    return Err(Error::refused(
                        RefusalCode::InUse,
                        &["id"],
                        format!(
                            "{identities} identities are linked here and {borrowers} providers \
                             use this one's client, and it is the sign-on of {sign_ons} \
                             organizations; disable it (enabled: false) or remove those first"
                        ),
                    ));
                }
                let event = NewEvent {
                    target: Some(id.any()),
                    organization: row.organization_id,
                    before: Some(describe(&row)),
                    ..NewEvent::new(Action::ProviderDeleted)
                };
                row.delete(tx).await?;
                event::record(tx, &self.clock, &caller.origin(), event).await
            })
            .await
    }

    async fn insert(&self, tx: &Tx, caller: &Caller, row: Model) -> Result<ProviderId, Error> {
        if let Some(organization) = row.organization_id {
            exists(tx, organization).await?;
        }
        no_twin(tx, &row).await?;
        if let Some(lender) = row.client_of {
            check_lender(tx, caller, &row, lender).await?;
        }
        let event = NewEvent {
            target: Some(row.id.any()),
            organization: row.organization_id,
            after: Some(describe(&row)),
            ..NewEvent::new(Action::ProviderCreated)
        };
        let id = row.id;
        Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await?;
        event::record(tx, &self.clock, &caller.origin(), event).await?;
        Ok(id)
    }

    async fn changed(
        &self,
        tx: &Tx,
        stored: &Model,
        change: &ProviderChange,
    ) -> Result<Model, Error> {
        if let Some(expected) = change.expected_version.filter(|&v| v != stored.version) {
            return Err(Error::refused(
                RefusalCode::VersionConflict,
                &["input", "expectedVersion"],
                format!(
                    "the provider is at version {}, not {expected}",
                    stored.version
                ),
            ));
        }
        let client_secret_sealed = match &change.client_secret {
            Change::Keep => stored.client_secret_sealed.clone(),
            Change::Clear => None,
            Change::Set(secret) => Some(self.seal(tx, stored.id, secret).await?),
        };
        let config = change.config.as_ref().unwrap_or(&stored.config_json.0);
        let row = Model {
            name: change.name.clone().unwrap_or_else(|| stored.name.clone()),
            config_json: Json(config.clone()),
            client_id: change.client_id.clone().or(stored.client_id.clone()),
            client_secret_sealed,
            allows_sign_in: change.allows_sign_in.unwrap_or(stored.allows_sign_in),
            sign_in_json: change
                .sign_in
                .clone()
                .or(stored.sign_in_json.clone().map(|json| json.0))
                .map(Json),
            enabled: change.enabled.unwrap_or(stored.enabled),
            ..stored.clone()
        };
        self.check_changed(stored, &row)?;
        let client_key_sealed = self.client_key(tx, &row).await?;
        Ok(Model {
            client_key_sealed,
            ..row
        })
    }

    fn check_changed(&self, stored: &Model, row: &Model) -> Result<(), Error> {
        let of_the_flow = |row: &Model| {
            (
                row.config_json.clone(),
                row.client_id.clone(),
                row.client_secret_sealed.is_some(),
            )
        };
        if of_the_flow(stored) == of_the_flow(row) {
            // Nothing that the type has a say in: a row of an unknown type can be renamed and
            // disabled.
            return Ok(());
        }
        let provider_type = self.type_of(&row.provider_type)?;
        let instance = |row: &Model| {
            let config = as_object(&row.config_json.0)?;
            Ok::<_, Error>(config::derived_external_id(
                provider_type,
                &row.slug,
                config,
            ))
        };
        checked(
            provider_type,
            &ProviderInput {
                slug: &row.slug,
                config: as_object(&row.config_json.0)?,
                client_id: row.client_id.as_deref(),
                has_client_secret: row.client_secret_sealed.is_some(),
                borrows_client: row.client_of.is_some(),
                external_id: None,
                allow_http: &*self.allow_http,
            },
        )?;
        if instance(stored)? == instance(row)? {
            return Ok(());
        }
        let fields = config::instance_fields(provider_type).join(", ");
        Err(Error::refused(
            RefusalCode::Immutable,
            &["input", "config"],
            format!(
                "{fields} says which instance this provider is, and is fixed: it is part of the \
                 key of every identity here. Create another provider for another instance"
            ),
        ))
    }

    /// Without its secrets: they are sealed in the transaction that stores them.
    fn new_row(
        &self,
        new: &NewProvider,
        provider_type: &ProviderType,
        external_id: String,
    ) -> Model {
        let id = ProviderId::new(&self.clock);
        let now = self.clock.now();
        Model {
            id,
            slug: new.slug.clone(),
            provider_type: provider_type.key.clone(),
            external_id,
            name: new
                .name
                .clone()
                .unwrap_or_else(|| provider_type.name.clone()),
            config_json: Json(new.config.clone()),
            client_id: new.client_id.clone(),
            client_secret_sealed: None,
            client_key_sealed: None,
            organization_id: None,
            client_of: new.client_of,
            enabled: new.enabled,
            allows_sign_in: new.allows_sign_in,
            allows_multiple_per_user: new.allows_multiple_per_user,
            sign_in_json: new.sign_in.clone().map(Json),
            managed_by: ManagedBy::Api,
            version: 1,
            date_added: now,
            date_updated: now,
        }
    }

    async fn seal(&self, tx: &Tx, id: ProviderId, secret: &SecretString) -> Result<Sealed, Error> {
        let sealing = self.vault.sealing(tx).await?;
        Ok(sealing.seal(&secret_place(&id), secret.expose_secret().as_bytes()))
    }

    /// What the row keeps as its client's key: the one that it has, or a new one.
    async fn client_key(&self, tx: &Tx, row: &Model) -> Result<Option<Sealed>, Error> {
        if !client_key::is_used(&row.config_json.0) {
            return Ok(None);
        }
        if let Some(stored) = &row.client_key_sealed {
            return Ok(Some(stored.clone()));
        }
        let sealing = self.vault.sealing(tx).await?;
        Ok(Some(client_key::made(&sealing, row.id, &self.clock)))
    }

    fn type_of(&self, key: &str) -> Result<&ProviderType, Error> {
        self.catalog.get(key).ok_or_else(|| {
            let known: Vec<&str> = self
                .catalog
                .iter()
                .map(|known| known.key.as_str())
                .collect();
            Error::bad_input(
                "input.type",
                format!(
                    "{key:?} is no provider type; there are {}",
                    known.join(", ")
                ),
            )
        })
    }
}

/// Where a provider's client secret belongs.
pub(super) const fn secret_place(id: &ProviderId) -> Place<'_> {
    Place {
        table: "identity_provider",
        row: id.0.as_bytes(),
        column: "client_secret_sealed",
    }
}

pub fn not_found(id: ProviderId) -> Error {
    Error::NotFound {
        what: "identity provider",
        id: id.to_string(),
    }
}

/// The provider, if it is the API's and the caller's to change.
async fn find_own(tx: &Tx, caller: &Caller, id: ProviderId) -> Result<Model, Error> {
    let row = identity_provider::locked(tx, id)
        .await?
        .ok_or_else(|| not_found(id))?;
    if !sees(&caller.viewer, tx, &row).await? {
        return Err(not_found(id));
    }
    caller.viewer.require_within(
        row.organization_id,
        "changing a provider of all organizations",
    )?;
    match row.managed_by {
        ManagedBy::Api => Ok(row),
        ManagedBy::Configuration => Err(Error::refused(
            RefusalCode::ManagedByConfiguration,
            &[],
            format!(
                "the provider {} comes from the configuration file; change it there",
                row.slug
            ),
        )),
    }
}

fn describe(row: &Model) -> Value {
    json!({
        "slug": row.slug,
        "type": row.provider_type,
        "externalId": row.external_id,
        "name": row.name,
        "organizationId": row.organization_id.map(|id| id.to_string()),
        "config": row.config_json.0,
        "clientId": row.client_id,
        "hasClientSecret": row.client_secret_sealed.is_some(),
        "clientOf": row.client_of.map(|id| id.to_string()),
        "enabled": row.enabled,
        "allowsSignIn": row.allows_sign_in,
        "allowsMultiplePerUser": row.allows_multiple_per_user,
        "signIn": row.sign_in_json.as_ref().map(|json| &json.0),
        "version": row.version,
    })
}
