//! Checks of a new provider against what is stored.

use sea_orm::ConnectionTrait;

use super::not_found;
use crate::access::{Caller, sees};
use crate::database::identity_provider::{self, Model};
use crate::database::{Tx, organization};
use crate::error::{Error, RefusalCode};
use crate::id::{OrganizationId, ProviderId};

/// The organization that the provider is to belong to is there.
pub(super) async fn exists(tx: &Tx, id: OrganizationId) -> Result<(), Error> {
    if organization::by_ids(tx, &[id]).await?.is_empty() {
        return Err(Error::NotFound {
            what: "organization",
            id: id.to_string(),
        });
    }
    Ok(())
}

/// No other provider has its slug, or is of its instance.
pub(super) async fn no_twin(db: &impl ConnectionTrait, row: &Model) -> Result<(), Error> {
    if !identity_provider::by_slugs(db, std::slice::from_ref(&row.slug))
        .await?
        .is_empty()
    {
        return Err(Error::refused(
            RefusalCode::AlreadyExists,
            &["input", "slug"],
            format!("another provider has the slug {}", row.slug),
        ));
    }
    let twin = identity_provider::by_instance(
        db,
        row.organization_id,
        &row.provider_type,
        &row.external_id,
    )
    .await?;
    let Some(twin) = twin else { return Ok(()) };
    let instance = if row.external_id.is_empty() {
        "one"
    } else {
        row.external_id.as_str()
    };
    Err(Error::refused(
        RefusalCode::AlreadyExists,
        &["input", "externalId"],
        format!(
            "the provider {} is of type {} and instance {instance} already",
            twin.slug, twin.provider_type
        ),
    ))
}

/// The provider whose client it is to use may lend it.
pub(super) async fn check_lender(
    tx: &Tx,
    caller: &Caller,
    row: &Model,
    lender: ProviderId,
) -> Result<(), Error> {
    let refused = |message: String| {
        Err(Error::refused(
            RefusalCode::InvalidConfiguration,
            &["input", "clientOf"],
            message,
        ))
    };
    let id = lender;
    let lender = identity_provider::locked(tx, id)
        .await?
        .ok_or_else(|| not_found(id))?;
    if !sees(&caller.viewer, tx, &lender).await? {
        return Err(not_found(id));
    }
    if lender.provider_type != row.provider_type {
        let (theirs, ours) = (lender.provider_type, &row.provider_type);
        return refused(format!("{} is of type {theirs}, not {ours}", lender.slug));
    }
    if lender
        .organization_id
        .is_some_and(|owner| row.organization_id != Some(owner))
    {
        return refused(format!(
            "{} belongs to an organization, and lends its client within it only",
            lender.slug
        ));
    }
    if lender.organization_id.is_none() {
        // Who stands for a team or a tenant shuts out whoever else would.
        caller
            .viewer
            .require_unbound("borrowing the client of a provider of all organizations")?;
    }
    if lender.client_of.is_some() {
        return refused(format!(
            "{} borrows its own client from another provider",
            lender.slug
        ));
    }
    Ok(())
}
