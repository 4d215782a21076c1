//! The database, its keys, its schema, and who seals events.

use lanyard::database::Database;
use rstest::rstest;

use super::seen::Seen;
use crate::support::app::{App, Db};
use crate::support::dump::{Dump, all_sealed, dump};
use crate::support::site::{Ended, Site, set_mode};

const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const NO_POSTGRES: &str = "postgres://lanyard:hidden@127.0.0.1:1/lanyard";
const AUDIT: [&str; 3] = ["audit_chain", "audit_events", "audit_queue"];
const IDENTITIES: [&str; 6] = [
    "identity_types",
    "identity_organizations",
    "identity_slots",
    "primary_identities",
    "auth_identities",
    "organization_integrations",
];

#[rstest]
#[tokio::test]
async fn a_healthy_database_passes_every_check_and_stays_as_it_is(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = used(on).await;
    let before = (site.made(), stored(&site, on).await);
    let ended = site.run(&["doctor"]).await;
    assert_eq!(
        (ended.code, ended.err.as_str()),
        (Some(0), ""),
        "{ended:#?}"
    );
    let mut lines: Vec<&str> = ended.out.lines().collect();
    let head = lines.pop().unwrap();
    let hash = head.strip_prefix("head 3:").unwrap();
    assert_eq!(hash.len(), 64, "{head}");
    let names: Vec<&str> = lines
        .iter()
        .map(|line| {
            let mut words = line.split_whitespace();
            assert_eq!(words.next(), Some("ok"), "{line}");
            words.next().unwrap()
        })
        .collect();
    let first = [
        "settings",
        "database",
        "migrations",
        "master_key",
        "secrets",
    ];
    assert_eq!(names, [&first[..], &AUDIT, &IDENTITIES].concat());
    let database = lines[1];
    let name = match on {
        Db::Sqlite => "SQLite 3.",
        Db::Postgres => "PostgreSQL 1",
    };
    assert!(database.contains(name), "{database}");
    assert!(database.ends_with(&site.place()), "{database}");

    // Machines get the same.
    let seen = Seen::of_site(&site).await;
    seen.is_healthy();
    assert_eq!(
        seen.head().map(|head| format!("head {head}")),
        Some(head.to_owned())
    );
    assert_eq!(seen.made(), names);
    for (name, line) in names.iter().zip(lines) {
        assert!(line.ends_with(seen.message(name)), "{line}");
    }
    assert_eq!((site.made(), stored(&site, on).await), before);
}

#[rstest]
#[tokio::test]
async fn what_fails_stands_in_the_list_and_in_the_last_line(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = used(on).await;
    site.sql("DELETE FROM event_seal WHERE sequence = 2").await;
    let ended = site.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.said(), ["lanyard: failed: audit_chain, audit_events"]);
    let failed: Vec<&str> = ended
        .out
        .lines()
        .filter(|line| line.starts_with("FAILED "))
        .collect();
    assert_eq!(failed.len(), 2, "{ended:#?}");
    assert!(failed[0].contains("the chain breaks at sequence 2: its seal was removed"));
    assert!(!ended.out.contains("head "), "{ended:#?}");
}

#[rstest]
#[tokio::test]
async fn a_database_that_no_server_has_used_is_in_order(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    site.prints(&["migrate", "up"]).await;
    let before = (site.made(), stored(&site, on).await);
    let seen = Seen::of_site(&site).await;
    seen.is_healthy();
    assert_eq!(seen.head(), None);
    let key = match on {
        Db::Sqlite => "there is none yet: the first `lanyard serve` makes one",
        Db::Postgres => "the database knows none yet",
    };
    assert!(seen.message("master_key").contains(key), "{seen:#?}");
    assert_eq!(seen.message("secrets"), "none made yet");
    assert_eq!(seen.message("audit_chain"), "nothing is sealed yet");
    assert_eq!(
        (site.made(), stored(&site, on).await),
        before,
        "none is made"
    );
    // A head that was noted is of another database, or this one lost its log.
    let head = format!("1:{}", "0".repeat(64));
    let ended = site.run(&["doctor", "--head", &head]).await;
    assert_eq!(ended.said(), ["lanyard: failed: audit_head"], "{ended:#?}");
}

#[rstest]
#[tokio::test]
async fn a_schema_that_is_not_this_versions_ends_the_examination(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    if on == Db::Sqlite {
        site.write("lanyard-data/lanyard.db", "");
    }
    let seen = Seen::of_site(&site).await;
    seen.fails(&[("migrations", "pending: m20261122_000001_ground")]);
    assert_eq!(seen.made(), ["settings", "database", "migrations"]);
    let left = "; not made: master_key, secrets, audit_chain, ";
    assert!(seen.said[0].contains(left), "{seen:#?}");
    assert!(!seen.said[0].contains("audit_head"), "{seen:#?}");
    assert_eq!(
        site.run(&["migrate", "status"]).await.code,
        Some(1),
        "still"
    );

    site.prints(&["migrate", "up"]).await;
    site.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001', 0)")
        .await;
    let seen = Seen::of_site(&site).await;
    let newer = "the database is newer: this version doesn't know m20991231_000001";
    seen.fails(&[("migrations", newer)]);
    assert_eq!(seen.made(), ["settings", "database", "migrations"]);
}

#[rstest]
#[tokio::test]
async fn a_wrong_master_key_is_named_and_the_chain_not_called_whole(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = used(on).await;
    let before = stored(&site, on).await;
    let mut command = site.lanyard(&["doctor", "--json"]);
    let seen = Seen::of(command.env("LANYARD_MASTER_KEY", OTHER_KEY)).await;
    seen.fails(&[
        (
            "master_key",
            "is not the one that this database was made with",
        ),
        ("audit_chain", "can't be verified without the master key"),
    ]);
    assert!(seen.said[0].ends_with("; not made: secrets"), "{seen:#?}");
    assert_eq!(seen.head(), None);
    // Neither is a head that nobody could look for.
    let head = format!("1:{}", "0".repeat(64));
    let mut command = site.lanyard(&["doctor", "--head", &head]);
    let ended = Ended::of(command.env("LANYARD_MASTER_KEY", OTHER_KEY)).await;
    let said = "lanyard: failed: master_key, audit_chain, audit_head; not made: secrets";
    assert_eq!(ended.said(), [said]);
    assert_eq!(stored(&site, on).await, before);
}

#[tokio::test]
async fn a_key_file_that_is_gone_is_missed_and_not_made() {
    let site = used(Db::Sqlite).await;
    std::fs::remove_file(site.path("lanyard-data/master.key")).unwrap();
    let before = site.made();
    let seen = Seen::of_site(&site).await;
    seen.fails(&[
        (
            "master_key",
            "there is no master key: ./lanyard-data/master.key is missing",
        ),
        ("audit_chain", "can't be verified without the master key"),
    ]);
    assert_eq!(site.made(), before);
}

#[rstest]
#[tokio::test]
async fn a_secret_of_the_server_that_is_gone_or_moved_is_missed_and_not_made(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = used(on).await;
    site.sql(
        "UPDATE secret SET value_sealed =
            (SELECT value_sealed FROM secret WHERE name = 'event_chain') WHERE name = 'cursor'",
    )
    .await;
    let moved = "cursor: the sealed value was changed, or belongs elsewhere";
    Seen::of_site(&site).await.fails(&[("secrets", moved)]);
    site.sql("DELETE FROM secret").await;
    let before = stored(&site, on).await;
    let seen = Seen::of_site(&site).await;
    let gone = "can't be verified: its key, the row event_chain of the table secret, was removed";
    seen.fails(&[("audit_chain", gone)]);
    assert_eq!(stored(&site, on).await, before);
}

#[rstest]
#[tokio::test]
async fn events_that_nobody_seals_are_a_warning_after_a_minute(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = used(on).await;
    for name in ["late", "later"] {
        create_key(&site, name).await;
    }
    let waiting = "number IN (SELECT number FROM event_unsealed)";
    let young = Seen::of_site(&site).await;
    young.is_healthy();
    site.sql(&format!(
        "UPDATE event SET at = '2020-01-02 03:04:05+00:00' WHERE {waiting}"
    ))
    .await;
    let seen = Seen::of_site(&site).await;
    let warning = "events that wait for their seal: 2, since 2020-01-02 03:04:05 UTC. Does no \
                   server run?";
    seen.warns("audit_queue", warning);
    assert_eq!(seen.head(), young.head());
    // A server seals them.
    site.serve().await.stop().await;
    Seen::of_site(&site).await.is_healthy();
}

#[rstest]
#[tokio::test]
async fn a_running_server_is_not_disturbed(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    app.user("jane").await;
    app.all_sealed().await;
    let seen = Seen::of_app(&app, &[]).await;
    seen.is_healthy();
    assert!(seen.head().unwrap().starts_with("2:"), "{seen:#?}");
    app.user("joe").await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let site = Site::new(Db::Sqlite).await;
    let seen = Seen::of_site(&site).await;
    let said = "there is no database at file ./lanyard-data/lanyard.db.";
    seen.fails(&[("database", said)]);
    assert_eq!(seen.made(), ["settings", "database"]);
    assert!(site.made().is_empty());
}

#[tokio::test]
async fn an_unreachable_database_is_named_without_its_password() {
    let site = Site::new(Db::Postgres).await;
    let mut command = site.lanyard(&["doctor", "--json"]);
    let seen = Seen::of(command.env("LANYARD_DATABASE_URL", NO_POSTGRES)).await;
    let said = "the database postgres://lanyard:***@127.0.0.1:1/lanyard can't be reached: \
                Connection refused";
    seen.fails(&[("database", said)]);
    assert_eq!(seen.made(), ["settings", "database"]);
}

#[rstest]
#[case::without_a_key(
    &[("LANYARD_DATABASE_URL", NO_POSTGRES)],
    "LANYARD_MASTER_KEY: is required with PostgreSQL",
)]
#[case::several(
    &[("LANYARD_LISTEN", "80"), ("LANYARD_LOG", "inof")],
    "give one like 127.0.0.1:8080; LANYARD_LOG: \"inof\"",
)]
#[tokio::test]
async fn wrong_settings_are_a_check_that_fails(
    #[case] settings: &[(&str, &str)],
    #[case] says: &str,
) {
    let site = Site::new(Db::Sqlite).await;
    let mut command = site.lanyard(&["doctor", "--json"]);
    let seen = Seen::of(command.envs(settings.iter().copied())).await;
    seen.fails(&[("settings", says)]);
    assert_eq!(seen.made(), ["settings"]);
    assert!(!format!("{seen:?}").contains("hidden"), "{seen:#?}");
    assert!(site.made().is_empty());
}

#[tokio::test]
async fn settings_that_should_be_put_right_are_a_warning_once() {
    let site = used(Db::Sqlite).await;
    let key = std::fs::read_to_string(site.path("lanyard-data/master.key")).unwrap();
    site.write(
        "lanyard.toml",
        &format!("master_key = \"{}\"\n", key.trim()),
    );
    set_mode(&site.path("lanyard.toml"), 0o644);
    let seen = Seen::of_site(&site).await;
    seen.warns(
        "settings",
        "others may read the file (mode 0644): chmod 600 lanyard.toml",
    );
    assert!(!seen.message("settings").contains(key.trim()));
    let ended = site.run(&["doctor"]).await;
    let line = ended.out.lines().next().unwrap();
    assert!(line.starts_with("warning  settings "), "{ended:#?}");
    assert_eq!(
        (ended.code, ended.err.as_str()),
        (Some(0), ""),
        "{ended:#?}"
    );
}

#[rstest]
#[case::a_sequence_alone("5", "it has no colon")]
#[case::no_sequence("x:00", "the sequence is not a number from 1 up")]
#[case::a_short_hash("5:00", "the hash is not 64 hexadecimal digits")]
#[tokio::test]
async fn a_malformed_head_is_refused_before_anything_is_done(
    #[case] head: &str,
    #[case] wrong: &str,
) {
    let site = Site::new(Db::Sqlite).await;
    let ended = site.run(&["doctor", "--head", head]).await;
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(2), ""),
        "{ended:#?}"
    );
    let explained = format!("{wrong}; a head is SEQUENCE:HASH as `lanyard doctor` prints it");
    assert!(ended.err.contains(&explained), "{ended:#?}");
    assert!(site.made().is_empty());
}

/// A server has run here, and has sealed three events.
async fn used(on: Db) -> Site {
    let site = Site::new(on).await;
    site.prints(&["migrate", "up"]).await;
    for name in ["one", "two", "three"] {
        create_key(&site, name).await;
    }
    let server = site.serve().await;
    let database = open(&site, on).await;
    all_sealed(&database).await;
    database.close().await;
    server.stop().await;
    site
}

/// Leaves an event.
async fn create_key(site: &Site, name: &str) {
    site.prints(&["api-key", "create", "--name", name, "--scope", "admin"])
        .await;
}

async fn open(site: &Site, on: Db) -> Database {
    let database = match on {
        Db::Sqlite => Database::open_sqlite(&site.path("lanyard-data/lanyard.db"), 1).await,
        Db::Postgres => Database::connect_postgres(&site.place(), "here", 1).await,
    };
    database.unwrap()
}

async fn stored(site: &Site, on: Db) -> Dump {
    let database = open(site, on).await;
    let dump = dump(&database).await;
    database.close().await;
    dump
}
