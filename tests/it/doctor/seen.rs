//! The report of a doctor that has ended.

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::app::{App, MASTER_KEY};
use crate::support::process::command;
use crate::support::site::{Ended, Site};

/// Made with `--json`.
#[derive(Debug)]
pub struct Seen {
    pub code: Option<i32>,
    report: Value,
    /// What it said on standard error.
    pub said: Vec<String>,
}

impl Seen {
    /// The doctor on a site's database.
    pub async fn of_site(site: &Site) -> Self {
        Self::of(&mut site.lanyard(&["doctor", "--json"])).await
    }

    /// The doctor on the database of a running server.
    pub async fn of_app(app: &App, more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path(), &[&["doctor", "--json"], more].concat());
        command
            .env("LANYARD_DATABASE_URL", &app.database_url)
            .env("LANYARD_MASTER_KEY", MASTER_KEY);
        Self::of(&mut command).await
    }

    pub async fn of(command: &mut Command) -> Self {
        let ended = Ended::of(command).await;
        let report = serde_json::from_str(&ended.out);
        let seen = Self {
            code: ended.code,
            report: report.unwrap_or_else(|cause| panic!("{cause}: {ended:#?}")),
            said: ended.said().into_iter().map(str::to_owned).collect(),
        };
        // Status, exit code and last line say the same.
        let failed = seen.named("failed");
        assert_eq!(seen.report["ok"], failed.is_empty(), "{seen:#?}");
        if failed.is_empty() {
            assert_eq!((seen.code, seen.said.len()), (Some(0), 0), "{seen:#?}");
        } else {
            assert_eq!((seen.code, seen.said.len()), (Some(1), 1), "{seen:#?}");
            let last = format!("lanyard: failed: {}", failed.join(", "));
            assert!(seen.said[0].starts_with(&last), "{seen:#?}");
        }
        seen
    }

    /// The checks that ended so, in their order.
    fn named(&self, status: &str) -> Vec<&str> {
        self.checks()
            .filter(|check| check["status"] == status)
            .map(|check| check["name"].as_str().unwrap())
            .collect()
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.report["checks"].as_array().unwrap().iter()
    }

    /// The head of the chain, where one is shown.
    pub fn head(&self) -> Option<&str> {
        self.report["head"].as_str()
    }

    /// The checks that were made.
    pub fn made(&self) -> Vec<&str> {
        self.checks()
            .map(|check| check["name"].as_str().unwrap())
            .collect()
    }

    /// What the check says.
    #[track_caller]
    pub fn message(&self, name: &str) -> &str {
        let check = self.checks().find(|check| check["name"] == name);
        let check = check.unwrap_or_else(|| panic!("{name} was not made: {self:#?}"));
        check["message"].as_str().unwrap()
    }

    /// Fails unless all is in order.
    #[track_caller]
    pub fn is_healthy(&self) {
        assert_eq!(self.named("ok"), self.made(), "{self:#?}");
    }

    /// Fails unless these checks have failed and no others, each saying this.
    #[track_caller]
    pub fn fails(&self, expected: &[(&str, &str)]) {
        let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        assert_eq!(self.named("failed"), names, "{self:#?}");
        for (name, part) in expected {
            let message = self.message(name);
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    }

    /// Fails unless this check alone warns, saying this.
    #[track_caller]
    pub fn warns(&self, name: &str, part: &str) {
        assert_eq!(self.named("warning"), [name], "{self:#?}");
        assert_eq!(self.code, Some(0), "{self:#?}");
        let message = self.message(name);
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}
