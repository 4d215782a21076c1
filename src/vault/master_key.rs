//! A master key: what wraps data keys, and the id that its ciphertexts carry.

use std::fmt;
use std::sync::Arc;

use aes_gcm::{Aes256Gcm, KeyInit};
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

/// A key of 256 bits and its id. It can't be printed or written down, and is overwritten when the
/// last share of it is dropped.
#[derive(Clone)]
pub struct MasterKey {
    id: Arc<str>,
    cipher: Arc<Aes256Gcm>,
}

impl MasterKey {
    /// The id is derived from the key (HMAC-SHA-256, cut to 48 bits): the same key has the same
    /// id in every process, and the id tells nothing about the key.
    pub fn new(key: impl Into<Zeroizing<[u8; 32]>>) -> Self {
        let key: Zeroizing<[u8; 32]> = key.into();
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key[..])
            .expect("HMAC takes keys of every length");
        mac.update(b"lanyard master key id");
        let digest = mac.finalize().into_bytes();
        let id = HEXLOWER.encode(digest.get(..6).unwrap_or_default());
        Self {
            id: id.into(),
            cipher: Arc::new(super::envelope::cipher(&key)),
        }
    }

    /// Names the key wherever it is spoken of.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn cipher(&self) -> &Aes256Gcm {
        &self.cipher
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}
