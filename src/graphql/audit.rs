//! The audit log: what happened, in the order in which it became visible.

use async_graphql::{Context, Description, ID, InputObject, MaybeUndefined, Object};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::LARGE;
use super::api_key::Actor;
use super::context::Asking;
use super::node::{self, Node};
use super::page::{List, PageArguments, TotalCount, connection, cost};
use super::scalar::{bounded, given, id, time};
use crate::access::Visible;
use crate::database::event;
use crate::database::page::Position;
use crate::error::Error;
use crate::event::{Action, ActorKind};
use crate::id::{AnyId, OrganizationId, UserId};

/// An entry of the audit log. It is never changed.
#[derive(Clone, Description)]
pub struct AuditEvent(pub Visible<event::Logged>);

#[Object(use_type_description)]
impl AuditEvent {
    /// Names the event for ever.
    pub async fn id(&self) -> ID {
        self.0.event.id.to_string().into()
    }

    /// When it happened.
    async fn at(&self) -> DateTime<Utc> {
        self.0.event.at
    }

    /// What happened: `identity.linked`, `identity.unlinked`, `api_key.created`, …: the list is in the
    /// documentation.
    async fn action(&self) -> &str {
        &self.0.event.action
    }

    /// Who did it.
    async fn actor(&self) -> Actor {
        let event = &self.0.event;
        Actor {
            kind: ActorKind::from_name(&event.actor_kind).into(),
            id: event.actor_id.clone().map(ID),
            name: event.actor_name.clone(),
        }
    }

    /// What it was done to.
    async fn target_id(&self) -> Option<ID> {
        self.0.event.target_id.clone().map(ID)
    }

    /// What it was done to, as it is now; null where it is gone.
    async fn target(&self, ctx: &Context<'_>) -> Result<Option<Node>, Error> {
        let id: Option<AnyId> = self
            .0
            .event
            .target_id
            .as_ref()
            .and_then(|id| id.parse().ok());
        match id {
            None => Ok(None),
            Some(id) => Box::pin(node::find(ctx, id)).await,
        }
    }

    /// What was stored before, without secrets; null for what is new.
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn before(&self) -> Option<&Value> {
        self.0.event.before_json.as_ref().map(|json| &json.0)
    }

    /// What was stored afterwards, without secrets; null for what is gone.
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn after(&self) -> Option<&Value> {
        self.0.event.after_json.as_ref().map(|json| &json.0)
    }

    /// The request that did it, as logs and answers name it.
    async fn request_id(&self) -> Option<&str> {
        self.0.event.request_id.as_deref()
    }

    /// Place in the chain; null until the event is sealed (a moment).
    async fn sequence(&self) -> Option<String> {
        self.0.seal.as_ref().map(|seal| seal.sequence.to_string())
    }

    /// The chain's hash up to this event, in hexadecimal; null until the event is sealed.
    async fn hash(&self) -> Option<String> {
        self.0.seal.as_ref().map(|seal| HEXLOWER.encode(&seal.hash))
    }
}

/// Which events. Keys are combined with AND; at least one is given, and a key that is given has a
/// value.
#[derive(Debug, InputObject)]
pub struct AuditFilter {
    /// Done by this actor.
    actor_id: MaybeUndefined<ID>,
    /// Of any of these actions.
    actions: MaybeUndefined<Vec<String>>,
    /// Done to this object.
    target_id: MaybeUndefined<ID>,
    /// About this user.
    user_id: MaybeUndefined<ID>,
    /// About this organization, or what is within it.
    organization_id: MaybeUndefined<ID>,
    /// At this time or later.
    since: MaybeUndefined<DateTime<Utc>>,
    /// Before this time.
    until: MaybeUndefined<DateTime<Utc>>,
}

impl AuditFilter {
    fn read(self) -> Result<event::Filter, Error> {
        let any = |field: &str, value| {
            let text = given(field, value)?;
            text.map(|text| id::<AnyId>(field, &text).map(|id| id.to_string()))
                .transpose()
        };
        let user: Option<UserId> = given("filter.userId", self.user_id)?
            .map(|text| id("filter.userId", &text))
            .transpose()?;
        let organization: Option<OrganizationId> =
            given("filter.organizationId", self.organization_id)?
                .map(|text| id("filter.organizationId", &text))
                .transpose()?;
        let actions = given("filter.actions", self.actions)?;
        if let Some(actions) = &actions {
            bounded("filter.actions", actions.len(), Action::ALL.len())?;
            let known = |action: &&String| Action::ALL.iter().any(|known| known.name() == *action);
            if let Some(unknown) = actions.iter().find(|action| !known(action)) {
                return Err(Error::bad_input(
                    "filter.actions",
                    format!(
                        "{unknown:?} is no action; there are {}",
                        Action::ALL.map(Action::name).join(", ")
                    ),
                ));
            }
        }
        let filter = event::Filter {
            actor_id: any("filter.actorId", self.actor_id)?,
            actions,
            target_id: any("filter.targetId", self.target_id)?,
            user_id: user.map(|id| id.to_string()),
            organization_id: organization.map(|id| id.to_string()),
            since: given("filter.since", self.since)?
                .map(|at| time("filter.since", at))
                .transpose()?,
            until: given("filter.until", self.until)?
                .map(|at| time("filter.until", at))
                .transpose()?,
        };
        if filter.is_empty() {
            return Err(Error::bad_input(
                "filter",
                "is empty: give at least one key, or leave it out",
            ));
        }
        Ok(filter)
    }
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Sealed events in the order of the chain, paged. An event is here a moment after what it
    /// tells of; a cursor never misses one.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its keys are combined with AND; at least one is given.")] filter: Option<
            AuditFilter,
        >,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<Option<List<AuditEvent>>, Error> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let filter = filter
            .map(AuditFilter::read)
            .transpose()?
            .unwrap_or_default()
            .within(viewer.reach());
        let name = "events";
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, name)?;
        let slice = app.loader.event_page(&filter, &page).await?;
        let count = TotalCount::Events(filter);
        let position = |row: &event::Logged| {
            Position::Sequence(row.seal.as_ref().map_or(0, |seal| seal.sequence))
        };
        connection(ctx, name, &page, slice, count, position, AuditEvent)
            .await
            .map(Some)
    }
}
