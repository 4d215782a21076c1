//! Opening and sealing the tokens of a row.

use secrecy::SecretString;

use super::Credentials;
use crate::database::Sealed;
use crate::database::credential::Model;
use crate::error::Error;
use crate::identity::account::{access_token_place, refresh_token_place};
use crate::vault::Place;

impl Credentials {
    pub(super) fn open_access_token(&self, row: &Model) -> Result<SecretString, Error> {
        let place = access_token_place(&row.identity_id);
        self.open(&place, &row.access_token_sealed)
    }

    pub(super) fn open_refresh_token(&self, row: &Model) -> Result<Option<SecretString>, Error> {
        let place = refresh_token_place(&row.identity_id);
        let sealed = row.refresh_token_sealed.as_ref();
        sealed.map(|sealed| self.open(&place, sealed)).transpose()
    }

    fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<SecretString, Error> {
        let opened = self.0.parts.flows.vault.open(place, sealed);
        let opened = opened.map_err(|cause| Error::Internal(cause.into()))?;
        let text = std::str::from_utf8(&opened).map_err(|cause| Error::Internal(cause.into()))?;
        Ok(text.into())
    }
}
