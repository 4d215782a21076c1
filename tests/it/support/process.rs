//! The real binary, as a process.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::app::{ADMIN, MASTER_KEY};

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
    pub folder: TempDir,
}

impl Process {
    /// On a new SQLite database, with [`ADMIN`].
    pub async fn serve() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path(), &["serve"]);
        command.env("LANYARD_MASTER_KEY", MASTER_KEY).env("LANYARD_BOOTSTRAP_API_KEY", ADMIN);
        Self::spawn(command, folder).await
    }

    /// Starts the command and waits until it says where it answers.
    pub async fn spawn(mut command: Command, folder: TempDir) -> Self {
        let mut child = command.env("LANYARD_LOG_FORMAT", "json").spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = tokio::time::timeout(Duration::from_secs(30), async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let log: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = log["fields"]["address"].as_str() {
                    return address.to_owned();
                }
                eprintln!("{line}");
            }
            panic!("lanyard ended before it listened");
        });
        let address = address.await.expect("lanyard listens within 30 s");
        // Nobody reads the log further; a full pipe must not stop the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, url: format!("http://{address}"), folder }
    }
}
