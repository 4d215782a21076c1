//! One provider's trouble is not another's, though they share a host.

use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use lanyard::demo::provider::{Broken, Endpoint, ProfileFault, Times};

use super::world;
use crate::flows::{ACME, HUB, stored_nothing};
use crate::support::until::until;

/// More than may ask one address at a time.
const CROWD: usize = 18;

#[tokio::test]
async fn a_crowd_at_a_provider_that_hangs_holds_up_no_other_at_the_same_host() {
    let world = world().await;
    let hangs = (Endpoint::Token, Broken::Hangs);
    world.provider.fault(ACME, hangs, Times::Always);
    let crowd = (0..CROWD).map(|_| async {
        let browser = world.browser();
        browser.sign_in(ACME, "ada").await
    });
    let others = async {
        until("the crowd is there", Duration::from_secs(30), async || {
            world.provider.records_of(ACME, Endpoint::Token).len() >= 16
        })
        .await;
        world.browser().sign_in(HUB, "drifter").await
    };
    let (crowd, others) = (Box::pin(join_all(crowd)), Box::pin(others));
    match select(crowd, others).await {
        Either::Left((crowd, _)) => panic!("nobody else got through before {crowd:?}"),
        Either::Right((seen, _)) => seen.is_refused(403, "USER_NOT_FOUND"),
    }
    stored_nothing(&world).await;
}

#[tokio::test]
async fn user_info_that_fails_signs_nobody_in() {
    let world = world().await;
    for fault in [
        Broken::Down,
        Broken::Closes,
        Broken::Huge,
        Broken::Html(200),
        Broken::Html(500),
        Broken::BrokenJson,
        Broken::TooMany(60),
        Broken::BareUnauthorized,
        Broken::Error(200, "invalid_token"),
        Broken::Error(401, "invalid_token"),
    ] {
        world.provider.clear_faults(ACME);
        let unsaid = ProfileFault::VerificationUnsaid;
        world.provider.fault(ACME, unsaid, Times::Always);
        let broken = (Endpoint::UserInfo, fault.clone());
        world.provider.fault(ACME, broken, Times::Always);
        let seen = world.browser().sign_in(ACME, "ada").await;
        assert_eq!(seen.status.as_u16(), 502, "{fault:?}: {seen:?}");
        assert!(!seen.text.contains("<script"), "{fault:?}");
    }
    stored_nothing(&world).await;
}
