//! The end of the chain, as it is noted and given back: `SEQUENCE:HASH`.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// Bytes of an HMAC-SHA-256.
const HASH: usize = 32;

/// A place in the chain: whoever has noted it can tell later that nothing up to there is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub sequence: i64,
    pub hash: Vec<u8>,
}

/// Why a text is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; a head is SEQUENCE:HASH as `lanyard doctor` prints it, like 1234: and 64 hexadecimal digits"
)]
pub struct HeadError(&'static str);

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, HEXLOWER.encode(&self.hash))
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (sequence, hash) = text.split_once(':').ok_or(HeadError("it has no colon"))?;
        let sequence = sequence
            .parse()
            .ok()
            .filter(|&sequence| sequence >= 1)
            .ok_or(HeadError("the sequence is not a number from 1 up"))?;
        let hash = HEXLOWER_PERMISSIVE
            .decode(hash.as_bytes())
            .ok()
            .filter(|hash| hash.len() == HASH)
            .ok_or(HeadError("the hash is not 64 hexadecimal digits"))?;
        Ok(Self { sequence, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_as_itself() {
        let head = Head {
            sequence: 1234,
            hash: (0..32).collect(),
        };
        let text = head.to_string();
        assert!(text.starts_with("1234:000102"), "{text}");
        assert_eq!(text.parse(), Ok(head.clone()));
        assert_eq!(text.to_uppercase().parse(), Ok(head));
    }

    #[test]
    fn what_is_no_head_is_refused_by_what_is_wrong() {
        let hash = "0".repeat(64);
        for (text, wrong) in [
            (String::new(), "no colon"),
            (hash.clone(), "no colon"),
            (format!(":{hash}"), "sequence"),
            (format!("0:{hash}"), "sequence"),
            (format!("-1:{hash}"), "sequence"),
            (format!("9223372036854775808:{hash}"), "sequence"),
            (format!("x:{hash}"), "sequence"),
            ("1:".to_owned(), "hash"),
            (format!("1:{}", &hash[2..]), "hash"),
            (format!("1:{hash}00"), "hash"),
            (format!("1:{}g", &hash[1..]), "hash"),
            (format!("1: {hash}"), "hash"),
            (format!("1:{hash}:"), "hash"),
        ] {
            let error = text.parse::<Head>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{text:?}: {error}");
        }
    }
}
