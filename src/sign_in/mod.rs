//! How a person becomes the one who calls: who an account belongs to, and the session that comes
//! of it; and links that wait for people to agree. Knows no HTTP: cookies and pages are others'
//! business.

mod account;
pub mod connect;
pub mod disconnect;
pub mod flow;
pub mod overview;
mod resolver;
pub mod return_to;
pub mod session;
