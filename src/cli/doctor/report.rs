//! The list of checks, and how it is printed: a line each as they are made, or one JSON object
//! at the end. Knows nothing of what is checked.

use std::fmt;
use std::io::Write;

use serde_json::json;

use crate::cli::Failure;
use crate::event::verify::Head;

/// No more of a kind than this are looked for.
pub const MOST: usize = 100;
/// And no more than this are named.
const NAMED: usize = 5;

/// What is looked at. The names are for machines too: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    Settings,
    Database,
    Migrations,
    MasterKey,
    Secrets,
    AuditChain,
    AuditHead,
    AuditEvents,
    AuditQueue,
    IdentityTypes,
    IdentityOrganizations,
    IdentitySlots,
    PrimaryIdentities,
    AuthIdentities,
    OrganizationIntegrations,
}

impl Check {
    /// In the order in which they are made.
    pub const ALL: [Self; 15] = [
        Self::Settings,
        Self::Database,
        Self::Migrations,
        Self::MasterKey,
        Self::Secrets,
        Self::AuditChain,
        Self::AuditHead,
        Self::AuditEvents,
        Self::AuditQueue,
        Self::IdentityTypes,
        Self::IdentityOrganizations,
        Self::IdentitySlots,
        Self::PrimaryIdentities,
        Self::AuthIdentities,
        Self::OrganizationIntegrations,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Database => "database",
            Self::Migrations => "migrations",
            Self::MasterKey => "master_key",
            Self::Secrets => "secrets",
            Self::AuditChain => "audit_chain",
            Self::AuditHead => "audit_head",
            Self::AuditEvents => "audit_events",
            Self::AuditQueue => "audit_queue",
            Self::IdentityTypes => "identity_types",
            Self::IdentityOrganizations => "identity_organizations",
            Self::IdentitySlots => "identity_slots",
            Self::PrimaryIdentities => "primary_identities",
            Self::AuthIdentities => "auth_identities",
            Self::OrganizationIntegrations => "organization_integrations",
        }
    }

    /// What has to be so.
    const fn meaning(self) -> &'static str {
        match self {
            Self::Settings => "they can be read, and hold no mistake",
            Self::Database => "it answers, and is of a version that Lanyard is made for",
            Self::Migrations => "all that this version knows are applied, and no others",
            Self::MasterKey => "the current one is there, and each that secrets may be sealed with",
            Self::Secrets => "the server's own, such as the key of the chain, can be opened",
            Self::AuditChain => "every hash, computed anew, is the stored one; none is missing",
            Self::AuditHead => "with --head: it is in the chain, so nothing up to it has changed",
            Self::AuditEvents => "each is sealed, or waits for it",
            Self::AuditQueue => "no event has waited longer than a minute (else a warning)",
            Self::IdentityTypes => "each identity has the type of its provider",
            Self::IdentityOrganizations => {
                "each identity is within the organization of its provider"
            }
            Self::IdentitySlots => "each is in the slot that its provider's rule of accounts says",
            Self::PrimaryIdentities => "of what a user has at a provider, one is the primary",
            Self::AuthIdentities => "each is within the organization of its sign-on",
            Self::OrganizationIntegrations => "each names the service of its integration",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warning,
    Failed,
}

/// How a check ended, in one line.
#[derive(Debug)]
pub struct Outcome {
    status: Status,
    message: String,
}

impl Outcome {
    pub fn ok(message: impl fmt::Display) -> Self {
        Self::new(Status::Ok, message)
    }

    pub fn warning(message: impl fmt::Display) -> Self {
        Self::new(Status::Warning, message)
    }

    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(Status::Failed, message)
    }

    pub const fn is_failed(&self) -> bool {
        matches!(self.status, Status::Failed)
    }

    fn new(status: Status, message: impl fmt::Display) -> Self {
        let message = message.to_string().replace('\n', "; ");
        Self { status, message }
    }
}

/// What was found so far.
#[derive(Debug)]
pub struct Report {
    as_json: bool,
    /// A head is to be looked for.
    with_head: bool,
    made: Vec<(Check, Outcome)>,
    /// The end of a chain that is whole, with no event beside it.
    pub head: Option<Head>,
}

impl Report {
    /// `with_head`: one is to be looked for.
    pub const fn new(as_json: bool, with_head: bool) -> Self {
        Self {
            as_json,
            with_head,
            made: Vec::new(),
            head: None,
        }
    }

    /// Notes how a check ended, and prints it, unless all is printed at the end.
    pub fn add(&mut self, check: Check, outcome: Outcome) -> std::io::Result<()> {
        if !self.as_json {
            let status = match outcome.status {
                Status::Ok => "ok",
                Status::Warning => "warning",
                Status::Failed => "FAILED",
            };
            let name = check.name();
            writeln!(
                std::io::stdout(),
                "{status:<8} {name:<25} {}",
                outcome.message
            )?;
        }
        self.made.push((check, outcome));
        Ok(())
    }

    /// Prints what is left to print.
    ///
    /// # Errors
    /// A check has failed.
    pub fn end(self) -> Result<(), Failure> {
        let failed: Vec<&str> = self
            .made
            .iter()
            .filter(|(_, outcome)| outcome.is_failed())
            .map(|(check, _)| check.name())
            .collect();
        let head = self.head.as_ref().map(ToString::to_string);
        let mut out = std::io::stdout();
        if self.as_json {
            let checks: Vec<_> = self.made.iter().map(as_json).collect();
            let report = json!({ "ok": failed.is_empty(), "checks": checks, "head": head });
            writeln!(out, "{report}")?;
        } else if let Some(head) = head {
            writeln!(out, "head {head}")?;
        }
        out.flush()?;
        if failed.is_empty() {
            return Ok(());
        }
        let mut message = format!("failed: {}", failed.join(", "));
        let left = self.left();
        if !left.is_empty() {
            message = format!("{message}; not made: {}", left.join(", "));
        }
        Err(Failure::Said(message))
    }

    /// The checks that rest on those that have failed.
    fn left(&self) -> Vec<&'static str> {
        let is_made = |check| self.made.iter().any(|(made, _)| *made == check);
        Check::ALL
            .into_iter()
            .filter(|&check| !is_made(check) && (self.with_head || check != Check::AuditHead))
            .map(Check::name)
            .collect()
    }
}

fn as_json((check, outcome): &(Check, Outcome)) -> serde_json::Value {
    let status = match outcome.status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "failed",
    };
    json!({ "name": check.name(), "status": status, "message": outcome.message })
}

/// The first of what was found, and how many more there are. [`MOST`] may be the first of more.
pub fn listed<T: fmt::Display>(found: &[T]) -> String {
    let named: Vec<String> = found.iter().take(NAMED).map(T::to_string).collect();
    let named = named.join(", ");
    match found.len().saturating_sub(NAMED) {
        0 => named,
        more if found.len() < MOST => format!("{named} and {more} more"),
        more => format!("{named} and at least {more} more"),
    }
}

/// What is checked, for `--help`.
pub fn checks_help() -> String {
    let lines: Vec<String> = Check::ALL
        .iter()
        .map(|check| format!("  {:<25} {}", check.name(), check.meaning()))
        .collect();
    format!(
        "Checks:\n{}\n\nNothing is written. Exits with 1 if a check failed.\n\nWhere the log is whole, \
         the head of its chain is printed. Noted elsewhere, and given back\nby --head later, it \
         shows a chain that was cut off at its end, or written anew.",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_how_much_it_leaves_out() {
        let list = |many: usize| listed(&(1..=many).collect::<Vec<_>>());
        assert_eq!(list(1), "1");
        assert_eq!(list(5), "1, 2, 3, 4, 5");
        assert_eq!(list(6), "1, 2, 3, 4, 5 and 1 more");
        assert_eq!(list(99), "1, 2, 3, 4, 5 and 94 more");
        assert_eq!(list(100), "1, 2, 3, 4, 5 and at least 95 more");
    }

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Check::ALL.map(Check::name).into();
        assert_eq!(names.len(), Check::ALL.len());
        let help = checks_help();
        assert!(names.iter().all(|name| help.contains(name)));
    }

    #[test]
    fn an_outcome_is_one_line() {
        let outcome = Outcome::failed("one\ntwo");
        assert_eq!(outcome.message, "one; two");
    }
}
