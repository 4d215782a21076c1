//! The marks that tokens of the tests have, and where they are looked for: in what clients get,
//! in what is stored, in what is logged. Nobody calls these checks: whoever asks, stores or logs
//! in a test runs them.
//!
//! Tokens and codes of the make-believe provider and of the peer from npm are marked as they are
//! made. Those of the recorded answers look like the real ones and say `canary` only, as much else
//! here does: `catalogue` looks for them by itself, see [`super::canary`].

pub mod answers;
pub mod log;
pub mod stored;

use std::sync::LazyLock;

use super::canary::forms;

/// What every token that a test links by the API begins with.
pub const LINKED: &str = "canary-token";
/// What the tokens of the database say that a release of then has left.
pub const OF_THEN: &str = "token of then";
/// What follows the prefix of the make-believe provider's and the peer's tokens and codes.
pub const GIVEN: &str = "makebelieve";

static MARKS: LazyLock<Marks> = LazyLock::new(Marks::new);

/// All forms that a mark may be printed in.
struct Marks {
    forms: Vec<String>,
    /// By their first two bytes: one look at each place of a text is enough.
    begins: Vec<bool>,
}

impl Marks {
    fn new() -> Self {
        let mut begins = vec![false; 1 << 16];
        let forms = [LINKED, OF_THEN, GIVEN].iter().flat_map(|mark| forms(mark));
        let forms: Vec<String> = forms.collect();
        for form in &forms {
            begins[pair(form.as_bytes())] = true;
        }
        Self { forms, begins }
    }

    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let mut places = bytes.windows(2).enumerate();
        let place = places.find(|(place, two)| {
            self.begins[pair(two)] && {
                let rest = &bytes[*place..];
                self.forms
                    .iter()
                    .any(|form| rest.starts_with(form.as_bytes()))
            }
        });
        place.map(|(place, _)| place)
    }
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// The surroundings of the first mark, if there is one in any form.
pub fn marked(bytes: &[u8]) -> Option<String> {
    let place = MARKS.find(bytes)?;
    let around = &bytes[place.saturating_sub(200)..bytes.len().min(place + 100)];
    Some(String::from_utf8_lossy(around).into_owned())
}

/// All forms as a regular expression.
fn expression() -> String {
    MARKS.forms.join("|")
}

#[test]
fn a_mark_is_found_in_every_form_and_place() {
    use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
    for token in [
        "mba_makebelieve_x",
        "mbr_makebelieve",
        "canary-token-1",
        "canary-token",
    ] {
        for before in ["", "x", "xy", "xyz"] {
            let token = format!("{before}{token}").into_bytes();
            for form in [
                token.clone(),
                HEXLOWER.encode(&token).into_bytes(),
                HEXUPPER.encode(&token).into_bytes(),
                BASE64.encode(&token).into_bytes(),
                BASE64URL_NOPAD.encode(&token).into_bytes(),
                format!("{token:?}").into_bytes(),
            ] {
                let text = [b"\0\xffcanary ", &form[..], b"\xfe"].concat();
                assert!(
                    marked(&text).is_some(),
                    "{}",
                    String::from_utf8_lossy(&text)
                );
                assert!(
                    marked(&form).is_some(),
                    "{}",
                    String::from_utf8_lossy(&form)
                );
            }
        }
    }
    for text in ["", "c", "canary", "a make-believe provider", "canary-toke"] {
        assert_eq!(marked(text.as_bytes()), None, "{text}");
    }
}
