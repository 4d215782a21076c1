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
    assert_eq!(
        keys,
        ["github", "gitlab", "google", "oidc", "oauth2", "custom"]
    );
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
        // PKCE always (RFC 9700 §2.1.1), wherever there is a flow.
        assert_eq!(
            provider_type.uses_pkce,
            provider_type.protocol != Protocol::None,
            "{key}"
        );
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
refreshes = true
revokes = true
public_clients = true
stable_subject = "The id."
instance = { from = "issuer" }
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
#[case::not_a_flag("refreshes = true", "refreshes = 1", 6, "invalid type: integer `1`")]
#[case::unknown("revokes", "revoke", 7, "unknown field `revoke`")]
#[case::no_subject("\"The id.\"", "\"\"", 9, "`stable_subject` is empty")]
#[case::from_nowhere(
    "from = \"issuer\"",
    "from = \"tenant\"",
    10,
    "`tenant`, which is no config"
)]
#[case::from_other_kind("from = \"", "from = \"host of ", 10, "of a fitting kind")]
#[case::default("\"issuer\" }", "\"issuer\", default = \"x\" }", 10, "either required")]
#[case::optional("required = true", "required = false", 10, "either required")]
#[case::slug("\"issuer\" }", "\"slug\", default = \"x\" }", 10, "no `default`")]
#[case::instance_key("{ from", "{ or = 1, from", 10, "unknown field `or`")]
#[case::kind("kind = \"issuer\"", "kind = \"uri\"", 13, "unknown variant `uri`")]
#[case::no_description(
    "\"The issuer.\"",
    "\"\"",
    11,
    "`description` of a config field is empty"
)]
#[case::cut_off("OIDC\"", "OIDC", 3, "invalid basic string")]
fn a_wrong_entry_is_named_by_file_and_line(
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] line: usize,
    #[case] message: &str,
) {
    assert!(Catalog::read(&[("acme.toml", WHOLE)]).is_ok());
    let text = WHOLE.replacen(right, wrong, 1);
    let error = Catalog::read(&[("acme.toml", &text)]).unwrap_err();
    assert!(error.message.contains(message), "{error}");
    assert_eq!(error.line, line, "{error}");
    assert!(
        error
            .to_string()
            .starts_with(&format!("src/provider/catalog/acme.toml:{line}: "))
    );
}

#[test]
fn nothing_is_listed_twice() {
    let error = Catalog::read(&[("acme.toml", WHOLE), ("acme.toml", WHOLE)]).unwrap_err();
    assert!(error.message.contains("`acme` is listed twice"));
    let field = &WHOLE[WHOLE.find("[[").unwrap()..];
    let error = Catalog::read(&[("acme.toml", &format!("{WHOLE}{field}"))]).unwrap_err();
    assert!(
        error
            .message
            .contains("config field `issuer` is listed twice")
    );
    assert_eq!(error.line, 16);
}
