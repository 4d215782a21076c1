//! What is sealed passes to the current key: all of it, from where the last one stopped, and what
//! can't pass keeps the old key.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, PaginatorTrait};

use super::turns::{World, id, ring};
use super::*;
use crate::database::{event, secret};
use crate::error::Error;
use crate::metrics::Metrics;

const ROWS: usize = 25;

fn name(number: usize) -> String {
    format!("row-{number:02}")
}

fn place(name: &str) -> Place<'_> {
    Place {
        table: "secret",
        row: name.as_bytes(),
        column: "value_sealed",
    }
}

impl World {
    /// Rows that are sealed with the current key.
    async fn fill(&self, vault: &Vault) {
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let sealing = vault.sealing(tx).await?;
                for number in 0..ROWS {
                    let name = name(number);
                    let row = secret::Model {
                        value_sealed: sealing.seal(&place(&name), name.as_bytes()),
                        name,
                        date_added: self.clock.now(),
                    };
                    secret::Entity::insert(row.into_active_model())
                        .exec_without_returning(tx)
                        .await?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    async fn rows(&self) -> Vec<secret::Model> {
        let rows = secret::Entity::find().all(self.database.reader());
        rows.await.unwrap()
    }

    async fn put(&self, row: &secret::Model) {
        self.database
            .write(|tx| async move {
                let row = row.clone().into_active_model().reset_all();
                row.update(&*tx).await?;
                Ok(())
            })
            .await
            .unwrap();
    }

    /// Every row opens with this key alone.
    async fn all_are(&self, key: u8) {
        let vault = Vault::new(ring(&[key]), self.clock.clone());
        let rows = self.rows().await;
        assert_eq!(rows.len(), ROWS);
        for row in rows {
            let opened = vault.open(&place(&row.name), &row.value_sealed).unwrap();
            assert_eq!(*opened, row.name.as_bytes());
        }
    }

    fn work(&self, vault: &Vault) -> Rewrap {
        let (database, clock) = (self.database.clone(), self.clock.clone());
        Rewrap::new(database, vault, clock, Metrics::default()).in_batches_of(4)
    }

    /// Rows of the table that were seen and rewrapped.
    async fn passed(&self, vault: &Vault) -> (i64, i64) {
        let status = vault.status(&self.database).await.unwrap();
        let table = status.tables.iter().find(|table| table.table == "secret");
        let progress = table.unwrap().progress.unwrap();
        (progress.seen, progress.rewrapped)
    }
}

#[tokio::test]
async fn all_rows_pass_and_the_old_key_retires_with_an_event() {
    let world = World::new().await;
    let vault = world.process(&[1, 2]).await.unwrap();
    world.fill(&vault).await;
    world.work(&vault).run().await.unwrap();
    assert!(
        vault
            .status(&world.database)
            .await
            .unwrap()
            .tables
            .iter()
            .all(|table| table.progress.is_none()),
        "there was nothing to do"
    );
    world.rotate(&vault, 2).await.unwrap();
    let status = vault.status(&world.database).await.unwrap();
    assert!(status.is_rotating() && !status.is_through());
    world.work(&vault).run().await.unwrap();
    world.all_are(2).await;
    let status = vault.status(&world.database).await.unwrap();
    assert!(!status.is_rotating() && status.is_through());
    assert_eq!(world.passed(&vault).await, (25, 25));
    assert!(matches!(status.keys[0].turn, Turn::Retired(_)));
    assert_eq!(
        (status.keys[0].id.as_str(), status.current()),
        (&*id(1), Some(&*id(2)))
    );
    let events = event::Entity::find().all(world.database.reader()).await;
    let events = events.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.action.as_str(),
                event.after_json.as_ref().unwrap().0.clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "master_key.rotated",
                serde_json::json!({ "current": id(2) })
            ),
            (
                "master_key.retired",
                serde_json::json!({ "current": id(2), "retired": [id(1)] })
            ),
        ]
    );
    // Without the old key a process starts.
    world.process(&[2]).await.unwrap();
}

#[tokio::test]
async fn who_is_stopped_is_followed_from_where_it_was() {
    let world = World::new().await;
    let vault = world.process(&[1, 2]).await.unwrap();
    world.fill(&vault).await;
    world.rotate(&vault, 2).await.unwrap();
    let first = world.work(&vault);
    let held = first.take().await.unwrap().unwrap();
    for _ in 0..3 {
        assert_eq!(first.batch(&held).await.unwrap(), Step::Went);
    }
    assert_eq!(world.passed(&vault).await, (8, 8));
    let second = world.work(&vault);
    assert!(second.take().await.unwrap().is_none(), "one at a time");
    world.clock.advance(TimeDelta::seconds(31));
    let taken = second.take().await.unwrap().unwrap();
    // The first one was only slow: it finds that it is not its work any more.
    assert_eq!(first.batch(&held).await.unwrap(), Step::Lost);
    assert_eq!(second.batch(&taken).await.unwrap(), Step::Went);
    assert_eq!(
        world.passed(&vault).await,
        (12, 12),
        "not from the beginning"
    );
    second.run().await.unwrap();
    assert_eq!(world.passed(&vault).await, (25, 25));
    world.all_are(2).await;
}

#[tokio::test]
async fn a_third_key_may_take_over_before_the_second_is_through() {
    let world = World::new().await;
    let vault = world.process(&[1, 2, 3]).await.unwrap();
    world.fill(&vault).await;
    world.rotate(&vault, 2).await.unwrap();
    let work = world.work(&vault);
    let held = work.take().await.unwrap().unwrap();
    for _ in 0..3 {
        work.batch(&held).await.unwrap();
    }
    world.rotate(&vault, 3).await.unwrap();
    while work.batch(&held).await.unwrap() == Step::Went {}
    world.all_are(3).await;
    let status = vault.status(&world.database).await.unwrap();
    assert!(!status.is_rotating());
    // And the first one may come back.
    world.rotate(&vault, 1).await.unwrap();
    work.run().await.unwrap();
    world.all_are(1).await;
    world.process(&[1]).await.unwrap();
}

#[tokio::test]
async fn what_does_not_open_is_left_alone_and_keeps_the_key() {
    let world = World::new().await;
    let vault = world.process(&[1, 2]).await.unwrap();
    world.fill(&vault).await;
    let whole = world.rows().await;
    let [broken, moved, ..] = &whole[..] else {
        panic!("there are rows")
    };
    world
        .put(&secret::Model {
            value_sealed: Sealed::new(b"no ciphertext".to_vec()),
            ..broken.clone()
        })
        .await;
    world
        .put(&secret::Model {
            value_sealed: whole[2].value_sealed.clone(),
            ..moved.clone()
        })
        .await;
    let before = world.rows().await;
    world.rotate(&vault, 2).await.unwrap();
    let work = world.work(&vault);
    work.run().await.unwrap();
    let status = vault.status(&world.database).await.unwrap();
    assert!(status.is_rotating() && status.is_through());
    assert_eq!(status.failed(), 2);
    assert_eq!(world.passed(&vault).await, (25, 23));
    assert_eq!(world.rows().await[..2], before[..2]);
    // Nobody looks at them again and again.
    let seen = world.database.statements();
    work.run().await.unwrap();
    assert!(world.database.statements() - seen <= 4);
    // The old key is needed still, and mends them when they are put back.
    assert!(world.process(&[2]).await.is_err());
    for row in [broken, moved] {
        world.put(row).await;
    }
    world.clock.advance(TimeDelta::minutes(61));
    work.run().await.unwrap();
    world.all_are(2).await;
    let status = vault.status(&world.database).await.unwrap();
    assert!(!status.is_rotating());
    world.process(&[2]).await.unwrap();
}

#[tokio::test]
async fn a_process_without_the_old_key_leaves_the_work_to_others() {
    let world = World::new().await;
    let vault = world.process(&[1, 2]).await.unwrap();
    world.fill(&vault).await;
    world.rotate(&vault, 2).await.unwrap();
    let poor = Vault::new(ring(&[2]), world.clock.clone());
    let work = world.work(&poor);
    work.run().await.unwrap();
    let begun = |status: &KeyStatus| status.tables.iter().any(|table| table.progress.is_some());
    assert!(!begun(&vault.status(&world.database).await.unwrap()));
    // Where it only finds out on the way, nothing is said of the rows.
    let held = work.take().await.unwrap().unwrap();
    assert_eq!(work.batch(&held).await.unwrap(), Step::Went);
    let Err(Error::Internal(cause)) = work.batch(&held).await else {
        panic!("it has gone through");
    };
    held.give_back(&world.database, &world.clock).await.unwrap();
    assert_eq!(
        cause.downcast_ref::<OpenError>(),
        Some(&OpenError::UnknownKey(id(1)))
    );
    let status = vault.status(&world.database).await.unwrap();
    assert!(begun(&status) && status.failed() == 0);
    world.work(&vault).run().await.unwrap();
    world.all_are(2).await;
    let retired = event::Entity::find().count(world.database.reader()).await;
    assert_eq!(retired.unwrap(), 2);
}
