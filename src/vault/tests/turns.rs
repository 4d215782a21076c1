//! Whose turn it is: the database says it, and who lacks the key does not seal.

use sea_orm::{ActiveModelTrait, IntoActiveModel};
use tempfile::TempDir;

use super::*;
use crate::database::{Database, master_key};
use crate::error::Error;
use crate::event::{Actor, ActorKind, Origin};

/// A database with its schema, that knows no key.
pub struct World {
    pub database: Database,
    pub clock: Clock,
    _folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open_sqlite(&folder.path().join("db"), 2)
            .await
            .unwrap();
        database.migrate("test").await.unwrap();
        Self {
            database,
            clock: Clock::default(),
            _folder: folder,
        }
    }

    /// A process with these keys, as it is after its start.
    pub async fn process(&self, keys: &[u8]) -> Result<Vault, KeyRingError> {
        let ring = ring(keys);
        ring.check(&self.database, &self.clock).await?;
        Ok(Vault::new(ring, self.clock.clone()))
    }

    pub async fn rotate(&self, vault: &Vault, to: u8) -> Result<Rotated, RotationError> {
        vault.rotate(&self.database, &operator(), &id(to)).await
    }

    /// What the process seals in a transaction.
    pub async fn seal(&self, vault: &Vault) -> Result<Sealed, Error> {
        self.database
            .write(|tx| async move { Ok(vault.sealing(&tx).await?.seal(&PLACE, b"token")) })
            .await
    }
}

pub fn ring(keys: &[u8]) -> KeyRing {
    KeyRing::of(keys.iter().map(|byte| MasterKey::new([*byte; 32]))).unwrap()
}

pub fn id(key: u8) -> String {
    MasterKey::new([key; 32]).id().to_owned()
}

fn operator() -> Origin {
    Origin {
        actor: Actor {
            kind: ActorKind::CommandLine,
            id: None,
            name: "lanyard".to_owned(),
        },
        request_id: None,
    }
}

#[tokio::test]
async fn an_empty_database_takes_the_first_key_and_asks_for_no_other_order() {
    let world = World::new().await;
    let first = world.process(&[1, 2]).await.unwrap();
    assert_eq!(key_of(&world.seal(&first).await.unwrap()), Ok(&*id(1)));
    let other_order = world.process(&[2, 1]).await.unwrap();
    assert_eq!(
        key_of(&world.seal(&other_order).await.unwrap()),
        Ok(&*id(1))
    );
}

#[tokio::test]
async fn who_lacks_the_current_key_does_not_seal_and_says_so() {
    let world = World::new().await;
    let (old, both) = (
        world.process(&[1]).await.unwrap(),
        world.process(&[1, 2]).await.unwrap(),
    );
    let before = world.seal(&old).await.unwrap();
    let rotated = world.rotate(&both, 2).await.unwrap();
    assert_eq!((rotated.from, rotated.to), (id(1), id(2)));
    assert_eq!(key_of(&world.seal(&both).await.unwrap()), Ok(&*id(2)));
    let Err(Error::Internal(cause)) = world.seal(&old).await else {
        panic!("it has sealed");
    };
    let missing = cause.downcast_ref::<MissingKey>().unwrap();
    assert_eq!(missing.id, id(2));
    assert_eq!(missing.has, [id(1)]);
    assert_eq!(
        old.can_seal(&world.database).await.unwrap().unwrap_err(),
        *missing
    );
    assert!(both.can_seal(&world.database).await.unwrap().is_ok());
    // What it can read, it reads.
    assert!(old.open(&PLACE, &before).is_ok());
}

#[tokio::test]
async fn what_has_to_be_there_at_the_start_and_what_may_be_gone() {
    let world = World::new().await;
    let both = world.process(&[1, 2]).await.unwrap();
    let wrong = world.process(&[3]).await.unwrap_err();
    assert!(matches!(&wrong, KeyRingError::WrongKey { given, expected }
        if *given == [id(3)] && *expected == [id(1)]));
    world.rotate(&both, 2).await.unwrap();
    let missing = world.process(&[1]).await.unwrap_err();
    assert!(
        matches!(&missing, KeyRingError::NoCurrentKey { id: missing, .. } if *missing == id(2))
    );
    let missing = world.process(&[2]).await.unwrap_err();
    assert!(matches!(&missing, KeyRingError::StillNeeded { id: missing, .. } if *missing == id(1)));
    world
        .database
        .write(|tx| async move { Ok(master_key::retire(&tx, &[id(1)], Clock::default().now()).await?) })
        .await
        .unwrap();
    // A retired one may be gone, and one that nobody knows may be there.
    world.process(&[3, 2]).await.unwrap();
}

#[tokio::test]
async fn only_another_key_that_is_here_takes_over() {
    let world = World::new().await;
    let vault = world.process(&[1, 2, 3]).await.unwrap();
    let refused = world.rotate(&vault, 1).await.unwrap_err();
    assert!(matches!(refused, RotationError::IsCurrent(_)), "{refused}");
    let refused = world.rotate(&vault, 9).await.unwrap_err();
    assert!(
        matches!(refused, RotationError::NotHere { .. }),
        "{refused}"
    );
    let status = vault.status(&world.database).await.unwrap();
    assert!(matches!(
        successor(&status, None),
        Err(RotationError::Several(ids)) if ids == [id(2), id(3)]
    ));
    assert_eq!(successor(&status, Some(&id(3))).unwrap(), Some(id(3)));
    assert!(successor(&status, Some("unknown")).is_err());
    world.rotate(&vault, 3).await.unwrap();
    let status = vault.status(&world.database).await.unwrap();
    // A key that has had its turn comes back only by its name.
    assert_eq!(successor(&status, None).unwrap(), Some(id(2)));
    let two = world.process(&[1, 3]).await.unwrap();
    let status = two.status(&world.database).await.unwrap();
    assert_eq!(successor(&status, None).unwrap(), None);
    assert_eq!(successor(&status, Some(&id(1))).unwrap(), Some(id(1)));
}

#[tokio::test]
async fn a_check_value_that_was_changed_is_noticed() {
    let world = World::new().await;
    let vault = world.process(&[1, 2]).await.unwrap();
    world.rotate(&vault, 2).await.unwrap();
    world
        .database
        .write(|tx| async move {
            let rows = master_key::all(&*tx).await?;
            let row = rows.into_iter().find(|row| row.is_current).unwrap();
            let check_sealed = key_two().seal(&PLACE, b"lanyard master key");
            let row = master_key::Model {
                check_sealed,
                ..row
            };
            row.into_active_model().reset_all().update(&*tx).await?;
            Ok(())
        })
        .await
        .unwrap();
    let broken = world.process(&[1, 2]).await.unwrap_err();
    assert!(
        matches!(broken, KeyRingError::BrokenCheck { .. }),
        "{broken}"
    );
}

fn key_two() -> Sealing<'static> {
    Vault::new(ring(&[2]), Clock::default()).sealing_for_tests()
}
