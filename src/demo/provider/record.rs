//! What was asked, for tests to look at.

use std::collections::VecDeque;
use std::fmt;

use super::issuer::{Endpoint, Issuer};
use super::parameters::Parameters;

/// Requests that are remembered.
const MOST: usize = 1000;

/// One request, with its secrets as they came.
#[derive(Clone)]
pub struct Record {
    pub issuer: Issuer,
    pub endpoint: Endpoint,
    pub method: String,
    /// Of the query, then of the body.
    pub parameters: Vec<(String, String)>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
}

impl Record {
    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("Record")
            .field("issuer", &self.issuer)
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .field("parameters", &names)
            .finish_non_exhaustive()
    }
}

/// What has happened at an issuer, from its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Refreshes that were asked for, whatever came of them.
    pub refreshes: u64,
    /// Spent refresh tokens that came again and ended their grant.
    pub reuses: u64,
    /// Tokens and grants that the relying party has ended.
    pub revocations: u64,
}

/// The last requests.
#[derive(Default)]
pub struct Records(VecDeque<Record>);

impl Records {
    pub fn add(&mut self, record: Record) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(record);
    }

    pub fn all(&self) -> Vec<Record> {
        self.0.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// What a handler looks at.
pub struct Asked {
    pub issuer: Issuer,
    pub endpoint: Endpoint,
    pub method: poem::http::Method,
    pub query: Parameters,
    pub form: Parameters,
    pub authorization: Option<String>,
}

impl Asked {
    pub fn is_refresh(&self) -> bool {
        self.endpoint == Endpoint::Token && self.form.get("grant_type") == Some("refresh_token")
    }

    pub fn record(&self) -> Record {
        let parameters = self.query.0.iter().chain(&self.form.0);
        Record {
            issuer: self.issuer,
            endpoint: self.endpoint,
            method: self.method.to_string(),
            parameters: parameters.cloned().collect(),
            authorization: self.authorization.clone(),
        }
    }
}
