//! Sizes of what is stored, and the checks of texts against them.

use crate::error::Error;

/// Bytes.
pub const EXTERNAL_ID: usize = 1024;
pub const SLUG: usize = 63;
pub const ENTITY_REF: usize = 512;
pub const EMAIL: usize = 320;
pub const NAME: usize = 200;
pub const URL: usize = 2048;
pub const ATTRIBUTES: usize = 64;
pub const ATTRIBUTE: usize = 4096;
pub const ATTRIBUTE_NAME: usize = 128;
pub const DATA: usize = 65_536;
pub const TOKEN: usize = 16_384;
pub const IDEMPOTENCY_KEY: usize = 255;
/// Mail domains of one organization, and the bytes of each.
pub const DOMAINS: usize = 100;
pub const DOMAIN: usize = 253;
/// Origins that one API key's links may lead back to, and the bytes of each.
pub const RETURN_ORIGINS: usize = 20;
pub const ORIGIN: usize = 300;
/// OAuth scopes of one identity or credential, and the bytes of each.
pub const SCOPES: usize = 100;
pub const SCOPE: usize = 255;

/// A text that is neither empty nor longer than `bytes`, without U+0000, which PostgreSQL can't
/// store.
///
/// # Errors
/// `BAD_USER_INPUT`, with the field and what would be right.
pub fn text(field: &str, text: &str, bytes: usize) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::bad_input(field, "is empty"));
    }
    optional_text(field, text, bytes)
}

/// Like [`text`], and may be empty.
///
/// # Errors
/// As [`text`].
pub fn optional_text(field: &str, text: &str, bytes: usize) -> Result<(), Error> {
    if text.len() > bytes {
        let found = text.len();
        return Err(Error::bad_input(
            field,
            format!("has {found} bytes, {bytes} at most are allowed"),
        ));
    }
    no_nul(field, text)
}

/// Text that PostgreSQL can store.
///
/// # Errors
/// As [`text`].
pub fn no_nul(field: &str, text: &str) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error::bad_input(
            field,
            "holds the character U+0000, which can't be stored",
        ));
    }
    Ok(())
}

/// An e-mail address, as far as it can be told without sending to it.
///
/// # Errors
/// As [`text`].
pub fn email(field: &str, address: &str) -> Result<(), Error> {
    text(field, address, EMAIL)?;
    let plausible = address
        .rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !address.chars().any(|c| c.is_whitespace() || c.is_control());
    if plausible {
        return Ok(());
    }
    Err(Error::bad_input(
        field,
        "is not an e-mail address: one looks like jane@example.org",
    ))
}

/// Lower-case letters, digits and inner hyphens: it stands in URLs.
///
/// # Errors
/// As [`text`].
pub fn slug(field: &str, slug: &str) -> Result<(), Error> {
    text(field, slug, SLUG)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_slug = slug.starts_with(plain)
        && slug.ends_with(plain)
        && slug.chars().all(|c| plain(c) || c == '-');
    if is_slug {
        return Ok(());
    }
    Err(Error::bad_input(
        field,
        "may have lower-case letters, digits and inner hyphens: github, acme-gitlab",
    ))
}
