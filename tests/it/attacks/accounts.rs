//! Who an account is, is what its provider never gives to anybody else: the subject. Addresses
//! and names change hands (nOAuth).

use lanyard::demo::provider::Person;
use serde_json::Value;

use super::world;
use crate::flows::{ACME, HUB, sessions};
use crate::support::world::World;

/// A world in which Ada is linked at Acme, and somebody there says this of themselves.
async fn with(attacker: Person) -> World {
    let world = world().await;
    let ada = world.browser();
    ada.sign_in(ACME, "ada").await.leads_to("/account");
    for issuer in [ACME, HUB] {
        world.provider.put_person(issuer, attacker.clone());
    }
    world
}

/// Whoever it is, it isn't Ada.
async fn gets_nowhere(world: &World, username: &str, status: u16, code: &str) {
    let before = world.app.stored().await.identities;
    for issuer in [ACME, HUB] {
        let browser = world.browser();
        browser
            .sign_in(issuer, username)
            .await
            .is_refused(status, code);
        assert_eq!(browser.viewer().await, Value::Null);
    }
    assert_eq!(world.app.stored().await.identities, before);
    assert_eq!(sessions(world).await, 1);
}

#[tokio::test]
async fn a_victims_address_with_another_subject_is_not_the_victim() {
    let attacker = Person::new("a-evil", "evil", "Ada Marlow", "ada@acme.example");
    let world = with(attacker).await;
    gets_nowhere(&world, "evil", 403, "SIGN_IN_FIRST").await;
}

#[tokio::test]
async fn a_username_that_somebody_else_has_now_is_not_the_account() {
    let attacker = Person::new("a-evil", "ada", "Ada Marlow", "evil@acme.example");
    let world = with(attacker).await;
    gets_nowhere(&world, "ada", 403, "USER_NOT_FOUND").await;
}

#[tokio::test]
async fn a_subject_that_differs_in_case_is_not_the_account() {
    let attacker = Person::new("A-7F31C0", "evil", "Ada Marlow", "evil@acme.example");
    let world = with(attacker).await;
    gets_nowhere(&world, "evil", 403, "USER_NOT_FOUND").await;
}

/// The same subject at another issuer is another account.
#[tokio::test]
async fn a_victims_subject_at_another_issuer_is_not_the_account() {
    let world = world().await;
    let ada = world.browser();
    ada.sign_in(ACME, "ada").await.leads_to("/account");
    let attacker = Person::new("a-7f31c0", "evil", "Ada Marlow", "evil@acme.example");
    world.provider.put_person(HUB, attacker);
    world
        .browser()
        .sign_in(HUB, "evil")
        .await
        .is_refused(403, "USER_NOT_FOUND");
}
