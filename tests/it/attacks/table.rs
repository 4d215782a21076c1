//! Which attack is stopped by which tests; and that these tests are there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::repository::{files, read};

/// An attack, and the tests that stop it, by their paths in their crate: what RFC 9700, OpenID
/// Connect Core 1.0 and RFC 9207 ask of a relying party, and what has befallen others.
const CASES: &[(&str, &[&str])] = &[
    (
        "state: missing, made up, there twice",
        &[
            "flows::answers::a_callback_that_is_wrong_ends_in_its_page",
            "provider::tests::flows::a_state_that_is_none",
            "provider::flow::answer::tests::what_is_there_twice_is_refused",
        ],
    ),
    (
        "state: replayed",
        &[
            "flows::browsers::an_answer_counts_once",
            "flows::browsers::of_an_answer_that_comes_many_times_at_once_one_counts",
            "provider::tests::flows::of_two_answers_at_once_one_is_taken",
        ],
    ),
    (
        "state: expired",
        &[
            "flows::answers::a_flow_is_open_for_ten_minutes",
            "provider::tests::flows::a_flow_is_open_for_ten_minutes_and_then_remembered_for_a_while",
        ],
    ),
    (
        "state: of another browser (login forgery)",
        &[
            "attacks::forgery::a_victim_is_not_signed_in_as_the_attacker",
            "flows::browsers::the_way_back_is_open_to_the_browser_that_set_out_alone",
            "flows::forms::a_posted_answer_waits_sealed_for_the_browser_that_brings_the_cookie",
            "provider::tests::flows::another_browser_gets_nowhere_and_takes_nothing_away",
        ],
    ),
    (
        "state: of another provider",
        &[
            "flows::answers::an_answer_of_another_provider_is_refused",
            "flows::forms::what_is_posted_is_a_form_of_a_flow_that_is_open",
            "provider::tests::flows::an_answer_at_another_route_is_refused_and_so_is_another_session",
        ],
    ),
    (
        "state: of another user, session, or none any more",
        &[
            "attacks::forgery::a_victim_who_is_signed_in_does_not_get_the_attackers_account_linked",
            "attacks::forgery::a_planted_cookie_links_nothing_to_the_victim",
            "flows::link::a_link_ends_in_the_session_that_began_it_alone",
            "flows::link::a_user_who_was_disabled_meanwhile_links_and_enters_nothing",
        ],
    ),
    (
        "a cookie from a subdomain, or shown to scripts and other sites",
        &[
            "flows::sign_in::cookies_are_http_only_lax_and_for_the_whole_host",
            "http::cookie::tests::a_cookie_is_found_by_its_whole_name_wherever_it_stands",
            "http::cookie::tests::a_cookie_says_all_that_protects_it",
            "sessions_by_cookie::where_we_are_reached_by_https_only_the_prefixed_cookie_counts",
        ],
    ),
    (
        "code injection, with a wrong verifier",
        &[
            "attacks::code_injection::a_stolen_code_in_the_attackers_own_flow_has_a_wrong_verifier",
            "attacks::code_injection::a_code_that_was_injected_is_used_up",
            "flows::sign_in::the_request_has_all_that_a_provider_can_check",
            "demo::provider::tests::tokens::a_code_needs_its_verifier_and_its_address",
        ],
    ),
    (
        "nonce: another's, missing",
        &[
            "attacks::code_injection::a_stolen_code_at_a_provider_that_ignores_verifiers_has_a_wrong_nonce",
            "flows::answers::an_id_token_that_fails_a_check_signs_nobody_in",
            "provider::relying_party::tests::a_wrong_claim_is_refused",
        ],
    ),
    (
        "mix-up with a malicious provider",
        &[
            "attacks::mix_up::an_honest_provider_does_not_know_the_malicious_ones_way_back",
            "attacks::mix_up::a_code_that_leaked_to_a_malicious_provider_is_of_no_use_to_it",
            "attacks::mix_up::a_browser_that_was_sent_on_to_the_honest_provider_comes_back_to_nothing",
            "attacks::mix_up::an_answer_for_one_provider_is_nothing_to_another_of_the_same_issuer",
            "attacks::mix_up::endpoints_that_move_during_a_flow_are_not_followed",
            "provider::tests::flows::what_a_provider_changes_meanwhile_changes_no_flow",
            "provider::tests::flows::what_an_operator_changes_meanwhile_ends_the_flow",
        ],
    ),
    (
        "mix-up: `iss` wrong, missing, there twice",
        &[
            "attacks::mix_up::an_answer_that_names_another_issuer_is_not_taken_to_the_malicious_one",
            "attacks::mix_up::an_answer_without_the_issuer_that_was_promised_is_refused",
            "flows::answers::a_callback_that_is_wrong_ends_in_its_page",
            "provider::tests::flows::a_provider_that_names_itself_has_to",
            "provider::tests::flows::an_answer_that_is_none_asks_for_no_token",
        ],
    ),
    (
        "ID token: `none`, HS256 by the public key or the secret, another kind of token",
        &[
            "flows::answers::an_id_token_that_fails_a_check_signs_nobody_in",
            "provider::relying_party::tests::a_token_of_a_wrong_kind_is_refused",
            "provider::relying_party::tests::a_symmetric_key_in_the_key_set_signs_nothing",
        ],
    ),
    (
        "ID token: a key in the header, of another provider, of no provider",
        &[
            "flows::answers::an_id_token_that_fails_a_check_signs_nobody_in",
            "provider::relying_party::tests::a_signature_of_another_key_is_refused",
            "provider::relying_party::tests::a_key_without_a_name_is_found_if_it_is_the_only_one",
        ],
    ),
    (
        "ID token: issuer, audience, azp, exp, iat, nbf, at_hash, sub",
        &[
            "flows::answers::an_id_token_that_fails_a_check_signs_nobody_in",
            "provider::relying_party::tests::a_wrong_claim_is_refused",
            "provider::tests::faults::a_token_or_userinfo_of_someone_else_is_refused",
        ],
    ),
    (
        "user info with another subject, or signed by somebody else",
        &[
            "flows::answers::user_info_of_somebody_else_is_refused",
            "provider::tests::faults::a_token_or_userinfo_of_someone_else_is_refused",
            "provider::tests::hostile::user_info_that_anybody_could_have_signed_is_refused",
            "provider::tests::hostile::a_member_that_is_there_twice_is_refused",
        ],
    ),
    (
        "a victim's address, username or subject elsewhere (nOAuth)",
        &[
            "attacks::accounts::a_victims_address_with_another_subject_is_not_the_victim",
            "attacks::accounts::a_username_that_somebody_else_has_now_is_not_the_account",
            "attacks::accounts::a_subject_that_differs_in_case_is_not_the_account",
            "attacks::accounts::a_victims_subject_at_another_issuer_is_not_the_account",
            "flows::sign_in::who_signs_in_again_is_the_same_by_the_account_whatever_the_address_says",
            "flows::who::a_second_account_with_the_same_address_does_not_take_the_place_of_the_first",
            "flows::who::an_account_whose_address_became_somebody_elses_is_refused",
            "flows::who::an_address_counts_to_the_letter",
        ],
    ),
    (
        "an address that nobody has verified",
        &[
            "attacks::pre_hijacking::non_verifying_provider",
            "flows::who::people_who_cannot_be_told_are_refused_by_name_and_nothing_is_stored",
            "provider::relying_party::profile::tests::an_address_is_verified_by_whoever_names_it",
        ],
    ),
    (
        "pre-hijacking in its five variants",
        &[
            "attacks::pre_hijacking::classic_federated_merge",
            "attacks::pre_hijacking::unexpired_session",
            "attacks::pre_hijacking::trojan_identifier",
            "attacks::pre_hijacking::unexpired_change",
            "attacks::pre_hijacking::non_verifying_provider",
            "flows::link::a_session_ends_with_what_it_stands_on",
            "flows::link::whoever_came_in_by_an_account_that_gave_way_is_out",
            "flows::who::who_can_sign_in_already_is_not_reached_by_an_address",
            "flows::who::not_even_while_the_other_way_is_shut",
        ],
    ),
    (
        "an organization's provider asserts foreign users",
        &[
            "flows::organizations::a_tenant_owned_provider_that_asserts_foreign_users_gets_nobody_and_learns_nothing",
            "flows::organizations::two_organizations_with_a_provider_each_of_the_same_issuer_are_apart",
            "flows::organizations::who_came_by_an_organizations_provider_changes_no_way_in_elsewhere",
            "flows::organizations::who_has_left_does_not_come_in_by_the_account_that_is_still_linked",
            "flows::organizations::who_is_no_member_links_nothing_at_an_organizations_provider",
            "tenancy_attacks::vouching_for_an_account_that_signs_in_as_a_member",
        ],
    ),
    (
        "forced linking: a link that begins by an address, a picture, a form of another site",
        &[
            "flows::browsers::a_picture_on_somebodys_page_begins_nothing",
            "flows::forms::a_link_begins_by_the_button_of_its_page_alone",
            "flows::link::new_ways_in_are_for_those_who_signed_in_lately",
            "http::site::tests::forms_come_from_our_own_pages",
        ],
    ),
    (
        "forced linking by navigation: looking changes nothing at any step",
        &[
            "connect::steps::looking_changes_nothing_at_any_step",
            "connect::own::an_account_is_connected_by_the_second_pages_button_alone",
            "connect::pages::a_form_counts_with_its_own_token_from_its_own_page_alone",
        ],
    ),
    (
        "a connect link begun by one person and finished by another, in two browsers",
        &[
            "connect::steps::a_connect_link_begun_by_one_person_and_finished_by_another",
            "connect::own::the_second_page_is_for_the_browser_and_the_session_that_began",
            "connect::codes::a_code_is_for_its_application_and_its_user_alone",
        ],
    ),
    (
        "a code or a connect link that is used again",
        &[
            "connect::codes::a_code_counts_once",
            "connect::steps::a_connect_link_is_good_for_once",
        ],
    ),
    (
        "another instance of a client that many share",
        &[
            "catalogue::instances::an_account_is_of_the_team_that_answers",
            "catalogue::instances::an_account_is_of_the_tenant_that_has_signed_for_it",
            "catalogue::instances::only_types_that_say_who_has_answered_lend_their_clients",
        ],
    ),
    (
        "hostile expressions: size, depth, cost",
        &[
            "expression::tests::what_is_hostile_is_refused_by_size_depth_and_cost",
            "expression::tests::what_is_allowed_to_be_deep_has_room",
            "expression::tests::documents_are_bounded",
            "catalogue::operators::a_wrong_file_stops_the_start_with_its_line",
        ],
    ),
    (
        "SSRF by issuer",
        &[
            "attacks::ssrf::an_issuer_inside_is_not_asked",
            "provider::config::value::tests::these_are_not",
        ],
    ),
    (
        "SSRF by key set, token endpoint, user info",
        &[
            "attacks::ssrf::what_a_configuration_names_by_an_inside_address_begins_no_flow",
            "attacks::ssrf::what_a_configuration_names_by_an_inside_name_is_not_asked",
            "flows::answers::a_discovery_document_that_cannot_be_used_begins_nothing",
            "provider::tests::faults::a_configuration_that_is_none_begins_no_flow",
        ],
    ),
    (
        "SSRF by redirect",
        &[
            "attacks::ssrf::a_redirect_leads_nowhere",
            "provider::egress::tests::addresses::a_redirect_to_inside_is_not_followed",
            "provider::egress::tests::redirects_are_errors_and_bodies_have_an_end",
        ],
    ),
    (
        "SSRF by name, and by addresses in other clothes",
        &[
            "provider::egress::address::tests::metadata",
            "provider::egress::address::tests::not_public",
            "provider::egress::tests::a_name_that_a_rule_means_still_does_not_mean_a_metadata_service",
            "provider::egress::tests::a_name_that_resolves_to_this_machine_is_not_connected_to",
            "provider::egress::tests::a_rule_means_no_more_than_it_says",
            "provider::egress::tests::a_url_is_refused_before_anything_is_sent",
            "provider::egress::tests::addresses::no_name_leads_to_a_private_address",
            "provider::egress::tests::addresses::no_way_to_write_a_private_address_leads_there",
        ],
    ),
    (
        "SSRF by rebinding",
        &[
            "provider::egress::tests::addresses::the_address_that_was_checked_is_the_one_that_is_connected_to",
            "provider::egress::tests::addresses::of_several_addresses_only_those_that_may_be_are_connected_to",
        ],
    ),
    (
        "open redirects",
        &[
            "attacks::open_redirects::a_flow_ends_on_pages_of_ours_alone",
            "attacks::open_redirects::who_is_signed_in_is_sent_to_pages_of_ours_alone",
            "flows::sign_in::the_way_back_leads_where_it_was_asked_to_and_nowhere_else",
            "sign_in::return_to::tests::nothing_else_is",
            "sign_in::return_to::tests::whatever_is_wished_for_ends_at_an_origin_that_is_allowed",
            "sign_in::return_to::tests::an_application_is_returned_to_at_its_own_origins_alone",
            "connect::origins::a_link_leads_back_to_the_keys_own_origins_alone",
        ],
    ),
    (
        "clickjacking, referrers, other origins",
        &[
            "attacks::framing::no_answer_of_any_route_can_be_framed",
            "attacks::framing::no_page_of_a_flow_can_be_framed",
            "connect::pages::nobody_frames_the_pages_keeps_them_or_learns_their_addresses",
            "http::pages::tests::answers_are_locked_down",
            "http::pages::tests::nothing_runs_and_nothing_is_styled_in_place",
        ],
    ),
    (
        "scripts and lies in what a provider says on our pages and in the log",
        &[
            "flows::answers::a_callback_that_is_wrong_ends_in_its_page",
            "http::pages::tests::what_comes_from_outside_is_isolated",
            "provider::relying_party::text::tests::foreign_text_stays_on_its_line",
        ],
    ),
    (
        "secrets in logs",
        &[
            "attacks::secrets_in_logs::no_code_state_token_verifier_or_cookie_is_logged",
            "provider::relying_party::text::tests::secrets_that_are_repeated_are_left_out",
            "provider::tests::hostile::what_a_provider_repeats_of_our_secrets_is_not_told",
            "secrets::canaries::no_secret_shows_up_anywhere",
        ],
    ),
    (
        "secrets at rest: states, cookies, codes, verifiers, tokens",
        &[
            "connect::secrets::what_a_link_goes_by_is_nowhere_to_be_read",
            "flows::forms::a_posted_answer_waits_sealed_for_the_browser_that_brings_the_cookie",
            "flows::sign_in::the_client_is_shown_to_the_token_endpoint_alone",
            "flows::sign_in::tokens_that_come_with_a_link_are_sealed",
            "provider::tests::flows::nothing_that_is_stored_shows_what_a_browser_or_provider_holds",
            "secrets::sealed::a_token_opens_in_its_own_row_and_column_alone",
        ],
    ),
    (
        "more scopes than were given; answers as providers write them",
        &[
            "flows::answers::a_token_answer_that_is_no_openid_answer_is_refused",
            "provider::relying_party::tests::the_token_answer_is_read_as_providers_write_it",
            "provider::relying_party::tests::what_is_no_token_goes_nowhere",
        ],
    ),
    (
        "errors with status 200",
        &[
            "flows::outages::a_provider_whose_token_endpoint_or_keys_fail_signs_nobody_in",
            "provider::tests::faults::a_provider_that_fails",
        ],
    ),
    (
        "the configuration of another issuer",
        &[
            "flows::answers::a_discovery_document_that_cannot_be_used_begins_nothing",
            "provider::tests::faults::a_configuration_that_is_none_begins_no_flow",
        ],
    ),
    (
        "enumeration by what a refusal says",
        &[
            "flows::link::somebody_elses_account_is_refused_and_nothing_changes",
            "flows::organizations::a_tenant_owned_provider_that_asserts_foreign_users_gets_nobody_and_learns_nothing",
            "tenancy_attacks::enumeration_what_is_hidden_is_told_as_what_is_not_there",
        ],
    ),
    (
        "too many flows",
        &[
            "flows::browsers::open_flows_are_counted_by_address",
            "provider::tests::flows::twenty_flows_of_one_address_are_open_and_no_more",
        ],
    ),
    (
        "a provider that hangs, drips, is huge, redirects or lies",
        &[
            "attacks::outages::user_info_that_fails_signs_nobody_in",
            "flows::outages::a_provider_whose_discovery_fails_begins_nothing",
            "flows::outages::a_provider_whose_token_endpoint_or_keys_fail_signs_nobody_in",
            "provider::egress::tests::a_body_without_a_length_ends_too",
            "provider::egress::tests::hostile::nothing_is_unpacked",
            "provider::egress::tests::hostile::whatever_a_server_does_costs_bounded_time_and_memory",
            "provider::tests::hostile::a_configuration_in_any_odd_way_begins_no_flow",
            "provider::tests::hostile::a_member_that_is_there_twice_is_refused",
            "provider::tests::hostile::an_answer_of_very_many_values_is_not_read",
            "provider::tests::hostile::an_endpoint_in_any_odd_way_ends_the_flow",
        ],
    ),
    (
        "one provider's trouble is another's",
        &[
            "attacks::outages::a_crowd_at_a_provider_that_hangs_holds_up_no_other_at_the_same_host",
            "flows::outages::a_provider_that_hangs_costs_ten_seconds_and_nobody_elses_time",
            "provider::egress::names::tests::who_gives_up_leaves_one_question_behind_for_all",
            "provider::egress::tests::a_host_that_hangs_is_left_and_holds_no_other_up",
            "provider::egress::tests::hostile::a_crowd_before_a_host_that_hangs_waits_no_longer_than_one",
            "provider::egress::tests::hostile::what_hangs_at_one_path_holds_up_no_other_of_the_same_host",
            "provider::relying_party::cache::tests::made_up_addresses_push_out_each_other_and_nothing_in_use",
            "provider::tests::hostile::a_provider_that_hangs_is_not_waited_for_by_one_after_the_other",
            "provider::tests::renewal::a_provider_that_signs_badly_does_not_spend_anothers_tries",
        ],
    ),
    (
        "keys that rotate, are without measure, or can't be had",
        &[
            "flows::answers::keys_that_rotate_at_the_provider_break_no_sign_in",
            "flows::outages::what_a_provider_said_of_itself_stands_in_through_an_outage",
            "provider::tests::renewal::keys_of_unknown_kinds_are_passed_over",
            "provider::tests::renewal::keys_that_cannot_be_had_are_asked_for_again_as_soon_as_they_can",
            "provider::tests::renewal::keys_that_rotate_again_within_a_minute_break_no_sign_in",
            "provider::tests::renewal::keys_without_measure_are_refused",
            "provider::tests::renewal::many_sign_ins_by_a_new_key_cost_one_request",
            "provider::tests::renewal::what_was_good_stands_in_for_a_day_and_is_not_asked_for_all_the_time",
        ],
    ),
];

/// Every test of a folder of sources, by its path in the crate.
fn tests_of(folder: &str) -> BTreeSet<String> {
    let rust = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "rs");
    let mut found = BTreeSet::new();
    for path in files(folder).into_iter().filter(rust) {
        let mut module = module_of(path.strip_prefix(folder).unwrap());
        let mut is_test = false;
        for line in read(&path).lines() {
            let line = line.trim();
            if line == "mod tests {" {
                module.push("tests".to_owned());
            }
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            is_test |= line == "#[rstest]";
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            if let Some(name) = name.filter(|_| is_test) {
                let name = name.split(['(', '<']).next().unwrap();
                found.insert(format!("{}::{name}", module.join("::")));
                is_test = false;
            }
        }
    }
    found
}

fn module_of(path: &Path) -> Vec<String> {
    let parts = path.with_extension("");
    let parts = parts.iter().map(|part| part.to_str().unwrap().to_owned());
    parts
        .filter(|part| part != "mod" && part != "main")
        .collect()
}

#[test]
fn every_attack_is_stopped_by_tests_that_are_there() {
    let (own, unit) = (tests_of("tests/it"), tests_of("src"));
    assert!(
        own.len() > 300 && unit.len() > 150,
        "{} {}",
        own.len(),
        unit.len()
    );
    let mut missing = Vec::new();
    for (attack, tests) in CASES {
        assert!(!tests.is_empty(), "nothing stops {attack}");
        let gone = tests
            .iter()
            .filter(|test| !own.contains(**test) && !unit.contains(**test));
        missing.extend(gone.map(|test| format!("{attack}: {test}")));
    }
    assert!(missing.is_empty(), "renamed or gone: {missing:#?}");
}

#[test]
fn every_test_of_an_attack_is_in_the_table() {
    let named: BTreeSet<&str> = CASES
        .iter()
        .flat_map(|(_, tests)| *tests)
        .copied()
        .collect();
    let own = tests_of("tests/it");
    let own = own.iter().filter(|test| test.starts_with("attacks::"));
    let silent: Vec<&String> = own
        .filter(|test| !test.starts_with("attacks::table::") && !named.contains(test.as_str()))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
    let attacks: BTreeSet<&str> = CASES.iter().map(|(attack, _)| *attack).collect();
    assert_eq!(attacks.len(), CASES.len(), "each attack once");
}
