//! What a provider's row says that a flow needs. A row is not trusted to be complete: its type
//! may be unknown to this server, or have no flow.

use secrecy::SecretString;
use serde_json::Value;

use super::Flows;
use super::error::{FlowError, Refusal};
use crate::database::identity_provider;
use crate::provider::admin::secret_place;
use crate::provider::catalog::Protocol;
use crate::provider::client_key::ClientKey;
use crate::provider::config::AuthMethod;
use crate::provider::oidc::Registration;

impl Flows {
    /// What we are registered as at the provider.
    ///
    /// A row that borrows another's client (`client_of`) would take client, secret and slug from
    /// that row here.
    pub(super) fn registration(
        &self,
        row: &identity_provider::Model,
    ) -> Result<Registration, FlowError> {
        let (issuer, client_id) = self.usable(row)?;
        Ok(Registration {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            auth_method: row.config_json.0.as_object().and_then(AuthMethod::of),
            client_secret: self.client_secret(row)?,
            client_key: ClientKey::of(row, &self.vault)?,
            redirect_uri: self.redirect_uri(&row.slug),
        })
    }

    /// Issuer and client id of a row that flows can begin at.
    pub(super) fn usable<'a>(
        &self,
        row: &'a identity_provider::Model,
    ) -> Result<(&'a str, &'a str), FlowError> {
        let unusable = |why: &str| {
            let slug = &row.slug;
            Err(Refusal::ProviderUnavailable.because(format!("the provider {slug} {why}")))
        };
        if !row.enabled {
            return unusable("is disabled");
        }
        let protocol = self
            .catalog
            .get(&row.provider_type)
            .map(|known| known.protocol);
        match protocol {
            Some(Protocol::Oidc) => {}
            Some(Protocol::OAuth2) => return unusable("speaks OAuth 2.0 without OpenID Connect"),
            Some(Protocol::None) => return unusable("has no flow"),
            None => return unusable("is of a type that this server doesn't know"),
        }
        if row.client_of.is_some() {
            return unusable("borrows its client");
        }
        let Some(issuer) = config(row, "issuer").and_then(Value::as_str) else {
            return unusable("names no issuer");
        };
        let Some(client_id) = &row.client_id else {
            return unusable("has no client id");
        };
        Ok((issuer, client_id))
    }

    /// What to ask for: the row's scopes, or those of its type.
    pub fn scopes(&self, row: &identity_provider::Model) -> Vec<String> {
        let configured = config(row, "scopes")
            .and_then(Value::as_array)
            .map(|scopes| {
                let texts = scopes.iter().filter_map(Value::as_str);
                texts.map(str::to_owned).collect()
            });
        configured.unwrap_or_else(|| {
            let known = self.catalog.get(&row.provider_type);
            known
                .map(|known| known.default_scopes.clone())
                .unwrap_or_default()
        })
    }

    fn client_secret(
        &self,
        row: &identity_provider::Model,
    ) -> Result<Option<SecretString>, FlowError> {
        let Some(sealed) = &row.client_secret_sealed else {
            return Ok(None);
        };
        let opened = self.vault.open(&secret_place(&row.id), sealed);
        let opened = opened.map_err(FlowError::internal)?;
        let text = std::str::from_utf8(&opened).map_err(FlowError::internal)?;
        Ok(Some(text.into()))
    }
}

/// How the provider is to answer, where the row says.
pub(super) fn response_mode(row: &identity_provider::Model) -> Option<&str> {
    config(row, "response_mode").and_then(Value::as_str)
}

/// What the provider is to ask the person, where the row says.
pub(super) fn prompt(row: &identity_provider::Model) -> Option<&str> {
    config(row, "prompt").and_then(Value::as_str)
}

fn config<'a>(row: &'a identity_provider::Model, key: &str) -> Option<&'a Value> {
    row.config_json.0.get(key)
}
