//! The only place where parts are put together: database, vault, schema, routes, background work,
//! shutdown.

mod background;
mod connections;
mod master_key;
mod start;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::access::api_key::{self, KeyUses};
use crate::access::{Caller, Viewer};
use crate::clock::Clock;
use crate::credential::Credentials;
use crate::credential::revocation::Revocations;
use crate::database::Database;
use crate::event::Sealer;
use crate::graphql::{App, Cursors, Engine, Loader, Parts};
use crate::http::Http;
use crate::http::client_address::Proxies;
use crate::http::form_token::FormTokens;
use crate::http::site::Site;
use crate::identity::link::Linking;
use crate::identity::revocation::Revoking;
use crate::metrics::Metrics;
use crate::provider::admin::ProviderAdmin;
use crate::provider::catalog::Catalog;
use crate::provider::egress::Egress;
use crate::provider::flow::Flows;
use crate::provider::relying_party::RelyingParty;
use crate::settings::Settings;
use crate::sign_in::connect::Connecting;
use crate::sign_in::flow::FlowEnds;
use crate::sign_in::return_to::ReturnPlaces;
use crate::sign_in::session::Sessions;
use crate::tenancy::merge::Merging;
use crate::vault::{KeyRing, Rewrap, ServerSecret, Vault};
use background::every;
use connections::{Patience, serve};
pub use master_key::{
    add as add_master_key, existing as existing_master_keys, own_file as own_key_file,
};
pub use start::{
    StartError, existing_database, make_folder, migrated_database, open_database, place,
    ready_database,
};

const PATIENCE: Patience = Patience {
    head: Duration::from_mins(1),
    read: Duration::from_mins(1),
    drain: Duration::from_secs(15),
};
/// How long refreshes that are on their way may take after that: as long as a provider may.
const FINISH: Duration = Duration::from_secs(12);
/// How often it is looked for tokens that providers would forget.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often it is looked for tokens that are to be revoked.
const REVOKE: Duration = Duration::from_secs(5);
/// How often repeated reads of tokens are written down.
const COUNT_READS: Duration = Duration::from_mins(1);
/// How often it is asked whether another master key has taken over.
const REWRAP: Duration = Duration::from_secs(2);
/// How long closing the database may take after that.
const CLOSE: Duration = Duration::from_secs(5);

/// A server that listens and does not answer yet.
pub struct Server {
    http: Http,
    sealer: Sealer,
    public: TcpListener,
    private: Option<TcpListener>,
    address: SocketAddr,
    first_key: Option<SecretString>,
}

impl Server {
    /// Opens the database, checks the keys and takes the ports. Nothing is answered yet.
    ///
    /// # Errors
    /// What stands in the way, and what to do about it.
    pub fn bind(settings: &Settings, clock: Clock) -> BoxFuture<'_, Result<Self, StartError>> {
        // Boxed here, as in `run`: else every crate that starts a server compiles all of it again.
        Box::pin(Self::bind_all(settings, clock))
    }

    async fn bind_all(settings: &Settings, clock: Clock) -> Result<Self, StartError> {
        let catalog = Arc::new(Catalog::with(&settings.provider_types)?);
        let database = open_database(settings).await?;
        let keys = Box::pin(keys_and_schema(settings, &clock, &database)).await?;
        let keys_source = master_key::source(settings);
        let vault = Arc::new(Vault::growing(keys, keys_source, clock.clone()));
        let public = listen(settings.http.listen, "LANYARD_LISTEN").await?;
        let private = match settings.http.private_listen {
            None => None,
            Some(address) => Some(listen(address, "LANYARD_PRIVATE_LISTEN").await?),
        };
        let address = public.local_addr().unwrap_or(settings.http.listen);
        let secrets = Secrets::of(&vault, &database).await?;
        let sealer = Sealer::new(database.clone(), secrets.event_chain);
        let egress = Arc::new(Egress::new(&settings.egress)?);
        let flows = Flows {
            database: database.clone(),
            vault: Arc::clone(&vault),
            clock: clock.clone(),
            catalog: Arc::clone(&catalog),
            relying_party: Arc::new(RelyingParty::new(egress, clock.clone())),
            public_url: settings.http.public_url(address),
        };
        let linking = Linking {
            database: database.clone(),
            vault: Arc::clone(&vault),
            clock: clock.clone(),
            idempotency_key: Arc::new(secrets.idempotency),
        };
        let metrics = Metrics::default();
        let revocations = Revocations::new(flows.clone(), sealer.clone(), metrics.clone());
        let revoking_types = catalog.iter().filter(|known| known.revokes());
        let revoking_types = revoking_types.map(|known| known.key.clone());
        let sessions = Sessions::new(database.clone(), clock.clone());
        let credentials = Credentials::new(crate::credential::Parts {
            database: database.clone(),
            clock: clock.clone(),
            flows: flows.clone(),
            sealer: sealer.clone(),
            metrics: metrics.clone(),
        });
        let site = site(settings, address);
        let app = App::new(Parts {
            loader: Loader::new(&database),
            connecting: Connecting {
                flows: flows.clone(),
                ends: FlowEnds {
                    linking: linking.clone(),
                    sessions: sessions.clone(),
                },
                places: ReturnPlaces::new(flows.public_url.clone(), allowed_origins(settings)),
            },
            linking,
            revoking: Revoking::new(vault.clone(), revoking_types),
            revocations,
            merging: Merging {
                database: database.clone(),
                clock: clock.clone(),
                plan_key: Arc::new(secrets.merge_plan),
            },
            providers: ProviderAdmin {
                database: database.clone(),
                vault: Arc::clone(&vault),
                clock: clock.clone(),
                catalog: Arc::clone(&catalog),
                allow_http: allowed_plain_http(settings),
            },
            sessions,
            flows,
            database,
            clock,
            catalog,
            cursors: Cursors::new(secrets.cursor),
            sealer: sealer.clone(),
            metrics,
            credentials,
            key_uses: KeyUses::default(),
        });
        let http = Http {
            engine: Engine::new(app.clone())?,
            app,
            site: site.into(),
            form_tokens: FormTokens::new(secrets.form_token).into(),
            proxies: Proxies(settings.http.trusted_proxies.clone()),
        };
        // Last of all that may fail: a key that nobody is shown is a key that nobody has.
        let first_key = first_key(settings, &http.app.database, &http.app.clock).await?;
        Ok(Self {
            http,
            sealer,
            public,
            private,
            address,
            first_key,
        })
    }

    /// Where it listens: the port is the system's choice where the settings say 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the private listener is, if there is one.
    pub fn private_address(&self) -> Option<SocketAddr> {
        self.private
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
    }

    /// What runs operations, for those in this process.
    pub const fn engine(&self) -> &Engine {
        &self.http.engine
    }

    /// The admin key that this start has made up, to be shown this once.
    pub const fn first_key(&self) -> Option<&SecretString> {
        self.first_key.as_ref()
    }

    /// Answers until `stop` is ready; then lets open requests end, and returns.
    ///
    /// # Errors
    /// A listener failed.
    pub fn run(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> BoxFuture<'static, Result<(), StartError>> {
        self.run_boxed(Box::pin(stop))
    }

    fn run_boxed(self, stop: BoxFuture<'static, ()>) -> BoxFuture<'static, Result<(), StartError>> {
        Box::pin(self.run_until(stop))
    }

    async fn run_until(self, stop: BoxFuture<'static, ()>) -> Result<(), StartError> {
        let mut background = self.background();
        let (stopping, stopped) = tokio::sync::watch::channel(false);
        let mut listeners = JoinSet::new();
        let http = self.http.clone();
        listeners.spawn(serve(
            self.public,
            http.clone().public(self.private.is_some()),
            stopped.clone(),
            PATIENCE,
        ));
        if let Some(private) = self.private {
            listeners.spawn(serve(private, http.private(), stopped, PATIENCE));
        }
        let failed = tokio::select! {
            () = stop => None,
            ended = listeners.join_next() => ended,
            ended = background.join_next() => ended.map(|ended| ended.map(|never| match never {})),
        };
        tracing::info!("stopping: open requests may end");
        // Listeners that have ended don't need to know.
        let _ = stopping.send(true);
        let mut results: Vec<_> = failed.into_iter().collect();
        results.extend(listeners.join_all().await.into_iter().map(Ok));
        background.shutdown().await;
        // What a provider has given is stored, whoever has asked for it.
        self.http.app.credentials.finish(FINISH).await;
        if let Err(error) = self.sealer.seal_all().await {
            tracing::warn!(error = %error, "the last events stay unsealed until the next start");
        }
        // A SQLite database is one file again. What is still open after the drain may keep it so.
        let closing = self.http.app.database.clone().close();
        let _ = tokio::time::timeout(CLOSE, closing).await;
        for result in results {
            result
                .map_err(std::io::Error::other)
                .and_then(|ended| ended)
                .map_err(StartError::Listener)?;
        }
        Ok(())
    }

    /// What goes on beside the answering of requests, until it is dropped.
    fn background(&self) -> JoinSet<Infallible> {
        let app = &self.http.app;
        let mut all = JoinSet::new();
        all.spawn(self.sealer.clone().run());
        let revocations = app.revocations.clone();
        all.spawn(every(REVOKE, "revoking tokens", move || {
            let revocations = revocations.clone();
            async move { revocations.run_due().await }
        }));
        let credentials = app.credentials.clone();
        all.spawn(every(KEEP_ALIVE, "keeping tokens alive", move || {
            let credentials = credentials.clone();
            async move { credentials.keep_alive().await }
        }));
        let credentials = app.credentials.clone();
        all.spawn(every(COUNT_READS, "counting reads of tokens", move || {
            let credentials = credentials.clone();
            async move { credentials.flush_reads().await }
        }));
        let rewrap = Rewrap::new(
            app.database.clone(),
            &app.linking.vault,
            app.clock.clone(),
            app.metrics.clone(),
        );
        all.spawn(every(REWRAP, "passing on to a new master key", move || {
            let rewrap = rewrap.clone();
            async move { rewrap.run().await }
        }));
        all
    }
}

/// The server's own secrets, made where they aren't there yet.
struct Secrets {
    event_chain: Zeroizing<Vec<u8>>,
    cursor: Zeroizing<Vec<u8>>,
    idempotency: Zeroizing<Vec<u8>>,
    form_token: Zeroizing<Vec<u8>>,
    merge_plan: Zeroizing<Vec<u8>>,
}

impl Secrets {
    async fn of(vault: &Vault, database: &Database) -> Result<Self, StartError> {
        let secret = async |which| vault.server_secret(database, which).await;
        Ok(Self {
            event_chain: secret(ServerSecret::EventChain).await?,
            cursor: secret(ServerSecret::Cursor).await?,
            idempotency: secret(ServerSecret::Idempotency).await?,
            form_token: secret(ServerSecret::FormToken).await?,
            merge_plan: secret(ServerSecret::MergePlan).await?,
        })
    }
}

/// The keys, and the schema up to date. A database that was used before is not touched with a
/// wrong key.
async fn keys_and_schema(
    settings: &Settings,
    clock: &Clock,
    database: &Database,
) -> Result<KeyRing, StartError> {
    let has_tables = start::has_known_tables(settings, database).await?;
    let is_used = has_tables && KeyRing::is_known_to(database).await?;
    let keys = master_key::find(settings, clock, is_used)?;
    if is_used {
        keys.belongs_to(database).await?;
    }
    start::migrate(settings, database).await?;
    keys.check(database, clock).await?;
    Ok(keys)
}

async fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| StartError::Listen {
            address,
            setting,
            cause,
        })
}

/// The operator's choice is taken on in silence; one that was made up is to be shown.
async fn first_key(
    settings: &Settings,
    database: &Database,
    clock: &Clock,
) -> Result<Option<SecretString>, StartError> {
    let caller = Caller {
        viewer: Viewer::CommandLine,
        request_id: "start".to_owned(),
    };
    let given = settings.bootstrap_api_key.as_ref();
    let created = api_key::bootstrap(database, clock, &caller, given).await?;
    Ok(created
        .filter(|_| given.is_none())
        .map(|created| created.secret))
}

fn site(settings: &Settings, bound: SocketAddr) -> Site {
    Site::new(settings.http.public_url(bound), allowed_origins(settings))
}

fn allowed_origins(settings: &Settings) -> Vec<String> {
    let origins = settings.http.allowed_origins.iter();
    origins.map(|origin| origin.as_str().to_owned()).collect()
}

/// Hosts that the operator has named may be spoken to without TLS.
fn allowed_plain_http(settings: &Settings) -> Arc<dyn Fn(&url::Url) -> bool + Send + Sync> {
    let rules = settings.egress.allow.clone();
    Arc::new(move |url| rules.iter().any(|rule| rule.names(url)))
}
