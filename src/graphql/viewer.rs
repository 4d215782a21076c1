//! Who is calling.

use std::sync::Arc;

use async_graphql::{Context, Object, Union};

use super::api_key::ApiKey;
use super::context::Asking;
use super::user::User;
use crate::access::{self, visible};
use crate::error::Error;

/// Who is calling: a signed-in user, or an API key.
#[derive(Union)]
pub enum Viewer {
    User(User),
    ApiKey(ApiKey),
}

#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who is calling: a signed-in user or an API key; null when nobody is.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>, Error> {
        let viewer = ctx.viewer()?;
        Ok(match viewer {
            access::Viewer::Nobody | access::Viewer::CommandLine => None,
            access::Viewer::Person(person) => {
                visible(viewer, Arc::clone(&person.user)).map(|user| Viewer::User(User(user)))
            }
            access::Viewer::ApiKey(key) => {
                visible(viewer, Arc::clone(key)).map(|key| Viewer::ApiKey(ApiKey(key)))
            }
        })
    }
}
