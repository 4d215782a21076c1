//! Keyset pages: a place in an ordered list is the last row's own key, never an offset, so that
//! a page stays right while rows come and go.

use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Order, SelectStatement};
use uuid::Uuid;

use crate::clock::Time;

/// Where a row stands in its list: the values that the list is ordered by, the last one unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Position {
    Id(Uuid),
    Time(Time, Uuid),
    Text(String, Uuid),
    Sequence(i64),
}

/// Which way a page goes from its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Towards {
    /// `first` and `after`.
    End,
    /// `last` and `before`.
    Start,
}

/// What part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Page {
    pub limit: u64,
    pub towards: Towards,
    /// The page begins behind this place, as seen in its direction.
    pub from: Option<Position>,
}

/// A page of rows, in the order of the list whichever way the page went.
#[derive(Debug, Clone)]
pub struct Slice<T> {
    pub rows: Vec<T>,
    /// There are rows beyond this page's far end.
    pub more: bool,
}

impl Page {
    /// Orders and cuts `query` to this page and one row more, which tells whether there is more.
    /// `columns` are those of the list's [`Position`].
    pub fn apply<C: IntoColumnRef + Clone>(
        &self,
        query: &mut SelectStatement,
        columns: &[C],
        descending: bool,
    ) {
        let upwards = descending == (self.towards == Towards::Start);
        if let Some(from) = &self.from {
            let here = Expr::tuple(columns.iter().cloned().map(Expr::col));
            let there = Expr::tuple(from.values());
            query.and_where(if upwards {
                here.gt(there)
            } else {
                here.lt(there)
            });
        }
        let order = if upwards { Order::Asc } else { Order::Desc };
        for column in columns {
            query.order_by(column.clone(), order.clone());
        }
        query.limit(self.limit + 1);
    }

    /// Makes the page from what such a query found.
    pub fn slice<T>(&self, mut rows: Vec<T>) -> Slice<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if self.towards == Towards::Start {
            rows.reverse();
        }
        Slice { rows, more }
    }
}

impl Position {
    fn values(&self) -> Vec<Expr> {
        match self {
            Self::Id(id) => vec![Expr::val(*id)],
            Self::Time(time, id) => vec![Expr::val(*time), Expr::val(*id)],
            Self::Text(text, id) => vec![Expr::val(text.as_str()), Expr::val(*id)],
            Self::Sequence(sequence) => vec![Expr::val(*sequence)],
        }
    }
}
