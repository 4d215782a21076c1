//! `lanyard demo`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::Failure;
use super::serve::stop_signal;
use crate::access::api_key::{NewApiKey, create, new_secret};
use crate::access::{Caller, Scope, Viewer};
use crate::clock::Clock;
use crate::database::api_key;
use crate::demo::provider::{Handle, Issuer, Provider};
use crate::demo::sample;
use crate::server::{Server, make_folder, ready_database};
use crate::settings::{EgressRule, Settings, Source};
use crate::token;

/// Holds the demo's API key, in its data folder; marks the folder as a demo's.
const KEY_FILE: &str = "demo.key";
const DATABASE_FILE: &str = "lanyard.db";
const CONFIG_FILE: &str = "lanyard.toml";

const LISTEN: &str = "LANYARD_LISTEN";

/// What the demo hears of the environment. Not where a real server keeps its data: into that the
/// demo would let anyone sign in as anyone.
const HEARD: [&str; 4] = [
    LISTEN,
    "LANYARD_ALLOWED_ORIGINS",
    "LANYARD_LOG",
    "LANYARD_LOG_FORMAT",
];

#[derive(Debug, Args)]
pub struct Demo {
    /// The folder of the demo's own database and keys
    #[arg(long, value_name = "FOLDER", default_value = "./lanyard-demo")]
    data_dir: PathBuf,
    /// The port of the make-believe provider; the same at every start on one folder
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    provider_port: u16,
}

/// The demo's settings: its own folder, and what it hears of the environment.
pub fn settings(
    demo: &Demo,
    config: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, Failure> {
    if config.is_some() {
        let said = "the demo takes no configuration file: it keeps to a folder of its own. Start \
                    it without --config";
        return Err(Failure::Said(said.to_owned()));
    }
    let folder = std::path::absolute(&demo.data_dir)?;
    if folder.join(CONFIG_FILE).exists() {
        return Err(Failure::Said(format!(
            "{} holds a {CONFIG_FILE}, so it is no demo's. Give another folder by --data-dir",
            folder.display()
        )));
    }
    let own = ("LANYARD_DATA_DIR".to_owned(), folder.display().to_string());
    let heard: Vec<_> = environment
        .filter(|(name, _)| HEARD.contains(&name.as_str()))
        .collect();
    // What the settings would say of it is how to open it to the network.
    let listen = heard.iter().find(|(name, _)| name == LISTEN);
    let listen = listen.and_then(|(_, text)| text.parse::<SocketAddr>().ok());
    if let Some(address) = listen.filter(|address| !address.ip().is_loopback()) {
        return Err(Failure::Said(format!(
            "the demo listens on loopback only, not on {address}: anyone can sign in as anyone. \
             Leave {LISTEN} out, or give a port of 127.0.0.1"
        )));
    }
    let source = Source::new(heard.into_iter().chain([own]), None, &folder);
    Ok(Settings::from_source(source)?)
}

pub async fn run(mut settings: Settings, demo: &Demo) -> Result<(), Failure> {
    let clock = Clock::default();
    let provider = bind_provider(demo, &clock).await?;
    let port = provider.address().port();
    let localhost = EgressRule::Host(Host::Domain("localhost".to_owned()), Some(port));
    settings.egress.allow.push(localhost);
    let key = kept_key(&settings, &clock)?;
    // A key that was revoked must not come back.
    if !settings.data_dir.join(DATABASE_FILE).exists() {
        settings.bootstrap_api_key = Some(key.clone());
    }
    let server = Box::pin(Server::bind(&settings, clock.clone())).await?;
    let key = good_key(&settings, &clock, key, server.first_key()).await?;
    let url = settings.http.public_url(server.address());
    let handle = provider.handle();
    for issuer in Issuer::ALL {
        let redirect_uri = format!("{url}auth/{}/callback", issuer.slug());
        handle.allow_redirect(issuer, redirect_uri);
    }
    sample::load(server.engine(), &handle)
        .await
        .map_err(|error| Failure::Said(error.to_string()))?;
    // Before anything says that it runs: whoever reads that may stop it.
    let stop = stop_signal()?;
    show(&url, &handle, &key)?;
    tracing::info!(address = %server.address(), "Lanyard answers at {url}, and a make-believe provider beside it; the data is in {}", settings.data_dir.display());
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(provider.run(async {
        // An error means that the sender is gone: that is the end too.
        let _ = stopped.await;
    }));
    let ended = server.run(stop).await;
    drop(stopping);
    if let Err(error) = running.await {
        tracing::warn!(error = %error, "the make-believe provider did not end well");
    }
    ended?;
    tracing::info!("stopped");
    Ok(())
}

async fn bind_provider(demo: &Demo, clock: &Clock) -> Result<Provider, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, demo.provider_port));
    let bound = Provider::bind(address, clock.clone()).await;
    bound.map_err(|cause| {
        Failure::Said(format!(
            "the make-believe provider can't listen on port {}: {cause}. Stop what uses it, or \
             give another port by --provider-port, with a new folder by --data-dir",
            demo.provider_port
        ))
    })
}

/// The key of the first start, in a file that only its owner can read: a browser that has it
/// stays signed in after the next start, and nothing piles up in the log. It is written before
/// the database is made, which takes it on.
fn kept_key(settings: &Settings, clock: &Clock) -> Result<SecretString, Failure> {
    let path = settings.data_dir.join(KEY_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => return Ok(text.trim().into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unwritable(&path, &error)),
    }
    if settings.data_dir.join(DATABASE_FILE).exists() {
        return Err(Failure::Said(format!(
            "{} holds a database that is not the demo's: {KEY_FILE} is missing there. Give \
             another folder by --data-dir",
            settings.data_dir.display()
        )));
    }
    make_folder(&settings.data_dir)?;
    let key = new_secret(clock);
    write_key(&path, &key)?;
    Ok(key)
}

/// The key, or a new one in its place if it was revoked: the one that the server has made if
/// there was none left.
async fn good_key(
    settings: &Settings,
    clock: &Clock,
    key: SecretString,
    first: Option<&SecretString>,
) -> Result<SecretString, Failure> {
    let database = Box::pin(ready_database(settings)).await?;
    let hashes = [token::hash(key.expose_secret())];
    let found = api_key::by_hashes(database.reader(), &hashes).await;
    if !found.map_err(crate::error::Error::from)?.is_empty() {
        return Ok(key);
    }
    let caller = Caller {
        viewer: Viewer::CommandLine,
        request_id: "demo".to_owned(),
    };
    let new = NewApiKey {
        name: "demo".to_owned(),
        scopes: vec![Scope::Admin],
        application: None,
        expires_at: None,
        organization_id: None,
        return_origins: Vec::new(),
    };
    let new_key = match first {
        Some(first) => first.clone(),
        None => create(&database, clock, &caller, new).await?.secret,
    };
    let path = settings.data_dir.join(KEY_FILE);
    std::fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
    write_key(&path, &new_key)?;
    Ok(new_key)
}

/// For its owner alone.
fn write_key(path: &Path, key: &SecretString) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| writeln!(file, "{}", key.expose_secret()))
        .map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Said(format!(
        "{} can't be read or written: {error}. Let this user do it, or give another folder by \
         --data-dir",
        path.display()
    ))
}

/// To the output, not to the log: it has the key.
fn show(url: &Url, provider: &Handle, key: &SecretString) -> std::io::Result<()> {
    let mut home = provider.issuer(Issuer::Acme);
    home.set_path("/");
    let key = key.expose_secret();
    let mut out = std::io::stdout().lock();
    write!(
        out,
        "\
Lanyard runs, with a small organization, and a make-believe OpenID provider beside it.

    Lanyard                {url}
    GraphiQL               {url}graphiql
    make-believe provider  {home}  (anyone can be anyone there)
    admin API key          {key}

Open the first address and sign in by Acme as Ada, then connect her account at Hub. Or ask:

    curl {url}graphql -H 'Content-Type: application/json' \\
      -H 'Authorization: Bearer {key}' \\
      -d '{{\"query\": \"{{ users {{ nodes {{ displayName identities {{ nodes {{ provider {{ name }} externalId username }} }} }} }} }}\"}}'

Ctrl-C stops both.
"
    )?;
    out.flush()
}
