//! What happened, and the seals that put it into one order.

pub mod chain;

use std::collections::BTreeSet;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{
    Condition, FromQueryResult, IntoActiveModel, QueryOrder, QuerySelect, QueryTrait, Set,
};

use super::Tx;
use super::json::Json;
use super::page::{Page, Slice};
use super::reach::Reach;
use crate::clock::Time;
use crate::id::EventId;

/// A page is put together from the lists of this many actions at most.
const MOST_ACTIONS: usize = 100;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Given before commit: gaps, and no order that a reader may rely on.
    #[sea_orm(primary_key)]
    pub number: i64,
    pub id: EventId,
    pub at: Time,
    pub action: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub actor_name: String,
    pub on_behalf_of_id: Option<String>,
    pub on_behalf_of_name: Option<String>,
    pub target_id: Option<String>,
    pub user_id: Option<String>,
    pub organization_id: Option<String>,
    pub before_json: Option<Json>,
    pub after_json: Option<Json>,
    pub request_id: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An event that has no seal yet.
pub mod unsealed {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "event_unsealed")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An event's place in the order of all, and the chain's hash up to it.
pub mod seal {
    use sea_orm::entity::prelude::*;

    use crate::clock::Time;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "event_seal")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub event_number: i64,
        pub hash: Vec<u8>,
        pub at: Time,
        pub action: String,
        pub actor_id: Option<String>,
        pub target_id: Option<String>,
        pub user_id: Option<String>,
        pub organization_id: Option<String>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which events; the parts are combined with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub actor_id: Option<String>,
    pub actions: Option<Vec<String>>,
    pub target_id: Option<String>,
    pub user_id: Option<String>,
    pub organization_id: Option<String>,
    /// At or after.
    pub since: Option<Time>,
    /// Before.
    pub until: Option<Time>,
}

/// An event, and its seal where it has one.
#[derive(Debug, Clone)]
pub struct Logged {
    pub event: Model,
    pub seal: Option<seal::Model>,
}

impl Filter {
    /// Says nothing: all events are meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, with no events in it but those of the reach. A person's has none in it.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        let none = |filter| Self {
            actions: Some(Vec::new()),
            ..filter
        };
        match reach {
            Reach::All => self,
            Reach::User(_) => none(self),
            Reach::Organization(own) => {
                let own = own.to_string();
                match &self.organization_id {
                    Some(other) if *other != own => none(self),
                    Some(_) | None => Self {
                        organization_id: Some(own),
                        ..self
                    },
                }
            }
        }
    }

    fn condition(&self) -> Condition {
        use seal::Column;
        Condition::all()
            .add_option(self.actor_id.as_ref().map(|id| Column::ActorId.eq(id)))
            .add_option(
                self.actions
                    .as_ref()
                    .map(|actions| Column::Action.is_in(actions)),
            )
            .add_option(self.target_id.as_ref().map(|id| Column::TargetId.eq(id)))
            .add_option(self.user_id.as_ref().map(|id| Column::UserId.eq(id)))
            .add_option(
                self.organization_id
                    .as_ref()
                    .map(|id| Column::OrganizationId.eq(id)),
            )
            .add_option(self.since.map(|time| Column::At.gte(time)))
            .add_option(self.until.map(|time| Column::At.lt(time)))
    }

    /// A filter for each action: together they find what this one finds, each in the order of an
    /// index.
    fn by_action(&self) -> Vec<Self> {
        let Some(actions) = &self.actions else {
            return vec![self.clone()];
        };
        let actions: BTreeSet<&String> = actions.iter().collect();
        if actions.len() > MOST_ACTIONS {
            return vec![self.clone()];
        }
        let only = |action: &&String| Self {
            actions: Some(vec![(*action).clone()]),
            ..self.clone()
        };
        actions.iter().map(only).collect()
    }
}

/// Writes the event, to be sealed once the transaction is committed. Its number is the
/// database's to give.
pub async fn insert(tx: &Tx, event: Model) -> Result<(), DbErr> {
    let mut event = event.into_active_model();
    event.number = sea_orm::NotSet;
    let number = Entity::insert(event).exec(tx).await?.last_insert_id;
    unsealed::Entity::insert(unsealed::ActiveModel {
        number: Set(number),
    })
    .exec_without_returning(tx)
    .await
    .map(|_| ())
}

/// The same for many events, a thousand in a statement.
pub async fn insert_all(tx: &Tx, events: Vec<Model>) -> Result<(), DbErr> {
    /// Rows in one statement: SQLite binds 32,766 values.
    const ROWS: usize = 1000;
    for events in events.chunks(ROWS) {
        let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        let rows = events.iter().cloned().map(|event| ActiveModel {
            number: sea_orm::NotSet,
            ..event.into_active_model()
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
        let numbers = Query::select()
            .column(Column::Number)
            .from(Entity)
            .and_where(Column::Id.is_in(ids))
            .take();
        let insert = Query::insert()
            .into_table(unsealed::Entity)
            .columns([unsealed::Column::Number])
            .select_from(numbers)
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .take();
        tx.execute(&insert).await?;
    }
    Ok(())
}

pub async fn any_unsealed(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(unsealed::Entity::find().limit(1).one(db).await?.is_some())
}

/// Events that are committed and not sealed, in the order of their numbers.
pub async fn unsealed(tx: &Tx, limit: u64) -> Result<Vec<Model>, DbErr> {
    let numbers = Query::select()
        .column(unsealed::Column::Number)
        .from(unsealed::Entity)
        .order_by(unsealed::Column::Number, sea_orm::sea_query::Order::Asc)
        .limit(limit)
        .take();
    Entity::find()
        .filter(Column::Number.in_subquery(numbers))
        .order_by_asc(Column::Number)
        .all(tx)
        .await
}

pub async fn last_seal(db: &impl ConnectionTrait) -> Result<Option<seal::Model>, DbErr> {
    seal::Entity::find()
        .order_by_desc(seal::Column::Sequence)
        .limit(1)
        .one(db)
        .await
}

pub async fn insert_seals(tx: &Tx, seals: Vec<seal::Model>) -> Result<(), DbErr> {
    let numbers: Vec<i64> = seals.iter().map(|seal| seal.event_number).collect();
    seal::Entity::insert_many(seals.into_iter().map(IntoActiveModel::into_active_model))
        .exec_without_returning(tx)
        .await?;
    unsealed::Entity::delete_many()
        .filter(unsealed::Column::Number.is_in(numbers))
        .exec(tx)
        .await
        .map(|_| ())
}

/// A page of sealed events, in their order.
pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Logged>, DbErr> {
    let lists = filter
        .by_action()
        .iter()
        .map(|filter| seal::Entity::find().filter(filter.condition()).into_query())
        .collect();
    let seals = match page.merge(lists, &[seal::Column::Sequence], false) {
        None => Vec::new(),
        Some(statement) => {
            let statement = db.get_database_backend().build(&statement);
            seal::Model::find_by_statement(statement).all(db).await?
        }
    };
    let seals = page.slice(seals);
    if seals.rows.is_empty() {
        return Ok(Slice {
            rows: Vec::new(),
            more: seals.more,
        });
    }
    let numbers = seals.rows.iter().map(|seal| seal.event_number);
    let mut events = Entity::find()
        .filter(Column::Number.is_in(numbers))
        .all(db)
        .await?;
    let rows = seals
        .rows
        .into_iter()
        .filter_map(|seal| {
            let index = events
                .iter()
                .position(|event| event.number == seal.event_number)?;
            Some(Logged {
                event: events.swap_remove(index),
                seal: Some(seal),
            })
        })
        .collect();
    Ok(Slice {
        rows,
        more: seals.more,
    })
}

pub async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64, DbErr> {
    seal::Entity::find()
        .filter(filter.condition())
        .count(db)
        .await
}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[EventId]) -> Result<Vec<Logged>, DbErr> {
    let events = Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await?;
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = events.iter().map(|event| event.number);
    let seals = seal::Entity::find()
        .filter(seal::Column::EventNumber.is_in(numbers))
        .all(db)
        .await?;
    Ok(events
        .into_iter()
        .map(|event| {
            let seal = seals
                .iter()
                .find(|seal| seal.event_number == event.number)
                .cloned();
            Logged { event, seal }
        })
        .collect())
}
