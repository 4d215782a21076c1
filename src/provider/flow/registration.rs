//! What a provider's row says that a flow needs. A row is not trusted to be complete: its type
//! may be unknown to this server, or have no flow.

use secrecy::SecretString;
use serde_json::Value;

use super::Flows;
use super::error::{FlowError, Refusal};
use crate::database::identity_provider::{self, Model};
use crate::error::Error;
use crate::provider::admin::secret_place;
use crate::provider::catalog::{FlowRules, ProviderType};
use crate::provider::client_key::ClientKey;
use crate::provider::config::AuthMethod;
use crate::provider::relying_party::Registration;

/// A provider's row, and the row whose client it borrows, if it does.
#[derive(Debug)]
pub struct Party {
    pub row: Model,
    pub lender: Option<Model>,
}

impl Party {
    /// Whose client, redirect URI and secret are used.
    pub fn client(&self) -> &Model {
        self.lender.as_ref().unwrap_or(&self.row)
    }
}

impl Flows {
    /// The row with the row that lends it its client.
    pub async fn party(&self, row: Model) -> Result<Party, Error> {
        let lender = match row.client_of {
            None => None,
            Some(id) => {
                let found = identity_provider::by_ids(self.database.reader(), &[id]).await?;
                found.into_iter().next()
            }
        };
        Ok(Party { row, lender })
    }

    /// What we are registered as at the provider.
    ///
    /// # Errors
    /// `PROVIDER_UNAVAILABLE` where the row can't be used as it is; `INTERNAL` where its secret
    /// doesn't open.
    pub fn registration<'a>(&'a self, party: &'a Party) -> Result<Registration<'a>, FlowError> {
        let (provider_type, rules, client_id) = self.usable(party)?;
        let client = party.client();
        Ok(Registration {
            provider_type,
            rules,
            config: provider_type.completed(&party.row.config_json.0),
            client_id: client_id.to_owned(),
            auth_method: client.config_json.0.as_object().and_then(AuthMethod::of),
            client_secret: self.client_secret(client)?,
            client_key: ClientKey::of(client, &self.vault)?,
            redirect_uri: self.redirect_uri(&client.slug),
        })
    }

    /// Type, flow and client id of a row that flows can begin at.
    pub(super) fn usable<'a>(
        &'a self,
        party: &'a Party,
    ) -> Result<(&'a ProviderType, &'a FlowRules, &'a str), FlowError> {
        let Party { row, .. } = party;
        let unusable = |why: &str| {
            let slug = &row.slug;
            Refusal::ProviderUnavailable.because(format!("the provider {slug} {why}"))
        };
        let client = party.client();
        if !row.enabled || !client.enabled {
            return Err(unusable("is disabled, or the one whose client it borrows"));
        }
        let provider_type = self.catalog.get(&row.provider_type);
        let provider_type =
            provider_type.ok_or_else(|| unusable("is of a type that this server doesn't know"))?;
        let rules = provider_type.flow.as_ref();
        let rules = rules.ok_or_else(|| unusable("has no flow"))?;
        if row.client_of.is_some() {
            // The secret goes where the type says: the borrower's config has no say in it.
            let lends = |lender: &Model| {
                lender.provider_type == row.provider_type
                    && lender.client_of.is_none()
                    && (lender.organization_id.is_none()
                        || lender.organization_id == row.organization_id)
            };
            if !provider_type.shares_clients() || !party.lender.as_ref().is_some_and(lends) {
                return Err(unusable("borrows a client that it may not use"));
            }
        }
        let client_id = client.client_id.as_deref();
        let client_id = client_id.ok_or_else(|| unusable("has no client id"))?;
        Ok((provider_type, rules, client_id))
    }

    /// What to ask for: the row's scopes, or those of its type.
    pub fn scopes(&self, row: &Model) -> Vec<String> {
        let configured = config(row, "scopes").and_then(Value::as_array);
        let configured = configured.map(|scopes| {
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

    fn client_secret(&self, row: &Model) -> Result<Option<SecretString>, FlowError> {
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
pub(super) fn response_mode(row: &Model) -> Option<&str> {
    config(row, "response_mode").and_then(Value::as_str)
}

/// What the provider is to ask the person, where the row says.
pub(super) fn prompt(row: &Model) -> Option<&str> {
    config(row, "prompt").and_then(Value::as_str)
}

fn config<'a>(row: &'a Model, key: &str) -> Option<&'a Value> {
    row.config_json.0.get(key)
}
