//! Every lookup that Lanyard makes, with values that find something among many.

mod events;
mod flows;
mod identities;
mod integrations;
mod merges;
mod organizations;
mod providers;
mod sessions;
mod sign_on;
mod users;

use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::database::page::{Page, Position, Towards};
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};

type Running = Pin<Box<dyn Future<Output = ()>>>;

pub struct Lookup {
    pub name: String,
    pub order: Order,
    /// Rows that it may read, on PostgreSQL, which counts them.
    pub most_rows: u64,
    pub run: Box<dyn Fn(DatabaseConnection) -> Running>,
}

/// How the rows come to their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they stand in an index that has been entered at a value.
    OfAnIndex,
    /// As they stand in an index, from one of its ends: nothing is filtered by it.
    WholeTable,
    /// They are few, whatever the table's size, and sorted.
    OfFew,
    /// By an index, whichever: some of its rows are passed over, or sorted.
    OfSome,
}

/// One in a hundred of those that there are; most lookups read a tenth of that.
const FEW: u64 = 10_000;

pub fn all() -> Vec<Lookup> {
    let mut all = identities::pages();
    all.extend(identities::lookups());
    all.extend(identities::nested());
    all.extend(users::all());
    all.extend(providers::all());
    all.extend(integrations::all());
    all.extend(sessions::all());
    all.extend(events::all());
    all.extend(merges::all());
    all.extend(organizations::all());
    all.extend(sign_on::all());
    all.extend(flows::all());
    all
}

fn lookup<F>(
    name: impl Into<String>,
    order: Order,
    run: impl Fn(DatabaseConnection) -> F + 'static,
) -> Lookup
where
    F: Future<Output = ()> + 'static,
{
    Lookup {
        name: name.into(),
        order,
        most_rows: FEW,
        run: Box::new(move |db| Box::pin(run(db))),
    }
}

/// What locks rows does so in a transaction; it is rolled back.
#[expect(
    clippy::disallowed_methods,
    reason = "on the connection whose statements are noted; nobody else writes there"
)]
async fn begin(db: &DatabaseConnection) -> DatabaseTransaction {
    db.begin().await.unwrap()
}

/// Pages of a hundred at the list's two ends and around its middle.
fn pages(middle: &Position) -> Vec<(&'static str, Page)> {
    let page = |towards, from: Option<&Position>| Page {
        limit: 100,
        towards,
        from: from.cloned(),
    };
    vec![
        ("first", page(Towards::End, None)),
        ("after", page(Towards::End, Some(middle))),
        ("last", page(Towards::Start, None)),
        ("before", page(Towards::Start, Some(middle))),
    ]
}

/// An empty filter with something set.
fn filter<F: Default>(set: impl FnOnce(&mut F)) -> F {
    let mut filter = F::default();
    set(&mut filter);
    filter
}

/// Numbers of rows, far apart, up to 200,000.
fn hundred<T>(make: impl Fn(u32) -> T) -> Vec<T> {
    (0..100).map(|number| make(number * 2_001)).collect()
}

fn thousand<T>(make: impl Fn(u32) -> T) -> Vec<T> {
    (0..1000).map(|number| make(number * 201)).collect()
}

/// The time so many seconds after the first row's.
fn second(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::seconds(number)
}
