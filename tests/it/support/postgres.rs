//! A PostgreSQL of this test run's own, from the system's binaries, in a temporary folder.
//!
//! A shell owns the server and waits for its standard input to close: however this process ends,
//! the pipe closes, the server stops and the folder goes. Its locale is a linguistic one: under
//! `C` a missing collation would show in no test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use lanyard::database::Database;
use sea_orm::ConnectionTrait;
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

const TEMPLATE: &str = "lanyard_template";

struct Cluster {
    /// Without the database's name.
    url: String,
    _server: Option<Child>,
}

const SCRIPT: &str = r#"
set -eu
dir=$(mktemp -d)
trap 'pg_ctl -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
initdb -D "$dir/data" -U lanyard -A trust -E UTF8 --no-sync \
  --locale=C --locale-provider=icu --icu-locale=en >"$dir/initdb.log" 2>&1 \
  || { cat "$dir/initdb.log"; exit 1; }
pg_ctl -D "$dir/data" -w -t 60 -l "$dir/log" \
  -o "-k '$dir' -h 127.0.0.1 -p $PORT -c fsync=off -c max_connections=400 -c shared_buffers=256MB" \
  start >"$dir/start.log" 2>&1 || { cat "$dir/start.log" "$dir/log"; exit 1; }
echo ready
cat >/dev/null
"#;

/// The URL of a new database with Lanyard's schema.
pub async fn new_database() -> String {
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    let name = new_name();
    cluster
        .execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
        .await;
    format!("{}/{name}", cluster.url)
}

/// The URL of a new database without anything in it.
pub async fn new_empty_database() -> String {
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    let name = new_name();
    cluster.execute(&format!("CREATE DATABASE {name}")).await;
    format!("{}/{name}", cluster.url)
}

/// Takes a database away under those who are connected.
pub async fn drop_database(name: &str) {
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    cluster
        .execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await;
}

/// A database of that name, with Lanyard's schema.
pub async fn make_database(name: &str) {
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    cluster
        .execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
        .await;
}

fn new_name() -> String {
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{number}", std::process::id())
}

impl Cluster {
    async fn start() -> Self {
        let cluster = match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) => Self {
                url: url.trim_end_matches('/').to_owned(),
                _server: None,
            },
            Err(_) => Self::start_own(),
        };
        cluster
            .execute(&format!("DROP DATABASE IF EXISTS {TEMPLATE}"))
            .await;
        cluster
            .execute(&format!("CREATE DATABASE {TEMPLATE}"))
            .await;
        let template = format!("{}/{TEMPLATE}", cluster.url);
        let database = Database::connect_postgres(&template, "the template", 1)
            .await
            .unwrap();
        database.migrate("the template").await.unwrap();
        database.close().await;
        cluster
    }

    fn start_own() -> Self {
        // Free at this moment, and nobody else here asks for ports below the ephemeral ones.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut command = shell();
        command
            .env("PATH", path_with_postgres())
            .env("PORT", port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut server = command.spawn().expect("a shell can be started");
        let mut said = String::new();
        for line in BufReader::new(server.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "ready" {
                let url = format!("postgres://lanyard@127.0.0.1:{port}");
                return Self {
                    url,
                    _server: Some(server),
                };
            }
            said.push_str(&line);
            said.push('\n');
        }
        panic!(
            "PostgreSQL did not start. The tests need its binaries (initdb, pg_ctl, postgres), \
             version 15 or later: `apt-get install postgresql` on Debian. It said:\n{said}"
        );
    }

    async fn execute(&self, sql: &str) {
        let connection = sea_orm::Database::connect(format!("{}/postgres", self.url)).await;
        let connection = connection.expect("the test cluster answers");
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// PostgreSQL refuses to run as root: then it runs as the user of Debian's package.
fn shell() -> Command {
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0);
    let mut command = Command::new(if is_root { "runuser" } else { "sh" });
    if is_root {
        command.args(["-u", "postgres", "--", "sh"]);
    }
    command.args(["-c", SCRIPT]);
    command
}

/// Debian keeps the server's programs off the path.
fn path_with_postgres() -> String {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| {
            versions
                .flatten()
                .map(|version| version.path().join("bin"))
                .collect()
        })
        .unwrap_or_default();
    folders.sort_by_key(|folder| {
        let version = folder.parent().and_then(|folder| folder.file_name());
        version.and_then(|version| version.to_str()?.parse::<u32>().ok())
    });
    folders.reverse();
    let mut path: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    path.push(std::env::var("PATH").unwrap_or_default());
    path.join(":")
}
