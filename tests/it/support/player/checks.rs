//! What the server must send to a provider of a type: the address that people are sent to, the
//! exchange of the code, and the calls for the account.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use poem::http::Method;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::asked::{Asked, Must, Musts, compare, musts, pairs};
use super::entry::{Entry, UserInfo};
use super::play::{Authorized, Play};
use super::recording::Revocation;
use super::{CLIENT_SECRET, Stage};

/// Checks the address that a person is sent to.
pub fn authorization(stage: &Stage, play: &mut Play, url: &Url, redirect_uri: &str) -> Vec<String> {
    let what = "the authorization request";
    let found = pairs(url.query().unwrap_or_default());
    let endpoint = Url::parse(&stage.authorization_endpoint(&play.config)).unwrap();
    let mut musts = asked_of_people(stage, &play.config, redirect_uri);
    for (name, value) in endpoint.query_pairs() {
        musts.insert(name.into_owned(), Must::Be(value.into_owned()));
    }
    let mut wrong = compare(what, &found, &musts);
    let without_query = |url: &Url| url.as_str().split('?').next().map(str::to_owned);
    if without_query(url) != without_query(&endpoint) || url.fragment().is_some() {
        wrong.push(format!("{what} goes to {url}, not to {endpoint}"));
    }
    let get = |name: &str| {
        let found = found.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone())
    };
    play.authorized = Some(Authorized {
        state: get("state").unwrap_or_default(),
        challenge: get("code_challenge"),
        nonce: get("nonce"),
        redirect_uri: redirect_uri.to_owned(),
    });
    wrong
}

fn asked_of_people(stage: &Stage, config: &Map<String, Value>, redirect_uri: &str) -> Musts {
    let entry = &stage.entry;
    let mut asked = musts([
        ("response_type", Must::Be("code".to_owned())),
        ("client_id", Must::Be(stage.recording.client_id.clone())),
        ("redirect_uri", Must::Be(redirect_uri.to_owned())),
        ("state", Must::BeRandom),
    ]);
    let (parameter, scopes) = entry.scopes(config);
    if !scopes.is_empty() {
        asked.insert(parameter, Must::Be(scopes));
    }
    if entry.uses_pkce {
        asked.insert("code_challenge".to_owned(), Must::BeHash);
        let method = Must::Be("S256".to_owned());
        asked.insert("code_challenge_method".to_owned(), method);
    }
    if stage.is_oidc() {
        asked.insert("nonce".to_owned(), Must::BeRandom);
    }
    if let Some(mode) = config.get("response_mode").and_then(Value::as_str) {
        asked.insert("response_mode".to_owned(), Must::Be(mode.to_owned()));
    }
    for (name, value) in &entry.authorization.parameters {
        asked.insert(name.clone(), Must::Be(value.clone()));
    }
    asked
}

/// Checks the exchange of the code.
pub fn exchange(stage: &Stage, play: &mut Play, asked: &Asked) -> Vec<String> {
    let what = "the token request";
    let mut wrong = common(what, asked);
    let endpoint = stage.token_endpoint(&play.config);
    if asked.url != endpoint || asked.method != Method::POST {
        wrong.push(format!("{what} is {}, not POST {endpoint}", asked.line()));
    }
    if !asked.query.is_empty() {
        wrong.push(format!("{what} has parameters in its address"));
    }
    let media_type = asked.header("content-type");
    if media_type != Some("application/x-www-form-urlencoded") {
        wrong.push(format!("{what} is of the type {media_type:?}"));
    }
    let Some(authorized) = &play.authorized else {
        wrong.push(format!("{what} comes before anybody was asked"));
        return wrong;
    };
    let mut musts = musts([
        ("grant_type", Must::Be("authorization_code".to_owned())),
        ("code", Must::Be(play.code.clone())),
        ("redirect_uri", Must::Be(authorized.redirect_uri.clone())),
    ]);
    if stage.entry.uses_pkce {
        musts.insert("code_verifier".to_owned(), Must::BeRandom);
    }
    let takes = stage.client_authentication(&play.config);
    wrong.extend(client(stage, &takes, asked, &mut musts));
    wrong.extend(compare(what, &asked.form, &musts));
    let verifier = asked.form.iter().find(|(name, _)| name == "code_verifier");
    if let (Some((_, verifier)), Some(challenge)) = (verifier, &authorized.challenge) {
        let hash = BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes()));
        if hash != *challenge {
            wrong.push(format!("{what}: the code_verifier is another's"));
        }
        play.secrets.push(verifier.clone());
    }
    wrong
}

/// How the client shows who it is: in one of these ways.
fn client(stage: &Stage, takes: &[String], asked: &Asked, musts: &mut Musts) -> Vec<String> {
    let id = &stage.recording.client_id;
    let authorization = asked.header("authorization");
    let found = match authorization {
        Some(_) => "basic",
        None => "body",
    };
    let mut wrong = Vec::new();
    if !takes.contains(&found.to_owned()) {
        wrong.push(format!("the client shows itself by {found}, not {takes:?}"));
    }
    if let Some(authorization) = authorization {
        // RFC 6749 §2.3.1: each is form-encoded first.
        let encoded =
            |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        let both = format!("{}:{}", encoded(id), encoded(CLIENT_SECRET));
        let wanted = format!("Basic {}", BASE64.encode(both.as_bytes()));
        if authorization != wanted {
            wrong.push(format!(
                "the client shows itself by {authorization}, not {wanted}"
            ));
        }
    } else {
        musts.insert("client_id".to_owned(), Must::Be(id.clone()));
        let secret = Must::Be(CLIENT_SECRET.to_owned());
        musts.insert("client_secret".to_owned(), secret);
    }
    wrong
}

/// Checks a call for the account.
pub fn call(stage: &Stage, play: &Play, asked: &Asked) -> Vec<String> {
    let what = format!("the call {}", asked.line());
    let mut wrong = common(&what, asked);
    let tokens = stage.entry.tokens_in(&play.token_answer);
    let wanted = tokens["access_token"]
        .as_str()
        .map(|token| format!("Bearer {token}"));
    let found = asked.header("authorization");
    if found.is_none() || found != wanted.as_deref() {
        wrong.push(format!(
            "{what} says Authorization: {found:?}, not {wanted:?}"
        ));
    }
    if asked.method != Method::GET || !asked.body.is_empty() {
        wrong.push(format!("{what} is no GET without a body"));
    }
    let described = stage.call(&play.config, &asked.url);
    if described.is_none() && stage.userinfo_endpoint().as_deref() != Some(&asked.url) {
        wrong.push(format!("{what} is none of the entry's"));
    }
    let mut musts = Musts::new();
    if let Some(described) = described {
        for (name, value) in &described.headers {
            let found = asked.header(name);
            if found != Some(value) {
                wrong.push(format!("{what} says {name}: {found:?}, not {value:?}"));
            }
        }
        musts = query(&stage.entry, play, described);
    }
    wrong.extend(compare(&what, &asked.query, &musts));
    wrong
}

/// Checks the exchange of a refresh token.
pub fn refresh(stage: &Stage, play: &Play, asked: &Asked) -> Vec<String> {
    let what = "the refresh";
    let mut wrong = common(what, asked);
    let token = &stage.entry.tokens_in(&play.token_answer)["refresh_token"];
    let mut musts = musts([
        ("grant_type", Must::Be("refresh_token".to_owned())),
        (
            "refresh_token",
            Must::Be(token.as_str().unwrap_or("<none>").to_owned()),
        ),
    ]);
    let takes = stage.client_authentication(&play.config);
    wrong.extend(client(stage, &takes, asked, &mut musts));
    wrong.extend(compare(what, &asked.form, &musts));
    wrong
}

/// Checks the request that gives tokens back.
pub fn revocation(stage: &Stage, play: &Play, recorded: &Revocation, asked: &Asked) -> Vec<String> {
    let what = "the revocation request";
    let mut wrong = common(what, asked);
    let tokens = stage.entry.tokens_in(&play.token_answer);
    let filled = |text: &str| {
        let names = ["access_token", "refresh_token"];
        names.into_iter().fold(text.to_owned(), |text, name| {
            let token = tokens[name].as_str().unwrap_or("<none>");
            text.replace(&format!("{{{name}}}"), token)
        })
    };
    let is_json = recorded.body.starts_with('{');
    let wanted = match is_json {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    let media_type = asked.header("content-type");
    if media_type != Some(wanted) {
        wrong.push(format!(
            "{what} is of the type {media_type:?}, not {wanted}"
        ));
    }
    if !asked.query.is_empty() {
        wrong.push(format!("{what} has parameters in its address"));
    }
    let mut musts = Musts::new();
    if recorded.client == "none" {
        if asked.header("authorization").is_some() {
            wrong.push(format!("{what} shows a client"));
        }
    } else {
        let takes = [recorded.client.clone()];
        wrong.extend(client(stage, &takes, asked, &mut musts));
    }
    if is_json {
        let found: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let wanted: Value = serde_json::from_str(&filled(&recorded.body)).unwrap();
        if found != wanted {
            wrong.push(format!("{what} says {found}, not {wanted}"));
        }
    } else {
        let form = pairs(&recorded.body).into_iter();
        musts.extend(form.map(|(name, value)| (name, Must::Be(filled(&value)))));
        wrong.extend(compare(what, &asked.form, &musts));
    }
    wrong
}

/// The values of a call's query, where they are texts or plain paths into what was said before.
fn query(entry: &Entry, play: &Play, described: &UserInfo) -> Musts {
    let mut known = Map::new();
    known.insert("token".to_owned(), play.token_answer.clone());
    known.insert("config".to_owned(), entry.whole(&play.config).into());
    known.extend(play.documents.clone());
    let known = Value::Object(known);
    let must = |expression: &String| {
        let text = expression.strip_prefix('\'');
        if let Some(text) = text.and_then(|text| text.strip_suffix('\'')) {
            return Must::Be(text.to_owned());
        }
        let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"._".contains(&byte);
        if !expression.bytes().all(is_path) {
            return Must::BeThere;
        }
        let pointer = format!("/{}", expression.replace('.', "/"));
        match known.pointer(&pointer) {
            Some(Value::String(text)) => Must::Be(text.clone()),
            Some(other) => Must::Be(other.to_string()),
            None => Must::Be(format!("<{expression}, which nothing said>")),
        }
    };
    let query = described.query.iter();
    query
        .map(|(name, expression)| (name.clone(), must(expression)))
        .collect()
}

/// True of every request: some providers refuse, or answer in another form, without these.
fn common(what: &str, asked: &Asked) -> Vec<String> {
    let mut wrong = Vec::new();
    let accept = asked.header("accept").unwrap_or_default();
    if !accept.contains("json") {
        wrong.push(format!("{what} accepts {accept:?}, not JSON"));
    }
    let agent = asked.header("user-agent").unwrap_or_default();
    if !agent.starts_with("Lanyard/") {
        wrong.push(format!("{what} comes from {agent:?}, not from Lanyard"));
    }
    for name in ["cookie", "referer"] {
        if asked.header(name).is_some() {
            wrong.push(format!("{what} has the header {name}"));
        }
    }
    wrong
}
