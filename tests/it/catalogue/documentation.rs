//! The tables of docs/providers.md are what the catalogue and its recordings say.

use std::collections::BTreeSet;

use lanyard::provider::catalog::{Catalog, Protocol, ProviderType, Source};

use crate::support::player::{Expect, Recording};
use crate::support::repository::{assert_generated, read};

const FILE: &str = "docs/providers.md";

#[test]
fn the_tables_of_providers_are_what_the_catalogue_says() {
    let catalog = Catalog::builtin().unwrap();
    let mut docs = read(FILE);
    for (name, table) in [("types", types(&catalog)), ("config", config(&catalog))] {
        let begin = format!("<!-- {name}:begin -->\n");
        let end = format!("<!-- {name}:end -->\n");
        let (before, rest) = docs.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        docs = format!("{before}{begin}\n{table}\n{end}{after}");
    }
    assert_generated(FILE, &docs, "UPDATE_DOCS");
}

#[test]
fn every_type_is_described() {
    let docs = read(FILE);
    for known in Catalog::builtin().unwrap().iter() {
        let key = format!("(`{}`)\n", known.key);
        let headings = docs.lines().filter(|line| line.starts_with("### "));
        let found = headings.filter(|line| format!("{line}\n").ends_with(&key));
        assert_eq!(found.count(), 1, "a heading that ends with {key}");
    }
}

/// What each type gives.
fn types(catalog: &Catalog) -> String {
    let mut table = "| type | protocol | external id | e-mail | e-mail verified | username \
                     | instance | refreshes | revokes | PKCE |\n\
                     |---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for known in catalog.iter() {
        let (email, verified, username) = match known.protocol {
            Protocol::None => ["as given"; 3].map(str::to_owned).into(),
            Protocol::Oidc | Protocol::OAuth2 => said(&known.key),
        };
        let cells = [
            format!("`{}`", known.key),
            protocol(known.protocol).to_owned(),
            known.stable_subject.clone(),
            email,
            verified,
            username,
            instance(known),
            yes(known.refreshes()).to_owned(),
            yes(known.revokes()).to_owned(),
            yes(known.uses_pkce).to_owned(),
        ];
        table += &row(&cells);
    }
    table
}

/// What the recorded accounts have: an address, whether it is verified, and a username.
fn said(key: &str) -> (String, String, String) {
    let recording = Recording::of(key);
    let accounts = || {
        recording
            .cases
            .values()
            .filter_map(|case| case.expect.as_ref())
    };
    let with_email = || accounts().filter(|account| account.email.is_some());
    let verified = |account: &Expect| match account.email_verified {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    };
    let verified: BTreeSet<&str> = with_email().map(verified).collect();
    let order = ["true", "false", "null"];
    let verified: Vec<&str> = order
        .into_iter()
        .filter(|one| verified.contains(one))
        .collect();
    let username = accounts().any(|account| account.username.is_some());
    (
        yes(with_email().next().is_some()).to_owned(),
        verified.join(", "),
        yes(username).to_owned(),
    )
}

/// The keys of each type's config.
fn config(catalog: &Catalog) -> String {
    let mut table = "| type | key | needed | meaning |\n|---|---|---|---|\n".to_owned();
    for known in catalog.iter() {
        for field in &known.config_fields {
            let cells = [
                format!("`{}`", known.key),
                format!("`{}`", field.name),
                yes(field.required).to_owned(),
                field.description.clone(),
            ];
            table += &row(&cells);
        }
    }
    table
}

const fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Oidc => "OpenID Connect",
        Protocol::OAuth2 => "OAuth 2.0",
        Protocol::None => "none",
    }
}

fn instance(known: &ProviderType) -> String {
    match known.instance.as_ref().map(|instance| &instance.from) {
        None => "one".to_owned(),
        Some(Source::Value(field)) => format!("`{field}`"),
        Some(Source::Host(field)) => format!("host of `{field}`"),
        Some(Source::HostAndPath(field)) => format!("host and path of `{field}`"),
        Some(Source::Slug) => "slug".to_owned(),
    }
}

const fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}
