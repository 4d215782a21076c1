//! The tokens of linked accounts: kept fresh, given out, given back. Knows no routes, and decides
//! nothing about people.

pub mod revocation;
