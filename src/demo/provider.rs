//! The make-believe OpenID provider: two issuers on loopback, where anyone can be anyone. It
//! speaks the protocol properly, until a [`Fault`] is set. Knows nothing of Lanyard but its
//! clock, keeps everything in memory and bounded, and logs no request.

mod authorize;
mod bounded;
mod broken;
mod client;
mod discovery;
mod fault;
mod grants;
mod handle;
mod id_token;
mod issuer;
mod key;
mod listen;
mod page;
mod parameters;
mod person;
mod profile;
mod record;
mod routes;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod userinfo;

pub use fault::{
    Broken, CallbackFault, DiscoveryFault, Fault, IdTokenFault, ProfileFault, RefreshFault, Times,
    TokenFault,
};
pub use handle::Handle;
pub use issuer::{Client, Endpoint, Issuer};
pub use key::{Key, OldKey};
pub use listen::Provider;
pub use person::Person;
pub use record::{Counts, Record};
pub use token::GivenTokens;
