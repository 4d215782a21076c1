//! The tests over real HTTP: one binary, one module a capability, every test on both databases
//! where both have the behaviour.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::pedantic, reason = "tests read better plain")]

mod support;

mod linking;
