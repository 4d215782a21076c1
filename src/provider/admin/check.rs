//! Checks of what a provider is to be, before it is written.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::error::{Error, Refusal, RefusalCode};
use crate::input::check_data;
use crate::limits;
use crate::provider::catalog::ProviderType;
use crate::provider::config::sign_in::{SignInConfig, SignInProblem};
use crate::provider::config::{self, ProviderInput};

/// The external id of a provider that its type takes.
pub(super) fn checked(
    provider_type: &ProviderType,
    input: &ProviderInput,
) -> Result<String, Error> {
    config::check(provider_type, input)
        .map(|checked| checked.external_id)
        .map_err(|problems| {
            let refusal = |problem: config::ConfigProblem| Refusal {
                code: RefusalCode::InvalidConfiguration,
                message: problem.message,
                field: std::iter::once("input".to_owned())
                    .chain(problem.field)
                    .collect(),
                retryable: false,
            };
            Error::Refused(problems.into_iter().map(refusal).collect())
        })
}

pub(super) fn check_secret(secret: &SecretString) -> Result<(), Error> {
    limits::text("input.clientSecret", secret.expose_secret(), limits::TOKEN)
}

pub(super) fn check_sign_in(sign_in: Option<&Value>) -> Result<(), Error> {
    let Some(sign_in) = sign_in else {
        return Ok(());
    };
    check_data("input.signIn", sign_in)?;
    SignInConfig::read(sign_in).map(drop).map_err(|problems| {
        let refusal = |problem: SignInProblem| Refusal {
            code: RefusalCode::InvalidConfiguration,
            message: problem.message,
            field: ["input", "signIn"]
                .map(str::to_owned)
                .into_iter()
                .chain(problem.path)
                .collect(),
            retryable: false,
        };
        Error::Refused(problems.into_iter().map(refusal).collect())
    })
}

pub(super) fn as_object(config: &Value) -> Result<&Map<String, Value>, Error> {
    config
        .as_object()
        .ok_or_else(|| Error::bad_input("input.config", "must be an object"))
}
