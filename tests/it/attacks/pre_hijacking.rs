//! Pre-hijacking (Sudhodanan and Paverd, 2022): an attacker prepares an account for somebody who
//! comes later. In Lanyard nobody opens an account by themselves, and there are no passwords and
//! no addresses to change; what is left of each of the five variants is here. The attacker is
//! Drifter at Hub, the victim Ada, who comes by Acme.

use lanyard::demo::provider::Person;
use serde_json::{Value, json};

use super::world;
use crate::flows::{ACME, HUB, sessions, stored_nothing};
use crate::support::client::text;
use crate::support::world::World;

const DRIFTER: &str = "9001";

/// The attacker's account is linked to the user who has the victim's address: by an application
/// that asked no questions, by a mistake. Returns the identity.
async fn prepared(world: &World) -> String {
    let found = world
        .app
        .ask("{ identityProvider(slug: \"hub\") { id } user(entityRef: \"user:default/ada\") { id } }")
        .data()
        .await;
    let (hub, ada) = (
        text(&found, "/identityProvider/id"),
        text(&found, "/user/id"),
    );
    world.app.linked(&hub, &ada, DRIFTER).await
}

/// The operator takes the attacker's account away again.
async fn take_away(world: &World, identity: &str) {
    let query = "mutation($id: ID!) { unlinkIdentity(input: { id: $id, force: true }) {
        deletedId userErrors { code } } }";
    let gone = world.app.ask(query).variables(json!({ "id": identity }));
    assert_eq!(
        gone.data().await["unlinkIdentity"]["deletedId"],
        json!(identity)
    );
}

/// *Classic-federated merge*: the attacker's way in and the victim's would lead to one account.
/// The victim is told that somebody gets in already, and joins nobody's account.
#[tokio::test]
async fn classic_federated_merge() {
    let world = world().await;
    let identity = prepared(&world).await;
    let attacker = world.browser();
    attacker.sign_in(HUB, "drifter").await.leads_to("/account");
    let seen = world.browser().sign_in(ACME, "ada").await;
    assert_eq!(seen.status.as_u16(), 403, "{seen:?}");
    assert!(seen.text.contains("SIGN_IN_FIRST"), "{seen:?}");
    let identities = world.app.stored().await.identities;
    let ids: Vec<String> = identities.iter().map(|row| row.id.to_string()).collect();
    assert_eq!(ids, [identity]);
}

/// *Unexpired session*: the attacker stays signed in while the victim gets the account back.
#[tokio::test]
async fn unexpired_session() {
    let world = world().await;
    let identity = prepared(&world).await;
    let attacker = world.browser();
    attacker.sign_in(HUB, "drifter").await.leads_to("/account");
    assert_eq!(attacker.viewer().await, "user:default/ada");
    take_away(&world, &identity).await;
    assert_eq!(attacker.viewer().await, Value::Null);
    let victim = world.browser();
    victim.sign_in(ACME, "ada").await.leads_to("/account");
    assert_eq!(attacker.viewer().await, Value::Null);
    assert_eq!(sessions(&world).await, 1);
    attacker
        .sign_in(HUB, "drifter")
        .await
        .is_refused(403, "USER_NOT_FOUND");
}

/// *Trojan identifier*: the attacker has linked a second account, to come back by. The victim is
/// kept out for as long as it is there: it isn't overlooked.
#[tokio::test]
async fn trojan_identifier() {
    let world = world().await;
    let identity = prepared(&world).await;
    let attacker = world.browser();
    attacker.sign_in(HUB, "drifter").await.leads_to("/account");
    attacker
        .link(ACME, "sam")
        .await
        .leads_to("/account?connected=acme");
    take_away(&world, &identity).await;
    assert_eq!(attacker.viewer().await, Value::Null);
    let victim = world.browser();
    let seen = victim.sign_in(ACME, "ada").await;
    assert!(seen.text.contains("SIGN_IN_FIRST"), "{seen:?}");
    let trojan = world.app.stored().await.identities.remove(0);
    assert_eq!(trojan.username.as_deref(), Some("sam"));
    take_away(&world, &trojan.id.to_string()).await;
    victim.sign_in(ACME, "ada").await.leads_to("/account");
    attacker
        .sign_in(ACME, "sam")
        .await
        .is_refused(403, "USER_NOT_FOUND");
}

/// *Unexpired e-mail change*: something that the attacker has begun takes effect when the victim
/// has the account. Here that is a link, which ends with the session that began it.
#[tokio::test]
async fn unexpired_change() {
    let world = world().await;
    let identity = prepared(&world).await;
    let attacker = world.browser();
    attacker.sign_in(HUB, "drifter").await.leads_to("/account");
    let authorization = attacker.begin_link(ACME).await;
    let way_back = world.provider.decide(&authorization, "sam").unwrap();
    take_away(&world, &identity).await;
    let victim = world.browser();
    victim.sign_in(ACME, "ada").await.leads_to("/account");
    attacker
        .come_back(&way_back)
        .await
        .is_refused(403, "SIGN_IN_FIRST");
    let identities = world.app.stored().await.identities;
    let names: Vec<_> = identities
        .iter()
        .map(|row| row.username.as_deref())
        .collect();
    assert_eq!(names, [Some("ada")]);
}

/// *Non-verifying provider*: it lets anybody say that an address is theirs.
#[tokio::test]
async fn non_verifying_provider() {
    let world = world().await;
    for verified in [Some(false), None] {
        let mut attacker = Person::new(DRIFTER, "drifter", "Ada Marlow", "ada@acme.example");
        attacker.email_verified = verified;
        world.provider.put_person(HUB, attacker);
        world
            .browser()
            .sign_in(HUB, "drifter")
            .await
            .is_refused(403, "EMAIL_UNVERIFIED");
    }
    stored_nothing(&world).await;
    let victim = world.browser();
    victim.sign_in(ACME, "ada").await.leads_to("/account");
    assert_eq!(world.app.stored().await.identities.len(), 1);
}
