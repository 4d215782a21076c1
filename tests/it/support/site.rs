//! A working folder and a database, where the real binary is started again and again.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tempfile::TempDir;
use tokio::process::Command;

use super::app::{Db, MASTER_KEY};
use super::marks;
use super::postgres;
use super::process::{Process, command};

/// A user who owns nothing.
const NOBODY: u32 = 65534;

pub struct Site {
    folder: TempDir,
    /// PostgreSQL's; SQLite's file is where it is by default.
    url: Option<String>,
}

impl Drop for Site {
    /// Whatever the test was about: no token is stored in clear.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let in_folder = || marks::stored::in_folder(self.folder.path());
        let in_database = self.url.as_deref().and_then(marks::stored::in_database);
        if let Some(found) = in_database.or_else(in_folder) {
            panic!("a token is stored in clear: {found}");
        }
    }
}

/// What a command that has ended left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Site {
    /// With an empty folder, and an empty database or none.
    pub async fn new(on: Db) -> Self {
        let url = match on {
            Db::Sqlite => None,
            Db::Postgres => Some(postgres::new_empty_database().await),
        };
        let folder = TempDir::new().unwrap();
        Self { folder, url }
    }

    /// `lanyard` with these arguments, on this folder and database.
    pub fn lanyard(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path(), arguments);
        if let Some(url) = &self.url {
            command
                .env("LANYARD_DATABASE_URL", url)
                .env("LANYARD_MASTER_KEY", MASTER_KEY);
        }
        command
    }

    /// Runs the arguments to their end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.lanyard(arguments)).await
    }

    /// What the command prints; it must succeed.
    pub async fn prints(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:#?}");
        ended.out
    }

    /// Starts `lanyard serve` and waits until it answers.
    pub async fn serve(&self) -> Process {
        self.serve_with(&[]).await
    }

    pub async fn serve_with(&self, settings: &[(&str, &str)]) -> Process {
        let mut command = self.lanyard(&["serve"]);
        command.envs(settings.iter().copied());
        // The process has a folder to itself; ours outlives it.
        Process::spawn(command, TempDir::new().unwrap()).await
    }

    /// A path in the working folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Everything in the working folder, by its path from there, in order. SQLite's files beside
    /// a database come and go with its connections.
    pub fn made(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(self.folder.path(), self.folder.path(), &mut found);
        found.retain(|path| !path.ends_with("-wal") && !path.ends_with("-shm"));
        found.sort();
        found
    }

    /// The database, by a connection of the test's own.
    pub async fn database(&self) -> DatabaseConnection {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", self.path("lanyard-data/lanyard.db").display()),
        };
        sea_orm::Database::connect(url).await.unwrap()
    }

    /// Runs SQL on the database, past Lanyard.
    pub async fn sql(&self, sql: &str) {
        let database = self.database().await;
        database.execute_unprepared(sql).await.unwrap();
        database.close().await.unwrap();
    }

    /// The database as messages name it.
    pub fn place(&self) -> String {
        match &self.url {
            Some(url) => url.clone(),
            None => "file ./lanyard-data/lanyard.db".to_owned(),
        }
    }

    /// Where the database is away, and comes back; PostgreSQL only.
    pub async fn drop_database(&self) {
        postgres::drop_database(self.name()).await;
    }

    pub async fn restore_database(&self) {
        postgres::make_database(self.name()).await;
    }

    fn name(&self) -> &str {
        let url = self.url.as_deref().expect("PostgreSQL has names");
        url.rsplit_once('/').unwrap().1
    }

    /// The same command by a user who may write nothing but what is open to all. Tests that run
    /// as that user already change nothing.
    pub fn as_nobody(&self, arguments: &[&str]) -> Command {
        let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        if !is_root {
            return self.lanyard(arguments);
        }
        // The build's folder may be closed to others.
        let binary = self.path("lanyard");
        // By another process: what this one starts elsewhere just now would inherit the open file,
        // and a file that is open for writing can't be executed.
        let copied = std::process::Command::new("cp")
            .args([Path::new(env!("CARGO_BIN_EXE_lanyard")), &binary])
            .status();
        assert!(copied.unwrap().success());
        set_mode(self.folder.path(), 0o755);
        let usual = self.lanyard(arguments);
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .uid(NOBODY)
            .gid(NOBODY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, value) in usual.as_std().get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }
}

impl Ended {
    /// Of a command that ends by itself.
    pub async fn of(command: &mut Command) -> Self {
        // Not `output`: that would put pipes where a test has put something else.
        let child = command.spawn().unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
        let ended = ended.await.expect("it ends within a minute").unwrap();
        Self {
            code: ended.status.code(),
            out: String::from_utf8(ended.stdout).unwrap(),
            err: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    /// The lines on standard error that are no log.
    pub fn said(&self) -> Vec<&str> {
        self.err
            .lines()
            .filter(|line| !line.starts_with('{'))
            .collect()
    }

    /// Fails unless the command failed, for these reasons, one line each, and printed nothing.
    #[track_caller]
    pub fn fails_saying<T: AsRef<str>>(&self, reasons: &[T]) {
        let reasons: Vec<String> = reasons
            .iter()
            .map(|reason| format!("lanyard: {}", reason.as_ref()))
            .collect();
        assert_eq!(self.said(), reasons, "{self:#?}");
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{self:#?}");
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The permissions of a file or folder.
pub fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn collect(from: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.strip_prefix(from).unwrap().display().to_string());
        if path.is_dir() {
            collect(from, &path, found);
        }
    }
}
