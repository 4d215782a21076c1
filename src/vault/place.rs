//! Where a sealed value belongs.

/// Where a sealed value is stored. It opens there only.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub table: &'a str,
    /// The row's primary key.
    pub row: &'a [u8],
    pub column: &'a str,
}

impl Place<'_> {
    /// Each part behind its length, so that different places are different bytes.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = b"lanyard vault 1".to_vec();
        for part in [self.table.as_bytes(), self.row, self.column.as_bytes()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}
