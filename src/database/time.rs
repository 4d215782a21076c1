//! The time that all processes agree on.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::Tx;
use crate::clock::{Clock, Time};

/// Now, by the database's clock: leases that several processes go by are measured with it. SQLite
/// has the clock of the machine that all of them run on.
pub async fn now(tx: &Tx, clock: &Clock) -> Result<Time, DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(clock.now());
    }
    // Not the transaction's time: it may have waited for a lock.
    let sql = "SELECT clock_timestamp() AS now";
    let row = tx
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    let missing = || DbErr::RecordNotFound("the database's time".to_owned());
    let now: Time = row.ok_or_else(missing)?.try_get("", "now")?;
    Ok(now + clock.moved_by())
}
