//! Providers that are down, slow, or answer something else: bounded in time, and in nobody
//! else's way.

use std::time::{Duration, Instant};

use lanyard::demo::provider::{Broken, Endpoint, Times};
use rstest::rstest;

use super::{ACME, HUB, stored_nothing, world};
use crate::support::app::Db;

fn broken() -> Vec<Broken> {
    vec![
        Broken::Down,
        Broken::Closes,
        Broken::Huge,
        Broken::Html(200),
        Broken::Html(500),
        Broken::Redirect("http://localhost:1/".parse().unwrap()),
        Broken::BrokenJson,
        Broken::TooMany(60),
        Broken::BareUnauthorized,
    ]
}

#[rstest]
#[tokio::test]
async fn a_provider_whose_discovery_fails_begins_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    for fault in broken() {
        let world = world(on).await;
        world
            .provider
            .fault(ACME, (Endpoint::Discovery, fault.clone()), Times::Always);
        let browser = world.browser();
        let seen = browser.get("/auth/acme/start?intent=sign_in").await;
        assert!(
            seen.text.contains("PROVIDER_UNAVAILABLE"),
            "{fault:?}: {seen:?}"
        );
        seen.is_refused(502, "PROVIDER_UNAVAILABLE");
        assert!(browser.cookies().is_empty(), "{fault:?}");
        stored_nothing(&world).await;
    }
}

#[rstest]
#[tokio::test]
async fn a_provider_whose_token_endpoint_or_keys_fail_signs_nobody_in(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(Endpoint::Token, Endpoint::Jwks)] endpoint: Endpoint,
) {
    let world = world(on).await;
    let mut faults = broken();
    faults.extend([
        Broken::Error(400, "invalid_grant"),
        Broken::Error(200, "invalid_grant"),
        Broken::Error(401, "invalid_client"),
        Broken::Error(503, "temporarily_unavailable"),
    ]);
    for fault in faults {
        world.provider.clear_faults(ACME);
        world
            .provider
            .fault(ACME, (endpoint, fault.clone()), Times::Always);
        let seen = world.browser().sign_in(ACME, "ada").await;
        assert_eq!(seen.status.as_u16(), 502, "{fault:?}: {seen:?}");
        let codes = ["PROVIDER_UNAVAILABLE", "PROVIDER_REFUSED", "ANSWER_INVALID"];
        assert!(
            codes.iter().any(|code| seen.text.contains(code)),
            "{fault:?}: {seen:?}"
        );
        assert!(!seen.text.contains("<script"), "{fault:?}");
        stored_nothing(&world).await;
    }
    world.provider.clear_faults(ACME);
    // What failed on a slow machine may be remembered.
    world.pass(chrono::TimeDelta::seconds(10));
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
}

#[rstest]
#[case(Broken::Hangs)]
#[case(Broken::Drips)]
#[tokio::test]
async fn a_provider_that_hangs_costs_ten_seconds_and_nobody_elses_time(
    #[case] fault: Broken,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .provider
        .fault(ACME, (Endpoint::Token, fault), Times::Always);
    let slow = async {
        let seen = world.browser().sign_in(ACME, "ada").await;
        seen.is_refused(502, "PROVIDER_UNAVAILABLE");
        Instant::now()
    };
    let others = async {
        world
            .browser()
            .sign_in(HUB, "drifter")
            .await
            .is_refused(403, "USER_NOT_FOUND");
        Instant::now()
    };
    // Which of them is done first shows that the one didn't wait for the other.
    let both = tokio::time::timeout(Duration::from_secs(60), async {
        tokio::join!(slow, others)
    });
    let (slow, others) = both.await.expect("both end");
    assert!(others < slow);
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn what_a_provider_said_of_itself_stands_in_through_an_outage(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        world
            .provider
            .fault(ACME, (endpoint, Broken::Down), Times::Always);
    }
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    assert_eq!(
        world.provider.records_of(ACME, Endpoint::Discovery).len(),
        1,
        "it was kept"
    );
}
