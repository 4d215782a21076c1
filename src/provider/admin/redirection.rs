//! Who may send people, secrets and tokens elsewhere than they went until now.

use super::ProviderAdmin;
use crate::access::{Caller, Scope};
use crate::database::identity_provider::Model;
use crate::database::{Tx, identity};
use crate::error::{Error, RefusalCode};

impl ProviderAdmin {
    /// Whoever says where people are sent, and who is asked about them, says who they are; a secret
    /// goes to nobody whom it wasn't given for; and where accounts are linked, their refresh tokens
    /// go where the client's secret goes.
    ///
    /// # Errors
    /// `FORBIDDEN` without the scope `admin`; refused with `INVALID_CONFIGURATION` where the secret
    /// has to be given again.
    pub(super) async fn check_redirection(
        &self,
        tx: &Tx,
        caller: &Caller,
        stored: &Model,
        row: &Model,
    ) -> Result<(), Error> {
        let is_redirected = row.config_json != stored.config_json
            || row.client_id != stored.client_id
            || row.client_of != stored.client_of;
        if stored.allows_sign_in && is_redirected {
            let what = "changing the config or client of a provider that people sign in with";
            caller.viewer.require(Scope::Admin, what)?;
        }
        let servers = |row: &Model| {
            let known = self.catalog.get(&row.provider_type);
            known.map(|known| known.token_servers(&row.config_json.0))
        };
        if servers(row) == servers(stored) {
            return Ok(());
        }
        let keeps_secret = row.client_secret_sealed == stored.client_secret_sealed;
        if stored.client_secret_sealed.is_some() && keeps_secret {
            return Err(Error::refused(
                RefusalCode::InvalidConfiguration,
                &["input", "clientSecret"],
                "clientSecret has to be given again: it would go to another server than it was \
                 given for",
            ));
        }
        let linked = identity::Filter {
            provider_id: Some(stored.id),
            ..identity::Filter::default()
        };
        if identity::first(tx, &linked).await?.is_some() {
            let what = "sending the refresh tokens of linked accounts to another server";
            caller.viewer.require(Scope::Admin, what)?;
            caller.viewer.require_unbound(what)?;
        }
        Ok(())
    }
}
