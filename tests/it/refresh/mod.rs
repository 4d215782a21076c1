//! Tokens kept fresh, however many ask for them at once and whatever dies in the middle.

mod account;
mod crashes;
mod fleet;
mod race;
