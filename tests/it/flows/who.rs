//! Who signs in, and who doesn't.

use std::time::Duration;

use lanyard::demo::provider::{Broken, Endpoint, Person, ProfileFault, Times};
use rstest::rstest;
use serde_json::{Value, json};

use super::{ACME, HUB, sessions, stored_nothing, world};
use crate::support::app::Db;
use crate::support::until::until;

#[rstest]
#[case::unknown("sam", 403, "USER_NOT_FOUND")]
#[case::unverified("iris", 403, "EMAIL_UNVERIFIED")]
#[case::nothing_said("teo", 403, "EMAIL_UNVERIFIED")]
#[case::no_address("kim", 403, "NO_EMAIL")]
#[case::disabled("lena", 403, "USER_NOT_ACTIVE")]
#[tokio::test]
async fn people_who_cannot_be_told_are_refused_by_name_and_nothing_is_stored(
    #[case] username: &str,
    #[case] status: u16,
    #[case] code: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    for name in ["iris", "teo", "kim", "lena"] {
        world.person(name, &format!("{name}@acme.example")).await;
    }
    world
        .app
        .ask("mutation { upsertUser(input: { entityRef: \"user:default/lena\", status: DISABLED }) { userErrors { code } } }")
        .data()
        .await;
    let browser = world.browser();
    let seen = browser.sign_in(ACME, username).await;
    seen.is_refused(status, code);
    assert!(browser.cookies().is_empty(), "{:?}", browser.cookies());
    assert_eq!(browser.viewer().await, Value::Null);
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn an_address_that_two_people_have_signs_in_neither(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world.person("ada-too", "ada@acme.example").await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .is_refused(409, "AMBIGUOUS");
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn an_address_counts_to_the_letter(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let (lower, kelvin) = ("kai@acme.example", "\u{212a}ai@acme.example");
    world.person("kai", lower).await;
    for address in [kelvin, "Kai@acme.example"] {
        world
            .provider
            .put_person(ACME, Person::new("a-1", "kai", "Kai", address));
        world
            .browser()
            .sign_in(ACME, "kai")
            .await
            .is_refused(403, "USER_NOT_FOUND");
    }
    world
        .provider
        .put_person(ACME, Person::new("a-1", "kai", "Kai", lower));
    world
        .browser()
        .sign_in(ACME, "kai")
        .await
        .leads_to("/account");
}

#[rstest]
#[tokio::test]
async fn verified_may_be_a_text(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    world
        .provider
        .fault(ACME, ProfileFault::VerifiedAsText, Times::Always);
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    assert_eq!(
        world.app.stored().await.identities[0].email_verified,
        Some(true)
    );
}

#[rstest]
#[tokio::test]
async fn without_a_resolver_only_linked_accounts_sign_in(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    for sign_in in [Value::Null, json!({}), json!({ "resolvers": [] })] {
        world
            .reconfigure("acme", json!({ "signIn": sign_in }))
            .await;
        world
            .browser()
            .sign_in(ACME, "bo")
            .await
            .is_refused(403, "NO_RESOLVER");
        world
            .browser()
            .sign_in(ACME, "ada")
            .await
            .leads_to("/account");
    }
}

#[rstest]
#[tokio::test]
async fn who_can_sign_in_already_is_not_reached_by_an_address(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    // Hub says that amarlow has Ada's address.
    let before = world.app.stored().await;
    let browser = world.browser();
    let seen = browser.sign_in(HUB, "amarlow").await;
    assert_eq!(seen.status.as_u16(), 403);
    assert!(
        seen.text.contains("SIGN_IN_FIRST") && seen.text.contains("/auth/acme/start"),
        "{seen:?}"
    );
    assert!(
        !seen.text.contains("user:default/ada"),
        "nobody is named: {seen:?}"
    );
    assert_eq!(world.app.stored().await.identities, before.identities);
    assert_eq!(sessions(&world).await, 1);
    // The page's own way: sign in with Acme, and be asked whether to connect Hub.
    let way = seen
        .text
        .split("href=\"")
        .find(|part| part.starts_with("/auth/acme/start"))
        .unwrap();
    let way = way.split('"').next().unwrap().replace("&amp;", "&");
    let authorization = browser.get(&way).await.location.unwrap().parse().unwrap();
    let callback = world.provider.decide(&authorization, "ada").unwrap();
    let back = browser.come_back(&callback).await;
    let next = back.location.clone().unwrap();
    assert!(next.starts_with("/auth/hub/start?intent=link"), "{back:?}");
    assert!(browser.get(&next).await.text.contains("form_token"));
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let again = world.browser();
    again.sign_in(HUB, "amarlow").await.leads_to("/account");
    assert_eq!(again.viewer().await, "user:default/ada");
}

#[rstest]
#[tokio::test]
async fn not_even_while_the_other_way_is_shut(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    world.reconfigure("acme", json!({ "enabled": false })).await;
    let seen = world.browser().sign_in(HUB, "amarlow").await;
    assert!(seen.text.contains("SIGN_IN_FIRST"), "{seen:?}");
    assert!(!seen.text.contains("/auth/acme/start"), "{seen:?}");
    assert_eq!(world.app.stored().await.identities.len(), 1);
}

#[rstest]
#[tokio::test]
async fn of_first_sign_ins_at_two_providers_at_once_one_comes_first(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    for round in 0..8 {
        let (name, address) = (format!("p{round}"), format!("p{round}@acme.example"));
        world.person(&name, &address).await;
        for issuer in [ACME, HUB] {
            let person = Person::new(&name, &name, &name, &address);
            world.provider.put_person(issuer, person);
        }
        let (one, other) = (world.browser(), world.browser());
        let (one, other) = tokio::join!(one.sign_in(ACME, &name), other.sign_in(HUB, &name));
        let in_first = |seen: &crate::support::world::Seen| seen.status.as_u16() == 303;
        assert_ne!(in_first(&one), in_first(&other), "{one:?} {other:?}");
        let identities = world.app.stored().await.identities;
        assert_eq!(identities.len(), round + 1);
    }
}

#[rstest]
#[tokio::test]
async fn unless_the_operator_allows_it(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let by_email = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }]);
    let sign_in = json!({ "resolvers": by_email, "first_link": "allow" });
    world.reconfigure("hub", json!({ "signIn": sign_in })).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    world
        .browser()
        .sign_in(HUB, "amarlow")
        .await
        .leads_to("/account");
    assert_eq!(world.app.stored().await.identities.len(), 2);
}

#[rstest]
#[tokio::test]
async fn an_account_whose_address_became_somebody_elses_is_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    let mut ada = world.provider.people(ACME).remove(0);
    ada.email = Some("bo@acme.example".to_owned());
    world.provider.put_person(ACME, ada);
    let before = world.app.stored().await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .is_refused(409, "ACCOUNT_MISMATCH");
    assert_eq!(world.app.stored().await.identities, before.identities);
}

#[rstest]
#[tokio::test]
async fn a_second_account_with_the_same_address_does_not_take_the_place_of_the_first(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    world.provider.put_person(
        ACME,
        Person::new("a-other", "other", "Other", "ada@acme.example"),
    );
    let by_email = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }]);
    let sign_in = json!({ "resolvers": by_email, "first_link": "allow" });
    world
        .reconfigure("acme", json!({ "signIn": sign_in }))
        .await;
    world
        .browser()
        .sign_in(ACME, "other")
        .await
        .is_refused(409, "ACCOUNT_MISMATCH");
    assert_eq!(world.app.stored().await.identities.len(), 1);
}

#[rstest]
#[tokio::test]
async fn of_many_who_sign_in_first_at_once_by_one_account_one_links_and_all_get_in(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browsers: Vec<_> = (0..6).map(|_| world.browser()).collect();
    let ways = browsers.iter().map(|browser| browser.sign_in(ACME, "ada"));
    for seen in futures_util::future::join_all(ways).await {
        seen.leads_to("/account");
    }
    assert_eq!(world.app.stored().await.identities.len(), 1);
    assert_eq!(sessions(&world).await, 6);
}

#[rstest]
#[tokio::test]
async fn a_provider_that_signs_nobody_in_begins_no_sign_in(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let path = "/auth/acme/start?intent=sign_in";
    let under_way = world.browser();
    let authorization = under_way.begin(ACME).await;
    let callback = world.provider.decide(&authorization, "ada").unwrap();
    world
        .reconfigure("acme", json!({ "allowsSignIn": false }))
        .await;
    under_way
        .come_back(&callback)
        .await
        .is_refused(404, "NOT_FOUND");
    world.browser().get(path).await.is_refused(404, "NOT_FOUND");
    world
        .reconfigure("acme", json!({ "allowsSignIn": true, "enabled": false }))
        .await;
    world.browser().get(path).await.is_refused(404, "NOT_FOUND");
    world
        .browser()
        .get("/auth/nobody/start?intent=sign_in")
        .await
        .is_refused(404, "NOT_FOUND");
    assert!(!world.browser().get("/sign-in").await.text.contains("Acme"));
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn what_an_operator_changes_while_the_provider_is_asked_counts(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("sign_in", "link")] what: &str,
) {
    let world = world(on).await;
    let browser = world.browser();
    let callback = if what == "link" {
        browser.sign_in(ACME, "ada").await.leads_to("/account");
        let authorization = browser.begin_link(HUB).await;
        world.provider.decide(&authorization, "amarlow").unwrap()
    } else {
        let authorization = browser.begin(HUB).await;
        world.person("dree", "drifter@hub.example").await;
        world.provider.decide(&authorization, "drifter").unwrap()
    };
    let delay = Broken::Delay(Duration::from_secs(3));
    world
        .provider
        .fault(HUB, (Endpoint::Token, delay), Times::Once);
    let before = world.app.stored().await.identities;
    let changing = async {
        // Once the provider has been asked, and before it answers.
        until(
            "the provider is asked",
            Duration::from_secs(30),
            async || !world.provider.records_of(HUB, Endpoint::Token).is_empty(),
        )
        .await;
        world.reconfigure("hub", json!({ "enabled": false })).await;
    };
    let (seen, ()) = tokio::join!(browser.come_back(&callback), changing);
    browser.agree(seen).await.is_refused(404, "NOT_FOUND");
    assert_eq!(world.app.stored().await.identities, before);
}
