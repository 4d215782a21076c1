//! Refreshes, well and badly, and what is counted of them.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use secrecy::ExposeSecret;

use super::super::{Broken, Counts, Endpoint, Issuer, RefreshFault, Times, TokenFault};
use super::{World, json, text};

impl World {
    fn counts(&self) -> Counts {
        self.handle.counts(Issuer::Acme)
    }

    async fn is_good(&self, access_token: &str) -> bool {
        self.userinfo(access_token).await.status() == 200
    }
}

#[tokio::test]
async fn what_a_token_is_shows_in_how_it_begins() {
    let world = World::start().await;
    let code = world.code("ada");
    assert!(code.starts_with("mbc_"), "{code}");
    let tokens = json(world.redeem(&code).await).await;
    let refreshed = json(world.refresh(text(&tokens, "refresh_token")).await).await;
    for tokens in [tokens, refreshed] {
        assert!(text(&tokens, "access_token").starts_with("mba_"));
        assert!(text(&tokens, "refresh_token").starts_with("mbr_"));
    }
}

#[tokio::test]
async fn tokens_are_given_without_a_flow() {
    let world = World::start().await;
    let given = world.handle.give(Issuer::Acme, "bo").unwrap();
    assert_eq!(given.sub, "a-19d4be");
    assert!(world.is_good(given.access_token.expose_secret()).await);
    let refreshed = world.refresh(given.refresh_token.expose_secret()).await;
    let refreshed = json(refreshed).await;
    assert!(world.is_good(text(&refreshed, "access_token")).await);
    assert_eq!(world.code("bo").len(), world.code("ada").len());
    assert!(world.handle.give(Issuer::Acme, "nobody").is_none());
}

#[tokio::test]
async fn tokens_live_as_long_as_they_are_told_to() {
    let world = World::start().await;
    for fault in [
        TokenFault::ExpiresIn(5),
        TokenFault::RefreshTokenExpiresIn(60),
    ] {
        world.handle.fault(Issuer::Acme, fault, Times::Always);
    }
    let given = world.handle.give(Issuer::Acme, "ada").unwrap();
    let tokens = world.tokens("ada").await;
    assert_eq!(tokens["expires_in"], 5);
    assert_eq!(tokens["refresh_token_expires_in"], 60);
    let access_tokens = [
        text(&tokens, "access_token"),
        given.access_token.expose_secret(),
    ];
    for access_token in access_tokens {
        assert!(world.is_good(access_token).await);
    }
    world.clock.advance(TimeDelta::seconds(6));
    for access_token in access_tokens {
        assert!(!world.is_good(access_token).await);
    }
    let refreshed = json(world.refresh(text(&tokens, "refresh_token")).await).await;
    assert_eq!(refreshed["expires_in"], 5);
    world.clock.advance(TimeDelta::seconds(61));
    let late = world.refresh(text(&refreshed, "refresh_token")).await;
    assert_eq!(json(late).await["error"], "invalid_grant");
    assert_eq!(world.counts().reuses, 0, "late is not again");
}

#[tokio::test]
async fn refreshes_break_and_codes_are_redeemed() {
    let world = World::start().await;
    let tokens = world.tokens("ada").await;
    let refresh_token = text(&tokens, "refresh_token");
    let down = RefreshFault::Broken(Broken::Down);
    world.handle.fault(Issuer::Acme, down, Times::Always);
    assert_eq!(world.refresh(refresh_token).await.status(), 503);
    assert_eq!(world.redeem(&world.code("ada")).await.status(), 200);
    world.handle.clear_faults(Issuer::Acme);
    assert_eq!(world.refresh(refresh_token).await.status(), 200);
    assert_eq!(world.counts().refreshes, 2);
}

#[tokio::test]
async fn a_lost_answer_has_spent_its_token() {
    let world = World::start().await;
    let tokens = world.tokens("ada").await;
    let refresh_token = text(&tokens, "refresh_token");
    world.fault(RefreshFault::LosesAnswer);
    // It is no fault of a code's.
    world.tokens("ada").await;
    let client = world.handle.client(Issuer::Acme);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", &client.id),
        ("client_secret", client.secret.expose_secret()),
    ];
    let request = world.http.post(world.at(Issuer::Acme, "/token"));
    let lost = request.form(&form).send().await.unwrap_err();
    assert!(lost.is_request() && !lost.is_timeout(), "{lost:?}");
    let again = world.refresh(refresh_token).await;
    assert_eq!(json(again).await["error"], "invalid_grant");
    assert!(!world.is_good(text(&tokens, "access_token")).await);
    let counts = world.counts();
    assert_eq!((counts.refreshes, counts.reuses), (2, 1));
}

#[tokio::test]
async fn a_late_answer_has_spent_its_token_at_once() {
    let world = World::start().await;
    let tokens = world.tokens("ada").await;
    let refresh_token = text(&tokens, "refresh_token");
    let late = Duration::from_millis(300);
    world.fault(RefreshFault::AnswersLate(late));
    let began = Instant::now();
    let (answer, again) = tokio::join!(world.refresh(refresh_token), async {
        while world.counts().refreshes == 0 {
            tokio::task::yield_now().await;
        }
        world.refresh(refresh_token).await
    });
    assert!(began.elapsed() >= late);
    assert_eq!(answer.status(), 200);
    assert_eq!(again.status(), 400);
}

#[tokio::test]
async fn a_spent_token_is_forgiven_where_that_is_set() {
    let world = World::start().await;
    let first = world.tokens("ada").await;
    let refresh_token = text(&first, "refresh_token");
    world.fault(RefreshFault::SpentIsForgiven);
    let second = json(world.refresh(refresh_token).await).await;
    let again = json(world.refresh(refresh_token).await).await;
    assert_eq!(second["refresh_token"], again["refresh_token"]);
    assert_ne!(second["access_token"], again["access_token"]);
    for tokens in [&second, &again] {
        assert!(world.is_good(text(tokens, "access_token")).await);
    }
    assert_eq!(world.counts().reuses, 0);
    // Once is once, for a token that was spent.
    assert_eq!(world.refresh(refresh_token).await.status(), 400);
    assert_eq!(world.counts().reuses, 1);
    assert!(!world.is_good(text(&again, "access_token")).await);
}

#[tokio::test]
async fn what_ends_at_the_clients_wish_is_counted() {
    let world = World::start().await;
    let tokens = world.tokens("ada").await;
    let mut revocations = Vec::new();
    for token in [
        "mba_never-given",
        text(&tokens, "access_token"),
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
        text(&tokens, "refresh_token"),
    ] {
        let answer = world.post("/revoke", &[("token", token)]).await;
        assert_eq!(answer.status(), 200);
        revocations.push(world.counts().revocations);
    }
    assert_eq!(revocations, [0, 1, 1, 2, 2]);
    let asked = world.handle.records_of(Issuer::Acme, Endpoint::Revoke);
    assert_eq!(asked.len(), 5);
    assert_eq!(world.handle.counts(Issuer::Hub), Counts::default());
}
