//! Secrets of our own making, which others show again later: API keys, sessions, states, what
//! cookies hold, codes, the addresses of links. They leave as text, and a hash of them stays.

use data_encoding::BASE64URL_NOPAD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::clock::Clock;

/// Characters of a token.
pub const LENGTH: usize = 43;

/// 256 random bits, as they may stand in addresses, cookies and headers.
pub fn random(clock: &Clock) -> SecretString {
    BASE64URL_NOPAD.encode(&clock.random::<32>()).into()
}

/// What is kept of a token: so many random bits need neither salt nor stretching.
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn tokens_are_different_and_fit_into_an_address() {
        let clock = Clock::default();
        let (one, other) = (random(&clock), random(&clock));
        assert_ne!(one.expose_secret(), other.expose_secret());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert_eq!(one.expose_secret().len(), LENGTH);
        assert!(one.expose_secret().bytes().all(fits));
    }

    /// The rows of a release before this one are found again: FIPS 180-4's own example.
    #[test]
    fn a_hash_is_the_sha_256_of_the_text() {
        assert_eq!(
            HEXLOWER.encode(&hash("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
