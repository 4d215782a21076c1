//! A ciphertext, as it is stored.

use std::fmt;

use sea_orm::DeriveValueType;

/// A ciphertext of the vault; nothing here can open it.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
