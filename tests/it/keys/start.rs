//! Which keys a start needs, and which may be gone.

use rstest::rstest;

use super::*;
use crate::support::app::Db;
use crate::support::site::{Ended, Site};

/// A database whose rotation from 1 to 2 no server has carried out.
async fn half_rotated(on: Db) -> Site {
    let site = Site::new(on).await;
    site.serve_with(&[("LANYARD_MASTER_KEY", &key(1))])
        .await
        .stop()
        .await;
    let rotated = run(&site, &[1, 2], &["key", "rotate"]).await;
    assert_eq!(rotated.code, Some(0), "{rotated:#?}");
    site
}

async fn run(site: &Site, given: &[u8], arguments: &[&str]) -> Ended {
    let mut command = site.lanyard(arguments);
    Ended::of(command.env("LANYARD_MASTER_KEY", keys(given))).await
}

#[rstest]
#[tokio::test]
async fn a_start_needs_the_current_key_and_those_that_are_being_replaced(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = half_rotated(on).await;
    run(&site, &[1], &["serve"]).await.fails_saying(&[format!(
        "the master key {} is missing: it is this database's current one, and those that are \
         there are {}. Give it beside them; without it nothing can be stored",
        id(2),
        id(1)
    )]);
    let needed = format!(
        "the master key {} is missing: it is being replaced, and secrets are sealed with it \
         still; those that are there are {}, {}. Give it beside them until `lanyard key status` \
         says that it is retired",
        id(1),
        id(2),
        id(3)
    );
    run(&site, &[2, 3], &["serve"])
        .await
        .fails_saying(&[&needed]);
    let doctor = run(&site, &[2, 3], &["doctor"]).await;
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.out.contains(&needed), "{doctor:#?}");
    let doctor = run(&site, &[2, 1], &["doctor"]).await;
    assert_eq!(doctor.code, Some(0), "{doctor:#?}");
    let said = format!("{} is this database's, and replaces {}", id(2), id(1));
    assert!(doctor.out.contains(&said), "{doctor:#?}");

    // In any order, with one that nobody knows.
    let server = site
        .serve_with(&[("LANYARD_MASTER_KEY", &keys(&[3, 1, 2]))])
        .await;
    until("the server passes everything on", SOON, async || {
        let status = run(&site, &[1, 2], &["key", "status", "--json"]).await;
        let status: Value = serde_json::from_str(&status.out).unwrap();
        status["isRotating"] == false
    })
    .await;
    server.stop().await;
    // The retired key may be gone.
    site.serve_with(&[("LANYARD_MASTER_KEY", &key(2))])
        .await
        .stop()
        .await;
    let doctor = run(&site, &[2], &["doctor"]).await;
    assert_eq!(doctor.code, Some(0), "{doctor:#?}");
    let wrong = run(&site, &[3, 4], &["serve"]).await;
    assert!(
        wrong.said()[0].contains(&format!(
            "each of the master keys (id {}, {}) is not the one that this database was made with",
            id(3),
            id(4)
        )),
        "{wrong:#?}"
    );
}

#[rstest]
#[tokio::test]
async fn work_whose_holder_is_gone_is_taken_over_by_the_command_line(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = half_rotated(on).await;
    // As a process leaves it that was killed, when its lease is over.
    site.sql(
        "INSERT INTO job_lease (name, owner, fence, until)
            VALUES ('rewrap', 'killed', 7, CURRENT_TIMESTAMP)",
    )
    .await;
    let followed = run(&site, &[1, 2], &["key", "rotate", "--to", &id(2), "--wait"]).await;
    assert_eq!(followed.code, Some(0), "{followed:#?}");
    assert!(
        followed
            .out
            .contains("All that is stored is sealed with the current master key."),
        "{followed:#?}"
    );
}
