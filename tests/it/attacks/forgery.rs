//! Somebody else's flow in one's own browser: the attacker's account where the victim should be
//! signed in, or among the victim's.

use lanyard::demo::provider::Endpoint;
use serde_json::Value;
use url::Url;

use super::world;
use crate::flows::{ACME, HUB, sessions};
use crate::support::world::{Browser, World};

/// The browsers of an attacker and a victim who are both signed in, and the way back of a link that
/// the attacker has begun.
async fn lured(world: &World) -> (Browser<'_>, Browser<'_>, Url) {
    let (attacker, victim) = (world.browser(), world.browser());
    attacker.sign_in(ACME, "bo").await.leads_to("/account");
    victim.sign_in(ACME, "ada").await.leads_to("/account");
    let own = attacker.begin_link(HUB).await;
    let lure = world.provider.decide(&own, "drifter").unwrap();
    (attacker, victim, lure)
}

#[tokio::test]
async fn a_victim_is_not_signed_in_as_the_attacker() {
    let world = world().await;
    let (attacker, victim) = (world.browser(), world.browser());
    let own = attacker.begin(ACME).await;
    let lure = world.provider.decide(&own, "bo").unwrap();
    let seen = victim.come_back(&lure).await;
    seen.is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    assert!(seen.set_cookies.is_empty(), "{seen:?}");
    assert_eq!(victim.viewer().await, Value::Null);
    assert_eq!(sessions(&world).await, 0);
}

#[tokio::test]
async fn a_victim_who_is_signed_in_does_not_get_the_attackers_account_linked() {
    let world = world().await;
    let (_, victim, lure) = lured(&world).await;
    let before = world.app.stored().await.identities;
    victim
        .come_back(&lure)
        .await
        .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    // Nor where a flow of the victim's own is open there.
    victim.begin_link(HUB).await;
    victim
        .come_back(&lure)
        .await
        .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    assert!(world.provider.records_of(HUB, Endpoint::Token).is_empty());
    assert_eq!(world.app.stored().await.identities, before);
}

/// The attacker has planted a flow's cookie (from a subdomain, say): its name is the flow's, and
/// the flow is the attacker's session's.
#[tokio::test]
async fn a_planted_cookie_links_nothing_to_the_victim() {
    let world = world().await;
    let (attacker, victim, lure) = lured(&world).await;
    let before = world.app.stored().await.identities;
    let flow = attacker.cookies();
    let flow = flow.iter().find(|(name, _)| name.contains("-flow-"));
    let (name, value) = flow.unwrap();
    let cookies = format!("{name}={value}; {}", victim.cookie_header());
    let path = format!("{}?{}", lure.path(), lure.query().unwrap());
    let request = world.app.http().get(world.app.url(&path));
    let request = request.header("accept", "text/html");
    let response = request.header("cookie", cookies).send().await.unwrap();
    assert_eq!(response.status(), 403);
    let page = response.text().await.unwrap();
    assert!(page.contains("<code>SIGN_IN_FIRST</code>"), "{page}");
    assert_eq!(world.app.stored().await.identities, before);
}
