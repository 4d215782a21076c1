//! Keeps secrets sealed: AES-256-GCM under a data key of its own for every value, which a named
//! master key wraps. A ciphertext is bound to its table, row and column; moved elsewhere it
//! doesn't open. Knows nothing of what the secrets are for.
//!
//! Layout of a sealed value, version 1:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 + n | length and text of the master key's id |
//! | 12 + 48 | nonce and wrapped data key |
//! | 12 + … | nonce and sealed value |
//!
//! Nonces are random; one master key must not wrap more than 2^32 data keys (NIST SP 800-38D
//! §8.3).

mod key_ring;
mod place;
mod server_secret;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key};
use secrecy::zeroize::Zeroizing;

use crate::clock::Clock;
use crate::database::Sealed;
pub use key_ring::{KeyRing, KeyRingError, MasterKey};
pub use place::Place;
pub use server_secret::ServerSecret;

const VERSION: u8 = 1;
const NONCE: usize = 12;
const WRAPPED_KEY: usize = 32 + 16;

/// Why a sealed value doesn't open. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("the sealed value is not of a form that this server knows")]
    Malformed,
    #[error("the value was sealed with the master key {0}, which this server doesn't have")]
    UnknownKey(String),
    #[error("the sealed value was changed, or belongs elsewhere")]
    NotAuthentic,
}

/// Seals and opens with the keys of one ring.
#[derive(Debug, Clone)]
pub struct Vault {
    keys: KeyRing,
    clock: Clock,
}

impl Vault {
    pub const fn new(keys: KeyRing, clock: Clock) -> Self {
        Self { keys, clock }
    }

    /// Seals `value` for its place, under the ring's current master key.
    pub fn seal(&self, place: &Place<'_>, value: &[u8]) -> Sealed {
        let bound_to = place.to_bytes();
        let data_key = Zeroizing::new(self.clock.random::<32>());
        let master = self.keys.current();
        let id = master.id().as_bytes();
        let mut sealed = vec![VERSION, u8::try_from(id.len()).unwrap_or(u8::MAX)];
        sealed.extend_from_slice(id);
        for (key, plain) in [
            (master.cipher(), &data_key[..]),
            (&cipher(&data_key), value),
        ] {
            let nonce = self.clock.random::<NONCE>();
            sealed.extend_from_slice(&nonce);
            let ciphertext = key
                .encrypt(
                    &nonce.into(),
                    Payload {
                        msg: plain,
                        aad: &bound_to,
                    },
                )
                .expect("AES-GCM takes every value shorter than 64 GiB");
            sealed.extend_from_slice(&ciphertext);
        }
        Sealed::new(sealed)
    }

    /// Opens what was sealed for this place, under any of the ring's keys.
    pub fn open(
        &self,
        place: &Place<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (id, rest) = read_header(sealed.as_bytes())?;
        let master = self
            .keys
            .get(id)
            .ok_or_else(|| OpenError::UnknownKey(id.to_owned()))?;
        let (wrapped, value) = rest
            .split_at_checked(NONCE + WRAPPED_KEY)
            .ok_or(OpenError::Malformed)?;
        let bound_to = place.to_bytes();
        let data_key = decrypt(master.cipher(), wrapped, &bound_to)?;
        let data_key =
            Key::<Aes256Gcm>::try_from(&data_key[..]).map_err(|_| OpenError::Malformed)?;
        decrypt(&Aes256Gcm::new(&data_key), value, &bound_to)
    }
}

fn read_header(bytes: &[u8]) -> Result<(&str, &[u8]), OpenError> {
    let [VERSION, id_length, rest @ ..] = bytes else {
        return Err(OpenError::Malformed);
    };
    let (id, rest) = rest
        .split_at_checked(usize::from(*id_length))
        .ok_or(OpenError::Malformed)?;
    Ok((
        std::str::from_utf8(id).map_err(|_| OpenError::Malformed)?,
        rest,
    ))
}

fn decrypt(
    key: &Aes256Gcm,
    bytes: &[u8],
    bound_to: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, ciphertext) = bytes
        .split_first_chunk::<NONCE>()
        .ok_or(OpenError::Malformed)?;
    key.decrypt(
        &(*nonce).into(),
        Payload {
            msg: ciphertext,
            aad: bound_to,
        },
    )
    .map(Zeroizing::new)
    .map_err(|_| OpenError::NotAuthentic)
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&(*key).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(key: u8) -> Vault {
        Vault::new(
            KeyRing::new(MasterKey::new([key; 32]), Vec::new()),
            Clock::default(),
        )
    }

    const PLACE: Place<'static> = Place {
        table: "credential",
        row: b"row-1",
        column: "access_token_sealed",
    };

    #[test]
    fn a_value_opens_in_its_place_and_nowhere_else() {
        let vault = vault(1);
        let sealed = vault.seal(&PLACE, b"token");
        assert_eq!(
            vault.open(&PLACE, &sealed).as_deref().map(Vec::as_slice),
            Ok(&b"token"[..])
        );
        for elsewhere in [
            Place {
                table: "secret",
                ..PLACE
            },
            Place {
                row: b"row-2",
                ..PLACE
            },
            Place {
                column: "refresh_token_sealed",
                ..PLACE
            },
            // The parts are delimited: no shift of a letter between them makes the same place.
            Place {
                table: "credentialr",
                row: b"ow-1",
                ..PLACE
            },
        ] {
            assert_eq!(
                vault.open(&elsewhere, &sealed),
                Err(OpenError::NotAuthentic)
            );
        }
    }

    #[test]
    fn the_same_value_never_looks_the_same_and_never_shows() {
        let vault = vault(1);
        let (first, second) = (vault.seal(&PLACE, b"canary"), vault.seal(&PLACE, b"canary"));
        assert_ne!(first, second);
        assert!(
            !first
                .as_bytes()
                .windows(6)
                .any(|window| window == b"canary")
        );
        assert!(!format!("{first:?}{vault:?}").contains("canary"));
    }

    #[test]
    fn another_key_is_named_not_tried() {
        let sealed = vault(1).seal(&PLACE, b"token");
        let id = MasterKey::new([1; 32]).id().to_owned();
        assert_eq!(
            vault(2).open(&PLACE, &sealed),
            Err(OpenError::UnknownKey(id))
        );
    }

    #[test]
    fn another_key_of_the_ring_opens_what_it_has_sealed() {
        let sealed = vault(1).seal(&PLACE, b"token");
        let keys = KeyRing::new(MasterKey::new([2; 32]), vec![MasterKey::new([1; 32])]);
        let rotated = Vault::new(keys, Clock::default());
        assert!(rotated.open(&PLACE, &sealed).is_ok());
        let anew = rotated.seal(&PLACE, b"token");
        assert!(
            vault(2).open(&PLACE, &anew).is_ok(),
            "the current key seals"
        );
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let vault = vault(1);
        let sealed = vault.seal(&PLACE, b"token");
        let bytes = sealed.as_bytes();
        for index in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[index] ^= 1;
            assert!(
                vault.open(&PLACE, &Sealed::new(changed)).is_err(),
                "byte {index}"
            );
            assert!(
                vault
                    .open(&PLACE, &Sealed::new(bytes[..index].to_vec()))
                    .is_err()
            );
        }
    }
}
