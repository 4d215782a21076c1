//! The pages of a link, and their buttons; and links that applications start.

use lanyard::clock::Clock;
use lanyard::database::flow::OnConflict;
use lanyard::database::pending_link::{self, Model, Step};
use lanyard::provider::account::{Account, Profile, Tokens};
use lanyard::sign_in::connect::seal;
use lanyard::vault::{KeyRing, MasterKey, Vault};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::app::App;
use super::client::{Answer, text};
use super::world::{Browser, Seen, hidden_fields};

/// Where the application of the tests is.
pub const ORIGIN: &str = "https://app.example";
/// Where its links lead back to.
pub const RETURN_TO: &str = "https://app.example/linked?tab=accounts";

impl Browser<'_> {
    /// Sends the form of a page, with the value of a button where it has several.
    pub async fn send_form(&self, path: &str, page: &Seen, more: &[(&str, &str)]) -> Seen {
        let fields = hidden_fields(&page.text);
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = fields.chain(more.iter().copied()).collect();
        self.post(path, &fields).await
    }

    /// Opens a page and presses one of its buttons; or what was seen instead of the page.
    pub async fn press(&self, path: &str, button: &str) -> Seen {
        let page = self.get(path).await;
        if page.status != 200 {
            return page;
        }
        self.send_form(path, &page, &[("answer", button)]).await
    }

    /// Agrees to the account that was found, where the way back from a provider has led to that
    /// page.
    pub async fn agree(&self, back: Seen) -> Seen {
        match found(&back) {
            Some(page) => self.press(&page, "connect").await,
            None => back,
        }
    }

    /// Says that it is the wrong one.
    pub async fn refuse(&self, back: &Seen) -> Seen {
        let page = found(back).unwrap_or_else(|| panic!("no account was found: {back:?}"));
        self.press(&page, "cancel").await
    }

    /// Agrees to what an application asks for: the address of the provider's page.
    pub async fn set_out(&self, connect: &Url) -> Url {
        self.press(connect.path(), "continue").await.goes_on_to()
    }
}

/// Where the page is that shows the account, where a browser was sent there.
pub fn found(back: &Seen) -> Option<String> {
    let location = back.location.clone()?;
    location.starts_with("/connect/found/").then_some(location)
}

/// A parameter that a return address got.
pub fn told(address: &Url, name: &str) -> Option<String> {
    let mut found = address.query_pairs().filter(|(found, _)| found == name);
    let value = found.next().map(|(_, value)| value.into_owned());
    assert!(found.next().is_none(), "{name} is there twice: {address}");
    value
}

impl App {
    /// A key of the application of that name, whose links may lead back to [`ORIGIN`].
    pub async fn application(&self, name: &str, scopes: &[&str]) -> String {
        self.key_with(json!({
            "name": name, "scopes": scopes, "returnOrigins": [ORIGIN],
        }))
        .await
    }

    /// An API key.
    pub async fn key_with(&self, input: Value) -> String {
        let data = self
            .ask("mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { code message } } }")
            .variables(json!({ "input": input }))
            .data()
            .await;
        text(&data, "/createApiKey/secret")
    }

    /// startLink with this input.
    pub async fn start_link(&self, key: &str, input: Value) -> Answer {
        let asked = self.ask(START_LINK).variables(json!({ "input": input }));
        asked.by(key).send().await
    }

    /// The address of a link that must begin, back to [`RETURN_TO`].
    pub async fn started(&self, key: &str, provider: &str, user: &str, more: Value) -> Url {
        let mut input = json!({ "providerId": provider, "userId": user, "returnTo": RETURN_TO });
        let fields = input.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let data = self.start_link(key, input).await.data();
        text(&data, "/startLink/url").parse().unwrap()
    }

    /// completeLink.
    pub async fn complete_link(&self, key: &str, code: &str, user: &str) -> Answer {
        let asked = self.ask(COMPLETE_LINK);
        let asked = asked.variables(json!({ "code": code, "userId": user }));
        asked.by(key).send().await
    }

    /// All links on their way.
    pub async fn pending_links(&self) -> Vec<Model> {
        let rows = pending_link::Entity::find().all(self.database.reader());
        rows.await.unwrap()
    }

    /// A link that waits for its application with this code, past the pages.
    pub async fn agreed_link(&self, new: AgreedLink<'_>) {
        let clock = &self.clock;
        let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
        let vault = Vault::new(keys, clock.clone());
        let id = clock.new_uuid();
        let account = account(clock, new.external_id);
        let row = &Model {
            id,
            step: Step::Agreed,
            application: Some(new.application.to_owned()),
            organization_id: None,
            session_id: None,
            user_id: new.user.parse().unwrap(),
            provider_id: new.provider.parse().unwrap(),
            return_to: RETURN_TO.to_owned(),
            scopes_json: None,
            on_conflict: OnConflict::Fail,
            token_hash: Some(hash(&format!("token of {}", new.code))),
            browser_hash: Some(hash("browser")),
            code_hash: Some(hash(new.code)),
            account_sealed: Some(seal(&vault.sealing_for_tests(), id, &account).unwrap()),
            account_hash: None,
            date_added: clock.now(),
            expires_at: clock.now() + chrono::TimeDelta::minutes(10),
        };
        self.database
            .write(|tx| async move { Ok(pending_link::insert(&tx, row.clone()).await?) })
            .await
            .unwrap();
    }
}

/// What [`App::agreed_link`] makes.
pub struct AgreedLink<'a> {
    pub application: &'a str,
    pub provider: &'a str,
    pub user: &'a str,
    pub external_id: &'a str,
    pub code: &'a str,
}

fn account(clock: &Clock, external_id: &str) -> Account {
    Account {
        external_id: external_id.to_owned(),
        profile: Profile::default(),
        tokens: Tokens {
            access_token: "canary-token-access".into(),
            refresh_token: Some("canary-token-refresh".into()),
            token_type: "Bearer".to_owned(),
            expires_at: Some(clock.now() + chrono::TimeDelta::hours(1)),
            refresh_token_expires_at: None,
            scopes: vec!["openid".to_owned()],
        },
    }
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

pub const START_LINK: &str = "mutation($input: StartLinkInput!) { startLink(input: $input) {
    url expiresAt userErrors { code message field retryable }
} }";

pub const COMPLETE_LINK: &str =
    "mutation($code: String!, $userId: ID!) { completeLink(code: $code, userId: $userId) {
    outcome
    identity { id externalId user { id } provider { id } }
    userErrors { code message field retryable }
} }";
