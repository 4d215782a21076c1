//! Signing in and linking through OpenID, from the browser's side: the way there, the way back,
//! and everything that can be wrong with it.

mod answers;
mod browsers;
mod disconnect;
mod forms;
mod link;
mod organizations;
mod outages;
mod sign_in;
mod sign_on;
mod who;

use lanyard::demo::provider::Issuer;

use crate::support::app::Db;
use crate::support::world::World;

/// A world in which Ada and Bo are known.
pub async fn world(on: Db) -> World {
    let world = World::start(on).await;
    world.person("ada", "ada@acme.example").await;
    world.person("bo", "bo@acme.example").await;
    world
}

/// Nothing has come of a flow but the events of its beginnings: no identity, no session.
pub async fn stored_nothing(world: &World) {
    let stored = world.app.stored().await;
    assert!(stored.identities.is_empty(), "{:?}", stored.identities);
    assert!(stored.credentials.is_empty());
    assert_eq!(sessions(world).await, 0);
}

pub async fn sessions(world: &World) -> usize {
    use sea_orm::EntityTrait;
    lanyard::database::session::Entity::find()
        .all(world.app.database.reader())
        .await
        .unwrap()
        .len()
}

pub const ACME: Issuer = Issuer::Acme;
pub const HUB: Issuer = Issuer::Hub;
