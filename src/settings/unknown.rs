//! Names that no setting has: refused, with the one that was probably meant.

use std::collections::BTreeMap;

use super::{Settings, problem::Problem, source::PREFIX};

/// Names less alike than this are not offered.
const ALIKE: f64 = 0.85;

/// The variables of `environment` that are no settings.
pub(super) fn variables(environment: &BTreeMap<String, String>) -> Vec<Problem> {
    let known: Vec<String> = Settings::describe()
        .flat_map(|setting| {
            [
                Some(setting.environment.to_owned()),
                setting.environment_file(),
            ]
        })
        .flatten()
        .collect();
    environment
        .iter()
        .filter(|(name, value)| !known.contains(name) && !is_service_link(name, value))
        .map(|(name, _)| refuse(name.escape_debug().to_string(), name, &known))
        .collect()
}

/// The `keys` of a file, each with its place, that are no settings.
pub(super) fn keys<'a>(keys: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Problem> {
    let known: Vec<String> = Settings::describe()
        .flat_map(|setting| [setting.key.map(str::to_owned), setting.key_file()])
        .flatten()
        .collect();
    keys.filter(|(_, key)| !known.iter().any(|known| known == key))
        .map(|(place, key)| refuse(place.to_owned(), key, &known))
        .collect()
}

/// Of `candidates`, the one that `name` was probably meant to be.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&plain(name), &plain(candidate)),
                candidate,
            )
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

/// A name without what all of them share, and in one spelling.
fn plain(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace('-', "_");
    name.strip_prefix(PREFIX).unwrap_or(&name).to_owned()
}

fn refuse(place: String, name: &str, known: &[String]) -> Problem {
    let message = match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("there is no such setting; did you mean {meant}?"),
        None => "there is no such setting".to_owned(),
    };
    Problem::new(place, message)
}

/// Kubernetes gives every container the addresses of the services beside it: one that is named
/// `lanyard`, or `lanyard-…`, sets variables that look like ours.
fn is_service_link(name: &str, value: &str) -> bool {
    let protocols = ["TCP", "UDP", "SCTP"];
    let is_address = protocols
        .iter()
        .any(|protocol| value.starts_with(&format!("{}://", protocol.to_ascii_lowercase())));
    let is_part = protocols.iter().any(|protocol| {
        ["PROTO", "PORT", "ADDR"]
            .iter()
            .any(|part| name.ends_with(&format!("_{protocol}_{part}")))
    });
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT") && (is_address || is_part)
}
