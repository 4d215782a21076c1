//! Mail domains as organizations have them: read from what a caller writes. Whether one is proven
//! is the caller's word, and whose it is, is not known here.

use crate::error::Error;
use crate::limits;

/// Where the domains stand in the input.
pub const FIELD: &str = "input.domains";

/// Bytes of a label (RFC 1035 §2.3.4).
const LABEL: usize = 63;

/// The domains in lower case, each once, in the order of the alphabet.
///
/// # Errors
/// `BAD_USER_INPUT`, with what would be right.
pub fn read_all(texts: &[String]) -> Result<Vec<String>, Error> {
    let (found, most) = (texts.len(), limits::DOMAINS);
    if found > most {
        let message = format!("has {found} entries, {most} at most");
        return Err(Error::bad_input(FIELD, message));
    }
    let read = texts.iter().map(|text| read(text));
    let mut domains: Vec<String> = read.collect::<Result<_, _>>()?;
    domains.sort_unstable();
    domains.dedup();
    Ok(domains)
}

/// Two labels or more, as they stand behind the '@' of an address: in ASCII, since that is how
/// mail names domains.
fn read(text: &str) -> Result<String, Error> {
    limits::text(FIELD, text, limits::DOMAIN)?;
    let domain = text.to_ascii_lowercase();
    if domain.contains('.') && domain.split('.').all(is_label) {
        return Ok(domain);
    }
    Err(Error::bad_input(
        FIELD,
        format!(
            "has {text:?}, which is no mail domain: one looks like example.org, without '@', and \
             in ASCII (xn--… for other letters)"
        ),
    ))
}

fn is_label(label: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = label.as_bytes();
    label.len() <= LABEL
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str) -> Option<String> {
        read_all(&[text.to_owned()]).ok()?.pop()
    }

    #[test]
    fn a_domain_is_kept_in_lower_case() {
        for (text, kept) in [
            ("example.org", "example.org"),
            ("Mail.EXAMPLE.org", "mail.example.org"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a.b", "a.b"),
            ("1and1.com", "1and1.com"),
        ] {
            assert_eq!(read_one(text).as_deref(), Some(kept), "{text}");
        }
    }

    #[test]
    fn what_is_no_mail_domain_is_refused() {
        let long_label = format!("{}.org", "a".repeat(64));
        let long = format!("{}org", "a.".repeat(126));
        for text in [
            "",
            " ",
            "localhost",
            "@example.org",
            "jane@example.org",
            "example.org.",
            ".example.org",
            "example..org",
            "-example.org",
            "example-.org",
            "exa mple.org",
            "exam_ple.org",
            "bücher.example",
            "*.example.org",
            "example.org\0",
            "http://example.org",
            &long_label,
            &long,
        ] {
            assert_eq!(read_one(text), None, "{text:?}");
        }
        assert_eq!(long.len(), 255);
    }

    #[test]
    fn a_list_is_sorted_and_bounded() {
        let texts = ["b.org", "A.org", "a.ORG"].map(str::to_owned);
        assert_eq!(read_all(&texts).unwrap(), ["a.org", "b.org"]);
        assert_eq!(read_all(&[]).unwrap(), [""; 0]);
        let many: Vec<String> = (0..=100).map(|number| format!("{number}.org")).collect();
        assert!(read_all(&many).is_err());
        assert_eq!(read_all(&many[..100]).unwrap().len(), 100);
    }
}
