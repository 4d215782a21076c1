//! Every field of the schema, asked for by everybody whom the matrix tells apart.

use std::collections::BTreeSet;

use lanyard::access::Scope;
use lanyard::access::matrix::{ARGUMENTS, Need, People, ROWS, rule};
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;

use super::cell::{Cells, Keys};
use super::document::{Schema, Step};
use crate::support::app::{App, Db};
use crate::support::client::Answer;

#[tokio::test]
async fn every_field_has_a_row_and_every_row_names_a_field() {
    let schema = Schema::read(&App::start(Db::Sqlite).await).await;
    let fields = schema.fields();
    let without_row: Vec<_> = fields
        .iter()
        .filter(|(of, field)| rule(of, field).is_none())
        .collect();
    assert!(
        without_row.is_empty(),
        "fields without a row in the matrix: {without_row:?}"
    );
    let has_own_row = |step: &Step| ROWS.iter().any(|row| row.0 == step.0 && row.1 == step.1);
    for (of, name, ..) in ROWS {
        let names_one = fields.iter().any(|step| {
            step.0 == *of
                && if *name == "*" {
                    !has_own_row(step)
                } else {
                    step.1 == *name
                }
        });
        assert!(
            names_one,
            "the row {of}.{name} names no field of the schema"
        );
        let twice = ROWS
            .iter()
            .filter(|row| row.0 == *of && row.1 == *name)
            .count();
        assert_eq!(twice, 1, "the row {of}.{name} is there {twice} times");
    }
    // A new operation is somebody's to allow: no row covers it beforehand.
    for root in ["Query", "Mutation"] {
        assert!(
            !ROWS.iter().any(|row| row.0 == root && row.1 == "*"),
            "{root}.*"
        );
    }
    let open: Vec<_> = ROWS
        .iter()
        .filter(|row| row.0 == "Mutation" && (row.2 == Need::Nothing || row.3 == People::All))
        .collect();
    assert!(open.is_empty(), "mutations for nobody: {open:?}");
}

#[tokio::test]
async fn every_rule_of_an_argument_names_one() {
    let schema = Schema::read(&App::start(Db::Sqlite).await).await;
    for rule in ARGUMENTS {
        let found = ["Query", "Mutation"]
            .into_iter()
            .find_map(|root| schema.argument(root, rule.field, rule.path));
        let found = found.unwrap_or_else(|| panic!("{rule:?} names no argument"));
        match (found["kind"].as_str().unwrap(), rule.value) {
            (_, None) => {}
            ("ENUM", Some(value)) => {
                let name = found["name"].as_str().unwrap();
                assert!(schema.has_enum_value(name, value), "{rule:?}");
            }
            ("SCALAR", Some(value)) => {
                assert_eq!(found["name"], "Boolean", "{rule:?}");
                assert!(["true", "false"].contains(&value), "{rule:?}");
            }
            other => panic!("{rule:?}: {other:?}"),
        }
    }
}

#[rstest]
#[tokio::test]
async fn every_cell_of_the_matrix_holds_for_keys(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let cells = Cells::new(&app).await;
    let mut keys = Keys::new(&app);
    for cell in cells.all() {
        let label = cell.label();
        let document = cells.fresh(&cell, &keys.unrelated_id().await).await;
        let answer = app.ask(&document).by_nobody().send().await;
        match cell.first_need() {
            None => assert_allowed(&label, "nobody", &answer),
            Some(field) => assert_denied(&label, &answer, StatusCode::UNAUTHORIZED, &[&field]),
        }
        for (scope, field) in cell.scopes() {
            let key = keys.all_but(scope).await;
            let answer = app.ask(&document).by(&key).send().await;
            let named = [field.as_str(), scope.name()];
            assert_denied(&label, &answer, StatusCode::FORBIDDEN, &named);
        }
        let scopes: BTreeSet<Scope> = cell.scopes().into_iter().map(|(scope, _)| scope).collect();
        let (key, id) = keys.fresh(&scopes).await;
        let document = cells.fresh(&cell, &id).await;
        let answer = app.ask(&document).by(&key).send().await;
        let (_, id) = keys.fresh(&scopes).await;
        let document = cells.fresh(&cell, &id).await;
        let by_admin = app.ask(&document).send().await;
        if let Some(field) = cell.for_people_alone() {
            for answer in [answer, by_admin] {
                assert_denied(&label, &answer, StatusCode::FORBIDDEN, &[&field, "people"]);
            }
        } else if cell.path[0].1 == "completeLink" {
            // Past the matrix, it is the code that is nobody's; other tests have codes.
            for answer in [answer, by_admin] {
                assert_eq!(answer.code(), "NOT_FOUND", "{label}: {:#}", answer.body);
            }
        } else {
            assert_allowed(&label, &format!("a key with {scopes:?}"), &answer);
            assert_allowed(&label, "an admin key", &by_admin);
        }
    }
}

#[rstest]
#[tokio::test]
async fn every_cell_of_the_matrix_holds_for_people(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let cells = Cells::new(&app).await;
    let unrelated = Keys::new(&app).unrelated_id().await;
    let joe = app.user("joe").await;
    let (owner, stranger) = (
        app.session(&cells.user, &cells.door).await,
        app.session(&joe, &cells.door).await,
    );
    let mut hidden = 0;
    for cell in cells.all() {
        let label = cell.label();
        let document = cells.fresh(&cell, &unrelated).await;
        // What a stranger may not see is still there for its owner afterwards.
        let by_stranger = app.ask(&document).by_person(&stranger).send().await;
        let by_owner = app.ask(&document).by_person(&owner).send().await;
        if let Some(field) = cell.not_for_people() {
            for answer in [by_stranger, by_owner] {
                let named = [field.as_str(), "needs an API key"];
                assert_denied(&label, &answer, StatusCode::FORBIDDEN, &named);
            }
            continue;
        }
        assert_allowed(&label, "the owner", &by_owner);
        let root = cell.path[0].1.as_str();
        match root {
            "endSession" | "unlinkIdentity" | "setPrimaryIdentity" | "refreshIdentity"
            | "startLink" => {
                assert_eq!(by_stranger.code(), "NOT_FOUND", "{label}")
            }
            _ => assert_allowed(&label, "a stranger", &by_stranger),
        }
        let nothing = match root {
            "node" | "identity" | "user" | "organization" | "authProvider" => json!(null),
            "nodes" => json!([null]),
            "userIdentities" => json!([]),
            // Not about the owner's rows, or lists of the caller's own: other tests look at them.
            _ => continue,
        };
        hidden += 1;
        assert_eq!(by_stranger.data()[root], nothing, "{label} by a stranger");
        assert_ne!(by_owner.data()[root], nothing, "{label} by the owner");
    }
    assert!(hidden > 20, "{hidden} cells were hidden from strangers");
}

#[rstest]
#[tokio::test]
async fn a_denied_mutation_changes_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let cells = Cells::new(&app).await;
    let mut keys = Keys::new(&app);
    let person = app.session(&cells.user, &cells.door).await;
    let mut denied = Vec::new();
    for cell in cells
        .all()
        .into_iter()
        .filter(|cell| cell.path.len() == 1 && cell.path[0].0 == "Mutation")
    {
        let document = cells.fresh(&cell, &keys.unrelated_id().await).await;
        denied.push((cell.label(), app.ask(&document).by_nobody()));
        for (scope, _) in cell.scopes() {
            let key = keys.all_but(scope).await;
            denied.push((cell.label(), app.ask(&document).by(&key)));
        }
        if cell.not_for_people().is_some() {
            denied.push((cell.label(), app.ask(&document).by_person(&person)));
        }
        if cell.for_people_alone().is_some() {
            denied.push((cell.label(), app.ask(&document)));
        }
    }
    app.all_sealed().await;
    let before = app.dump().await;
    for (label, ask) in denied {
        let answer = ask.send().await;
        assert!(
            answer.status.is_client_error(),
            "{label}: {:#}",
            answer.body
        );
        assert_eq!(app.dump().await, before, "{label}");
    }
}

#[track_caller]
fn assert_denied(cell: &str, answer: &Answer, status: StatusCode, named: &[&str]) {
    assert_eq!(answer.status, status, "{cell}: {:#}", answer.body);
    let code = match status {
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        _ => "FORBIDDEN",
    };
    assert_eq!(answer.code(), code, "{cell}");
    assert_eq!(
        answer.body["errors"].as_array().unwrap().len(),
        1,
        "{cell}: {:#}",
        answer.body
    );
    assert!(
        answer.body.get("data").is_none(),
        "{cell}: {:#}",
        answer.body
    );
    for name in named {
        assert!(
            answer.message().contains(name),
            "{cell}: {} lacks {name}",
            answer.message()
        );
    }
}

#[track_caller]
fn assert_allowed(cell: &str, who: &str, answer: &Answer) {
    assert!(
        answer.body.get("errors").is_none(),
        "{cell} by {who}: {:#}",
        answer.body
    );
    assert_eq!(answer.status, StatusCode::OK, "{cell} by {who}");
}
