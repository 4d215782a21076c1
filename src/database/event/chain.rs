//! Seals and events as whoever verifies them reads them: whatever a row holds, it is found, and
//! one that can't be read hides no other. Every statement reads a bounded part.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Order, Query, SelectStatement};
use sea_orm::{FromQueryResult, QueryOrder, QueryResult, QuerySelect, QueryTrait};

use super::{Column, Entity, Model, seal, unsealed};
use crate::clock::Time;

/// Before the first of all numbers and sequences.
pub const START: i64 = i64::MIN;

/// Events or entries of the queue that one statement looks at.
const WINDOW: u64 = 5_000;

/// A stored seal, and the event that it names.
#[derive(Debug, Clone)]
pub struct Link {
    pub sequence: i64,
    /// `None`: the row can't be read, so no server has written it.
    pub seal: Option<seal::Model>,
    pub event: Found,
}

/// What stands where an event should be.
#[derive(Debug, Clone)]
pub enum Found {
    Event(Box<Model>),
    /// A row that can't be read, so no server has written it.
    Unreadable,
    Nothing,
}

/// The seals behind `after`, in their order, with their events.
pub async fn links(db: &impl ConnectionTrait, after: i64, limit: u64) -> Result<Vec<Link>, DbErr> {
    let seals = seal::Entity::find()
        .filter(seal::Column::Sequence.gt(after))
        .order_by_asc(seal::Column::Sequence)
        .limit(limit)
        .into_query();
    let seals = db.query_all(&seals).await?;
    let number_of = |row: &QueryResult| row.try_get::<i64>("", "event_number");
    let numbers: Vec<i64> = seals.iter().flat_map(number_of).collect();
    // Events stay, so those of the seals are there still.
    let mut events = events(db, &numbers).await?;
    seals
        .iter()
        .map(|row| {
            let event = number_of(row)
                .ok()
                .and_then(|number| events.remove(&number));
            Ok(Link {
                sequence: row.try_get("", "sequence")?,
                seal: seal::Model::from_query_result(row, "").ok(),
                event: event.unwrap_or(Found::Nothing),
            })
        })
        .collect()
}

async fn events(db: &impl ConnectionTrait, numbers: &[i64]) -> Result<BTreeMap<i64, Found>, DbErr> {
    let events = Entity::find()
        .filter(Column::Number.is_in(numbers.iter().copied()))
        .into_query();
    let found = |row: &QueryResult| match Model::from_query_result(row, "") {
        Ok(event) => Found::Event(Box::new(event)),
        Err(_) => Found::Unreadable,
    };
    db.query_all(&events)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("", "number")?, found(row))))
        .collect()
}

/// A number, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Standing {
    pub number: i64,
    /// There is an event of this number.
    pub written: bool,
    /// A seal names it.
    pub sealed: bool,
    /// It waits for its seal.
    pub waiting: bool,
}

/// Where the next events behind `after` stand; none behind the last. All is seen at one moment.
pub async fn standing_events(
    db: &impl ConnectionTrait,
    after: i64,
) -> Result<Vec<Standing>, DbErr> {
    let numbers = Query::select()
        .column(Column::Number)
        .from(Entity)
        .and_where(Column::Number.gt(after))
        .order_by(Column::Number, Order::Asc)
        .limit(WINDOW)
        .take();
    standing(db, numbers).await
}

/// The same of the next entries of the queue.
pub async fn standing_in_queue(
    db: &impl ConnectionTrait,
    after: i64,
) -> Result<Vec<Standing>, DbErr> {
    let numbers = first_waiting(after, WINDOW);
    standing(db, numbers).await
}

async fn standing(
    db: &impl ConnectionTrait,
    numbers: SelectStatement,
) -> Result<Vec<Standing>, DbErr> {
    const PART: &str = "part";
    const NUMBER: (&str, &str) = (PART, "number");
    let event = (Entity, Column::Number);
    let seal = (seal::Entity, seal::Column::EventNumber);
    let waiting = (unsealed::Entity, unsealed::Column::Number);
    let statement = Query::select()
        .expr_as(Expr::col(NUMBER), "number")
        .expr_as(Expr::col(event).is_not_null(), "written")
        .expr_as(Expr::col(seal).is_not_null(), "sealed")
        .expr_as(Expr::col(waiting).is_not_null(), "waiting")
        .from_subquery(numbers, PART)
        .left_join(Entity, Expr::col(event).equals(NUMBER))
        .left_join(seal::Entity, Expr::col(seal).equals(NUMBER))
        .left_join(unsealed::Entity, Expr::col(waiting).equals(NUMBER))
        .order_by(NUMBER, Order::Asc)
        .take();
    Standing::find_by_statement(db.get_database_backend().build(&statement))
        .all(db)
        .await
}

/// When those events happened that wait for their seal since before `time`, the first `limit`.
/// The front of the queue is looked at: the longest waiting are there.
pub async fn waiting_since_before(
    db: &impl ConnectionTrait,
    time: Time,
    limit: u64,
) -> Result<Vec<Time>, DbErr> {
    let mut select = Entity::find()
        .select_only()
        .column(Column::At)
        .filter(Column::At.lt(time))
        .order_by_asc(Column::Number)
        .limit(limit);
    QuerySelect::query(&mut select).join_subquery(
        JoinType::InnerJoin,
        first_waiting(START, WINDOW),
        "part",
        Expr::col((Entity, Column::Number)).equals(("part", "number")),
    );
    select.into_tuple().all(db).await
}

fn first_waiting(after: i64, limit: u64) -> SelectStatement {
    Query::select()
        .column(unsealed::Column::Number)
        .from(unsealed::Entity)
        .and_where(unsealed::Column::Number.gt(after))
        .order_by(unsealed::Column::Number, Order::Asc)
        .limit(limit)
        .take()
}
