//! A browser that goes from host to host: it keeps cookies, goes where it is sent on, and presses
//! the buttons of the pages that it gets.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::app::App;
use super::marks;
use super::world::{hidden_fields, unescaped};

/// Addresses that one step may lead through.
const MOST_STEPS: usize = 20;

pub struct Walker {
    http: Client,
    /// What the addresses of the server's own pages begin with.
    server: String,
    cookies: Vec<Cookie>,
    /// Every address that it was at.
    pub been: Vec<Url>,
}

/// Ports don't count: RFC 6265 §8.5.
#[derive(Debug)]
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
}

/// Where a walk has ended.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub status: StatusCode,
    pub text: String,
}

impl Page {
    #[track_caller]
    pub fn shows(&self, text: &str) {
        assert!(
            text_of(&self.text).contains(text),
            "{text:?} was expected: {self:?}"
        );
    }

    /// It is the page of a refusal, with this code.
    #[track_caller]
    pub fn is_refused(&self, status: u16, code: &str) {
        let code = format!("<code>{code}</code>");
        assert!(self.text.contains(&code), "{code} was expected: {self:?}");
        assert_eq!(self.status.as_u16(), status, "{self:?}");
    }
}

impl Walker {
    pub fn new(app: &App) -> Self {
        Self {
            http: app.http().clone(),
            server: app.url("/"),
            cookies: Vec::new(),
            been: Vec::new(),
        }
    }

    /// Opens an address.
    pub async fn open(&mut self, url: &str) -> Page {
        self.walk(Method::GET, url.parse().unwrap(), None).await
    }

    /// Presses the button with these words, after having filled in these fields of its form.
    pub async fn press(&mut self, page: &Page, words: &str, fields: &[(&str, &str)]) -> Page {
        let forms = page.text.split("<form ").skip(1);
        let (form, button) = forms
            .filter_map(|rest| rest.split("</form>").next())
            .find_map(|form| Some((form, button_of(form, words)?)))
            .unwrap_or_else(|| panic!("no button {words:?}: {page:?}"));
        let action = attribute(form, "action").unwrap();
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(hidden_fields(form));
        body.extend_pairs(fields);
        body.extend_pairs(attribute(button, "name").zip(attribute(button, "value")));
        let origin = page.url.origin().ascii_serialization();
        let url = page.url.join(&action).unwrap();
        self.walk(Method::POST, url, Some((origin, body.finish())))
            .await
    }

    /// Who is signed in at the server, by GraphQL: a reference, or null.
    pub async fn viewer(&self, app: &App) -> Value {
        let url: Url = app.url("/graphql").parse().unwrap();
        let request = self
            .http
            .post(url.clone())
            .header("x-requested-with", "XMLHttpRequest")
            .header(COOKIE, self.cookies_for(&url))
            .json(&json!({ "query": "{ viewer { ... on User { entityRef } } }" }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["data"]["viewer"]["entityRef"].clone()
    }

    async fn walk(&mut self, method: Method, url: Url, form: Option<(String, String)>) -> Page {
        let (mut method, mut url, mut form) = (method, url, form);
        for _ in 0..MOST_STEPS {
            self.been.push(url.clone());
            let mut request = self
                .http
                .request(method, url.clone())
                .header("accept", "text/html")
                .header(COOKIE, self.cookies_for(&url));
            if let Some((origin, body)) = form.take() {
                request = request
                    .header("origin", origin)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body);
            }
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status(), response.headers().clone());
            for cookie in headers.get_all(SET_COOKIE) {
                self.keep(&url, cookie.to_str().unwrap());
            }
            let location = headers.get(LOCATION);
            let location = location.map(|value| value.to_str().unwrap().to_owned());
            let text = response.text().await.unwrap();
            // A provider's pages and the way back from them have codes in them.
            if url.as_str().starts_with(&self.server) {
                marks::answers::check_page(&headers, &text);
            }
            let refresh = text.split("content=\"0; url=").nth(1);
            let refresh = refresh.map(|rest| unescaped(rest.split('"').next().unwrap()));
            let Some(next) = location.or(refresh) else {
                return Page { url, status, text };
            };
            (method, url) = (Method::GET, url.join(&next).unwrap());
        }
        panic!("it leads on and on: {:?}", self.been);
    }

    fn keep(&mut self, url: &Url, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let mut new = Cookie {
            host: url.host_str().unwrap().to_owned(),
            path: "/".to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let mut is_over = false;
        for (attribute, value) in parts.filter_map(|part| part.split_once('=')) {
            match attribute.to_ascii_lowercase().as_str() {
                "path" => value.clone_into(&mut new.path),
                "max-age" => is_over |= value == "0",
                "expires" => is_over |= value.contains(" 1970 "),
                _ => {}
            }
        }
        self.cookies
            .retain(|old| (&old.host, &old.path, &old.name) != (&new.host, &new.path, &new.name));
        if !is_over && !new.value.is_empty() {
            self.cookies.push(new);
        }
    }

    fn cookies_for(&self, url: &Url) -> String {
        // RFC 6265 §5.1.4.
        let below = |path: &str| {
            let rest = url.path().strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
        };
        let fitting = self
            .cookies
            .iter()
            .filter(|cookie| url.host_str() == Some(&cookie.host) && below(&cookie.path));
        let pairs: Vec<String> = fitting
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        pairs.join("; ")
    }
}

/// The attributes of the form's button with these words.
fn button_of<'a>(form: &'a str, words: &str) -> Option<&'a str> {
    let buttons = form.split("<button").skip(1);
    let mut buttons = buttons.filter_map(|rest| rest.split("</button>").next()?.split_once('>'));
    let (attributes, _) = buttons.find(|(_, said)| text_of(said) == words)?;
    Some(attributes)
}

/// The first attribute of that name.
fn attribute(html: &str, name: &str) -> Option<String> {
    let rest = html.split(&format!("{name}=\"")).nth(1)?;
    Some(unescaped(rest.split('"').next()?))
}

fn text_of(html: &str) -> String {
    let parts = html.split('<').enumerate();
    let texts = parts.map(|(index, part)| match index {
        0 => part,
        _ => part.split_once('>').map_or("", |(_, text)| text),
    });
    unescaped(&texts.collect::<String>())
}
