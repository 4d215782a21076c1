//! What resolvers have at hand: the parts of the server, and who asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Context;
use futures_util::future::try_join_all;

use super::loader::Loader;
use super::page::Cursors;
use crate::access::api_key::KeyUses;
use crate::access::{Caller, Guarded, Viewer, Visible, visible};
use crate::clock::Clock;
use crate::credential::Credentials;
use crate::credential::revocation::Revocations;
use crate::database::Database;
use crate::error::Error;
use crate::event::Sealer;
use crate::identity::link::Linking;
use crate::identity::revocation::Revoking;
use crate::metrics::Metrics;
use crate::provider::admin::ProviderAdmin;
use crate::provider::catalog::Catalog;
use crate::provider::flow::Flows;
use crate::sign_in::connect::Connecting;
use crate::sign_in::session::Sessions;
use crate::tenancy::merge::Merging;

/// The parts of the server that resolvers call. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub loader: Loader,
    pub database: Database,
    pub clock: Clock,
    pub catalog: Arc<Catalog>,
    pub linking: Linking,
    pub revoking: Revoking,
    pub revocations: Revocations,
    pub merging: Merging,
    pub providers: ProviderAdmin,
    pub flows: Flows,
    pub credentials: Credentials,
    pub connecting: Connecting,
    pub cursors: Cursors,
    pub sealer: Sealer,
    pub metrics: Metrics,
    pub key_uses: KeyUses,
    pub sessions: Sessions,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// When the operation began.
#[derive(Debug, Clone, Copy)]
pub struct Began(pub Instant);

/// What one field may wait for others outside, and all of an operation together: its deadline
/// leaves time for what comes after.
const PATIENCE: Duration = Duration::from_secs(4);
const PATIENCE_OF_ALL: Duration = Duration::from_secs(7);

/// How resolvers get at the server and the caller.
pub trait Asking {
    fn app(&self) -> Result<&App, Error>;
    fn caller(&self) -> Result<&Caller, Error>;
    fn viewer(&self) -> Result<&Viewer, Error> {
        self.caller().map(|caller| &caller.viewer)
    }

    /// How long a field may wait for a provider that it doesn't depend on.
    fn patience(&self) -> Duration;

    /// The row, if there is one and the caller may see it.
    async fn see<T: Guarded>(&self, row: Option<Arc<T>>) -> Result<Option<Visible<T>>, Error> {
        match row {
            None => Ok(None),
            Some(row) => visible(self.viewer()?, &self.app()?.loader, row).await,
        }
    }

    /// Those of the rows that the caller may see, in their order.
    async fn see_all<T: Guarded>(
        &self,
        rows: impl IntoIterator<Item = Arc<T>>,
    ) -> Result<Vec<Visible<T>>, Error> {
        let (viewer, loader) = (self.viewer()?, &self.app()?.loader);
        let seen = try_join_all(rows.into_iter().map(|row| visible(viewer, loader, row))).await?;
        Ok(seen.into_iter().flatten().collect())
    }
}

impl Asking for Context<'_> {
    fn app(&self) -> Result<&App, Error> {
        self.data_opt()
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("no App in the schema")))
    }

    fn caller(&self) -> Result<&Caller, Error> {
        self.data_opt()
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("no Caller in the request")))
    }

    fn patience(&self) -> Duration {
        let gone = self.data_opt().map(|Began(at)| at.elapsed());
        let left = PATIENCE_OF_ALL.saturating_sub(gone.unwrap_or_default());
        left.min(PATIENCE)
    }
}
