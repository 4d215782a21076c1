//! The calls of a type that say whose token it is: with the token, one after the other.

use openidconnect::http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, RETRY_AFTER};
use openidconnect::http::{self, HeaderValue, StatusCode};
use openidconnect::{AccessToken, HttpResponse};
use serde_json::{Map, Value};
use url::Url;

use super::{Fault, Pinned, Registration, RelyingParty, RelyingPartyError, Step};
use crate::expression::{Documents, Failure};
use crate::input::names_a_token;
use crate::provider::catalog::UserInfoCall;
use crate::provider::extent::is_bounded;

/// The answers so far, by the names that expressions know them by.
#[derive(Default)]
pub(super) struct Answers(Vec<(String, Value)>);

impl Answers {
    /// Keeps an answer, without any tokens in it.
    pub fn add(&mut self, name: &str, mut answer: Value) {
        without_tokens(&mut answer);
        self.0.push((name.to_owned(), answer));
    }

    pub fn documents(&self) -> Result<Documents, RelyingPartyError> {
        let mut documents = Documents::default();
        for (name, answer) in &self.0 {
            let added = documents.add(name, answer.clone());
            added.map_err(|wrong| invalid(&wrong.to_string()))?;
        }
        Ok(documents)
    }
}

impl RelyingParty {
    /// Makes the calls that the request was pinned to.
    pub(super) async fn call_all(
        &self,
        us: &Registration<'_>,
        pinned: &Pinned,
        token: &AccessToken,
        answers: &mut Answers,
    ) -> Result<(), RelyingPartyError> {
        for call in &us.rules.user_info {
            let endpoint = pinned.calls.iter().find(|(name, _)| *name == call.name);
            let Some((_, endpoint)) = endpoint else {
                return Err(Fault::Unavailable.because("the provider's type was changed meanwhile"));
            };
            let url = self.with_query(call, endpoint.clone(), answers).await?;
            let answer = self.call(call, &url, token).await?;
            answers.add(&call.name, answer);
            if let Some(succeeded) = &call.succeeded {
                let asked = vec![succeeded.clone()];
                let values = self.evaluator.evaluate(asked, answers.documents()?).await;
                if !matches!(values.first(), Some(Ok(Value::Bool(true)))) {
                    let name = &call.name;
                    return Err(Fault::Refused.because(format!("the call `{name}` was refused")));
                }
            }
        }
        Ok(())
    }

    async fn with_query(
        &self,
        call: &UserInfoCall,
        mut url: Url,
        answers: &Answers,
    ) -> Result<Url, RelyingPartyError> {
        if call.query.is_empty() {
            return Ok(url);
        }
        let (names, expressions): (Vec<_>, Vec<_>) = call.query.iter().cloned().unzip();
        let values = self.evaluator.evaluate(expressions, answers.documents()?);
        for (name, value) in names.iter().zip(values.await) {
            let text = match value {
                Ok(Value::String(text)) => text,
                Ok(Value::Number(number)) => number.to_string(),
                Ok(_) | Err(Failure::Missing) => {
                    return Err(invalid(&format!("there is no `{name}` to ask for")));
                }
                Err(Failure::Failed(why)) => return Err(invalid(&format!("`{name}`: {why}"))),
            };
            url.query_pairs_mut().append_pair(name, &text);
        }
        Ok(url)
    }

    async fn call(
        &self,
        call: &UserInfoCall,
        url: &Url,
        token: &AccessToken,
    ) -> Result<Value, RelyingPartyError> {
        let name = &call.name;
        let unsendable = || Fault::Unavailable.because(format!("the call `{name}` can't be made"));
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
            .map_err(|_| unsendable())?;
        bearer.set_sensitive(true);
        let mut request = http::Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| unsendable())?;
        let headers = request.headers_mut();
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
            let value = HeaderValue::from_str(value).map_err(|_| unsendable())?;
            headers.insert(name, value);
        }
        headers.insert(AUTHORIZATION, bearer);
        let answer = self.egress.send(request).await.map_err(|error| {
            Fault::Unavailable.because(format!("the call `{name}` failed: {error}"))
        })?;
        read(call, &answer)
    }
}

fn read(call: &UserInfoCall, answer: &HttpResponse) -> Result<Value, RelyingPartyError> {
    let (name, status) = (&call.name, answer.status());
    let said = |fault: Fault| {
        fault.because(format!(
            "the call `{name}` was answered with the status {}",
            status.as_u16()
        ))
    };
    if status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN && is_rate_limited(answer.headers()))
    {
        return Err(said(Fault::Unavailable));
    }
    if call.optional && [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status) {
        return Ok(Value::Null);
    }
    if status != StatusCode::OK {
        return Err(said(Fault::Refused));
    }
    if !is_bounded(answer.body()) {
        return Err(invalid(&format!(
            "the call `{name}` was answered with more than can be read"
        )));
    }
    serde_json::from_slice(answer.body()).map_err(|_| {
        invalid(&format!(
            "the call `{name}` was answered with what is no JSON"
        ))
    })
}

/// As GitHub says it:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
pub(super) fn is_rate_limited(headers: &HeaderMap) -> bool {
    let is_used_up = |name: &str| headers.get(name).is_some_and(|value| value == "0");
    headers.contains_key(RETRY_AFTER) || is_used_up("x-ratelimit-remaining")
}

fn invalid(cause: &str) -> RelyingPartyError {
    Fault::Invalid(Step::UserInfo).because(cause)
}

/// What is JSON nests 128 levels at most.
fn without_tokens(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let own = std::mem::take(members);
            let kept = own.into_iter().filter(|(name, _)| !names_a_token(name));
            *members = kept.collect::<Map<_, _>>();
            members.values_mut().for_each(without_tokens);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_tokens),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
