//! The one client to the outside.
