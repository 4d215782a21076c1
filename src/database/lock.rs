//! Locks of rows, and locks between processes. On PostgreSQL both end with their transaction, so
//! that a pooler in transaction mode may stand in between; on SQLite the writer is alone already.

use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::Tx;

/// The rows that `select` finds, locked against other writers until the transaction ends. Keys that
/// refer to them can still be added.
pub fn for_change<E: EntityTrait>(db: &impl ConnectionTrait, mut select: Select<E>) -> Select<E> {
    if db.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    }
    select
}

/// The rows that `select` finds, locked until the transaction ends; not those that another process
/// is at, so that nobody waits for them.
pub fn unless_taken<E: EntityTrait>(db: &impl ConnectionTrait, mut select: Select<E>) -> Select<E> {
    if db.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    select
}

/// Locks the rows that `select` finds, in the order of their ids, and reads none of them.
pub async fn hold<E: EntityTrait>(tx: &Tx, select: Select<E>, id: E::Column) -> Result<(), DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let ids = select.select_only().column(id).order_by_asc(id);
    let locked = for_change(tx, ids).into_tuple::<Uuid>().all(tx);
    locked.await.map(drop)
}

/// What only one process may do at a time. The numbers are arbitrary; nothing else uses them.
/// (Migrations have one of their own, in their crate.)
#[derive(Debug, Clone, Copy)]
#[repr(i64)]
pub enum Lock {
    /// Sealing events.
    Sealer = 0x006c_616e_7961_0001,
    /// Making the first API key.
    FirstApiKey = 0x006c_616e_7961_0002,
    /// Taking on the first master key.
    MasterKey = 0x006c_616e_7961_0003,
}

impl Lock {
    /// Waits for the lock, and keeps it until the transaction ends.
    pub async fn take(self, tx: &Tx) -> Result<(), DbErr> {
        if tx.get_database_backend() == DbBackend::Postgres {
            let number = self as i64;
            tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({number})"))
                .await?;
        }
        Ok(())
    }

    /// Takes the lock until the transaction ends, or says that another process has it.
    pub async fn try_take(self, tx: &Tx) -> Result<bool, DbErr> {
        if tx.get_database_backend() != DbBackend::Postgres {
            return Ok(true);
        }
        let number = self as i64;
        let query = Query::select()
            .expr_as(
                Expr::cust(format!("pg_try_advisory_xact_lock({number})")),
                "locked",
            )
            .take();
        let row = tx.query_one(&query).await?;
        row.map_or(Ok(false), |row| row.try_get("", "locked"))
    }
}
