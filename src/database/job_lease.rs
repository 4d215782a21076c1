//! Background work that any process may do, and one at a time does.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveModelTrait, IntoActiveModel};

use super::lock::for_change;
use super::time;
use super::{Database, Tx};
use crate::clock::{Clock, Time};
use crate::error::Error;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_lease")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub owner: String,
    /// Grows with every new owner.
    pub fence: i64,
    pub until: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Which work. The names are stored: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Passing what is sealed to the current master key.
    Rewrap,
    /// Refreshing credentials before their providers forget them.
    KeepAlive,
    /// Revoking the tokens of accounts that were unlinked.
    Revoke,
}

impl Job {
    const fn name(self) -> &'static str {
        match self {
            Self::Rewrap => "rewrap",
            Self::KeepAlive => "keep_alive",
            Self::Revoke => "revoke",
        }
    }
}

/// Who has the work, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    job: Job,
    owner: String,
    fence: i64,
}

impl Job {
    /// Takes the work for `life`, or goes on with it where this owner has it already; `None`: another
    /// process has it. By the database's clock.
    pub async fn take(
        self,
        database: &Database,
        clock: &Clock,
        owner: &str,
        life: chrono::TimeDelta,
    ) -> Result<Option<Held>, Error> {
        database
            .write(|tx| async move {
                let tx = &*tx;
                let select = Entity::find_by_id(self.name());
                let found = for_change(tx, select).one(tx).await?;
                let now = time::now(tx, clock).await?;
                let fence = match &found {
                    Some(row) if row.owner == owner => row.fence,
                    Some(row) if row.until > now => return Ok(None),
                    Some(row) => row.fence + 1,
                    None => 1,
                };
                let row = Model {
                    name: self.name().to_owned(),
                    owner: owner.to_owned(),
                    fence,
                    until: now + life,
                }
                .into_active_model();
                if found.is_some() {
                    row.reset_all().update(tx).await?;
                } else {
                    // Where another process is first, this is decided again.
                    Entity::insert(row).exec_without_returning(tx).await?;
                }
                Ok(Some(Held {
                    job: self,
                    owner: owner.to_owned(),
                    fence,
                }))
            })
            .await
    }
}

impl Held {
    /// Whether the work is still this owner's: asked in the transaction that writes what came of
    /// it, which keeps others from taking it until then.
    pub async fn still_holds(&self, tx: &Tx) -> Result<bool, DbErr> {
        let found = for_change(tx, Entity::find_by_id(self.job.name()));
        let found = found.one(tx).await?;
        Ok(found.is_some_and(|row| row.owner == self.owner && row.fence == self.fence))
    }

    /// Lets others take it at once.
    pub async fn give_back(self, database: &Database, clock: &Clock) -> Result<(), Error> {
        let held = &self;
        database
            .write(|tx| async move {
                let tx = &*tx;
                if held.still_holds(tx).await? {
                    Entity::update_many()
                        .col_expr(Column::Until, Expr::value(time::now(tx, clock).await?))
                        .filter(Column::Name.eq(held.job.name()))
                        .exec(tx)
                        .await?;
                }
                Ok(())
            })
            .await
    }
}
