//! What is sealed in this database, column by column, and how far each table is with passing to the
//! current master key.

use std::fmt;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ActiveModelTrait, IntoActiveModel, QueryResult};

use super::{Sealed, Tx};
use crate::clock::Time;

/// How far a table is.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rewrap")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_name: String,
    /// The key that the table passes to.
    pub key_id: String,
    /// The last row that was seen, in the order of the primary key.
    pub last_row: Option<Vec<u8>>,
    /// Rows that there were when it began.
    pub rows_total: i64,
    pub rows_seen: i64,
    pub rows_rewrapped: i64,
    /// Rows with a value that no key opens.
    pub rows_failed: i64,
    pub date_started: Time,
    pub date_finished: Option<Time>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A table with sealed columns.
#[derive(Debug, PartialEq, Eq)]
pub struct SealedTable {
    pub name: &'static str,
    key: Key,
    pub columns: &'static [&'static str],
}

/// The primary key of such a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Uuid(&'static str),
    Text(&'static str),
}

/// Every table with sealed columns, but that of the master keys themselves. A new one has to be
/// put in here, or it keeps the old key for ever: a test compares the list with the schema.
pub const SEALED: [SealedTable; 6] = [
    SealedTable {
        name: "secret",
        key: Key::Text("name"),
        columns: &["value_sealed"],
    },
    SealedTable {
        name: "identity_provider",
        key: Key::Uuid("id"),
        columns: &["client_secret_sealed", "client_key_sealed"],
    },
    SealedTable {
        name: "credential",
        key: Key::Uuid("identity_id"),
        columns: &["access_token_sealed", "refresh_token_sealed"],
    },
    SealedTable {
        name: "flow",
        key: Key::Uuid("id"),
        columns: &["sealed", "answer_sealed"],
    },
    SealedTable {
        name: "pending_link",
        key: Key::Uuid("id"),
        columns: &["account_sealed"],
    },
    SealedTable {
        name: "revocation",
        key: Key::Uuid("id"),
        columns: &["access_token_sealed", "refresh_token_sealed"],
    },
];

/// Which row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKey {
    Uuid(Uuid),
    Text(String),
}

/// The sealed values of a row, in the order of the table's columns.
#[derive(Debug, Clone)]
pub struct SealedRow {
    pub key: RowKey,
    pub sealed: Vec<Option<Sealed>>,
}

impl RowKey {
    /// As the value is bound to it, and as the position is kept.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Uuid(id) => id.as_bytes(),
            Self::Text(name) => name.as_bytes(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Uuid(id) => (*id).into(),
            Self::Text(name) => name.clone().into(),
        }
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => id.fmt(f),
            Self::Text(name) => f.write_str(name),
        }
    }
}

impl SealedTable {
    /// How many rows there are.
    pub async fn count(&self, db: &impl ConnectionTrait) -> Result<i64, DbErr> {
        let count = Query::select()
            .expr_as(Expr::col(Asterisk).count(), "rows")
            .from(Alias::new(self.name))
            .take();
        let row = db.query_one(&count).await?;
        row.map_or(Ok(0), |row| row.try_get("", "rows"))
    }

    /// The rows behind `last`, at most so many, in the order of the primary key.
    pub async fn rows(
        &self,
        tx: &Tx,
        last: Option<&[u8]>,
        most: u64,
    ) -> Result<Vec<SealedRow>, DbErr> {
        let mut select = self.select();
        if let Some(last) = last {
            let last = self.key.read(last)?;
            select.and_where(Expr::col(self.key.column()).gt(last.value()));
        }
        select.order_by(self.key.column(), Order::Asc).limit(most);
        let found = tx.query_all(&select).await?;
        found.iter().map(|row| self.row(row)).collect()
    }

    /// One row, as it is now.
    pub async fn row_of(&self, tx: &Tx, key: &RowKey) -> Result<Option<SealedRow>, DbErr> {
        let mut select = self.select();
        select.and_where(Expr::col(self.key.column()).eq(key.value()));
        let found = tx.query_one(&select).await?;
        found.map(|row| self.row(&row)).transpose()
    }

    /// Puts a value in the place of another, if that one is there still; says whether it was.
    pub async fn exchange(
        &self,
        tx: &Tx,
        key: &RowKey,
        column: &'static str,
        old: &Sealed,
        new: Sealed,
    ) -> Result<bool, DbErr> {
        let update = Query::update()
            .table(Alias::new(self.name))
            .value(Alias::new(column), Expr::value(new))
            .and_where(Expr::col(self.key.column()).eq(key.value()))
            .and_where(Expr::col(Alias::new(column)).eq(Expr::value(old.clone())))
            .take();
        Ok(tx.execute(&update).await?.rows_affected() == 1)
    }

    fn select(&self) -> SelectStatement {
        let columns = self.columns.iter().map(|column| Alias::new(*column));
        Query::select()
            .column(self.key.column())
            .columns(columns)
            .from(Alias::new(self.name))
            .take()
    }

    fn row(&self, row: &QueryResult) -> Result<SealedRow, DbErr> {
        let sealed = self.columns.iter().map(|column| row.try_get("", column));
        Ok(SealedRow {
            key: match self.key {
                Key::Uuid(column) => RowKey::Uuid(row.try_get("", column)?),
                Key::Text(column) => RowKey::Text(row.try_get("", column)?),
            },
            sealed: sealed.collect::<Result<_, _>>()?,
        })
    }
}

impl Key {
    fn column(self) -> Alias {
        match self {
            Self::Uuid(column) | Self::Text(column) => Alias::new(column),
        }
    }

    /// A key as a position has it.
    fn read(self, bytes: &[u8]) -> Result<RowKey, DbErr> {
        let broken = || DbErr::Type("rewrap.last_row is no key of its table".to_owned());
        Ok(match self {
            Self::Uuid(_) => RowKey::Uuid(Uuid::from_slice(bytes).map_err(|_| broken())?),
            Self::Text(_) => {
                let name = std::str::from_utf8(bytes).map_err(|_| broken())?;
                RowKey::Text(name.to_owned())
            }
        })
    }
}

/// How far all tables are that have begun.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().all(db).await
}

/// Writes a row in place of the one that was there, or of none.
pub async fn begin(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::delete_by_id(&row.table_name).exec(tx).await?;
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(|_| ())
}

/// Keeps how far a table is.
pub async fn keep(tx: &Tx, row: Model) -> Result<(), DbErr> {
    row.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// All tables have everything before them.
pub async fn forget(tx: &Tx) -> Result<(), DbErr> {
    Entity::delete_many().exec(tx).await.map(drop)
}

#[cfg(test)]
mod tests;
