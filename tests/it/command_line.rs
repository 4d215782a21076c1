//! The commands beside `serve`, and how they teach.

use rstest::rstest;
use serde_json::json;

use crate::support::app::{ADMIN, Db};
use crate::support::demo::ask;
use crate::support::site::{Ended, Site};

#[rstest]
#[tokio::test]
async fn api_keys_are_made_listed_and_revoked(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let site = Site::new(on).await;
    site.prints(&["migrate", "up"]).await;
    let none = site.prints(&["api-key", "list"]).await;
    assert!(
        none.starts_with("There are no API keys in the database"),
        "{none}"
    );
    let create = [
        "api-key",
        "create",
        "--name",
        "ci",
        "--scope",
        "identity:read",
    ];
    let more = ["--scope", "audit:read", "--expires-in-days", "30"];
    let key = site.prints(&[&create[..], &more].concat()).await;
    let key = key.trim();
    assert!(
        key.starts_with("lyd_") && key.lines().count() == 1,
        "{key:?}"
    );

    let list = site.prints(&["api-key", "list"]).await;
    assert!(!list.contains(key), "only a hash of the key is kept");
    let words: Vec<&str> = list.split("  ").collect();
    let [id, hint, name, scopes, ends, used] = words.as_slice() else {
        panic!("{list:?}");
    };
    assert_eq!(*hint, format!("{}…", &key[..8]));
    assert_eq!((*name, *scopes), ("ci", "identity:read,audit:read"));
    assert!(ends.starts_with("ends 2"), "{ends}");
    assert_eq!(used.trim(), "never used");

    let revoked = site.prints(&["api-key", "revoke", id]).await;
    assert_eq!(revoked, format!("{id} is revoked.\n"));
    assert_eq!(site.prints(&["api-key", "list"]).await, none);
    let again = site.run(&["api-key", "revoke", id]).await;
    again.fails_saying(&[format!("API key {id} was not found")]);
}

#[rstest]
#[tokio::test]
async fn keys_are_of_a_database_that_is_there_already(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let site = Site::new(on).await;
    let said = match on {
        Db::Sqlite => {
            "there is no database at file ./lanyard-data/lanyard.db. `lanyard serve` and `lanyard \
             migrate up` make one; check LANYARD_DATA_DIR and LANYARD_DATABASE_URL"
                .to_owned()
        }
        Db::Postgres => format!(
            "the database {} is older than this version: `lanyard migrate up` brings it up to \
             date, and so does `lanyard serve` at its start",
            site.place()
        ),
    };
    let create = ["api-key", "create", "--name", "ci", "--scope", "admin"];
    for arguments in [&create[..], &["api-key", "list"]] {
        site.run(arguments).await.fails_saying(&[&said]);
    }
    assert!(site.made().is_empty());
}

#[rstest]
#[tokio::test]
async fn a_key_of_the_command_line_opens_the_running_server_until_it_is_revoked(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    let process = site.serve().await;
    let key = site
        .prints(&["api-key", "create", "--name", "ops", "--scope", "admin"])
        .await;
    let metrics = async || {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("{}/metrics", process.url));
        request
            .bearer_auth(key.trim())
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(metrics().await, 200);
    let list = site.prints(&["api-key", "list"]).await;
    let line = list.lines().find(|line| line.contains("  ops  ")).unwrap();
    let id = line.split("  ").next().unwrap();
    site.prints(&["api-key", "revoke", id]).await;
    assert_eq!(metrics().await, 401);
    process.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_key_is_bound_to_an_organization_by_its_slug(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let site = Site::new(on).await;
    let process = site.serve().await;
    let create = ["api-key", "create", "--name"];
    let admin = site
        .prints(&[&create[..], &["ops", "--scope", "admin"]].concat())
        .await;
    let made = "mutation { createOrganization(input: { slug: \"acme\", name: \"Acme\" }) { organization { id } } }";
    ask(&process, admin.trim(), made).await;
    let bind = |slug| {
        [
            &create[..],
            &["ci", "--scope", "admin", "--organization", slug],
        ]
        .concat()
    };
    let bound = site.prints(&bind("acme")).await;
    let who = "{ viewer { ... on ApiKey { organization { slug } } } organizations { totalCount } }";
    assert_eq!(
        ask(&process, bound.trim(), who).await,
        json!({
            "viewer": { "organization": { "slug": "acme" } },
            "organizations": { "totalCount": 1 },
        })
    );
    let list = site.prints(&["api-key", "list"]).await;
    for line in list.lines() {
        let is_bound = line.contains("  ci  ");
        assert_eq!(line.ends_with("  of acme"), is_bound, "{list}");
    }
    let none = site.run(&bind("none")).await;
    none.fails_saying(&["organization none was not found".to_owned()]);
    process.stop().await;
}

#[rstest]
#[tokio::test]
async fn migrations_are_applied_once_and_their_status_told(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    let status = site.run(&["migrate", "status"]).await;
    assert_eq!(status.code, Some(1));
    match on {
        Db::Sqlite => status.fails_saying(&[format!(
            "there is no database {} yet; `lanyard migrate up` makes it, and `lanyard serve` at \
             its start",
            site.place()
        )]),
        Db::Postgres => assert_eq!(
            status.out,
            "pending  m20261122_000001_ground\npending  m20261122_000002_tenancy\npending  m20261122_000003_flows\npending  m20261122_000004_vault\n"
        ),
    }
    assert!(site.made().is_empty(), "asking makes nothing");
    let up = site.prints(&["migrate", "up"]).await;
    assert_eq!(
        up,
        "applied  m20261122_000001_ground\napplied  m20261122_000002_tenancy\napplied  m20261122_000003_flows\napplied  m20261122_000004_vault\n"
    );
    let status = site.prints(&["migrate", "status"]).await;
    assert_eq!(
        status,
        "applied  m20261122_000001_ground\napplied  m20261122_000002_tenancy\napplied  m20261122_000003_flows\napplied  m20261122_000004_vault\n"
    );
    let again = site.prints(&["migrate", "up"]).await;
    assert_eq!(
        again,
        format!("The database {} is up to date.\n", site.place())
    );
}

#[tokio::test]
async fn config_check_prints_what_holds_and_no_secret() {
    let site = Site::new(Db::Sqlite).await;
    site.write("secret.txt", "hidden-file-of-a-key\n");
    site.write("lanyard.toml", "private_listen = \"127.0.0.1:9000\"\n");
    let mut command = site.lanyard(&["config", "check"]);
    command
        .env("LANYARD_LISTEN", "0.0.0.0:8000")
        .env("LANYARD_PUBLIC_URL", "https://id.example.com")
        .env("LANYARD_TRUSTED_PROXIES", "10.0.0.0/8")
        .env(
            "LANYARD_DATABASE_URL",
            "postgres://u:hidden@db.example.com/l?password=hidden",
        )
        .env("LANYARD_MASTER_KEY", crate::support::app::MASTER_KEY)
        .env("LANYARD_BOOTSTRAP_API_KEY", ADMIN);
    let ended = Ended::of(&mut command).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    for line in [
        "listens on      0.0.0.0:8000",
        "privately on    127.0.0.1:9000",
        "public URL      https://id.example.com/",
        "database        postgres://u:***@db.example.com/l?password=***, 8 connections",
        "master key      given",
        "The configuration is in order.",
    ] {
        assert!(
            ended.out.lines().any(|found| found == line),
            "{line} in\n{}",
            ended.out
        );
    }
    for secret in ["hidden", ADMIN, crate::support::app::MASTER_KEY] {
        assert!(!ended.out.contains(secret), "{}", ended.out);
    }
}

/// Every command and the commands below it, by their words.
const COMMANDS: [&[&str]; 18] = [
    &[],
    &["serve"],
    &["demo"],
    &["migrate"],
    &["migrate", "up"],
    &["migrate", "status"],
    &["schema"],
    &["config"],
    &["config", "check"],
    &["api-key"],
    &["api-key", "create"],
    &["api-key", "list"],
    &["api-key", "revoke"],
    &["key"],
    &["key", "rotate"],
    &["key", "status"],
    &["doctor"],
    &["health"],
];

#[tokio::test]
async fn the_help_of_every_command_describes_it_and_all_it_takes() {
    let site = Site::new(Db::Sqlite).await;
    let mut listed = 0;
    for words in COMMANDS {
        let help = site.prints(&[words, &["--help"]].concat()).await;
        let first = help.lines().next().unwrap();
        assert!(first.split(' ').count() > 2, "{words:?}: {first:?}");
        assert!(help.contains("Usage: lanyard"), "{words:?}");
        let mut lines = help.lines().peekable();
        let mut section = "";
        while let Some(line) = lines.next() {
            if !line.starts_with(' ') {
                section = line;
            }
            let is_item = line.starts_with("  ") && !line.starts_with("       ");
            if !is_item || !["Commands:", "Options:", "Arguments:"].contains(&section) {
                continue;
            }
            // The description stands behind the item, or below it.
            let behind = line.trim().split_once("  ").map(|(_, text)| text.trim());
            let below = lines.peek().map(|next| next.trim());
            let described = behind.or(below).is_some_and(|text| text.contains(' '));
            assert!(described, "{words:?}: {line:?}");
            let name = line.trim().split(' ').next().unwrap();
            if section == "Commands:" && name != "help" {
                listed += 1;
                let below = [words, &[name]].concat();
                assert!(
                    COMMANDS.contains(&below.as_slice()),
                    "{below:?} is tested too"
                );
            }
        }
    }
    assert_eq!(listed, COMMANDS.len() - 1);
}

#[tokio::test]
async fn the_help_has_first_steps_exit_codes_settings_and_scopes() {
    let site = Site::new(Db::Sqlite).await;
    let help = site.prints(&["--help"]).await;
    for part in ["First steps:", "lanyard serve", "Exit codes:"] {
        assert!(help.contains(part), "{part} in\n{help}");
    }
    for setting in lanyard::settings::Settings::describe() {
        assert!(
            help.contains(setting.environment) && help.contains(setting.meaning),
            "{setting:?}"
        );
    }
    let help = site.prints(&["api-key", "create", "--help"]).await;
    for scope in lanyard::access::Scope::ALL {
        assert!(
            help.contains(scope.name()) && help.contains(scope.meaning()),
            "{scope}"
        );
    }
}

#[tokio::test]
async fn the_version_is_the_packages() {
    let site = Site::new(Db::Sqlite).await;
    let version = site.prints(&["--version"]).await;
    assert_eq!(version, format!("lanyard {}\n", env!("CARGO_PKG_VERSION")));
}

#[rstest]
#[case::schema("schema")]
#[case::help("--help")]
#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure(#[case] argument: &str) {
    let site = Site::new(Db::Sqlite).await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Ended::of(site.lanyard(&[argument]).stdout(writer)).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_disk_that_is_full_is_a_failure() {
    let site = Site::new(Db::Sqlite).await;
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = Ended::of(site.lanyard(&["schema"]).stdout(full)).await;
    ended.fails_saying(&["the output can't be written: No space left on device (os error 28)"]);
}
