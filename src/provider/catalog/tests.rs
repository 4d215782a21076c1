use std::collections::HashSet;

use rstest::rstest;

use super::*;

#[test]
fn every_entry_is_whole() {
    let catalog = Catalog::builtin().unwrap();
    let keys: Vec<_> = catalog
        .iter()
        .map(|provider_type| provider_type.key.as_str())
        .collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    for (provider_type, (file, _)) in catalog.iter().zip(ENTRIES) {
        let key = provider_type.key.as_str();
        assert_eq!(format!("{key}.toml"), file);
        assert_eq!(catalog.get(key).unwrap().name, provider_type.name);
        assert!(!provider_type.name.is_empty(), "{key}");
        assert!(provider_type.stable_subject.ends_with('.'), "{key}");
        for field in &provider_type.config_fields {
            assert!(field.description.ends_with('.'), "{key}: {}", field.name);
            // Config is shown to whoever may read the provider.
            assert!(!field.secret, "{key}: {}", field.name);
        }
        let from = provider_type
            .instance
            .as_ref()
            .and_then(|instance| instance.from.field());
        let names: Vec<_> = provider_type
            .config_fields
            .iter()
            .map(|field| &field.name)
            .collect();
        assert!(from.is_none_or(|field| names.contains(&field)), "{key}");
        // PKCE always (RFC 9700 §2.1.1), wherever there is a flow. Slack takes it from apps alone
        // that have made themselves public clients for good.
        let expected = provider_type.protocol != Protocol::None && key != "slack";
        assert_eq!(provider_type.uses_pkce, expected, "{key}");
    }
    assert!(catalog.get("GitHub").is_none());
}

#[test]
fn every_file_of_the_folder_is_listed() {
    let folder = std::path::Path::new(file!()).parent().unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let files: HashSet<_> = files
        .filter_map(|name| {
            name.into_string()
                .unwrap()
                .strip_suffix(".toml")
                .map(str::to_owned)
        })
        .collect();
    let listed = ENTRIES
        .iter()
        .map(|(file, _)| file.trim_end_matches(".toml").to_owned());
    assert_eq!(files, listed.collect());
}

const WHOLE: &str = r#"key = "acme"
name = "Acme"
protocol = "OIDC"
default_scopes = ["openid"]
uses_pkce = true
public_clients = true
stable_subject = "The id."
instance = { from = "issuer" }
issuer = "{issuer}"
[[config_fields]]
name = "issuer"
kind = "issuer"
required = true
description = "The issuer."
"#;

#[rstest]
#[case::key(
    "\"acme\"",
    "\"other\"",
    1,
    "`key` is `other`, but the file is acme.toml"
)]
#[case::no_name("\"Acme\"", "\" \"", 2, "`name` is empty")]
#[case::protocol("\"OIDC\"", "\"SAML\"", 3, "unknown variant `SAML`")]
#[case::no_flow("\"OIDC\"", "\"NONE\"", 3, "without a flow")]
#[case::scope(
    "\"openid\"",
    "\"openid email\"",
    4,
    "`default_scopes` must hold one scope"
)]
#[case::no_openid("\"openid\"", "\"email\"", 4, "`default_scopes` must hold `openid`")]
#[case::not_a_flag("uses_pkce = true", "uses_pkce = 1", 5, "invalid type: integer `1`")]
#[case::unknown("public_clients", "public", 6, "unknown field `public`")]
#[case::template(
    "\"{issuer}\"",
    "\"{base_url}\"",
    9,
    "names `base_url`, which is no config field"
)]
#[case::endpoint("issuer = \"{", "isuer = \"{", 9, "unknown field `isuer`")]
#[case::no_subject("\"The id.\"", "\"\"", 7, "`stable_subject` is empty")]
#[case::from_nowhere(
    "from = \"issuer\"",
    "from = \"tenant\"",
    8,
    "`tenant`, which is no config"
)]
#[case::from_other_kind("from = \"", "from = \"host of ", 8, "of a fitting kind")]
#[case::default("\"issuer\" }", "\"issuer\", default = \"x\" }", 8, "either required")]
#[case::optional("required = true", "required = false", 8, "either required")]
#[case::slug("\"issuer\" }", "\"slug\", default = \"x\" }", 8, "no `default`")]
#[case::instance_key("{ from", "{ or = 1, from", 8, "unknown field `or`")]
#[case::kind("kind = \"issuer\"", "kind = \"uri\"", 12, "unknown variant `uri`")]
#[case::no_description(
    "\"The issuer.\"",
    "\"\"",
    10,
    "`description` of a config field is empty"
)]
#[case::cut_off("OIDC\"", "OIDC", 3, "invalid basic string")]
fn a_wrong_entry_is_named_by_file_and_line(
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] line: usize,
    #[case] message: &str,
) {
    assert!(own(WHOLE).is_ok());
    let text = WHOLE.replacen(right, wrong, 1);
    assert_ne!(text, WHOLE);
    let error = own(&text).unwrap_err();
    assert!(error.message.contains(message), "{error}");
    assert_eq!(error.line, line, "{error}");
    assert!(
        error
            .to_string()
            .starts_with(&format!("types/acme.toml:{line}: "))
    );
}

fn own(text: &str) -> Result<Catalog, CatalogError> {
    let path = "types/acme.toml".into();
    let text = text.to_owned();
    Catalog::with(&[TypeFile { path, text }])
}

#[test]
fn a_field_is_listed_once() {
    let field = &WHOLE[WHOLE.find("[[").unwrap()..];
    let error = own(&format!("{WHOLE}{field}")).unwrap_err();
    assert!(
        error
            .message
            .contains("config field `issuer` is listed twice")
    );
    assert_eq!(error.line, 15);
}

/// What stands behind the whole file, from line 15 on.
#[rstest]
#[case::no_cel("[profile]\nemail = 'claims.'", 16, "`email` is no CEL, at 1:")]
#[case::unknown_name(
    "[profile]\nemail = 'user.email'",
    16,
    "names `user`, which is none of"
)]
#[case::unknown_call("[profile]\nemail = 'claims.x.matches(\"a\")'", 16, "calls `matches`")]
#[case::too_deep(
    "[profile]\nemail = 'claims.a.all(a, claims.b.all(b, claims.c.all(c, true)))'",
    16,
    "nested more than 2 deep"
)]
#[case::secret(
    "[profile.attributes]\naccessToken = 'claims.x'",
    16,
    "names a token or a secret"
)]
#[case::taken(
    "[[user_info]]\nname = 'claims'\nendpoint = 'https://a.example/'",
    16,
    "is taken"
)]
#[case::no_name(
    "[[user_info]]\nname = 'A b'\nendpoint = 'https://a.example/'",
    16,
    "is no name"
)]
#[case::no_url(
    "[[user_info]]\nname = 'me'\nendpoint = 'a.example'",
    17,
    "must begin with https://"
)]
#[case::endpoint("[token]\nendpoint = 'https://a.example/'", 16, "discovery document")]
#[case::shared(
    "[profile]\ninstance = 'claims.tid'",
    3,
    "no endpoint can be configured then"
)]
#[case::unknown_section("[tokens]\nx = 1", 15, "unknown field `tokens`")]
#[case::requirement("[[require]]\nholds = 'claim.x'\notherwise = 'x'", 16, "names `claim`")]
fn a_wrong_flow_is_named_by_line(#[case] behind: &str, #[case] line: usize, #[case] message: &str) {
    let error = own(&format!("{WHOLE}{behind}\n")).unwrap_err();
    assert!(error.message.contains(message), "{error}");
    assert_eq!(error.line, line, "{error}");
}

/// The tokens of an answer may be inside it, and go by other names.
#[test]
fn a_type_says_how_its_token_endpoint_answers() {
    let catalog = Catalog::builtin().unwrap();
    let rules = |key: &str| &catalog.get(key).unwrap().flow.as_ref().unwrap().token;
    let slack = rules("slack");
    assert_eq!(slack.within.as_deref(), Some("authed_user"));
    assert_eq!(slack.token_type.as_deref(), Some("user"));
    assert_eq!(rules("bitbucket").scope_member, "scopes");
    let github = rules("github");
    assert_eq!(
        (&*github.scope_member, &*github.scope_separator),
        ("scope", ",")
    );
}

#[test]
fn an_operators_type_stands_behind_and_may_take_the_place_of_a_built_in_one() {
    let catalog = own(WHOLE).unwrap();
    assert_eq!(catalog.iter().count(), ENTRIES.len() + 1);
    assert_eq!(catalog.iter().last().unwrap().key, "acme");
    let text = ENTRIES[0].1.replace("name = \"GitHub\"", "name = \"Hub\"");
    let path = "types/github.toml".into();
    let catalog = Catalog::with(&[TypeFile { path, text }]).unwrap();
    assert_eq!(catalog.iter().count(), ENTRIES.len());
    assert_eq!(catalog.iter().next().unwrap().name, "Hub");
}
