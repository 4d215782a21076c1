//! Every mutation: how it is called so that it changes something, is refused, or changes nothing;
//! and which events it leaves. A new mutation is a row in each of the three tables: `changing`,
//! `refused` and `idle`.

mod changing;
mod idle;
mod refused;
mod rows;

use serde_json::Value;

pub use self::changing::cases;
pub use self::idle::{NEVER_IDLE, idle};
pub use self::refused::refused;
pub use self::rows::Rows;

use crate::support::app::App;
use crate::support::client::Ask;

/// A call that changes something, and the events that it leaves.
pub struct Case {
    pub field: &'static str,
    pub call: String,
    pub by: By,
    /// In the order of writing.
    pub actions: Vec<&'static str>,
    /// Where the payload says what the last event's target is, or what it is.
    pub target: String,
    /// Parts of the last event; null: it has none.
    pub before: Value,
    pub after: Value,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Key,
    Person,
}

impl Case {
    fn new(
        field: &'static str,
        call: impl Into<String>,
        action: &'static str,
        target: impl Into<String>,
    ) -> Self {
        Self {
            field,
            call: call.into(),
            by: By::Key,
            actions: vec![action],
            target: target.into(),
            before: Value::Null,
            after: Value::Null,
        }
    }

    fn before(self, before: Value) -> Self {
        Self { before, ..self }
    }

    fn after(self, after: Value) -> Self {
        Self { after, ..self }
    }

    fn by_person(self) -> Self {
        Self {
            by: By::Person,
            ..self
        }
    }

    /// With these events ahead of its own.
    fn behind(mut self, actions: &[&'static str]) -> Self {
        self.actions.splice(0..0, actions.iter().copied());
        self
    }

    /// Ready to be sent by the key, or by the person of the rows.
    pub fn ask<'a>(&self, app: &'a App, rows: &Rows, key: &str) -> Ask<'a> {
        let asked = app.ask(&format!("mutation {{ {} }}", self.call));
        match self.by {
            By::Key => asked.by(key),
            By::Person => asked.by_person(&rows.person),
        }
    }
}

/// How a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// By what is stored, with `userErrors`.
    ByRows,
    /// It is wrong in itself, about nothing, or not the caller's to do.
    Outright,
}
