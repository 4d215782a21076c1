//! The page of everything that didn't work out, and the words for each reason.

use maud::{Markup, html};
use poem::http::StatusCode;

use super::layout::{Frame, Place, outside};
use super::{FlowLink, Page};

/// What the page of a refusal shows.
#[derive(Debug)]
pub struct Refused<'a> {
    pub refusal: Refusal,
    /// The provider's name, where one took part.
    pub provider: Option<&'a str>,
    /// The same flow once more, where it is known.
    pub again: Option<FlowLink<'a>>,
    pub signed_in: bool,
    pub request_id: &'a str,
}

/// Why a page is refused. The code is part of the API: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NoEmail,
    EmailUnverified,
    UserNotFound,
    Ambiguous,
    NoResolver,
    AccountMismatch,
    UserNotActive,
    /// The provider is an organization's, and the person is no member of it.
    NotAMember,
    /// The person came by an organization's own provider, which has no say elsewhere.
    NoSayHere,
    /// A link: the account is another user's.
    AccountOwnedByAnotherUser,
    /// A link: the user has another account at this provider.
    UserHasAnotherAccount,
    /// An account that is to be disconnected is the person's only way in.
    NeededForGlobalAuth,
    /// An account that is to be disconnected is asked for by the person's organization.
    NeededForOrgAuth,
    FlowExpired,
    FlowUnknown,
    FlowOfAnotherBrowser,
    AccessDenied,
    /// The account is none that the provider is set up for.
    AccountNotAllowed,
    ProviderRefused,
    ProviderUnavailable,
    AnswerInvalid(AnswerStep),
    SignInFirst,
    TooMany,
    /// An application's link that was never there, or is over.
    LinkUnknown,
    LinkUsed,
    LinkExpired,
    /// A form without a good token, or from elsewhere.
    FormInvalid,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    Internal,
}

/// What of a provider's answer was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerStep {
    State,
    Issuer,
    Exchange,
    IdToken,
    Userinfo,
}

/// What a person reads about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    pub code: &'static str,
    pub status: StatusCode,
    pub headline: &'static str,
    pub what_happened: &'static str,
    pub what_to_do: &'static str,
}

/// A page for it, with the way on.
pub fn refused(view: &Refused<'_>) -> Page {
    let words = view.refusal.words();
    let frame = Frame {
        title: words.headline,
        place: Place::Elsewhere,
        signed_in: view.signed_in,
        narrow: true,
    };
    let html = frame.around(&html! {
        div.card {
            h1 { (words.headline) }
            p { (words.what_happened) }
            p { (words.what_to_do) }
            p.actions { (ways_on(view)) }
            dl.facts {
                @if let Some(provider) = view.provider {
                    dt { "Provider" } dd { (outside(provider)) }
                }
                dt { "Code" }
                dd {
                    code { (words.code) }
                    @if let Refusal::AnswerInvalid(step) = view.refusal { " at " code { (step.name()) } }
                }
                dt { "Request" } dd { code { (view.request_id) } }
            }
        }
    });
    Page {
        status: words.status,
        html,
    }
}

/// The first one is what most people want.
fn ways_on(view: &Refused<'_>) -> Markup {
    let again = view.again.filter(|_| view.refusal.may_go_better());
    let replaces = view.refusal == Refusal::UserHasAnotherAccount;
    html! {
        @if let Some(again) = again {
            @let link = FlowLink { update_in_place: again.update_in_place || replaces, ..again };
            a.button.primary href=(link.href()) {
                @if replaces { "Use the new account instead" } @else { "Try again" }
            }
        }
        @if view.signed_in {
            a.button .primary[again.is_none()] href="/account" { "Your account" }
        } @else {
            a.button .primary[again.is_none()] href="/sign-in" { "Sign in" }
            a.button href="/" { "Start page" }
        }
    }
}

impl AnswerStep {
    /// Its name in the API's words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Issuer => "issuer",
            Self::Exchange => "exchange",
            Self::IdToken => "id_token",
            Self::Userinfo => "userinfo",
        }
    }

    const fn what_happened(self) -> &'static str {
        match self {
            Self::State => {
                "The answer doesn’t say which sign-in it belongs to, or says it twice. Nothing was taken from it."
            }
            Self::Issuer => {
                "The answer came from another provider than the one that was asked. Nothing was taken from it."
            }
            Self::Exchange => {
                "The provider didn’t accept the code that it had just given, or answered with something else than tokens."
            }
            Self::IdToken => {
                "The provider’s statement of who you are failed its checks: its signature, its issuer, whom it is for, or its age."
            }
            Self::Userinfo => {
                "What the provider says about the account doesn’t fit the account that signed in."
            }
        }
    }
}

impl Refusal {
    /// Every one of them.
    pub const ALL: [Self; 35] = [
        Self::NoEmail,
        Self::EmailUnverified,
        Self::UserNotFound,
        Self::Ambiguous,
        Self::NoResolver,
        Self::AccountMismatch,
        Self::UserNotActive,
        Self::NotAMember,
        Self::NoSayHere,
        Self::AccountOwnedByAnotherUser,
        Self::UserHasAnotherAccount,
        Self::NeededForGlobalAuth,
        Self::NeededForOrgAuth,
        Self::FlowExpired,
        Self::FlowUnknown,
        Self::FlowOfAnotherBrowser,
        Self::AccessDenied,
        Self::AccountNotAllowed,
        Self::ProviderRefused,
        Self::ProviderUnavailable,
        Self::AnswerInvalid(AnswerStep::State),
        Self::AnswerInvalid(AnswerStep::Issuer),
        Self::AnswerInvalid(AnswerStep::Exchange),
        Self::AnswerInvalid(AnswerStep::IdToken),
        Self::AnswerInvalid(AnswerStep::Userinfo),
        Self::SignInFirst,
        Self::TooMany,
        Self::LinkUnknown,
        Self::LinkUsed,
        Self::LinkExpired,
        Self::FormInvalid,
        Self::BadRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Internal,
    ];

    /// The same flow can end otherwise without anybody else doing something first.
    const fn may_go_better(self) -> bool {
        match self {
            Self::AccountMismatch
            | Self::AccountOwnedByAnotherUser
            | Self::UserHasAnotherAccount
            | Self::FlowExpired
            | Self::FlowUnknown
            | Self::FlowOfAnotherBrowser
            | Self::AccessDenied
            | Self::AccountNotAllowed
            | Self::ProviderRefused
            | Self::ProviderUnavailable
            | Self::AnswerInvalid(_)
            | Self::TooMany
            | Self::FormInvalid
            | Self::NoEmail
            | Self::EmailUnverified
            | Self::UserNotFound
            | Self::Internal => true,
            Self::Ambiguous
            | Self::NoResolver
            | Self::UserNotActive
            | Self::NotAMember
            | Self::NoSayHere
            | Self::NeededForGlobalAuth
            | Self::NeededForOrgAuth
            | Self::SignInFirst
            | Self::LinkUnknown
            | Self::LinkUsed
            | Self::LinkExpired
            | Self::BadRequest
            | Self::NotFound
            | Self::MethodNotAllowed => false,
        }
    }

    /// The table: code, status, and what to say.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn words(self) -> Words {
        let (code, status, headline, what_happened, what_to_do) = match self {
            Self::NoEmail => (
                "NO_EMAIL",
                StatusCode::FORBIDDEN,
                "Your provider didn’t give an e-mail address",
                "You are found here by your e-mail address, and the provider told us none.",
                "Allow it to share the address and try again, or sign in another way.",
            ),
            Self::EmailUnverified => (
                "EMAIL_UNVERIFIED",
                StatusCode::FORBIDDEN,
                "Your e-mail address isn’t verified",
                "The provider doesn’t confirm that the address of this account is yours, so it can’t tell us who you are.",
                "Verify the address at the provider and try again, or sign in another way.",
            ),
            Self::UserNotFound => (
                "USER_NOT_FOUND",
                StatusCode::FORBIDDEN,
                "We don’t know this account",
                "You are signed in at the provider, but nobody in the directory here goes with that account.",
                "Did you use the right account? If so, ask the people who run this server to add you.",
            ),
            Self::Ambiguous => (
                "AMBIGUOUS",
                StatusCode::CONFLICT,
                "More than one person fits",
                "Several people in the directory share this e-mail address, and we don’t guess.",
                "Ask the people who run this server to sort it out, or sign in another way.",
            ),
            Self::NoResolver => (
                "NO_RESOLVER",
                StatusCode::FORBIDDEN,
                "This provider can’t find you yet",
                "The provider may sign people in, but nobody has set up how its accounts go with people here.",
                "Sign in another way, or tell the people who run this server: the provider needs a resolver.",
            ),
            Self::AccountMismatch => (
                "ACCOUNT_MISMATCH",
                StatusCode::CONFLICT,
                "This account goes with somebody else",
                "The account that you used is not the one that is connected to the person it points to. You were not signed in.",
                "Try again with the account that you connected, or sign in another way.",
            ),
            Self::UserNotActive => (
                "USER_NOT_ACTIVE",
                StatusCode::FORBIDDEN,
                "You can’t sign in at the moment",
                "Your entry in the directory is not active.",
                "If you think that is a mistake, ask the people who run this server.",
            ),
            Self::NoSayHere => (
                "SIGN_IN_ELSEWHERE",
                StatusCode::FORBIDDEN,
                "Sign in another way for this",
                "You came in by an organization’s own provider. It can’t change how you get in \
                 elsewhere.",
                "Sign out, sign in with an account of your own, and try again.",
            ),
            Self::NotAMember => (
                "USER_NOT_IN_ORGANIZATION",
                StatusCode::FORBIDDEN,
                "This provider is not for you",
                "It belongs to an organization that you are not a member of.",
                "Use another provider, or ask the organization to make you a member.",
            ),
            Self::AccountOwnedByAnotherUser => (
                "ACCOUNT_OWNED_BY_ANOTHER_USER",
                StatusCode::CONFLICT,
                "This account is connected to somebody else",
                "An account goes with one person only. Nothing was changed.",
                "Choose another account at the provider. If both are you, ask the people who run this server to merge them.",
            ),
            Self::UserHasAnotherAccount => (
                "USER_HAS_ANOTHER_ACCOUNT",
                StatusCode::CONFLICT,
                "You have another account connected here",
                "This provider allows one account for each person, and another one of yours is connected already. Nothing was changed.",
                "Keep it, or let the new one take its place.",
            ),
            Self::NeededForGlobalAuth => (
                "NEEDED_FOR_GLOBAL_AUTH",
                StatusCode::CONFLICT,
                "This account is your only way in",
                "Without it you could not sign in any more. It stays connected.",
                "Connect another account that you sign in with, then disconnect this one.",
            ),
            Self::NeededForOrgAuth => (
                "NEEDED_FOR_ORG_AUTH",
                StatusCode::CONFLICT,
                "Your organization asks for this account",
                "Its members sign in with accounts of the organization’s own. It stays connected.",
                "If you no longer want it, ask the people who look after your organization.",
            ),
            Self::FlowExpired => (
                "FLOW_EXPIRED",
                StatusCode::BAD_REQUEST,
                "That took too long",
                "For your safety the way to the provider and back is open for ten minutes only.",
                "Try again.",
            ),
            Self::FlowUnknown => (
                "FLOW_UNKNOWN",
                StatusCode::BAD_REQUEST,
                "This page can’t be used again",
                "Each way to a provider and back works once. This one is over, or never began here; the back button leads to such pages too.",
                "If you aren’t signed in already, begin once more.",
            ),
            Self::FlowOfAnotherBrowser => (
                "FLOW_OF_ANOTHER_BROWSER",
                StatusCode::FORBIDDEN,
                "This began in another browser",
                "Only the browser that set out to the provider may come back from there. If somebody sent you this link, don’t use it.",
                "Begin here, in this browser, with cookies allowed.",
            ),
            Self::AccountNotAllowed => (
                "ACCOUNT_NOT_ALLOWED",
                StatusCode::FORBIDDEN,
                "This account can’t be used here",
                "This provider is set up for certain accounts only, such as those of one company or \
                 one workspace. Nothing was changed.",
                "Choose another account at the provider, or ask the people who run this server.",
            ),
            Self::AccessDenied => (
                "ACCESS_DENIED",
                StatusCode::FORBIDDEN,
                "You said no at the provider",
                "The provider says that access was denied. Nothing was changed.",
                "If that wasn’t meant, try again.",
            ),
            Self::ProviderRefused => (
                "PROVIDER_REFUSED",
                StatusCode::BAD_GATEWAY,
                "The provider refused",
                "The provider reported an error instead of an account. Nothing was changed.",
                "Try again in a moment. If it stays so, tell the people who run this server.",
            ),
            Self::ProviderUnavailable => (
                "PROVIDER_UNAVAILABLE",
                StatusCode::BAD_GATEWAY,
                "The provider can’t be reached",
                "It doesn’t answer, answers too slowly, or not in a way that makes sense.",
                "Try again in a moment, or sign in another way.",
            ),
            Self::AnswerInvalid(step) => (
                "ANSWER_INVALID",
                match step {
                    AnswerStep::State | AnswerStep::Issuer => StatusCode::BAD_REQUEST,
                    AnswerStep::Exchange | AnswerStep::IdToken | AnswerStep::Userinfo => {
                        StatusCode::BAD_GATEWAY
                    }
                },
                "The provider’s answer can’t be trusted",
                step.what_happened(),
                "Try again. If it stays so, tell the people who run this server.",
            ),
            Self::SignInFirst => (
                "SIGN_IN_FIRST",
                StatusCode::FORBIDDEN,
                "Sign in first",
                "An account is connected to somebody who is signed in, by the one who began it.",
                "Sign in, then connect the account from your account page.",
            ),
            Self::TooMany => (
                "TOO_MANY",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tries at once",
                "Many sign-ins were begun from where you are, and not finished.",
                "Wait a few minutes, then try again.",
            ),
            Self::LinkUnknown => (
                "LINK_UNKNOWN",
                StatusCode::NOT_FOUND,
                "This link leads nowhere",
                "There is no such link to connect an account: it is over, or was never there.",
                "Go back to where you came from, and begin once more there.",
            ),
            Self::LinkUsed => (
                "LINK_USED",
                StatusCode::GONE,
                "This link was used already",
                "A link to connect an account works once, and this one did. If that wasn’t you, somebody else has opened it.",
                "Go back to where you got it, and begin once more there.",
            ),
            Self::LinkExpired => (
                "LINK_EXPIRED",
                StatusCode::GONE,
                "This link is too old",
                "For your safety each step of connecting an account is open for ten minutes only. Nothing was connected.",
                "Go back to where it began, and begin once more there.",
            ),
            Self::FormInvalid => (
                "FORM_INVALID",
                StatusCode::FORBIDDEN,
                "This form is out of date",
                "It was made for a session that is over, or sent from another site. Nothing was changed.",
                "Go back to the page, load it anew, and try again.",
            ),
            Self::BadRequest => (
                "BAD_USER_INPUT",
                StatusCode::BAD_REQUEST,
                "This address doesn’t work",
                "Something in it is missing, is there twice, or isn’t allowed.",
                "Begin once more from the start page.",
            ),
            Self::NotFound => (
                "NOT_FOUND",
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "The page doesn’t exist, or no longer.",
                "Begin once more from the start page.",
            ),
            Self::MethodNotAllowed => (
                "METHOD_NOT_ALLOWED",
                StatusCode::METHOD_NOT_ALLOWED,
                "This isn’t done that way",
                "The address exists, but not for this kind of request.",
                "Begin once more from the start page.",
            ),
            Self::Internal => (
                "INTERNAL",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong here",
                "That is our fault, not yours. The log has the cause, by the request below.",
                "Try again in a moment. If it stays so, tell the people who run this server.",
            ),
        };
        Words {
            code,
            status,
            headline,
            what_happened,
            what_to_do,
        }
    }
}
