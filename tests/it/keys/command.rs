//! `lanyard key`: what it prints, what it refuses, and what it leaves in the key file.

use rstest::rstest;

use super::*;
use crate::support::app::Db;
use crate::support::site::{Ended, Site, mode, set_mode};

const FILE: &str = "lanyard-data/master.key";

fn lines(site: &Site) -> Vec<String> {
    let text = std::fs::read_to_string(site.path(FILE)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn id_of(line: &str) -> String {
    let bytes = data_encoding::BASE64.decode(line.as_bytes()).unwrap();
    let bytes: [u8; 32] = bytes.try_into().unwrap();
    MasterKey::new(bytes).id().to_owned()
}

async fn json_of(site: &Site) -> Value {
    serde_json::from_str(&site.prints(&["key", "status", "--json"]).await).unwrap()
}

/// With several keys in the environment.
async fn run(site: &Site, given: &[u8], arguments: &[&str]) -> Ended {
    let mut command = site.lanyard(arguments);
    Ended::of(command.env("LANYARD_MASTER_KEY", keys(given))).await
}

#[tokio::test]
async fn with_a_key_file_of_its_own_a_key_is_made_and_the_old_one_can_go() {
    let site = Site::new(Db::Sqlite).await;
    site.run(&["key", "status"])
        .await
        .fails_saying(&["there is no database at file ./lanyard-data/lanyard.db. `lanyard serve` and `lanyard migrate up` make one; check LANYARD_DATA_DIR and LANYARD_DATABASE_URL"]);
    let server = site.serve().await;
    let [first] = &lines(&site)[..] else {
        panic!("one key")
    };
    let first = id_of(first);
    assert_eq!(
        site.prints(&["key", "status"]).await,
        format!("{first}  current\n\nThere is nothing to do.\n")
    );
    let printed = site.prints(&["key", "rotate", "--wait"]).await;
    let kept = lines(&site);
    assert_eq!((kept.len(), id_of(&kept[0])), (2, first.clone()));
    assert_eq!(mode(&site.path(FILE)), 0o600);
    assert_eq!(
        site.made(),
        ["lanyard-data", "lanyard-data/lanyard.db", FILE],
        "nothing is left beside it"
    );
    let second = id_of(&kept[1]);
    for said in [
        format!("The master key {second} was made and added to ./lanyard-data/master.key."),
        format!("{second} is the current master key; it replaces {first}."),
        "All that is stored is sealed with the current master key.".to_owned(),
        format!("{first} may be removed from the file ./lanyard-data/master.key"),
    ] {
        assert!(printed.contains(&said), "{printed}");
    }
    assert!(!kept.iter().any(|key| printed.contains(key)));
    let status = json_of(&site).await;
    assert_eq!(status["current"], second);
    assert_eq!(status["removable"], json!([first]));
    assert_eq!(status["isRotating"], false);
    // The server has found the key by itself.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = client.get(format!("{}/readyz", server.url)).send().await;
    assert_eq!(ready.unwrap().status(), 200);
    server.stop().await;

    // Without the retired key, it starts; the next rotation makes another.
    site.write(FILE, &format!("{}\n", kept[1]));
    set_mode(&site.path(FILE), 0o600);
    site.serve().await.stop().await;
    site.prints(&["key", "rotate"]).await;
    let third = id_of(&lines(&site)[1]);
    let status = json_of(&site).await;
    let states: Vec<_> = status["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            (
                key["id"].clone(),
                key["state"].clone(),
                key["isHere"].clone(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            (json!(first), json!("retired"), json!(false)),
            (json!(second), json!("being_replaced"), json!(true)),
            (json!(third), json!("current"), json!(true)),
        ]
    );
    let text = site.prints(&["key", "status"]).await;
    assert!(
        text.contains(&format!("{first}  retired ")) && text.contains("; missing here\n"),
        "{text}"
    );
    assert!(text.contains("No key may be removed yet"), "{text}");
    // Where it was left, it goes on.
    let arguments = ["key", "rotate", "--to", &third, "--wait"];
    let printed = site.prints(&arguments).await;
    assert!(
        printed.starts_with(&format!("{third} is the current master key already.\n")),
        "{printed}"
    );
    assert_eq!(json_of(&site).await["removable"], json!([second]));
}

#[rstest]
#[tokio::test]
async fn the_operators_keys_take_over_by_their_ids(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let site = Site::new(on).await;
    let mut start = site.lanyard(&["migrate", "up"]);
    assert_eq!(
        Ended::of(start.env("LANYARD_MASTER_KEY", key(1)))
            .await
            .code,
        Some(0)
    );
    let none = run(&site, &[1], &["key", "rotate"]).await;
    none.fails_saying(&[format!(
        "the database {} has no master key yet: the first `lanyard serve` gives it one",
        site.place()
    )]);
    site.serve_with(&[("LANYARD_MASTER_KEY", &key(1))])
        .await
        .stop()
        .await;
    let none = run(&site, &[1], &["key", "rotate"]).await;
    none.fails_saying(&[format!(
        "there is no other master key here, only {}. Make one with `openssl rand -base64 32`, add \
         it to LANYARD_MASTER_KEY of every process, behind the one that is there, and rotate then",
        id(1)
    )]);
    let unknown = run(&site, &[1, 2], &["key", "rotate", "--to", &id(9)]).await;
    unknown.fails_saying(&[format!(
        "there is no master key {} here, only {}, {}",
        id(9),
        id(1),
        id(2)
    )]);
    let several = run(&site, &[1, 2, 3], &["key", "rotate"]).await;
    several.fails_saying(&[format!(
        "several master keys have not been used yet: {}, {}. Say which is to take over, with --to",
        id(2),
        id(3)
    )]);
    let same = run(&site, &[1, 2], &["key", "rotate", "--to", &id(1)]).await;
    same.fails_saying(&[format!("{} is the current master key already", id(1))]);
    let done = run(&site, &[1, 2], &["key", "rotate", "--wait"]).await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(
        done.out
            .contains(&format!("{} may be removed from LANYARD_MASTER_KEY", id(1))),
        "{done:#?}"
    );
    // One that was retired comes back only by its name.
    let back = run(&site, &[1, 2], &["key", "rotate"]).await;
    assert!(back.said()[0].contains("there is no other master key here"));
    let back = run(&site, &[1, 2], &["key", "rotate", "--to", &id(1), "--wait"]).await;
    assert_eq!(back.code, Some(0), "{back:#?}");
    let status = run(&site, &[1], &["key", "status", "--json"]).await;
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["current"], id(1));
    assert_eq!(status["removable"], json!([]));
}

#[tokio::test]
async fn a_rotation_that_cannot_write_the_key_file_changes_nothing() {
    let site = Site::new(Db::Sqlite).await;
    site.serve().await.stop().await;
    let (before, status) = (lines(&site), json_of(&site).await);
    site.write(FILE, &format!("{}\nAAAA\n", before[0]));
    site.run(&["key", "rotate"]).await.fails_saying(&[
        "key 2 of 2 in ./lanyard-data/master.key is not 32 bytes in base64. Put the right one \
         back; without it the stored secrets can't be read",
    ]);
    site.write(FILE, &format!("{}\n", before[0]));
    assert_eq!(json_of(&site).await, status);
}
