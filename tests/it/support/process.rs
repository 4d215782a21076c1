//! The real binary, as a process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::app::{ADMIN, MASTER_KEY};
use super::marks;
use super::until::until;

/// `lanyard` with these arguments, in a folder, with nothing of this process's environment.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("LANYARD_LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A running `lanyard serve`; killed when it is dropped.
pub struct Process {
    pub child: Child,
    pub url: String,
    log: Arc<Mutex<String>>,
    /// Before the folder: it looks into it.
    _traces: Traces,
    pub folder: TempDir,
}

/// What a process leaves: no token is among it in clear.
struct Traces {
    log: Arc<Mutex<String>>,
    folder: PathBuf,
}

impl Drop for Traces {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(found) = marks::marked(self.log.lock().unwrap().as_bytes()) {
            panic!("a token is logged in clear: {found}");
        }
        if let Some(found) = marks::stored::in_folder(&self.folder) {
            panic!("a token is stored in clear: {found}");
        }
    }
}

impl Process {
    /// On a new SQLite database, with [`ADMIN`].
    pub async fn serve() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path(), &["serve"]);
        command
            .env("LANYARD_MASTER_KEY", MASTER_KEY)
            .env("LANYARD_BOOTSTRAP_API_KEY", ADMIN);
        Self::spawn(command, folder).await
    }

    /// Starts the command and waits until it says where it answers.
    pub async fn spawn(mut command: Command, folder: TempDir) -> Self {
        let mut child = command.env("LANYARD_LOG_FORMAT", "json").spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let address = tokio::time::timeout(Duration::from_secs(30), async {
            while let Some(line) = lines.next_line().await.unwrap() {
                *log.lock().unwrap() += &format!("{line}\n");
                let log: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = log["fields"]["address"].as_str() {
                    return address.to_owned();
                }
                eprintln!("{line}");
            }
            panic!("lanyard ended before it listened");
        });
        let address = address.await.expect("lanyard listens within 30 s");
        // Read to the end: a full pipe must not stop the server.
        let rest = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                *rest.lock().unwrap() += &format!("{line}\n");
            }
        });
        let traces = Traces {
            log: Arc::clone(&log),
            folder: folder.path().to_owned(),
        };
        Self {
            child,
            url: format!("http://{address}"),
            log,
            _traces: traces,
            folder,
        }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a signal, by its name: `TERM`.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it has not been waited for");
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(sent.await.unwrap().success());
    }

    /// Ends it by SIGTERM: its log, to the last line.
    pub async fn last_log(&mut self) -> String {
        self.signal("TERM").await;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        assert!(ended.expect("lanyard ends within 30 s").unwrap().success());
        until("the log ends", Duration::from_secs(30), async || {
            self.log().contains("\"stopped\"")
        })
        .await;
        self.log()
    }

    /// Waits until it has ended: its exit code, and what it printed.
    pub async fn ended(self) -> (Option<i32>, String) {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait_with_output());
        let ended = ended.await.expect("lanyard ends within 30 s").unwrap();
        (
            ended.status.code(),
            String::from_utf8(ended.stdout).unwrap(),
        )
    }

    /// Ends it by SIGTERM: what it printed.
    pub async fn stop(self) -> String {
        self.signal("TERM").await;
        let (code, out) = self.ended().await;
        assert_eq!(code, Some(0));
        out
    }
}

/// The content of all files of a folder, one behind the other.
pub fn contents(folder: &Path) -> Vec<u8> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.extend(if path.is_dir() {
            contents(&path)
        } else {
            std::fs::read(&path).unwrap()
        });
        found.push(b'\n');
    }
    found
}
