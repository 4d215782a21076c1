//! Mistakes at the start: each is told in one line that says what to do, with exit code 1, and
//! leaves nothing behind that should not be there.

use std::net::TcpListener;

use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::support::app::Db;
use crate::support::site::{Ended, Site, mode, set_mode};

const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const NO_POSTGRES: &str = "postgres://lanyard:hidden@127.0.0.1:1/lanyard";
const UNOPENED: &str = "Check LANYARD_DATABASE_URL and LANYARD_DATA_DIR, and that the file is a SQLite database that this user may write, in a folder that this user may write";

#[rstest]
#[case::listen(
    &[("LANYARD_LISTEN", "localhost")], "",
    &["LANYARD_LISTEN: \"localhost\" is not an address and port; give one like 127.0.0.1:8080"],
)]
#[case::pool(
    &[("LANYARD_DATABASE_POOL", "0")], "",
    &["LANYARD_DATABASE_POOL: \"0\" is not a number from 1 to 1000"],
)]
#[case::database_url(
    &[("LANYARD_DATABASE_URL", "mysql://u:hidden@h/d")], "",
    &["LANYARD_DATABASE_URL: the value must begin with sqlite: or postgres://"],
)]
#[case::unknown_variable(
    &[("LANYARD_LISTN", "127.0.0.1:80")], "",
    &["LANYARD_LISTN: there is no such setting; did you mean LANYARD_LISTEN?"],
)]
#[case::unknown_key(
    &[], "# ours\ndatabase_pool = 4\ndatabse_url = \"sqlite:x\"\n",
    &["lanyard.toml: databse_url (line 3): there is no such setting; did you mean database_url?"],
)]
#[case::broken_file(
    &[], "database_pool = 4\nlisten = localhost\n",
    &["lanyard.toml (line 2): string values must be quoted, expected literal string"],
)]
#[case::missing_file(
    &[("LANYARD_CONFIG", "other.toml")], "",
    &["LANYARD_CONFIG: \"other.toml\" can't be read: No such file or directory (os error 2)"],
)]
#[case::postgres_without_a_master_key(
    &[("LANYARD_DATABASE_URL", NO_POSTGRES)], "",
    &["LANYARD_MASTER_KEY: is required with PostgreSQL; make one with: openssl rand -base64 32"],
)]
#[case::short_master_key(
    &[("LANYARD_MASTER_KEY", "aGlkZGVu")], "",
    &["LANYARD_MASTER_KEY: the value is 6 bytes long, not 32; make one with: openssl rand -base64 32"],
)]
#[case::short_admin_key(
    &[("LANYARD_BOOTSTRAP_API_KEY", "lyd_hidden")], "",
    &["LANYARD_BOOTSTRAP_API_KEY: the value is 10 characters long; it must have 32 or more, lyd_ included"],
)]
#[case::plain_http(
    &[("LANYARD_PUBLIC_URL", "http://id.example.com")], "",
    &["LANYARD_PUBLIC_URL: \"http://id.example.com\" must be https: http is for loopback hosts only (127.0.0.0/8, ::1, localhost)"],
)]
#[case::no_public_url(
    &[("LANYARD_LISTEN", "0.0.0.0:0")], "",
    &["LANYARD_PUBLIC_URL: is required where LANYARD_LISTEN (0.0.0.0:0) is not loopback; give what browsers use, like https://id.example.com"],
)]
#[case::all_at_once(
    &[("LANYARD_LISTEN", "80"), ("LANYARD_LOG", "inof")], "allowed_origins = [\"*\"]\n",
    &[
        "LANYARD_LISTEN: \"80\" is not an address and port; give one like 127.0.0.1:8080",
        "lanyard.toml: allowed_origins (line 1): \"*\" has a wildcard; name each origin, like https://app.example.com",
        "LANYARD_LOG: \"inof\" has \"inof\", which is no level; did you mean info?",
    ],
)]
#[tokio::test]
async fn a_wrong_setting_is_named_before_anything_is_made(
    #[case] environment: &[(&str, &str)],
    #[case] file: &str,
    #[case] says: &[&str],
) {
    let site = Site::new(Db::Sqlite).await;
    if !file.is_empty() {
        site.write("lanyard.toml", file);
    }
    let before = site.made();
    for arguments in [&["serve"][..], &["config", "check"], &["migrate", "up"]] {
        let mut command = site.lanyard(arguments);
        let ended = Ended::of(command.envs(environment.iter().copied())).await;
        ended.fails_saying(says);
        assert!(!ended.err.contains("hidden"), "{ended:?}");
    }
    assert_eq!(site.made(), before);
}

#[rstest]
#[case::no_command(&[])]
#[case::unknown_command(&["serv"])]
#[case::unknown_flag(&["serve", "--port", "80"])]
#[case::unknown_scope(&["api-key", "create", "--name", "ci", "--scope", "everything"])]
#[case::id_of_another_kind(&["api-key", "revoke", "user_01h455vb4pex5vsknk084sn02q"])]
#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_points_to_the_help(#[case] arguments: &[&str]) {
    let site = Site::new(Db::Sqlite).await;
    let ended = site.run(arguments).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("--help"), "{}", ended.err);
    assert!(site.made().is_empty());
}

#[rstest]
#[tokio::test]
async fn a_busy_port_is_named_and_costs_no_admin_key(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("LANYARD_LISTEN", "LANYARD_PRIVATE_LISTEN")] setting: &str,
) {
    let site = Site::new(on).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Ended::of(site.lanyard(&["serve"]).env(setting, &address)).await;
    ended.fails_saying(&[format!(
        "{address} can't be listened on: Address already in use (os error 98). Stop what uses it, \
         or give another address by {setting}"
    )]);
    let printed = site.serve().await.stop().await;
    assert!(printed.contains("    lyd_"), "{printed:?}");
}

#[tokio::test]
async fn an_unreachable_postgres_is_named_without_its_password() {
    let site = Site::new(Db::Postgres).await;
    for arguments in [&["serve"][..], &["migrate", "up"], &["api-key", "list"]] {
        let mut command = site.lanyard(arguments);
        let ended = Ended::of(command.env("LANYARD_DATABASE_URL", NO_POSTGRES)).await;
        ended.fails_saying(&[
            "the database postgres://lanyard:***@127.0.0.1:1/lanyard can't be reached: Connection \
             refused (os error 111). Check LANYARD_DATABASE_URL, and that the database runs and \
             lets this server in",
        ]);
        assert!(site.made().is_empty());
    }
}

#[tokio::test]
async fn a_database_that_postgres_does_not_have_is_named() {
    let site = Site::new(Db::Postgres).await;
    site.drop_database().await;
    let place = site.place();
    let name = place.rsplit_once('/').unwrap().1;
    site.run(&["serve"]).await.fails_saying(&[format!(
        "the database {place} can't be reached: database \"{name}\" does not exist. Check \
         LANYARD_DATABASE_URL, and that the database runs and lets this server in"
    )]);
}

#[rstest]
#[tokio::test]
async fn a_newer_database_is_left_alone(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let site = Site::new(on).await;
    site.prints(&["migrate", "up"]).await;
    site.sql(
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)",
    )
    .await;
    let said = format!(
        "the database {} is newer than this server: it has the migrations m29990101_000001_later, \
         which this version doesn't know. Run the version that made them, or a later one",
        site.place()
    );
    for arguments in [&["serve"][..], &["migrate", "up"], &["api-key", "list"]] {
        site.run(arguments).await.fails_saying(&[&said]);
    }
    let status = site.run(&["migrate", "status"]).await;
    assert_eq!(status.code, Some(1));
    assert_eq!(
        status.out,
        "applied  m20261122_000001_ground\napplied  m20261122_000002_tenancy\napplied  m20261122_000003_flows\napplied  m20261122_000004_vault\nunknown  m29990101_000001_later\n"
    );
    assert_eq!(rows(&site.database().await, "api_key").await, 0);
}

#[rstest]
#[tokio::test]
async fn another_master_key_than_the_databases_is_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    site.serve().await.stop().await;
    let mut command = site.lanyard(&["serve"]);
    let ended = Ended::of(command.env("LANYARD_MASTER_KEY", OTHER_KEY)).await;
    let said = ended.said().join("\n");
    let (before, rest) = said.split_once(" (id ").unwrap();
    assert_eq!(before, "lanyard: the master key");
    let (given, rest) = rest.split_once(") ").unwrap();
    let (text, rest) = rest.split_once(" (id ").unwrap();
    assert_eq!(text, "is not the one that this database was made with");
    let (expected, rest) = rest.split_once(')').unwrap();
    assert_eq!(
        rest,
        ". Give that one by LANYARD_MASTER_KEY, LANYARD_MASTER_KEY_FILE, LANYARD_MASTER_KEY_DIR or \
         the key file in the \
         data folder; without it the stored secrets can't be read"
    );
    assert_ne!(given, expected);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    // The right one still works.
    site.serve().await.stop().await;
}

#[tokio::test]
async fn a_lost_key_file_is_asked_for_and_not_made_anew() {
    let site = Site::new(Db::Sqlite).await;
    site.serve().await.stop().await;
    let (file, aside) = (site.path("lanyard-data/master.key"), site.path("aside"));
    std::fs::rename(&file, &aside).unwrap();
    let before = site.made();
    site.run(&["serve"]).await.fails_saying(&[
        "there is no master key: ./lanyard-data/master.key is missing, while the database beside \
         it is there. Put the file back, or give the key by LANYARD_MASTER_KEY; without it the \
         stored secrets can't be read",
    ]);
    assert_eq!(site.made(), before);
    std::fs::rename(&aside, &file).unwrap();
    site.serve().await.stop().await;
}

#[rstest]
#[case::empty("")]
#[case::cut("AQEBAQEBAQEBAQEBAQEBAQEBAQEB")]
#[case::no_base64("this-is-not-a-key-at-all--it-has-no-base64!!!\n")]
#[tokio::test]
async fn a_broken_key_file_is_named_and_kept(#[case] text: &str) {
    let site = Site::new(Db::Sqlite).await;
    site.write("lanyard-data/master.key", text);
    site.run(&["serve"]).await.fails_saying(&[
        "the master key in ./lanyard-data/master.key is not 32 bytes in base64. Put the right one \
         back; without it the stored secrets can't be read",
    ]);
    let kept = std::fs::read_to_string(site.path("lanyard-data/master.key")).unwrap();
    assert_eq!(kept, text);
}

#[tokio::test]
async fn what_a_first_start_makes_is_for_its_owner_alone() {
    let site = Site::new(Db::Sqlite).await;
    site.serve().await.stop().await;
    let made = [
        "lanyard-data",
        "lanyard-data/lanyard.db",
        "lanyard-data/master.key",
    ];
    assert_eq!(site.made(), made);
    assert!(
        !site.path("lanyard-data/lanyard.db-wal").exists(),
        "the write-ahead log has gone back into the database"
    );
    assert_eq!(mode(&site.path("lanyard-data")), 0o700);
    assert_eq!(mode(&site.path("lanyard-data/master.key")), 0o600);
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_named() {
    let site = Site::new(Db::Sqlite).await;
    site.write("lanyard-data", "a file");
    site.run(&["serve"])
        .await
        .fails_saying(&["LANYARD_DATA_DIR: \"./lanyard-data\" is not a folder; give another"]);
    let mut command = site.lanyard(&["serve"]);
    let below = Ended::of(command.env("LANYARD_DATA_DIR", "lanyard-data/below")).await;
    below.fails_saying(&[
        "lanyard-data/below can't be made: Not a directory (os error 20). Let this user do it, or \
         give another folder by LANYARD_DATA_DIR",
    ]);
    assert_eq!(site.made(), ["lanyard-data"]);
}

#[tokio::test]
async fn a_data_folder_that_may_not_be_written_is_named() {
    let site = Site::new(Db::Sqlite).await;
    let mut command = site.as_nobody(&["serve"]);
    set_mode(&site.path(""), 0o555);
    Ended::of(&mut command).await.fails_saying(&[
        "./lanyard-data can't be made: Permission denied (os error 13). Let this user do it, or \
         give another folder by LANYARD_DATA_DIR",
    ]);
    set_mode(&site.path(""), 0o755);
    std::fs::create_dir(site.path("lanyard-data")).unwrap();
    set_mode(&site.path("lanyard-data"), 0o555);
    let ended = Ended::of(&mut site.as_nobody(&["serve"])).await;
    ended.fails_saying(&[format!(
        "the database file ./lanyard-data/lanyard.db can't be opened: Permission denied (os \
         error 13). {UNOPENED}"
    )]);
}

#[tokio::test]
async fn a_database_that_may_not_be_written_is_named() {
    let site = Site::new(Db::Sqlite).await;
    site.serve().await.stop().await;
    let key = site.path("lanyard-data/master.key");
    set_mode(&site.path("lanyard-data"), 0o777);
    set_mode(&site.path("lanyard-data/lanyard.db"), 0o444);
    set_mode(&key, 0o444);
    let ended = Ended::of(&mut site.as_nobody(&["serve"])).await;
    ended.fails_saying(&[format!(
        "the database file ./lanyard-data/lanyard.db can't be opened: Permission denied (os \
         error 13). {UNOPENED}"
    )]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_and_kept() {
    let site = Site::new(Db::Sqlite).await;
    let text = "a letter to the editor\n".repeat(100);
    site.write("lanyard-data/lanyard.db", &text);
    site.run(&["serve"]).await.fails_saying(&[format!(
        "the database file ./lanyard-data/lanyard.db can't be opened: file is not a database. \
         {UNOPENED}"
    )]);
    let kept = std::fs::read_to_string(site.path("lanyard-data/lanyard.db")).unwrap();
    assert_eq!(kept, text);
    assert_eq!(site.made(), ["lanyard-data", "lanyard-data/lanyard.db"]);
}

async fn rows(database: &DatabaseConnection, table: &str) -> i64 {
    let statement = sea_orm::Statement::from_string(
        database.get_database_backend(),
        format!("SELECT count(*) AS n FROM {table}"),
    );
    let row = database.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}
