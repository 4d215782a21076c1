//! The command line: one file a command.

mod api_key;
mod config;
mod demo;
mod doctor;
mod health;
mod key;
mod migrate;
mod schema;
mod serve;

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::{LogFormat, Problems, Settings};

/// A GraphQL identity server: one person, many accounts.
#[derive(Debug, Parser)]
#[command(name = "lanyard", version, after_help = AFTER_HELP, after_long_help = settings_help())]
struct Arguments {
    /// The configuration file [default: `LANYARD_CONFIG`, or ./lanyard.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; on an empty data folder it makes a database, a key file and an admin key
    Serve,
    /// Try it out: the server, a small organization, and a make-believe provider to sign in with
    Demo(demo::Demo),
    /// Bring the database's schema up to date, or say how it stands
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Print the GraphQL schema
    Schema,
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    ApiKey(api_key::ApiKey),
    /// Let another master key take over, and say how the master keys stand
    #[command(subcommand)]
    Key(key::Key),
    /// Check keys, audit chain and stored identities without changing anything; exits with 1 if
    /// one is not in order
    Doctor(doctor::Doctor),
    /// Ask the running server whether it is ready; exits with 1 if it is not
    Health,
}

const AFTER_HELP: &str = "\
First steps:
  lanyard demo                       try it out on http://127.0.0.1:8080
  lanyard serve                      start on http://127.0.0.1:8080, and note the admin key
  lanyard api-key create --name ci --scope identity:read
  lanyard --help                     the settings, too

Exit codes: 0 done, 1 failed (the last line says why), 2 the command line is wrong.";

/// Why a command failed, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error(transparent)]
    Start(#[from] crate::server::StartError),
    #[error(transparent)]
    Database(#[from] crate::database::ConnectError),
    #[error("{0}")]
    Refused(#[from] crate::error::Error),
    #[error("{0}")]
    Said(String),
    #[error("the output can't be written: {0}")]
    Output(#[from] std::io::Error),
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read us has gone: `lanyard schema | head`.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            for line in failure.to_string().lines() {
                // There is nowhere to tell of a failure to write this.
                let _ = writeln!(std::io::stderr(), "lanyard: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), Failure> {
    if let Command::Schema = arguments.command {
        return schema::run();
    }
    let config = arguments.config.as_deref();
    let settings = match &arguments.command {
        Command::Demo(demo) => demo::settings(demo, config, environment())?,
        Command::Doctor(doctor) => match Settings::read(environment(), config) {
            Ok(settings) => settings,
            Err(problems) => return doctor::without_settings(doctor, &problems),
        },
        Command::Serve
        | Command::Migrate(_)
        | Command::Schema
        | Command::Config(_)
        | Command::ApiKey(_)
        | Command::Key(_)
        | Command::Health => Settings::read(environment(), config)?,
    };
    start_logging(&settings);
    // The doctor has a line of its own for them.
    if !matches!(arguments.command, Command::Doctor(_)) {
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async move {
        match arguments.command {
            Command::Demo(demo) => Box::pin(demo::run(settings, &demo)).await,
            Command::Serve => Box::pin(serve::run(&settings)).await,
            Command::Migrate(command) => Box::pin(migrate::run(&settings, &command)).await,
            Command::Schema => schema::run(),
            Command::Config(config::Config::Check) => config::check(&settings),
            Command::ApiKey(command) => Box::pin(api_key::run(&settings, command)).await,
            Command::Key(command) => Box::pin(key::run(&settings, command)).await,
            Command::Doctor(doctor) => Box::pin(doctor::run(&settings, &doctor)).await,
            Command::Health => health::run(&settings).await,
        }
    })
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((
            name.into_string().ok()?,
            value.to_string_lossy().into_owned(),
        ))
    })
}

fn start_logging(settings: &Settings) {
    // The operator's own word comes last.
    let directives = format!("{},{}", crate::database::QUIET, settings.log.directives);
    let filter = tracing_subscriber::EnvFilter::new(directives);
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match settings.log.format(terminal) {
        LogFormat::Text => builder.with_ansi(terminal).with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// The settings' table, for `--help`.
fn settings_help() -> String {
    let mut help = format!(
        "{AFTER_HELP}\n\nSettings, by environment (in lanyard.toml: in lower case, without LANYARD_):\n"
    );
    for setting in Settings::describe() {
        let default = match &setting.default {
            crate::settings::Default::None => String::new(),
            default => format!(" [default: {default}]"),
        };
        // Writing to a String does not fail.
        let _ = write!(
            help,
            "  {}{default}\n      {}\n",
            setting.environment, setting.meaning
        );
        if let Some(file) = setting.environment_file() {
            let _ = writeln!(help, "      or {file}: a file that holds it");
        }
    }
    help
}
