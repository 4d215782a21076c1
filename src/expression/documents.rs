//! What an expression sees.

use cel::{Context, to_value};
use serde_json::Value;

use super::{ENVIRONMENT, Wrong};

/// The longest list in a document, and the largest object: what goes over either has an end.
pub(super) const MOST_ELEMENTS: usize = 1_000;
/// The longest text, in bytes; a longer one is null.
pub(super) const MOST_TEXT_BYTES: usize = 4 * 1024;
/// All texts and names of a document together, in bytes.
const MOST_BYTES: usize = 256 * 1024;
/// Values in a document.
const MOST_VALUES: usize = 20_000;

/// Documents by the names that expressions know them by. Bounded, whoever wrote them.
#[derive(Debug, Default)]
pub struct Documents(Vec<(String, Value)>);

impl Documents {
    /// Adds a document.
    ///
    /// # Errors
    /// It is larger than any expression is to see.
    pub fn add(&mut self, name: &str, mut document: Value) -> Result<(), Wrong> {
        let mut room = Room {
            bytes: MOST_BYTES,
            values: MOST_VALUES,
        };
        room.take(&mut document)
            .map_err(|what| Wrong(format!("`{name}` {what}")))?;
        self.0.push((name.to_owned(), document));
        Ok(())
    }

    pub(super) fn with<T>(self, evaluate: impl FnOnce(&Context) -> T) -> T {
        let mut context = Context::with_env(std::sync::Arc::clone(&ENVIRONMENT));
        for (name, document) in &self.0 {
            // What is JSON has a value in CEL; a document that had none would be missing, and
            // every expression that names it would say so.
            if let Ok(value) = to_value(document) {
                context.add_variable_from_value(name.clone(), value);
            }
        }
        evaluate(&context)
    }
}

struct Room {
    bytes: usize,
    values: usize,
}

impl Room {
    /// JSON that was read nests 128 levels at most.
    fn take(&mut self, value: &mut Value) -> Result<(), &'static str> {
        self.values = self
            .values
            .checked_sub(1)
            .ok_or("holds more than 20,000 values")?;
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
            Value::String(text) if text.len() > MOST_TEXT_BYTES => {
                *value = Value::Null;
                Ok(())
            }
            Value::String(text) => self.text(text),
            Value::Array(elements) => {
                if elements.len() > MOST_ELEMENTS {
                    return Err("holds a list of more than 1,000 elements");
                }
                elements
                    .iter_mut()
                    .try_for_each(|element| self.take(element))
            }
            Value::Object(members) if members.len() > MOST_ELEMENTS => {
                Err("holds an object of more than 1,000 members")
            }
            Value::Object(members) => members.iter_mut().try_for_each(|(name, member)| {
                self.text(name)?;
                self.take(member)
            }),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), &'static str> {
        self.bytes = self
            .bytes
            .checked_sub(text.len())
            .ok_or("holds more than 256 KiB of text")?;
        Ok(())
    }
}
