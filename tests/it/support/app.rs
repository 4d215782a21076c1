//! A server in this process, on a port of its own, with a database of its own.

use std::net::SocketAddr;
use std::path::Path;

use lanyard::clock::Clock;
use lanyard::database::Database;
use lanyard::server::{Server, open_database};
use lanyard::settings::{Settings, Source};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::client::Ask;
use super::marks;
use super::postgres;
use super::process::Process;

/// The first admin key of every test server.
pub const ADMIN: &str = "lyd_admin-key-of-the-tests-0123456789";
pub const MASTER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Db {
    Sqlite,
    Postgres,
}

/// A server that answers until it is dropped.
pub struct App {
    pub address: SocketAddr,
    pub private_address: Option<SocketAddr>,
    /// The server's clock: a test may move it.
    pub clock: Clock,
    /// The server's database, by a connection of the test's own.
    pub database: Database,
    pub database_url: String,
    http: reqwest::Client,
    /// Dropped, it tells the server to stop.
    _stop: oneshot::Sender<()>,
    _folder: TempDir,
}

impl App {
    pub async fn start(on: Db) -> Self {
        Self::start_with(on, &[]).await
    }

    /// With further settings, by their environment names.
    pub async fn start_with(on: Db, settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let database_url = match on {
            Db::Sqlite => format!("sqlite:{}", folder.path().join("lanyard.db").display()),
            Db::Postgres => postgres::new_database().await,
        };
        Self::start_on(folder, database_url, settings).await
    }

    /// Another server on the same database, as a second process would be.
    pub async fn start_beside(&self) -> Self {
        Self::start_at(&self.database_url, &[]).await
    }

    /// On a database that is there already, or that the start is to make.
    pub async fn start_at(database_url: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_on(TempDir::new().unwrap(), database_url.to_owned(), settings).await
    }

    async fn start_on(folder: TempDir, url: String, settings: &[(&str, &str)]) -> Self {
        marks::log::watch();
        let settings = read_settings(folder.path(), &url, settings);
        let clock = Clock::default();
        let server = Server::bind(&settings, clock.clone()).await.unwrap();
        let address = server.address();
        let private_address = server.private_address();
        let database = open_database(&settings).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            // Dropped or sent: both mean stop.
            server.run(async { drop(stopped.await) }).await.unwrap();
        });
        Self {
            address,
            private_address,
            clock,
            database,
            database_url: url,
            http: http_client(),
            _stop: stop,
            _folder: folder,
        }
    }

    /// A server that runs as a process, on this database. It has a clock of its own.
    pub async fn of(process: &Process, database_url: String) -> Self {
        let folder = TempDir::new().unwrap();
        let settings = read_settings(folder.path(), &database_url, &[]);
        let address = process.url.strip_prefix("http://").unwrap();
        Self {
            address: address.parse().unwrap(),
            private_address: None,
            clock: Clock::default(),
            database: open_database(&settings).await.unwrap(),
            database_url,
            http: http_client(),
            _stop: oneshot::channel().0,
            _folder: folder,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A GraphQL operation, by the admin key unless another caller is named.
    pub fn ask<'a>(&'a self, query: &str) -> Ask<'a> {
        Ask::new(self, query)
    }
}

impl Drop for App {
    /// Whatever the test was about: no token is stored or logged in clear.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(found) = marks::stored::in_database(&self.database_url) {
            panic!("a token is stored in clear: {found}");
        }
        if let Some(found) = marks::log::seen() {
            panic!("a token is logged in clear: {found}");
        }
    }
}

/// Follows nothing by itself.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub fn read_settings(folder: &Path, url: &str, more: &[(&str, &str)]) -> Settings {
    let mut environment = vec![
        ("LANYARD_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("LANYARD_DATA_DIR".to_owned(), folder.display().to_string()),
        ("LANYARD_DATABASE_URL".to_owned(), url.to_owned()),
        ("LANYARD_DATABASE_POOL".to_owned(), "4".to_owned()),
        ("LANYARD_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()),
        ("LANYARD_BOOTSTRAP_API_KEY".to_owned(), ADMIN.to_owned()),
    ];
    for (name, value) in more {
        environment.retain(|(found, _)| found != name);
        environment.push(((*name).to_owned(), (*value).to_owned()));
    }
    Settings::from_source(Source::new(environment, None, folder)).unwrap()
}
