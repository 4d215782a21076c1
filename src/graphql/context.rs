//! What resolvers have at hand: the parts of the server, and who asks.

use std::sync::Arc;

use async_graphql::Context;

use super::loader::Loader;
use super::page::Cursors;
use crate::access::api_key::KeyUses;
use crate::access::{Caller, Viewer};
use crate::clock::Clock;
use crate::database::Database;
use crate::error::Error;
use crate::event::Sealer;
use crate::identity::link::Linking;
use crate::metrics::Metrics;
use crate::provider::admin::ProviderAdmin;
use crate::provider::catalog::Catalog;
use crate::provider::flow::Flows;
use crate::sign_in::session::Sessions;

/// The parts of the server that resolvers call. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub loader: Loader,
    pub database: Database,
    pub clock: Clock,
    pub catalog: Arc<Catalog>,
    pub linking: Linking,
    pub providers: ProviderAdmin,
    pub flows: Flows,
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

/// How resolvers get at the server and the caller.
pub trait Asking {
    fn app(&self) -> Result<&App, Error>;
    fn caller(&self) -> Result<&Caller, Error>;
    fn viewer(&self) -> Result<&Viewer, Error> {
        self.caller().map(|caller| &caller.viewer)
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
}
