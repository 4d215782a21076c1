//! Sentry's own tests of its identity module, case for case: where each is kept here, or why it
//! doesn't apply. Those that no other module has are here, by their names there.
//!
//! Why cases don't apply:
//! * *no such part*: the server has no such thing (regions, codeowners, repositories, magic links
//!   of chats, a store of the pipeline's state, superusers).
//! * *not yet*: tokens are stored and sealed, but not refreshed by this version.
//!
//! | there | here, or why not |
//! |---|---|
//! | **identity/test_oauth2** exchange_token_success, …_customer_domains | `flows::sign_in::the_request_has_all_that_a_provider_can_check`, `flows::sign_in::the_client_is_shown_to_the_token_endpoint_alone`; one redirect address, whatever the host |
//! | ssl_error, connection_error, no_json, api_error | `flows::outages::a_provider_whose_token_endpoint_or_keys_fail_signs_nobody_in`, `flows::answers::a_token_answer_that_is_no_openid_answer_is_refused` |
//! | LoginView simple, customer_domains; Pkce | `flows::sign_in::the_request_has_all_that_a_provider_can_check` |
//! | ApiStep | no such part |
//! | state validation, parameter pollution, XSS | `flows::answers::a_callback_that_is_wrong_ends_in_its_page`, `flows::browsers`; unit tests of `provider::flow::answer` and `http::pages` |
//! | **users/models/test_identity** get_provider | `unknown_types::a_row_of_an_unknown_type_shows_its_raw_name_and_fails_no_list` |
//! | OrganizationIdentity unique, other org, other provider, cascade | no such part: an identity at an organization's provider is within it, `tenancy_filters::identities_of_an_organization_are_found_by_every_other_key` |
//! | **integrations/test_pipeline** with_data, with_expect_exists, expect_exists_does_not_update, with_default_id, default_identity_does_update, existing_identity_becomes_default_auth_on_new_orgintegration, new_external_id_same_user, different_user_same_external_id_no_default_needed | `integrations::pipeline`, by these names |
//! | Gitlab different_user_same_external_id | `integrations::pipeline::different_user_same_external_id` |
//! | with_customer_domain, region violations, aliased_integration_key | no such part |
//! | **vsts, gitlab** exchange_token, refresh of tokens, identity_not_valid | not yet |
//! | vsts integration, update_domain_name, get_repositories | no such part: applications speak to services |
//! | **slack link** basic_flow | `flows::link::a_person_connects_an_account_and_signs_in_with_it` |
//! | … expired_url; discord, msteams expired_signature | `flows::answers::a_flow_is_open_for_ten_minutes` |
//! | … overwrites_existing_identities(_with_sdk); msteams the same | [`overwrites_existing_identities`] |
//! | **slack, discord, msteams unlink** basic_flow | `flows::disconnect::an_account_is_disconnected_by_the_button_of_its_page` |
//! | … user_with_multiple_organizations | [`user_with_multiple_organizations`] |
//! | msteams unlink no_identity | [`no_identity`] |
//! | **slack integration** reassign_user, update_identity | [`reassign_user`] |
//! | … post-install link_multiple_users, pagination, email_no_match | no such part: nobody is linked by an address without signing in |
//! | discord, msteams link basic_flow | as slack's |
//! | **deletions/test_organizationintegration** simple, skip_on_undelete, repository_and_identity | `integrations::pipeline`, by these names |
//! | … codeowner_links | no such part |
//! | **api** test_user_identity simple, user_identity_config list simple | [`list_simple`] |
//! | test_user_identity_details simple (an auth identity) | `auth_identities::a_persons_sign_on_in_an_organization_is_taken_away_and_nothing_else` |
//! | social index, details can_disconnect, disconnect_id_not_found | `unlinking::by_keys::ids_of_nothing_and_of_other_kinds`; social logins are identities like others |
//! | superuser, staff: fetch, get, delete | no such part: `unlinking::by_keys::force_passes_over_the_rules_and_is_for_admins` |
//! | identity_needed_for_global_auth, org_identity_can_be_deleted_if_not_required, org_identity_used_for_global_auth, org_requirement_precedes_global_auth | `unlinking::rules`, by these names |
//! | details get; enforces_ownership (get, delete) | `people::nobody_else_is_there`, `unlinking::by_people::enforces_ownership` |
//! | delete | `unlinking::by_people::the_session_that_asks_stays_and_the_others_end` |
//! | enforces_needed_for_org_access, enforces_global_ident_needed_for_login, enforces_org_ident_needed_for_login | `unlinking::rules`, by these names |
//! | serializer: social, global, global_login, auth, with an integration's provider | [`list_simple`], `unlinking::rules` |
//! | **web/test_account_identity** associate_identity | `flows::forms::a_link_begins_by_the_button_of_its_page_alone` |
//! | **pipeline** simple_pipeline, invalidated_pipeline | `flows::browsers::an_answer_counts_once` |
//! | **session_store** store_values, store_complex_object, uninitialized_store, malformed_state | no such part: `flows::answers::a_callback_that_is_wrong_ends_in_its_page` |
//! | **tasks/test_check_auth** simple, processes_recursively, identity simple, skips_provider_… | not yet |
//! | **auth/test_helper** new user | no such part: the directory makes users, `flows::who::people_who_cannot_be_told_are_refused_by_name_and_nothing_is_stored` |
//! | … existing identity | `flows::sign_on::a_link_and_a_sign_in_write_the_auth_identity_and_renew_it` |
//! | … attach: new, existing om, idp flags, existing | `auth_identities::a_member_is_linked_and_the_same_again_is_verified_now`, `auth_identities::only_active_members_are_linked`; nobody becomes a member by signing in |
//! | … login_with_other_identity | `flows::sign_on::somebody_elses_ident_is_never_taken_over` |
//! | … wipe_existing_identity | `auth_identities::nobody_takes_somebody_elses_account_nor_a_second_one`: refused here |
//! | … unknown, automatic_migration, does_not_migrate_user_with_password; AuthHelper; HasVerifiedAccount | `flows::who::who_can_sign_in_already_is_not_reached_by_an_address`, `flows::who::an_address_that_two_people_have_signs_in_neither` |
//! | **services/test_identity** filters_by_identity_ext_ids | [`filters_by_identity_ext_ids`] |
//! | IdentityPipelineFinish, monitoring providers | no such part |
//! | datadog, gcp, gitea, github provider tests | the catalogue's: unit tests of `provider::catalog`, `providers` |

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

/// Who has which account at the provider, in the order of accounts.
async fn owners(app: &App, provider: &str) -> Vec<(String, String)> {
    let stored = app.stored().await;
    let here = stored
        .identities
        .iter()
        .filter(|row| row.provider_id.to_string() == provider);
    let mut owners: Vec<_> = here
        .map(|row| (row.external_id.clone(), row.user_id.to_string()))
        .collect();
    owners.sort();
    owners
}

#[rstest]
#[tokio::test]
async fn overwrites_existing_identities(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (chat, elsewhere) = (app.provider("chat").await, app.provider("elsewhere").await);
    let (one, two) = (app.user("one").await, app.user("two").await);
    app.linked(&chat, &one, "A").await;
    app.linked(&chat, &two, "B").await;
    app.linked(&elsewhere, &two, "B").await;
    let input = json!({
        "providerId": chat, "userId": one, "externalId": "B", "onConflict": "REATTACH",
    });
    let linked = app.link(input).await.data();
    assert_eq!(linked["linkIdentity"]["userErrors"], json!([]));
    assert_eq!(owners(&app, &chat).await, [("B".to_owned(), one)]);
    assert_eq!(owners(&app, &elsewhere).await, [("B".to_owned(), two)]);
}

#[rstest]
#[tokio::test]
async fn user_with_multiple_organizations(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let chat = app.provider("chat").await;
    let (acme, globex) = (
        app.organization("acme").await,
        app.organization("globex").await,
    );
    let jane = app.member(&acme, "jane").await;
    app.add_member(&globex, &jane).await;
    let identity = app.linked(&chat, &jane, "jane").await;
    let here = app.acting_as(&acme, &identity).await;
    let there = app.acting_as(&globex, &identity).await;
    let query = "mutation($id: ID!) { unlinkIdentity(input: { id: $id }) {
        deletedId userErrors { code } } }";
    let gone = app
        .ask(query)
        .variables(json!({ "id": identity }))
        .data()
        .await;
    assert_eq!(gone["unlinkIdentity"]["deletedId"], json!(identity));
    assert_eq!(owners(&app, &chat).await, []);
    for share in [here, there] {
        assert_eq!(app.default_of(&share).await, (None, true));
    }
}

#[rstest]
#[tokio::test]
async fn no_identity(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (chat, door) = (app.provider("chat").await, app.provider("door").await);
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let of_joe = app.linked(&chat, &joe, "joe").await;
    let of_jane = app.linked(&chat, &jane, "jane").await;
    let token = app.session(&jane, &door).await;
    let unlink = async |id: &str| {
        let query = "mutation($id: ID!) { unlinkIdentity(input: { id: $id }) {
            deletedId userErrors { code } } }";
        let asked = app.ask(query).variables(json!({ "id": id }));
        asked.by_person(&token).send().await
    };
    let gone = unlink(&of_jane).await.data();
    assert_eq!(gone["unlinkIdentity"]["deletedId"], json!(of_jane));
    // Now there is none, and the other user's is nobody else's to unlink.
    for id in [&of_jane, &of_joe] {
        assert_eq!(unlink(id).await.code(), "NOT_FOUND");
    }
    assert_eq!(owners(&app, &chat).await, [("joe".to_owned(), joe)]);
}

#[rstest]
#[tokio::test]
async fn reassign_user(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let chat = app.provider("chat").await;
    let acme = app.organization("acme").await;
    let jane = app.member(&acme, "jane").await;
    let identity = app.linked(&chat, &jane, "before").await;
    let installed = app.acting_as(&acme, &identity).await;
    let input = json!({
        "providerId": chat, "userId": jane, "externalId": "after",
        "onConflict": "UPDATE_IN_PLACE",
    });
    let linked = app.link(input).await.data();
    assert_eq!(text(&linked, "/linkIdentity/identity/id"), identity);
    assert_eq!(owners(&app, &chat).await, [("after".to_owned(), jane)]);
    assert_eq!(app.default_of(&installed).await, (Some(identity), false));
}

#[rstest]
#[tokio::test]
async fn list_simple(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (chat, door) = (app.provider("chat").await, app.provider("door").await);
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let global = app.linked(&chat, &jane, "chat").await;
    app.tick();
    let login = app.linked(&door, &jane, "door").await;
    app.linked(&chat, &joe, "joe").await;
    let token = app.session(&jane, &door).await;
    let query = "{ viewer { ... on User {
        identities { nodes { id externalId provider { slug } disconnect } }
        authIdentities { id } } } }";
    let listed = app.ask(query).by_person(&token).data().await;
    let of = |id: &str, slug: &str, disconnect: &str| {
        json!({
            "id": id, "externalId": slug, "provider": { "slug": slug }, "disconnect": disconnect,
        })
    };
    let expected = json!([
        of(&global, "chat", "CAN_DISCONNECT"),
        of(&login, "door", "NEEDED_FOR_GLOBAL_AUTH"),
    ]);
    assert_eq!(listed["viewer"]["identities"]["nodes"], expected);
    assert_eq!(listed["viewer"]["authIdentities"], json!([]));
}

#[rstest]
#[tokio::test]
async fn filters_by_identity_ext_ids(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (chat, forge) = (app.provider("chat").await, app.provider("forge").await);
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        let user = app.user(name).await;
        ids.push(app.linked(&chat, &user, name).await);
        app.tick();
    }
    let user = app.user("d").await;
    ids.push(app.linked(&forge, &user, "a").await);
    for (filter, expected) in [
        (json!({ "externalIds": ["a", "c"] }), vec![0, 2, 3]),
        (
            json!({ "externalIds": ["a", "c"], "providerId": chat }),
            vec![0, 2],
        ),
        (json!({ "externalIds": ["b", "none", "b"] }), vec![1]),
        (json!({ "externalIds": ["none"] }), vec![]),
    ] {
        let query = "query($filter: IdentityFilter!) { identities(filter: $filter) {
            nodes { id } } }";
        let asked = app.ask(query).variables(json!({ "filter": filter }));
        let found = asked.data().await;
        let nodes: Value = expected
            .iter()
            .map(|&at: &usize| json!({ "id": ids[at] }))
            .collect();
        assert_eq!(found["identities"]["nodes"], nodes, "{filter}");
    }
}
