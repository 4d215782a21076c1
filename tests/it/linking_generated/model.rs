//! What links must leave, said by what may not be twice instead of by cases: an account has one
//! user, and where the provider takes one account per user, a user has one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// A linkIdentity that may be sent. Users and providers by their place in the lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub provider: usize,
    pub user: usize,
    pub account: &'static str,
    pub policy: &'static str,
    pub data: Option<usize>,
    pub tokens: bool,
    pub key: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub id: String,
    pub provider: usize,
    pub user: usize,
    pub account: &'static str,
    pub primary: bool,
    pub version: i64,
    pub data: Value,
    pub tokens: bool,
}

/// An integration of the organization, and whom it acts as.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    pub id: String,
    pub acts_as: Option<String>,
    /// It acted as somebody until the identity was taken away.
    pub lost: bool,
}

/// What a link is to be answered with.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Done {
        outcome: &'static str,
        /// The identity that stays where there is one already; a new one else.
        stays: Option<String>,
        displaced: BTreeSet<String>,
    },
    Refused(Vec<&'static str>),
}

impl Verdict {
    pub fn outcome(&self) -> Value {
        match self {
            Self::Done { outcome, .. } => json!(outcome),
            Self::Refused(_) => Value::Null,
        }
    }
}

pub const OWNED: &str = "ACCOUNT_OWNED_BY_ANOTHER_USER";
pub const ANOTHER: &str = "USER_HAS_ANOTHER_ACCOUNT";

pub struct Model {
    /// In the order of linking.
    pub rows: Vec<Row>,
    pub shares: Vec<Share>,
    /// Which providers take several accounts of one user.
    several: Vec<bool>,
    /// Which users are active.
    pub active: Vec<bool>,
    /// What was done under an idempotency key: by which input, with which outcome and identity.
    pub keys: BTreeMap<String, (Link, &'static str, String)>,
}

impl Model {
    pub fn new(several: &[bool], users: usize) -> Self {
        Self {
            rows: Vec::new(),
            shares: Vec::new(),
            several: several.to_vec(),
            active: vec![true; users],
            keys: BTreeMap::new(),
        }
    }

    /// What the link does, whatever its idempotency key.
    pub fn decide(&self, link: &Link) -> Verdict {
        if !self.active[link.user] {
            return Verdict::Refused(vec!["USER_NOT_ACTIVE"]);
        }
        let here = |row: &&Row| row.provider == link.provider;
        let has_it = |row: &&Row| row.account == link.account;
        let mine = |row: &&Row| row.user == link.user;
        let own = self.rows.iter().filter(here).filter(has_it).find(mine);
        let done = |outcome, stays: Option<&Row>, displaced| Verdict::Done {
            outcome,
            stays: stays.map(|row| row.id.clone()),
            displaced,
        };
        if own.is_some() {
            return done("UPDATED", own, BTreeSet::new());
        }
        let single = !self.several[link.provider];
        let in_the_way: Vec<&Row> = self
            .rows
            .iter()
            .filter(here)
            .filter(|row| has_it(row) || (single && mine(row)))
            .collect();
        match (in_the_way.as_slice(), link.policy) {
            ([], _) => done("CREATED", None, BTreeSet::new()),
            (rows, "REATTACH") => {
                let displaced = rows.iter().map(|row| row.id.clone()).collect();
                done("REATTACHED", None, displaced)
            }
            (&[row], "UPDATE_IN_PLACE") if mine(&row) => {
                done("UPDATED_IN_PLACE", Some(row), BTreeSet::new())
            }
            (rows, _) => {
                let mut codes = Vec::new();
                if rows.iter().any(|row| !mine(row)) {
                    codes.push(OWNED);
                }
                if rows.iter().any(mine) {
                    codes.push(ANOTHER);
                }
                Verdict::Refused(codes)
            }
        }
    }

    /// Carries a link out that is done under this id: the events that it leaves, by action and
    /// target.
    pub fn apply(
        &mut self,
        link: &Link,
        verdict: &Verdict,
        id: &str,
    ) -> Vec<(&'static str, String)> {
        let Verdict::Done {
            outcome,
            stays,
            displaced,
        } = verdict
        else {
            return Vec::new();
        };
        if let Some(key) = &link.key {
            let done = (link.clone(), *outcome, id.to_owned());
            self.keys.insert(key.clone(), done);
        }
        let data = link.data.map(|number| json!({ "number": number }));
        if stays.is_some() {
            let row = self.rows.iter_mut().find(|row| row.id == id).unwrap();
            let moved = row.account != link.account;
            row.account = link.account;
            row.version += 1;
            row.tokens = link.tokens || (row.tokens && !moved);
            if let Some(data) = data {
                row.data = data;
            }
            return vec![("identity.updated", id.to_owned())];
        }
        let mut events = Vec::new();
        let (gone, kept): (Vec<Row>, Vec<Row>) = std::mem::take(&mut self.rows)
            .into_iter()
            .partition(|row| displaced.contains(&row.id));
        self.rows = kept;
        for row in gone {
            for share in &mut self.shares {
                if share.acts_as.as_ref() != Some(&row.id) {
                    continue;
                }
                let own = row.user == link.user;
                share.acts_as = own.then(|| id.to_owned());
                share.lost = !own;
                let action = if own {
                    "org_integration.updated"
                } else {
                    "org_integration.default_lost"
                };
                events.push((action, share.id.clone()));
            }
            events.push(("identity.unlinked", row.id));
            if row.user != link.user && !self.has_primary(row.provider, row.user) {
                let same =
                    |other: &&mut Row| (other.provider, other.user) == (row.provider, row.user);
                if let Some(next) = self.rows.iter_mut().find(same) {
                    next.primary = true;
                    next.version += 1;
                    events.push(("identity.updated", next.id.clone()));
                }
            }
        }
        self.rows.push(Row {
            id: id.to_owned(),
            provider: link.provider,
            user: link.user,
            account: link.account,
            primary: !self.has_primary(link.provider, link.user),
            version: 1,
            data: data.unwrap_or_else(|| json!({})),
            tokens: link.tokens,
        });
        events.push(("identity.linked", id.to_owned()));
        events
    }

    fn has_primary(&self, provider: usize, user: usize) -> bool {
        let of = |row: &Row| row.primary && (row.provider, row.user) == (provider, user);
        self.rows.iter().any(of)
    }
}
