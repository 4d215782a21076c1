//! Every step is taken once, in time, in one browser; what goes wrong on the way links nothing.

use chrono::TimeDelta;
use futures_util::future::join_all;
use lanyard::demo::provider::{CallbackFault, DiscoveryFault, Endpoint, Times};
use rstest::rstest;
use serde_json::json;

use super::{ACME, ADAS, HUB, Portal, STRANGERS, second_page};
use crate::support::app::Db;
use crate::support::connecting::{RETURN_TO, told};

#[rstest]
#[tokio::test]
async fn looking_changes_nothing_at_any_step(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let (app, browser) = (&portal.world.app, portal.world.browser());
    let connect = portal.start().await;
    app.all_sealed().await;
    let before = app.dump().await;
    // A scanner of mail, a preview, and the person, twice.
    for visitor in [&portal.world.browser(), &browser, &browser] {
        let page = visitor.get(connect.path()).await;
        assert_eq!(page.status, 200);
        assert!(
            page.location.is_none() && page.set_cookies.is_empty(),
            "{page:?}"
        );
    }
    assert_eq!(app.dump().await, before);
    let asked = portal.world.provider.records_of(HUB, Endpoint::Discovery);
    assert!(asked.is_empty(), "{asked:?}");
    let back = portal.way_back(&browser, &connect, ADAS.0).await;
    let found = second_page(&back);
    let before = app.dump().await;
    for _ in 0..2 {
        let page = browser.get(&found).await;
        assert_eq!(page.status, 200);
        assert!(
            page.location.is_none() && page.set_cookies.is_empty(),
            "{page:?}"
        );
    }
    assert_eq!(app.dump().await, before);
    portal.linked_nothing().await;
}

/// Forced linking: the attacker begins, the victim's browser ends it with the victim's account.
#[rstest]
#[tokio::test]
async fn a_connect_link_begun_by_one_person_and_finished_by_another(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let (bo, ada) = (portal.world.browser(), portal.world.browser());
    let app = &portal.world.app;
    // Bo, at the application, has begun a link for himself. He goes the way himself up to the
    // provider, and hands Ada the provider's page: her browser can't come back for his.
    let connect = app
        .started(&portal.key, &portal.hub, &portal.bo, json!({}))
        .await;
    let authorization = bo.set_out(&connect).await;
    let callback = portal
        .world
        .provider
        .decide(&authorization, ADAS.0)
        .unwrap();
    ada.come_back(&callback)
        .await
        .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    assert!(
        portal
            .world
            .provider
            .records_of(HUB, Endpoint::Token)
            .is_empty()
    );
    // Nor may he look at what she was asked, once it is his own browser that came back.
    let back = bo.come_back(&callback).await;
    let found = second_page(&back);
    let page = ada.get(&found).await;
    page.is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    assert!(!page.text.contains(ADAS.1), "{page:?}");
    ada.post(&found, &[("answer", "connect")])
        .await
        .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    bo.refuse(&back).await;

    // He hands her the connect link, and she agrees to everything. The code comes to the
    // application in her browser, where she is signed in, and that is whom it completes it for.
    let connect = app
        .started(&portal.key, &portal.hub, &portal.bo, json!({}))
        .await;
    let page = ada.get(connect.path()).await;
    assert!(
        page.text.contains("user:default/bo"),
        "it says whose it would be"
    );
    let code = portal.code(&ada, &connect).await;
    portal.is_no_code(&portal.key, &code, &portal.ada).await;
    portal.linked_nothing().await;
}

#[rstest]
#[tokio::test]
async fn a_connect_link_is_good_for_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let (browser, other) = (portal.world.browser(), portal.world.browser());
    browser
        .get("/connect/made-up")
        .await
        .is_refused(404, "LINK_UNKNOWN");
    let connect = portal.start().await;
    let page = other.get(connect.path()).await;
    let tries = (0..4).map(|_| browser.press(connect.path(), "continue"));
    let seen = join_all(tries).await;
    let well = seen.iter().filter(|seen| seen.status == 200).count();
    assert_eq!(well, 1, "{seen:?}");
    for refused in seen.iter().filter(|seen| seen.status != 200) {
        refused.is_refused(410, "LINK_USED");
    }
    for visitor in [&browser, &other] {
        visitor
            .get(connect.path())
            .await
            .is_refused(410, "LINK_USED");
    }
    // By the page that was opened before.
    other
        .send_form(connect.path(), &page, &[("answer", "continue")])
        .await
        .is_refused(410, "LINK_USED");
    assert!(other.cookies().is_empty());
}

#[rstest]
#[tokio::test]
async fn every_step_is_open_for_ten_minutes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let (world, browser) = (&portal.world, portal.world.browser());
    let (almost, over) = (TimeDelta::minutes(9), TimeDelta::minutes(11));
    // The first page.
    let connect = portal.start().await;
    let page = browser.get(connect.path()).await;
    world.pass(over);
    browser
        .get(connect.path())
        .await
        .is_refused(410, "LINK_EXPIRED");
    browser
        .send_form(connect.path(), &page, &[("answer", "continue")])
        .await
        .is_refused(410, "LINK_EXPIRED");
    // The way to the provider and back.
    let connect = portal.start().await;
    world.pass(almost);
    let authorization = browser.set_out(&connect).await;
    world.pass(over);
    let callback = world.provider.decide(&authorization, ADAS.0).unwrap();
    browser
        .come_back(&callback)
        .await
        .is_refused(400, "FLOW_EXPIRED");
    // The second page, and the code.
    for at_the_page in [true, false] {
        let connect = portal.start().await;
        world.pass(almost);
        let authorization = browser.set_out(&connect).await;
        world.pass(almost);
        let callback = world.provider.decide(&authorization, ADAS.0).unwrap();
        let back = browser.come_back(&callback).await;
        if at_the_page {
            world.pass(over);
            browser.agree(back).await.is_refused(410, "LINK_EXPIRED");
            continue;
        }
        world.pass(almost);
        let address = browser.agree(back).await.goes_on_to();
        let code = told(&address, "link_code").unwrap();
        world.pass(TimeDelta::minutes(2));
        portal.is_no_code(&portal.key, &code, &portal.ada).await;
    }
    portal.linked_nothing().await;
    // What waited with an account goes with the next link that begins.
    portal.start().await;
    let waiting = world.app.pending_links().await;
    assert!(
        waiting.iter().all(|link| link.account_sealed.is_none()),
        "{waiting:?}"
    );
    world.pass(TimeDelta::minutes(75));
    portal.start().await;
    assert_eq!(
        world.app.pending_links().await.len(),
        1,
        "and all else after an hour"
    );
}

#[rstest]
#[tokio::test]
async fn who_says_no_goes_back_with_the_reason(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let (world, browser) = (&portal.world, portal.world.browser());
    let cancelled = format!("{RETURN_TO}&link_error=CANCELLED");
    // On the first page.
    let connect = portal.start().await;
    let seen = browser.press(connect.path(), "cancel").await;
    assert_eq!(seen.goes_on_to().as_str(), cancelled);
    browser
        .get(connect.path())
        .await
        .is_refused(404, "LINK_UNKNOWN");
    // At the provider.
    let connect = portal.start().await;
    let authorization = browser.set_out(&connect).await;
    let callback = world.provider.deny(&authorization).unwrap();
    browser
        .come_back(&callback)
        .await
        .leads_to(&format!("{RETURN_TO}&link_error=ACCESS_DENIED"));
    // On the second page.
    let connect = portal.start().await;
    let back = portal.way_back(&browser, &connect, STRANGERS.0).await;
    assert_eq!(browser.refuse(&back).await.goes_on_to().as_str(), cancelled);
    browser
        .get(&second_page(&back))
        .await
        .is_refused(404, "LINK_UNKNOWN");
    assert!(browser.cookies().is_empty(), "{:?}", browser.cookies());
    portal.nothing_waits().await;
    portal.linked_nothing().await;
}

#[rstest]
#[case::said_no(CallbackFault::Error("login_required", "x".into()), "PROVIDER_REFUSED")]
#[case::fails(CallbackFault::Error("server_error", "x".into()), "PROVIDER_UNAVAILABLE")]
#[case::another_issuer(CallbackFault::WrongIssuer, "ANSWER_INVALID")]
#[case::another_code(CallbackFault::WrongCode, "PROVIDER_REFUSED")]
#[tokio::test]
async fn the_application_hears_why_the_provider_gave_no_account(
    #[case] fault: CallbackFault,
    #[case] code: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let connect = portal.start().await;
    portal.world.provider.fault(HUB, fault, Times::Once);
    let browser = portal.world.browser();
    portal
        .way_back(&browser, &connect, ADAS.0)
        .await
        .leads_to(&format!("{RETURN_TO}&link_error={code}"));
    portal.nothing_waits().await;
    portal.linked_nothing().await;
}

#[rstest]
#[tokio::test]
async fn a_provider_that_can_not_be_asked_uses_nothing_up(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let (world, browser) = (&portal.world, portal.world.browser());
    let connect = portal.start().await;
    world
        .provider
        .fault(HUB, DiscoveryFault::OtherIssuer, Times::Once);
    browser
        .press(connect.path(), "continue")
        .await
        .is_refused(502, "PROVIDER_UNAVAILABLE");
    assert!(browser.cookies().is_empty());
    world.pass(TimeDelta::minutes(2));
    // Nor does an address that has too much open already.
    for _ in 0..20 {
        world.browser().begin(ACME).await;
    }
    browser
        .press(connect.path(), "continue")
        .await
        .is_refused(429, "TOO_MANY");
    assert_eq!(browser.get(connect.path()).await.status, 200);
    let rows = world.app.pending_links().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].step, lanyard::database::pending_link::Step::Open);
}

#[rstest]
#[tokio::test]
async fn an_answer_counts_once_and_so_does_the_second_page(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let (world, browser) = (&portal.world, portal.world.browser());
    let connect = portal.start().await;
    let authorization = browser.set_out(&connect).await;
    let callback = world.provider.decide(&authorization, ADAS.0).unwrap();
    let back = browser.come_back(&callback).await;
    browser
        .come_back(&callback)
        .await
        .is_refused(400, "FLOW_UNKNOWN");
    let found = second_page(&back);
    let page = browser.get(&found).await;
    let presses = (0..4).map(|_| browser.send_form(&found, &page, &[("answer", "connect")]));
    let seen = join_all(presses).await;
    let codes: Vec<_> = seen.iter().filter(|seen| seen.status == 200).collect();
    assert_eq!(codes.len(), 1, "{seen:?}");
    for refused in seen.iter().filter(|seen| seen.status != 200) {
        refused.is_refused(410, "LINK_USED");
    }
    // Back, and once more; or to say no after all.
    browser.get(&found).await.is_refused(410, "LINK_USED");
    browser
        .send_form(&found, &page, &[("answer", "cancel")])
        .await
        .is_refused(410, "LINK_USED");
    let code = told(&codes[0].goes_on_to(), "link_code").unwrap();
    let payload = portal.complete(&code, &portal.ada).await;
    assert_eq!(payload["outcome"], "CREATED", "{payload:#}");
}

#[rstest]
#[tokio::test]
async fn a_user_who_is_disabled_meanwhile_gets_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("first page", "second page", "code")] before: &str,
) {
    let portal = Portal::new(on).await;
    let browser = portal.world.browser();
    let connect = portal.start().await;
    match before {
        "first page" => {
            portal.disable("ada").await;
            browser
                .get(connect.path())
                .await
                .is_refused(403, "USER_NOT_ACTIVE");
        }
        "second page" => {
            let back = portal.way_back(&browser, &connect, ADAS.0).await;
            portal.disable("ada").await;
            browser.agree(back).await.is_refused(403, "USER_NOT_ACTIVE");
        }
        _ => {
            let code = portal.code(&browser, &connect).await;
            portal.disable("ada").await;
            let payload = portal.complete(&code, &portal.ada).await;
            assert_eq!(payload["userErrors"][0]["code"], "USER_NOT_ACTIVE");
            portal.is_no_code(&portal.key, &code, &portal.ada).await;
            portal.nothing_waits().await;
        }
    }
    portal.linked_nothing().await;
}

#[rstest]
#[tokio::test]
async fn a_provider_that_is_disabled_or_deleted_meanwhile_links_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("disabled", "deleted")] how: &str,
) {
    let portal = Portal::new(on).await;
    let (world, app) = (&portal.world, &portal.world.app);
    let (one, two, three) = (world.browser(), world.browser(), world.browser());
    let first = portal.start().await;
    let connect = portal.start().await;
    let back = portal.way_back(&two, &connect, ADAS.0).await;
    let connect = portal.start().await;
    let code = portal.code(&three, &connect).await;
    if how == "disabled" {
        world.reconfigure("hub", json!({ "enabled": false })).await;
    } else {
        app.ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId userErrors { code } } }")
            .variables(json!({ "id": portal.hub }))
            .data()
            .await;
        portal.nothing_waits().await;
    }
    let code_of_page = if how == "disabled" {
        "NOT_FOUND"
    } else {
        "LINK_UNKNOWN"
    };
    one.get(first.path()).await.is_refused(404, code_of_page);
    two.agree(back).await.is_refused(404, code_of_page);
    portal.is_no_code(&portal.key, &code, &portal.ada).await;
    portal.linked_nothing().await;
}

#[rstest]
#[tokio::test]
async fn a_link_goes_with_a_user_who_is_merged(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let connect = portal.start().await;
    let code = portal.code(&portal.world.browser(), &connect).await;
    app.ask("mutation($from: ID!, $into: ID!) { mergeUsers(input: { fromUserId: $from, intoUserId: $into }) { userErrors { code } } }")
        .variables(json!({ "from": portal.ada, "into": portal.bo }))
        .data()
        .await;
    portal.nothing_waits().await;
    for user in [&portal.ada, &portal.bo] {
        portal.is_no_code(&portal.key, &code, user).await;
    }
    portal.linked_nothing().await;
}
