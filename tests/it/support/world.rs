//! A server with the make-believe provider beside it, and browsers that go between the two.

use std::collections::BTreeMap;
use std::sync::Mutex;

use lanyard::clock::Clock;
use lanyard::demo::provider::{Handle, Issuer, Provider};
use lanyard::id::UserId;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use url::Url;

use super::app::{ADMIN, App, Db, MASTER_KEY};
use super::client::text;
use super::marks;
use super::postgres;
use super::process::{Process, command};

/// A server at which people sign in by Acme and Hub.
pub struct World {
    pub app: App,
    pub provider: Handle,
    provider_clock: Clock,
    /// Dropped, it tells the provider to stop.
    _stop: oneshot::Sender<()>,
}

impl World {
    pub async fn start(on: Db) -> Self {
        Self::start_with(on, &[]).await
    }

    /// With further settings of the server.
    pub async fn start_with(on: Db, settings: &[(&str, &str)]) -> Self {
        let (provider, clock) = bind().await;
        let allowed = allow(&provider);
        let mut all = vec![("LANYARD_EGRESS_ALLOW", allowed.as_str())];
        all.extend_from_slice(settings);
        let world = Self::beside(App::start_with(on, &all).await, provider, clock);
        world.configure_both().await;
        world
    }

    /// With the server in a process of its own, at its most talkative, that may also speak to
    /// `allowed`.
    pub async fn start_process(
        on: Db,
        allowed: &str,
        settings: &[(&str, &str)],
    ) -> (Self, Process) {
        let (provider, clock) = bind().await;
        let folder = TempDir::new().unwrap();
        let database_url = match on {
            Db::Sqlite => format!("sqlite:{}", folder.path().join("lanyard.db").display()),
            Db::Postgres => postgres::new_database().await,
        };
        let mut command = command(folder.path(), &["serve"]);
        command
            .env("LANYARD_LOG", "trace")
            .env("LANYARD_DATABASE_URL", &database_url)
            .env("LANYARD_MASTER_KEY", MASTER_KEY)
            .env("LANYARD_BOOTSTRAP_API_KEY", ADMIN)
            .env(
                "LANYARD_EGRESS_ALLOW",
                format!("{},{allowed}", allow(&provider)),
            )
            .envs(settings.iter().copied());
        let process = Process::spawn(command, folder).await;
        let app = App::of(&process, database_url).await;
        let world = Self::beside(app, provider, clock);
        world.configure_both().await;
        (world, process)
    }

    async fn configure_both(&self) {
        for issuer in Issuer::ALL {
            let by_email = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }]);
            let sign_in = json!({ "resolvers": by_email });
            self.configure(issuer, json!({ "signIn": sign_in })).await;
        }
    }

    /// On a database that knows the issuers already: `make` makes it, for this provider.
    pub async fn start_at(make: impl AsyncFnOnce(&Handle) -> String) -> Self {
        let (provider, clock) = bind().await;
        let database_url = make(&provider.handle()).await;
        let allowed = allow(&provider);
        let settings = [("LANYARD_EGRESS_ALLOW", allowed.as_str())];
        let app = App::start_at(&database_url, &settings).await;
        let world = Self::beside(app, provider, clock);
        for issuer in Issuer::ALL {
            world.allow_redirect(issuer.slug(), issuer);
        }
        world
    }

    fn beside(app: App, provider: Provider, provider_clock: Clock) -> Self {
        let handle = provider.handle();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(provider.run(async { drop(stopped.await) }));
        Self {
            app,
            provider: handle,
            provider_clock,
            _stop: stop,
        }
    }

    fn allow_redirect(&self, slug: &str, issuer: Issuer) {
        let redirect_uri = self.app.url(&format!("/auth/{slug}/callback"));
        self.provider.allow_redirect(issuer, redirect_uri);
    }

    /// Makes the provider's row, with more input.
    async fn configure(&self, issuer: Issuer, more: Value) -> String {
        self.configure_as(issuer.slug(), issuer, more).await
    }

    /// A provider of the organization's own, at the same issuer as the shared one, that looks for
    /// people by their addresses.
    pub async fn own_provider(&self, organization: &str, slug: &str, issuer: Issuer) -> String {
        let by_email = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }]);
        let more = json!({
            "organizationId": organization,
            "name": format!("Provider {slug}"),
            "signIn": { "resolvers": by_email },
        });
        self.configure_as(slug, issuer, more).await
    }

    async fn configure_as(&self, slug: &str, issuer: Issuer, more: Value) -> String {
        self.allow_redirect(slug, issuer);
        let client = self.provider.client(issuer);
        let mut input = json!({
            "type": "oidc",
            "name": issuer.name(),
            "config": {
                "issuer": self.provider.issuer(issuer).as_str(),
                "scopes": ["openid", "profile", "email", "offline_access"],
            },
            "clientId": client.id,
            "clientSecret": client.secret.expose_secret(),
            "allowsSignIn": true,
        });
        let input_fields = input.as_object_mut().unwrap();
        input_fields.extend(more.as_object().unwrap().clone());
        self.app.provider_with(slug, input).await
    }

    /// Changes a provider's row.
    pub async fn reconfigure(&self, slug: &str, change: Value) {
        self.app.reconfigure(slug, change).await;
    }

    /// A person of the directory, `user:default/name`, with this address.
    pub async fn person(&self, name: &str, email: &str) -> UserId {
        let payload = self
            .app
            .ask(
                "mutation($input: UpsertUserInput!) {
                    upsertUser(input: $input) { user { id } userErrors { code } }
                }",
            )
            .variables(json!({ "input": {
                "entityRef": format!("user:default/{name}"), "email": email, "displayName": name,
            } }))
            .data()
            .await;
        text(&payload, "/upsertUser/user/id").parse().unwrap()
    }

    /// Time passes, for the server and for the provider.
    pub fn pass(&self, time: chrono::TimeDelta) {
        self.app.clock.advance(time);
        self.provider_clock.advance(time);
    }

    /// A browser that nobody has used yet.
    pub fn browser(&self) -> Browser<'_> {
        Browser {
            world: self,
            cookies: Mutex::default(),
        }
    }
}

async fn bind() -> (Provider, Clock) {
    let clock = Clock::default();
    let provider = Provider::bind(([127, 0, 0, 1], 0).into(), clock.clone()).await;
    (provider.unwrap(), clock)
}

/// The server may speak to it.
fn allow(provider: &Provider) -> String {
    format!("localhost:{}", provider.address().port())
}

/// Keeps cookies, and follows nothing by itself.
pub struct Browser<'a> {
    world: &'a World,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What a browser got.
#[derive(Debug)]
pub struct Seen {
    pub status: StatusCode,
    /// Where it is sent on to.
    pub location: Option<String>,
    pub set_cookies: Vec<String>,
    pub text: String,
}

impl Seen {
    /// It is the page of a refusal, with this code.
    #[track_caller]
    pub fn is_refused(&self, status: u16, code: &str) {
        assert!(
            self.text.contains(&format!("<code>{code}</code>")),
            "{code} was expected: {self:?}"
        );
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert!(self.text.starts_with("<!DOCTYPE html>"), "{self:?}");
    }

    /// Where a page leads that goes on by itself.
    #[track_caller]
    pub fn goes_on_to(&self) -> Url {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let refresh = self.text.split("0; url=").nth(1);
        let refresh = refresh.unwrap_or_else(|| panic!("no page that goes on: {self:?}"));
        Url::parse(&unescaped(refresh.split('"').next().unwrap())).unwrap()
    }

    #[track_caller]
    pub fn leads_to(&self, address: &str) {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{self:?}");
        assert_eq!(self.location.as_deref(), Some(address), "{self:?}");
    }
}

impl Browser<'_> {
    pub async fn get(&self, path: &str) -> Seen {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a form from a page of the server's own.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let origin = self.world.app.url("");
        self.send(Method::POST, path, &[("origin", &origin)], Some(fields))
            .await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<&[(&str, &str)]>,
    ) -> Seen {
        let url = match path.strip_prefix('/') {
            Some(_) => self.world.app.url(path),
            None => path.to_owned(),
        };
        let mut request = self.world.app.http().request(method, url);
        request = request
            .header("accept", "text/html")
            .header("user-agent", "Browser of a test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookie_header();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        if let Some(form) = form {
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(form);
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.finish());
        }
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        let set_cookies: Vec<String> = headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        for cookie in &set_cookies {
            self.keep(cookie);
        }
        let (status, is_ours) = (response.status(), self.is_ours(response.url()));
        let text = response.text().await.unwrap();
        if is_ours {
            marks::answers::check_page(&headers, &text);
        }
        Seen {
            status,
            location: headers
                .get(LOCATION)
                .map(|value| value.to_str().unwrap().to_owned()),
            set_cookies,
            text,
        }
    }

    /// A provider's pages may have codes in them.
    fn is_ours(&self, url: &Url) -> bool {
        url.as_str().starts_with(&self.world.app.url("/"))
    }

    fn keep(&self, cookie: &str) {
        let (name, rest) = cookie.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        let mut cookies = self.cookies.lock().unwrap();
        if cookie.contains("Max-Age=0;") || value.is_empty() {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    pub fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        let pairs: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// The values of the cookies, by their names.
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().unwrap().clone()
    }

    /// Begins a sign-in: the address of the provider's page.
    pub async fn begin(&self, issuer: Issuer) -> Url {
        self.begin_with(issuer, "").await
    }

    /// The same with more parameters, `&return_to=…`.
    pub async fn begin_with(&self, issuer: Issuer, more: &str) -> Url {
        self.begin_at(issuer.slug(), more).await
    }

    async fn begin_at(&self, slug: &str, more: &str) -> Url {
        let path = format!("/auth/{slug}/start?intent=sign_in{more}");
        let seen = self.get(&path).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{seen:?}");
        Url::parse(&seen.location.unwrap()).unwrap()
    }

    /// Opens the address that the provider sends the browser back to.
    pub async fn come_back(&self, callback: &Url) -> Seen {
        self.get(&format!(
            "{}?{}",
            callback.path(),
            callback.query().unwrap_or_default()
        ))
        .await
    }

    /// The whole way to a provider and back, as the person of that username there.
    pub async fn sign_in(&self, issuer: Issuer, username: &str) -> Seen {
        let authorization = self.begin(issuer).await;
        let callback = self
            .world
            .provider
            .decide(&authorization, username)
            .unwrap();
        self.come_back(&callback).await
    }

    /// Up to the way back from the provider of that slug.
    pub async fn way_back_from(&self, slug: &str, username: &str) -> Url {
        let authorization = self.begin_at(slug, "").await;
        let provider = &self.world.provider;
        provider.decide(&authorization, username).unwrap()
    }

    /// The whole way to the provider of that slug and back.
    pub async fn sign_in_at(&self, slug: &str, username: &str) -> Seen {
        let callback = self.way_back_from(slug, username).await;
        self.come_back(&callback).await
    }

    /// The whole way of a link at the provider of that slug.
    pub async fn link_at(&self, slug: &str, username: &str) -> Seen {
        let authorization = self.begin_link_at(slug, "").await;
        let provider = &self.world.provider;
        let callback = provider.decide(&authorization, username).unwrap();
        self.agree(self.come_back(&callback).await).await
    }

    /// Confirms a link on the page that asks: the address of the provider's page.
    pub async fn begin_link(&self, issuer: Issuer) -> Url {
        self.begin_link_with(issuer, "").await
    }

    pub async fn begin_link_with(&self, issuer: Issuer, more: &str) -> Url {
        self.begin_link_at(issuer.slug(), more).await
    }

    pub async fn begin_link_at(&self, slug: &str, more: &str) -> Url {
        let path = format!("/auth/{slug}/start");
        let page = self.get(&format!("{path}?intent=link{more}")).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        self.send_form(&path, &page, &[]).await.goes_on_to()
    }

    /// The whole way of a link, with the account that was found agreed to.
    pub async fn link(&self, issuer: Issuer, username: &str) -> Seen {
        self.link_at(issuer.slug(), username).await
    }

    /// Who this browser is signed in as, by GraphQL: a reference, or null.
    pub async fn viewer(&self) -> Value {
        let url = self.world.app.url("/graphql");
        let request = self
            .world
            .app
            .http()
            .post(url)
            .header("x-requested-with", "XMLHttpRequest")
            .header(COOKIE, self.cookie_header())
            .json(&json!({ "query": "{ viewer { ... on User { entityRef } } }" }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["data"]["viewer"]["entityRef"].clone()
    }
}

/// Names and values of a page's hidden fields.
pub fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let attribute = |input: &str, name: &str| {
        let rest = input.split(&format!("{name}=\"")).nth(1)?;
        Some(unescaped(rest.split('"').next()?))
    };
    page.split("<input ")
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .filter(|input| input.contains("type=\"hidden\""))
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
        .collect()
}

/// What a text of a page stands for.
pub fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
