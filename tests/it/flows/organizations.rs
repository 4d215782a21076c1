//! Providers that are an organization's own: whom they sign in and link, and to whom they are
//! offered.

use futures_util::future::join;
use rstest::rstest;
use serde_json::json;

use super::{ACME, HUB, sessions, stored_nothing, world};
use crate::support::app::Db;
use crate::support::world::{Seen, World, hidden_fields};

const NOT_A_MEMBER: &str = "USER_NOT_IN_ORGANIZATION";

/// A world with an organization that has a provider `own` at Acme, and Ada in it.
async fn with_organization(on: Db) -> (World, String, String) {
    let world = world(on).await;
    let organization = world.app.organization("a").await;
    world.own_provider(&organization, "own", ACME).await;
    let ada = user(&world, "ada").await;
    world.app.add_member(&organization, &ada).await;
    (world, organization, ada)
}

async fn user(world: &World, name: &str) -> String {
    let found = world
        .app
        .ask(&format!(
            "{{ user(entityRef: \"user:default/{name}\") {{ id }} }}"
        ))
        .data()
        .await;
    found["user"]["id"].as_str().unwrap().to_owned()
}

/// The page without the id of its request.
fn words(seen: &Seen) -> String {
    let (before, rest) = seen.text.split_once("<dt>Request</dt>").unwrap();
    let (_, after) = rest.split_once("</dd>").unwrap();
    format!("{before}{after}")
}

#[rstest]
#[tokio::test]
async fn an_organizations_provider_signs_in_its_members(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (world, ..) = with_organization(on).await;
    let browser = world.browser();
    browser.sign_in_at("own", "ada").await.leads_to("/account");
    assert_eq!(browser.viewer().await, "user:default/ada");
}

/// CVE-2025-22146 and its like: whoever runs the organization's provider says of an account what
/// they like, an address of somebody else for example.
#[rstest]
#[tokio::test]
async fn a_tenant_owned_provider_that_asserts_foreign_users_gets_nobody_and_learns_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (world, ..) = with_organization(on).await;
    let mut pages = Vec::new();
    // Bo is in the directory, and Sam is not; two have one address; Lena can't act.
    world.person("lena", "lena@acme.example").await;
    world.person("noor", "noor@acme.example").await;
    world.person("noor-too", "noor@acme.example").await;
    world
        .app
        .ask("mutation { upsertUser(input: { entityRef: \"user:default/lena\", status: DISABLED }) { userErrors { code } } }")
        .data()
        .await;
    for username in ["bo", "sam", "noor", "lena"] {
        let browser = world.browser();
        let seen = browser.sign_in_at("own", username).await;
        seen.is_refused(403, NOT_A_MEMBER);
        assert_eq!(browser.viewer().await, serde_json::Value::Null);
        pages.push(words(&seen));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "the answer is the same for all");
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn who_has_left_does_not_come_in_by_the_account_that_is_still_linked(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (world, organization, ada) = with_organization(on).await;
    let browser = world.browser();
    browser.sign_in_at("own", "ada").await.leads_to("/account");
    world.app.remove_member(&organization, &ada).await;
    assert_eq!(browser.viewer().await, serde_json::Value::Null);
    assert_eq!(sessions(&world).await, 0);
    let before = world.app.stored().await;
    assert_eq!(before.identities.len(), 1, "the identity stays");
    let seen = world.browser().sign_in_at("own", "ada").await;
    seen.is_refused(403, NOT_A_MEMBER);
    assert_eq!(world.app.stored().await, before);
    assert_eq!(sessions(&world).await, 0);
    // Back in the organization, the account is good again.
    world.app.add_member(&organization, &ada).await;
    world
        .browser()
        .sign_in_at("own", "ada")
        .await
        .leads_to("/account");
}

#[rstest]
#[tokio::test]
async fn two_organizations_with_a_provider_each_of_the_same_issuer_are_apart(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (world, _, ada) = with_organization(on).await;
    let b = world.app.organization("b").await;
    let of_b = world.own_provider(&b, "of-b", ACME).await;
    world
        .browser()
        .sign_in_at("own", "ada")
        .await
        .leads_to("/account");
    let before = world.app.stored().await;
    // The same account at the same issuer is no way into the other organization.
    let seen = world.browser().sign_in_at("of-b", "ada").await;
    seen.is_refused(403, NOT_A_MEMBER);
    assert_eq!(world.app.stored().await, before);
    // As a member of both she has an identity at each.
    world.app.add_member(&b, &ada).await;
    let seen = world.browser().sign_in_at("of-b", "ada").await;
    seen.is_refused(403, "SIGN_IN_FIRST");
    assert!(!seen.text.contains("Provider own"), "{}", seen.text);
    world.app.linked(&of_b, &ada, "a-7f31c0").await;
    world
        .browser()
        .sign_in_at("of-b", "ada")
        .await
        .leads_to("/account");
    let stored = world.app.stored().await;
    let accounts: Vec<_> = stored
        .identities
        .iter()
        .map(|row| row.external_id.as_str())
        .collect();
    assert_eq!(accounts, ["a-7f31c0", "a-7f31c0"]);
    assert_ne!(
        stored.identities[0].organization_id,
        stored.identities[1].organization_id
    );
}

#[rstest]
#[tokio::test]
async fn who_is_no_member_links_nothing_at_an_organizations_provider(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (world, organization, ada) = with_organization(on).await;
    let browser = world.browser();
    browser.sign_in(HUB, "amarlow").await.leads_to("/account");
    world.app.remove_member(&organization, &ada).await;
    let before = world.app.stored().await;
    let seen = browser.link_at("own", "ada").await;
    seen.is_refused(403, NOT_A_MEMBER);
    assert_eq!(world.app.stored().await, before);
    world.app.add_member(&organization, &ada).await;
    browser
        .link_at("own", "ada")
        .await
        .leads_to("/account?connected=own");
}

#[rstest]
#[tokio::test]
async fn a_sign_in_and_a_removal_at_once_leave_no_session(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (world, organization, ada) = with_organization(on).await;
    for _ in 0..10 {
        let browser = world.browser();
        let callback = browser.way_back_from("own", "ada").await;
        let removal = world
            .app
            .membership("removeOrganizationMember", &organization, &ada);
        let (seen, removed) = join(browser.come_back(&callback), removal).await;
        removed.data();
        if seen.location.is_none() {
            seen.is_refused(403, NOT_A_MEMBER);
        }
        assert_eq!(sessions(&world).await, 0, "{seen:?}");
        world.app.add_member(&organization, &ada).await;
    }
}

#[rstest]
#[tokio::test]
async fn providers_are_offered_to_those_whose_they_are(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (world, _, ada) = with_organization(on).await;
    let b = world.app.organization("b").await;
    world.own_provider(&b, "of-b", HUB).await;
    let offers = |seen: &Seen| {
        let slugs = ["acme", "hub", "own", "of-b"];
        let is_offered = |slug: &&str| seen.text.contains(&format!("/auth/{slug}/start?"));
        slugs.into_iter().filter(is_offered).collect::<Vec<_>>()
    };
    let nobody = world.browser();
    for (path, expected) in [
        ("/sign-in", vec!["acme", "hub"]),
        ("/sign-in?organization=a", vec!["acme", "hub", "own"]),
        ("/sign-in?organization=b", vec!["acme", "hub", "of-b"]),
        ("/sign-in?organization=c", vec!["acme", "hub"]),
        ("/sign-in?organization=A", vec!["acme", "hub"]),
        ("/sign-in?organization=", vec!["acme", "hub"]),
        ("/sign-in?organization=%00", vec!["acme", "hub"]),
        ("/sign-in?organization=a%27--", vec!["acme", "hub"]),
    ] {
        let seen = nobody.get(path).await;
        assert_eq!(seen.status.as_u16(), 200, "{path}: {seen:?}");
        assert_eq!(offers(&seen), expected, "{path}");
    }
    let plain = nobody.get("/sign-in").await.text;
    assert_eq!(nobody.get("/sign-in?organization=c").await.text, plain);
    // Whoever is signed in is offered what is theirs.
    let browser = world.browser();
    browser.sign_in_at("own", "ada").await.leads_to("/account");
    let again = browser.get("/sign-in?return_to=/account&again=1").await;
    assert_eq!(offers(&again), ["acme", "hub", "own"]);
    assert_eq!(offers(&browser.get("/account").await), ["acme", "hub"]);
    world.app.add_member(&b, &ada).await;
    assert_eq!(
        offers(&browser.get("/account").await),
        ["acme", "hub", "of-b"]
    );
    // Bo is in none of them.
    let bo = world.browser();
    bo.sign_in(ACME, "bo").await.leads_to("/account");
    assert_eq!(offers(&bo.get("/account").await), ["hub"]);
}

/// Whoever runs the organization's provider can come in as any of its members. The account that
/// they put in the place of the member's own would outlive the membership.
#[rstest]
#[tokio::test]
async fn who_came_by_an_organizations_provider_changes_no_way_in_elsewhere(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (world, _, ada) = with_organization(on).await;
    let own = world.browser();
    own.sign_in_at("own", "ada").await.leads_to("/account");
    let before = world.app.stored().await;
    // At a provider that signs people in, and in place of another account.
    let page = own.get("/auth/hub/start?intent=link").await;
    let fields = hidden_fields(&page.text);
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    own.post("/auth/hub/start", &fields)
        .await
        .is_refused(403, "SIGN_IN_ELSEWHERE");
    assert_eq!(world.app.stored().await, before);
    // With an account of her own she may, and then the other session may not take it away.
    let shared = world.app.provider("door").await;
    let identity = world.app.linked(&shared, &ada, "4711").await;
    let way_in = world.app.session(&ada, &shared).await;
    let unlink = "mutation($id: ID!) { unlinkIdentity(input: { id: $id }) { deletedId userErrors { code } } }";
    let of_own = own.cookies()["lanyard-session"].clone();
    let ask = |token: &str| {
        let ask = world.app.ask(unlink).variables(json!({ "id": identity }));
        ask.by_person(token)
    };
    let data = ask(&of_own).data().await;
    let refusal = &data["unlinkIdentity"]["userErrors"][0]["code"];
    assert_eq!(refusal, "NEEDED_FOR_GLOBAL_AUTH");
    let page = format!("/account/disconnect?identity={identity}");
    own.get(&page)
        .await
        .is_refused(409, "NEEDED_FOR_GLOBAL_AUTH");
    world
        .app
        .ask("mutation { upsertUser(input: { entityRef: \"user:default/ada\", hasOtherSignIn: true }) { userErrors { code } } }")
        .data()
        .await;
    let answer = ask(&of_own).send().await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert!(answer.message().contains("organization"), "{answer:?}");
    own.get(&page).await.is_refused(403, "SIGN_IN_ELSEWHERE");
    let data = ask(&way_in).data().await;
    assert_eq!(data["unlinkIdentity"]["deletedId"], json!(identity));
}
