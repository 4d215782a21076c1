//! Secrets: where none appears, how they are sealed, and where none may be put.

mod canaries;
mod debug;
mod in_data;
mod marks;
mod sealed;
