//! The account of a link on its way, with its tokens: sealed while the link waits. The one column
//! of these links that is sealed is `pending_link.account_sealed`.

use std::collections::BTreeMap;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Time;
use crate::database::Sealed;
use crate::database::pending_link::Model;
use crate::error::Error;
use crate::provider::account::{Account, Profile, Tokens};
use crate::vault::{Place, Sealing, Vault};

/// As it is sealed. A server of another version may have to read it, within ten minutes.
#[derive(Serialize, Deserialize)]
struct Kept {
    external_id: String,
    email: Option<String>,
    email_verified: Option<bool>,
    username: Option<String>,
    display_name: Option<String>,
    attributes: BTreeMap<String, String>,
    access_token: String,
    refresh_token: Option<String>,
    token_type: String,
    expires_at: Option<Time>,
    refresh_token_expires_at: Option<Time>,
    scopes: Vec<String>,
}

/// Seals the account for the row of that link.
///
/// # Errors
/// `INTERNAL`.
pub fn seal(sealing: &Sealing<'_>, link: Uuid, account: &Account) -> Result<Sealed, Error> {
    let json = serde_json::to_vec(&Kept::of(account)).map_err(anyhow::Error::from)?;
    Ok(sealing.seal(&place(&link), &Zeroizing::new(json)))
}

/// The account that a link waits with.
///
/// # Errors
/// `INTERNAL`, where there is none or it doesn't open.
pub(super) fn open(vault: &Vault, link: &Model) -> Result<Account, Error> {
    let broken = |what: &str| Error::Internal(anyhow::anyhow!("a link's account {what}"));
    let sealed = link.account_sealed.as_ref();
    let sealed = sealed.ok_or_else(|| broken("is not there"))?;
    let opened = vault
        .open(&place(&link.id), sealed)
        .map_err(anyhow::Error::from)?;
    // The library's words could show what was sealed.
    let kept: Kept = serde_json::from_slice(&opened).map_err(|_| broken("can't be read"))?;
    Ok(kept.account())
}

fn place(link: &Uuid) -> Place<'_> {
    Place {
        table: "pending_link",
        row: link.as_bytes(),
        column: "account_sealed",
    }
}

impl Kept {
    fn of(account: &Account) -> Self {
        let Account {
            external_id,
            profile,
            tokens,
        } = account.clone();
        let Profile {
            email,
            email_verified,
            username,
            display_name,
            attributes,
        } = profile;
        let Tokens {
            access_token,
            refresh_token,
            token_type,
            expires_at,
            refresh_token_expires_at,
            scopes,
        } = tokens;
        let text = |token: &SecretString| token.expose_secret().to_owned();
        Self {
            external_id,
            email,
            email_verified,
            username,
            display_name,
            attributes,
            access_token: text(&access_token),
            refresh_token: refresh_token.as_ref().map(text),
            token_type,
            expires_at,
            refresh_token_expires_at,
            scopes,
        }
    }

    fn account(self) -> Account {
        Account {
            external_id: self.external_id,
            profile: Profile {
                email: self.email,
                email_verified: self.email_verified,
                username: self.username,
                display_name: self.display_name,
                attributes: self.attributes,
            },
            tokens: Tokens {
                access_token: self.access_token.into(),
                refresh_token: self.refresh_token.map(SecretString::from),
                token_type: self.token_type,
                expires_at: self.expires_at,
                refresh_token_expires_at: self.refresh_token_expires_at,
                scopes: self.scopes,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::Clock;
    use crate::database::flow::OnConflict;
    use crate::database::pending_link::Step;
    use crate::id::{ProviderId, UserId};
    use crate::vault::{KeyRing, MasterKey};

    #[test]
    fn an_account_comes_back_whole_and_at_its_own_link_alone() {
        let clock = Clock::default();
        let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
        let vault = Vault::new(keys, clock.clone());
        let account = Account {
            external_id: "4711".to_owned(),
            profile: Profile {
                email: Some("ada@example.org".to_owned()),
                email_verified: Some(false),
                username: Some("ada".to_owned()),
                display_name: None,
                attributes: BTreeMap::from([("profile".to_owned(), "x".to_owned())]),
            },
            tokens: Tokens {
                access_token: "canary-a".into(),
                refresh_token: Some("canary-r".into()),
                token_type: "Bearer".to_owned(),
                expires_at: Some(clock.now()),
                refresh_token_expires_at: Some(clock.now() + TimeDelta::days(30)),
                scopes: vec!["openid".to_owned()],
            },
        };
        let id = clock.new_uuid();
        let sealed = seal(&vault.sealing_for_tests(), id, &account).unwrap();
        let mut link = Model {
            id,
            step: Step::Found,
            application: Some("app".to_owned()),
            organization_id: None,
            session_id: None,
            user_id: UserId::new(&clock),
            provider_id: ProviderId::new(&clock),
            return_to: "https://app.example/".to_owned(),
            scopes_json: None,
            on_conflict: OnConflict::Fail,
            token_hash: None,
            browser_hash: None,
            code_hash: None,
            account_sealed: Some(sealed),
            account_hash: None,
            date_added: clock.now(),
            expires_at: clock.now(),
        };
        let opened = open(&vault, &link).unwrap();
        assert_eq!(opened.external_id, account.external_id);
        assert_eq!(opened.profile, account.profile);
        let text = |token: &SecretString| token.expose_secret().to_owned();
        assert_eq!(text(&opened.tokens.access_token), "canary-a");
        assert_eq!(
            opened.tokens.refresh_token.as_ref().map(text).unwrap(),
            "canary-r"
        );
        assert_eq!(opened.tokens.expires_at, account.tokens.expires_at);
        assert_eq!(
            opened.tokens.refresh_token_expires_at,
            account.tokens.refresh_token_expires_at
        );
        assert_eq!(opened.tokens.scopes, account.tokens.scopes);
        assert!(!format!("{link:?}").contains("canary"));
        link.id = clock.new_uuid();
        assert!(open(&vault, &link).is_err());
    }
}
