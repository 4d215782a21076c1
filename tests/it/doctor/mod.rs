//! `lanyard doctor`: what is in order passes, what is not is found and named.

mod chain;
mod health;
mod identities;
mod seen;
