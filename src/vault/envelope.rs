//! The form of a sealed value. Knows single keys, and neither the ring nor the database.
//!
//! Version 1:
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

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key};
use secrecy::zeroize::Zeroizing;

use super::{MasterKey, OpenError, Place};
use crate::clock::Clock;
use crate::database::Sealed;

const VERSION: u8 = 1;
const NONCE: usize = 12;
const WRAPPED_KEY: usize = 32 + 16;

/// A sealed value, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) key_id: &'a str,
    wrapped: &'a [u8],
    value: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(super) fn of(sealed: &'a Sealed) -> Result<Self, OpenError> {
        let [VERSION, id_length, rest @ ..] = sealed.as_bytes() else {
            return Err(OpenError::Malformed);
        };
        let (id, rest) = rest
            .split_at_checked(usize::from(*id_length))
            .ok_or(OpenError::Malformed)?;
        let (wrapped, value) = rest
            .split_at_checked(NONCE + WRAPPED_KEY)
            .ok_or(OpenError::Malformed)?;
        Ok(Self {
            key_id: std::str::from_utf8(id).map_err(|_| OpenError::Malformed)?,
            wrapped,
            value,
        })
    }

    /// Opens it with the key that its id names.
    pub(super) fn open(
        self,
        master: &MasterKey,
        place: &Place<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let bound_to = place.to_bytes();
        let data_key = decrypt(master.cipher(), self.wrapped, &bound_to)?;
        let data_key =
            <&Key<Aes256Gcm>>::try_from(&data_key[..]).map_err(|_| OpenError::Malformed)?;
        decrypt(&Aes256Gcm::new(data_key), self.value, &bound_to)
    }

    /// The same value under the same data key, which another master key wraps. The value itself
    /// isn't opened.
    pub(super) fn rewrap(
        self,
        from: &MasterKey,
        to: &MasterKey,
        place: &Place<'_>,
        clock: &Clock,
    ) -> Result<Sealed, OpenError> {
        let bound_to = place.to_bytes();
        let data_key = decrypt(from.cipher(), self.wrapped, &bound_to)?;
        let mut sealed = header(to);
        encrypt(&mut sealed, to.cipher(), &data_key, &bound_to, clock);
        sealed.extend_from_slice(self.value);
        Ok(Sealed::new(sealed))
    }
}

/// Seals `value` for its place.
pub(super) fn seal(master: &MasterKey, place: &Place<'_>, value: &[u8], clock: &Clock) -> Sealed {
    let bound_to = place.to_bytes();
    let data_key = Zeroizing::new(clock.random::<32>());
    let mut sealed = header(master);
    encrypt(
        &mut sealed,
        master.cipher(),
        &data_key[..],
        &bound_to,
        clock,
    );
    encrypt(&mut sealed, &cipher(&data_key), value, &bound_to, clock);
    Sealed::new(sealed)
}

fn header(master: &MasterKey) -> Vec<u8> {
    let id = master.id().as_bytes();
    let mut header = vec![VERSION, u8::try_from(id.len()).unwrap_or(u8::MAX)];
    header.extend_from_slice(id);
    header
}

fn encrypt(to: &mut Vec<u8>, key: &Aes256Gcm, plain: &[u8], bound_to: &[u8], clock: &Clock) {
    let nonce = clock.random::<NONCE>();
    to.extend_from_slice(&nonce);
    let ciphertext = key
        .encrypt(
            &nonce.into(),
            Payload {
                msg: plain,
                aad: bound_to,
            },
        )
        .expect("AES-GCM takes every value shorter than 64 GiB");
    to.extend_from_slice(&ciphertext);
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

pub(super) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}
