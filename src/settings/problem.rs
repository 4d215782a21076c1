//! What is wrong with the settings, in words for the operator. No secret gets in here.

use std::fmt;

/// What a check says of a value: the typed value, or a phrase that goes on from it ("is not …").
pub(super) type Check<T> = Result<T, String>;

/// One thing that is wrong: where it was given, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: String,
    message: String,
}

impl Problem {
    pub(super) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

/// All that is wrong, at least one thing; one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// All of `problems`, if there are any.
    pub(super) fn any(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// Each problem, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value that isn't secret, quoted on one line. A user name and password in it are hidden: people
/// paste addresses that hold them.
pub(super) fn shown(text: &str) -> String {
    match text.rsplit_once('@') {
        None => format!("{text:?}"),
        Some((before, host)) => {
            let scheme = before.find("://").map_or("", |at| &before[..at + 3]);
            format!("{:?}", format!("{scheme}***@{host}"))
        }
    }
}
