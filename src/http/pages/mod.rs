//! What a person looks at: pure functions from small views to whole pages.
//!
//! A view holds what its page shows and nothing else; whoever answers a request fills it. The
//! pages know no database, no session and no request, need no script, and are complete without
//! their style. Whatever comes from outside is escaped by the templates, isolated by `<bdi>` and
//! clipped by the style, never cut here.

mod account;
mod connect;
mod disconnect;
mod layout;
mod leave;
mod link;
mod refused;
mod sign_in;
mod start;
mod user_agent;

#[cfg(test)]
mod tests;

use maud::Markup;
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};

pub use account::{
    Account, AccountNotice, AccountState, LinkedAccount, Person, Removal, Session, account,
};
pub use connect::{AccountFound, ConnectConfirm, FoundAccount, account_found, connect_confirm};
pub use disconnect::{DisconnectConfirm, disconnect_confirm};
pub use leave::{Leave, leave};
pub use link::{LinkConfirm, OnConflict, link_confirm};
pub use refused::{AnswerStep, Refusal, Refused, Words, refused};
pub use sign_in::{SignIn, SignInFirst, SignInNotice, sign_in, sign_in_first};
pub use start::{Start, start};

/// A page that is ready to be sent.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub html: Markup,
}

/// A provider, as buttons name it.
#[derive(Debug, Clone, Copy)]
pub struct Provider<'a> {
    pub slug: &'a str,
    pub name: &'a str,
}

/// Where a flow begins: the link of a button.
#[derive(Debug, Clone, Copy)]
pub struct FlowLink<'a> {
    pub slug: &'a str,
    pub intent: Intent,
    /// Empty where the flow is to end at its default.
    pub return_to: &'a str,
    /// The account that is connected at this provider gives way to the new one.
    pub update_in_place: bool,
}

/// What a flow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    SignIn,
    Link,
}

/// No script, no style but our own file's, no frame around it.
///
/// `form-action` need not name providers: no form's answer redirects to one, see [`leave()`].
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        Response::builder()
            .status(self.status)
            .content_type("text/html; charset=utf-8")
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            // Not `no-referrer`: with it browsers send `Origin: null` with our own forms, and
            // they could not be told from another site's. Other sites see no referrer either way.
            .header(header::REFERRER_POLICY, "same-origin")
            .header("Cross-Origin-Opener-Policy", "same-origin")
            .body(self.html.into_string())
    }
}

impl FlowLink<'_> {
    /// Its address at this server.
    pub fn href(self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair(
            "intent",
            match self.intent {
                Intent::SignIn => "sign_in",
                Intent::Link => "link",
            },
        );
        if !self.return_to.is_empty() {
            query.append_pair("return_to", self.return_to);
        }
        if self.update_in_place {
            query.append_pair("on_conflict", "update_in_place");
        }
        format!("/auth/{}/start?{}", self.slug, query.finish())
    }
}
