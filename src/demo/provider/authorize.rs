//! The authorization endpoint, without its page: what is asked for, and what the person decides
//! (RFC 6749 §4.1, RFC 7636, RFC 9207, OpenID Connect Core 1.0 §3.1.2).

use url::Url;

use super::fault::{CallbackFault, Fault};
use super::grants::Grant;
use super::parameters::Parameters;
use super::state::IssuerState;
use crate::clock::Clock;

/// What a relying party asks for.
pub struct Question {
    pub back: Back,
    pub login_hint: Option<String>,
    nonce: String,
    code_challenge: String,
    scopes: Vec<String>,
}

/// Where the person goes back to, and how.
#[derive(Clone)]
pub struct Back {
    /// As it was given and registered.
    redirect_uri: String,
    to: Url,
    state: Option<String>,
    form_post: bool,
}

/// Why a question can't be answered.
pub enum Mistake {
    /// Nobody is sent anywhere: it isn't sure where that would be.
    Said(String),
    /// The relying party is told.
    SentBack(Callback),
}

/// What the person chooses.
#[derive(Clone, Copy)]
pub enum Choice<'a> {
    /// To be the one of that username.
    Person(&'a str),
    Deny,
}

/// How a person is sent back.
pub struct Callback {
    pub to: Url,
    pub parameters: Vec<(&'static str, String)>,
    /// By a form that posts itself, else by a redirect.
    pub form_post: bool,
}

impl Callback {
    /// The address, with what it is told as its query.
    pub fn url(&self) -> Url {
        let mut url = self.to.clone();
        let mut query = url.query_pairs_mut();
        query.extend_pairs(&self.parameters);
        drop(query);
        url
    }
}

/// Reads and checks what is asked for.
pub fn read(issuer: &mut IssuerState, asked: &Parameters) -> Result<Question, Mistake> {
    let back = back(issuer, asked).map_err(Mistake::Said)?;
    let question = question(&back, asked);
    question.map_err(|(error, description)| {
        Mistake::SentBack(refusal(issuer, &back, error, description))
    })
}

/// What the person has decided, as the faults that are set want it.
pub fn decide(
    issuer: &mut IssuerState,
    clock: &Clock,
    question: Question,
    choice: Choice<'_>,
) -> Callback {
    let back = question.back;
    let username = match choice {
        Choice::Person(username) => username,
        Choice::Deny => {
            let said = "The person said no.";
            return refusal(issuer, &back, "access_denied", said);
        }
    };
    let Some(person) = issuer.person(|person| person.username == username) else {
        let said = "There is nobody of that name.";
        return refusal(issuer, &back, "access_denied", said);
    };
    let grant = Grant {
        sub: person.sub.clone(),
        scopes: question.scopes,
        nonce: question.nonce,
        redirect_uri: back.redirect_uri.clone(),
        code_challenge: question.code_challenge,
    };
    let code = issuer.grants.begin(clock, grant);
    send_back(issuer, &back, vec![("code", code)])
}

/// The client and the address, which must be sure before anybody is sent there.
fn back(issuer: &IssuerState, asked: &Parameters) -> Result<Back, String> {
    if let Some(name) = asked.repeated() {
        return Err(format!("The parameter {name} is there more than once."));
    }
    if asked.get("client_id") != Some(&issuer.client.id) {
        return Err(format!(
            "The client_id is not known here. {} knows one client, {}.",
            issuer.issuer, issuer.client.id
        ));
    }
    let (redirect_uri, to) = asked
        .get("redirect_uri")
        .filter(|uri| issuer.redirect_uris.iter().any(|known| known == uri))
        .and_then(|uri| Some((uri.to_owned(), Url::parse(uri).ok()?)))
        .ok_or("The redirect_uri is not one that was registered, character for character.")?;
    Ok(Back {
        redirect_uri,
        to,
        state: asked.get("state").map(ToOwned::to_owned),
        form_post: asked.get("response_mode") == Some("form_post"),
    })
}

/// The rest, with the error code where it is wrong.
fn question(back: &Back, asked: &Parameters) -> Result<Question, (&'static str, &'static str)> {
    let invalid = |said| ("invalid_request", said);
    if asked.get("response_type") != Some("code") {
        let said = "response_type must be code";
        return Err(("unsupported_response_type", said));
    }
    if !matches!(
        asked.get("response_mode"),
        None | Some("query" | "form_post")
    ) {
        return Err(invalid("response_mode must be query or form_post"));
    }
    let scopes: Vec<String> = asked
        .get("scope")
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(ToOwned::to_owned)
        .collect();
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err(("invalid_scope", "scope must have openid"));
    }
    if asked.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256"));
    }
    let code_challenge = asked
        .get("code_challenge")
        .filter(|challenge| challenge.len() == 43)
        .ok_or(invalid("code_challenge must have 43 characters"))?;
    if back.state.is_none() {
        return Err(invalid("state is missing"));
    }
    let nonce = asked.get("nonce").ok_or(invalid("nonce is missing"))?;
    if asked.get("prompt") == Some("none") {
        return Err(("login_required", "nobody is signed in here, ever"));
    }
    Ok(Question {
        back: back.clone(),
        login_hint: asked.get("login_hint").map(ToOwned::to_owned),
        nonce: nonce.to_owned(),
        code_challenge: code_challenge.to_owned(),
        scopes,
    })
}

fn refusal(
    issuer: &mut IssuerState,
    back: &Back,
    error: &'static str,
    description: &str,
) -> Callback {
    let parameters = vec![
        ("error", error.to_owned()),
        ("error_description", description.to_owned()),
    ];
    send_back(issuer, back, parameters)
}

fn send_back(
    issuer: &mut IssuerState,
    back: &Back,
    mut parameters: Vec<(&'static str, String)>,
) -> Callback {
    if let Some(state) = &back.state {
        parameters.push(("state", state.clone()));
    }
    parameters.push(("iss", issuer.url.to_string()));
    let faults = issuer.faults.take(|fault| {
        if let Fault::Callback(fault) = fault {
            Some(fault.clone())
        } else {
            None
        }
    });
    for fault in faults {
        break_callback(&mut parameters, fault);
    }
    Callback {
        to: back.to.clone(),
        parameters,
        form_post: back.form_post,
    }
}

fn break_callback(parameters: &mut Vec<(&'static str, String)>, fault: CallbackFault) {
    let mut change = |name: &'static str, value: Option<&str>| {
        parameters.retain(|(found, _)| *found != name);
        parameters.extend(value.map(|value| (name, value.to_owned())));
    };
    match fault {
        CallbackFault::WrongIssuer => change("iss", Some("https://issuer.example")),
        CallbackFault::NoIssuer => change("iss", None),
        CallbackFault::NoCode => change("code", None),
        CallbackFault::WrongCode => {
            change("code", Some("mbc_makebelieve_a-code-that-was-never-given"));
        }
        CallbackFault::WrongState => change("state", Some("another-state")),
        CallbackFault::NoState => change("state", None),
        CallbackFault::Twice(name) => {
            let again = parameters.iter().find(|(found, _)| *found == name).cloned();
            parameters.extend(again);
        }
        CallbackFault::Error(error, description) => {
            change("code", None);
            change("error", Some(error));
            change("error_description", Some(&description));
        }
    }
}
