//! Looks for secrets that say `canary`, in every form that they may be printed in.

use data_encoding::{BASE64_NOPAD, HEXLOWER, HEXUPPER};

const CANARY: &str = "canary";

/// The line that holds a secret, if there is one: one that says `canary`, as a text, in
/// hexadecimal, in base64 or as numbers; or one of these texts.
pub fn leak(text: &[u8], secrets: &[String]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let found = forms(CANARY)
        .iter()
        .chain(secrets)
        .find_map(|form| text.find(form.as_str()))?;
    let begin = text[..found].rfind('\n').map_or(0, |at| at + 1);
    // All of a line may be a file.
    let begin = begin.max(text.floor_char_boundary(found.saturating_sub(1000)));
    Some(text[begin..].lines().next()?.chars().take(2000).collect())
}

/// Every form that a text may be printed in.
pub fn forms(text: &str) -> Vec<String> {
    let numbers: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    let mut forms = vec![
        text.to_owned(),
        HEXLOWER.encode(text.as_bytes()),
        HEXUPPER.encode(text.as_bytes()),
        numbers.join(", "),
        numbers.join(","),
    ];
    forms.extend((0..3).map(|before| in_base64(text, before)));
    forms
}

/// The characters that stand for it and nothing else, where `before` bytes come before it.
fn in_base64(text: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend(text.bytes());
    let encoded = BASE64_NOPAD.encode(&bytes);
    encoded[(before * 8).div_ceil(6)..bytes.len() * 8 / 6].to_owned()
}

#[test]
fn a_secret_is_found_in_every_form() {
    use data_encoding::BASE64URL_NOPAD;
    let secret = "a-canary-secret";
    for before in ["", "x", "xy", "xyz"] {
        let text = format!("{before}{secret}");
        let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
        for form in [
            text.clone(),
            HEXLOWER.encode(text.as_bytes()),
            HEXUPPER.encode(text.as_bytes()),
            BASE64_NOPAD.encode(text.as_bytes()),
            BASE64URL_NOPAD.encode(text.as_bytes()),
            format!("[{}]", bytes.join(", ")),
        ] {
            let log = format!("one line\nanother: {form} .\nthe last");
            let found = leak(log.as_bytes(), &[]);
            assert_eq!(found, Some(format!("another: {form} .")));
        }
    }
    assert_eq!(leak(b"nothing\nof it", &["else".to_owned()]), None);
    let found = leak(b"nothing\nor else", &["else".to_owned()]);
    assert_eq!(found.as_deref(), Some("or else"));
}
