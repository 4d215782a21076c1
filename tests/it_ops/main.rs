#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::pedantic, reason = "tests read better plain")]
#![allow(dead_code)]
#[path = "../it/command_line.rs"]
mod command_line;
#[path = "../it/generated.rs"]
mod generated;
#[path = "../it/migrations.rs"]
mod migrations;
#[path = "../it/plans/mod.rs"]
mod plans;
#[path = "../it/repository.rs"]
mod repository;
#[path = "../it/running.rs"]
mod running;
#[path = "../it/startup.rs"]
mod startup;
#[path = "../it/support/mod.rs"]
mod support;
