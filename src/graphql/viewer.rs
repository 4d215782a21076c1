//! Who is calling.

use std::sync::Arc;

use async_graphql::{Context, Object, Union};

use super::api_key::ApiKey;
use super::context::Asking;
use super::user::User;
use crate::access;
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
        Ok(match ctx.viewer()? {
            access::Viewer::Nobody | access::Viewer::CommandLine => None,
            access::Viewer::Person(person) => {
                let user = ctx.see(Some(Arc::clone(&person.user))).await?;
                user.map(User).map(Viewer::User)
            }
            access::Viewer::ApiKey(key) => {
                let key = ctx.see(Some(Arc::clone(key))).await?;
                key.map(ApiKey).map(Viewer::ApiKey)
            }
        })
    }
}
