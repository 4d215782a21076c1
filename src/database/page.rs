//! Keyset pages: a place in an ordered list is the last row's own key, never an offset, so that
//! a page stays right while rows come and go.

use sea_orm::sea_query::{
    Asterisk, CommonTableExpression, Condition, Expr, ExprTrait, IntoColumnRef, Order, Query,
    SelectStatement, UnionType,
};
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
        if let Some(from) = &self.from {
            let here = Expr::tuple(columns.iter().cloned().map(Expr::col));
            let there = Expr::tuple(from.values());
            query.and_where(if self.goes_up(descending) {
                here.gt(there)
            } else {
                here.lt(there)
            });
        }
        self.order(query, columns, descending);
    }

    fn order<C: IntoColumnRef + Clone>(
        &self,
        query: &mut SelectStatement,
        columns: &[C],
        descending: bool,
    ) {
        let order = if self.goes_up(descending) {
            Order::Asc
        } else {
            Order::Desc
        };
        for column in columns {
            query.order_by(column.clone(), order.clone());
        }
        query.limit(self.limit + 1);
    }

    fn goes_up(&self, descending: bool) -> bool {
        descending == (self.towards == Towards::Start)
    }

    /// This page of several lists in one, none of which has a row of another: a bounded select
    /// for each, which can go by an index of that list. `None` where there is no list.
    pub fn merge<C: IntoColumnRef + Clone>(
        &self,
        mut lists: Vec<SelectStatement>,
        columns: &[C],
        descending: bool,
    ) -> Option<SelectStatement> {
        for list in &mut lists {
            self.apply(list, columns, descending);
        }
        if lists.len() < 2 {
            return lists.pop();
        }
        let mut merged = Query::select()
            .column(Asterisk)
            .from_subquery(union_all(lists)?, "merged")
            .take();
        self.order(&mut merged, columns, descending);
        Some(merged)
    }

    /// This page of rows that are few, however many the table has. They are found before they
    /// are ordered: PostgreSQL would rather go through the table in the order of the list, in the
    /// hope to meet them soon.
    pub fn of_few<C: IntoColumnRef + Clone>(
        &self,
        rows: SelectStatement,
        columns: &[C],
        descending: bool,
    ) -> SelectStatement {
        self.of_found(rows, Condition::all(), columns, descending)
    }

    /// As [`Self::of_few`], of those only that meet the condition: no index that fits it leads
    /// away from the few. It names columns without their table.
    pub fn of_found<C: IntoColumnRef + Clone>(
        &self,
        rows: SelectStatement,
        condition: Condition,
        columns: &[C],
        descending: bool,
    ) -> SelectStatement {
        let mut found = CommonTableExpression::new();
        found.query(rows).table_name("found").materialized(true);
        let mut page = Query::select().column(Asterisk).from("found").take();
        page.cond_where(condition).with_cte(found);
        self.apply(&mut page, columns, descending);
        page
    }

    /// Makes the page from what such a query found, or from nothing.
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

/// The rows of all, one select after the other; `None` where there is none.
pub fn union_all(selects: Vec<SelectStatement>) -> Option<SelectStatement> {
    // SQLite takes ORDER BY and LIMIT in a part of a union only behind a FROM.
    let mut parts = selects.into_iter().map(|select| {
        Query::select()
            .column(Asterisk)
            .from_subquery(select, "part")
            .take()
    });
    let mut union = parts.next()?;
    union.unions(parts.map(|part| (UnionType::All, part)));
    Some(union)
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
