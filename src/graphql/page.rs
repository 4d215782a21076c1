//! Relay connections: arguments to pages, rows to edges, places to cursors.

use std::sync::Arc;

use async_graphql::connection::{Connection, CursorType, Edge, EmptyFields};
use async_graphql::{Context, Object, ObjectType, OutputType};
use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use super::context::Asking;
use super::loader::{ChildCount, InstalledCount};
use crate::access::{Guarded, Visible};
use crate::database::page::{Page, Position, Slice, Towards};
use crate::database::reach::Reach;
use crate::database::{
    auth_identity, event, identity, identity_provider, organization_integration, user,
};
use crate::error::Error;
use crate::id::OrganizationId;

const DEFAULT: usize = 20;
const MOST: usize = 100;
/// Bytes of a cursor's signature.
const SIGNATURE: usize = 12;

/// The arguments of a page.
#[derive(Debug, Default)]
pub struct PageArguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// What a page of `child` costs: `first` (or `last`) of them.
pub fn cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let limit = first.or(last).and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(DEFAULT).clamp(1, MOST);
    limit.saturating_mul(child).saturating_add(1)
}

impl PageArguments {
    /// The page that the arguments ask for, of the list of that name.
    ///
    /// # Errors
    /// `BAD_USER_INPUT`, with the argument and what would be right.
    pub fn page(self, cursors: &Cursors, of: &str) -> Result<Page, Error> {
        let limit = |name: &str, limit: i32| match u64::try_from(limit) {
            Ok(limit) if (1..=100).contains(&limit) => Ok(limit),
            _ => Err(Error::bad_input(
                name,
                format!("is {limit}: a page has 1 to {MOST} rows"),
            )),
        };
        let from = |name: &str, cursor: Option<String>| {
            cursor
                .map(|cursor| cursors.read(name, of, &cursor))
                .transpose()
        };
        match self {
            Self {
                first: Some(_),
                last: Some(_),
                ..
            } => Err(Error::bad_input(
                "last",
                "goes with before, first with after; give one of them",
            )),
            Self {
                after: Some(_),
                before: Some(_),
                ..
            } => Err(Error::bad_input(
                "before",
                "goes with last, after with first; give one of them",
            )),
            Self {
                first: Some(_),
                before: Some(_),
                ..
            } => Err(Error::bad_input("before", "goes with last, not with first")),
            Self {
                last: Some(_),
                after: Some(_),
                ..
            } => Err(Error::bad_input("after", "goes with first, not with last")),
            Self {
                last: Some(last),
                before,
                ..
            } => Ok(Page {
                limit: limit("last", last)?,
                towards: Towards::Start,
                from: from("before", before)?,
            }),
            Self {
                before: Some(before),
                ..
            } => Ok(Page {
                limit: DEFAULT as u64,
                towards: Towards::Start,
                from: from("before", Some(before))?,
            }),
            Self { first, after, .. } => Ok(Page {
                limit: first.map_or(Ok(DEFAULT as u64), |first| limit("first", first))?,
                towards: Towards::End,
                from: from("after", after)?,
            }),
        }
    }
}

/// A cursor as text.
#[derive(Debug, Clone)]
pub struct Cursor(String);

impl CursorType for Cursor {
    type Error = std::convert::Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Self::Error> {
        Ok(Self(text.to_owned()))
    }

    fn encode_cursor(&self) -> String {
        self.0.clone()
    }
}

/// Writes and reads cursors. Signed under a key that all processes share, for the list that they
/// are of: a forged one, or one of another list, is refused.
pub struct Cursors {
    key: Zeroizing<Vec<u8>>,
}

/// A position as it stands in a cursor.
#[derive(Serialize, Deserialize)]
enum Wire {
    #[serde(rename = "i")]
    Id(Uuid),
    #[serde(rename = "t")]
    Time(i64, Uuid),
    #[serde(rename = "x")]
    Text(String, Uuid),
    #[serde(rename = "s")]
    Sequence(i64),
}

impl Cursors {
    pub const fn new(key: Zeroizing<Vec<u8>>) -> Self {
        Self { key }
    }

    fn write(&self, list: &str, position: Position) -> Cursor {
        let wire = match position {
            Position::Id(id) => Wire::Id(id),
            Position::Time(time, id) => Wire::Time(time.timestamp_micros(), id),
            Position::Text(text, id) => Wire::Text(text, id),
            Position::Sequence(sequence) => Wire::Sequence(sequence),
        };
        let body = serde_json::to_vec(&wire).unwrap_or_default();
        let mut bytes = self.sign(list, &body);
        bytes.extend_from_slice(&body);
        Cursor(BASE64URL_NOPAD.encode(&bytes))
    }

    fn read(&self, field: &str, list: &str, cursor: &str) -> Result<Position, Error> {
        let wrong = || {
            Error::bad_input(
                field,
                "is no cursor of this list: give one that it has answered with",
            )
        };
        let bytes = BASE64URL_NOPAD
            .decode(cursor.as_bytes())
            .map_err(|_| wrong())?;
        let (signature, body) = bytes.split_at_checked(SIGNATURE).ok_or_else(wrong)?;
        if self.sign(list, body) != signature {
            return Err(wrong());
        }
        Ok(match serde_json::from_slice(body).map_err(|_| wrong())? {
            Wire::Id(id) => Position::Id(id),
            Wire::Time(micros, id) => {
                let time: Option<DateTime<Utc>> = DateTime::from_timestamp_micros(micros);
                Position::Time(time.ok_or_else(wrong)?, id)
            }
            Wire::Text(text, id) => Position::Text(text, id),
            Wire::Sequence(sequence) => Position::Sequence(sequence),
        })
    }

    fn sign(&self, list: &str, body: &[u8]) -> Vec<u8> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        mac.update(&(list.len() as u64).to_be_bytes());
        mac.update(list.as_bytes());
        mac.update(body);
        let mut signature = mac.finalize().into_bytes().to_vec();
        signature.truncate(SIGNATURE);
        signature
    }
}

/// How many rows a list has. Counted only where it is asked for.
pub enum TotalCount {
    Identities(identity::Filter),
    IdentitiesOf(ChildCount),
    Providers(identity_provider::Filter),
    Users(user::Filter),
    ApiKeys(Reach),
    Events(event::Filter),
    Organizations(Reach),
    AuthIdentitiesOf(auth_identity::Parent, Reach),
    Members(OrganizationId),
    Installed(organization_integration::Filter),
    InstalledOf(InstalledCount),
}

#[Object]
impl TotalCount {
    /// How many rows the whole list has. Counted only where it is asked for; on large lists that
    /// takes time, up to `TIMEOUT`.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, Error> {
        let loader = &ctx.app()?.loader;
        let count = match self {
            Self::Identities(filter) => loader.identity_count(filter).await?,
            Self::IdentitiesOf(key) => loader
                .identity_counts
                .load(key.clone())
                .await?
                .unwrap_or_default(),
            Self::Providers(filter) => loader.provider_count(filter).await?,
            Self::Users(filter) => loader.user_count(filter).await?,
            Self::ApiKeys(reach) => loader.api_key_count(*reach).await?,
            Self::Organizations(reach) => loader.organization_count(*reach).await?,
            Self::AuthIdentitiesOf(parent, reach) => {
                let counts = &loader.auth_identity_counts;
                counts.load((*parent, *reach)).await?.unwrap_or_default()
            }
            Self::Members(organization) => loader
                .member_counts
                .load(*organization)
                .await?
                .unwrap_or_default(),
            Self::Installed(filter) => loader.installed_count(filter).await?,
            Self::InstalledOf(key) => loader
                .installed_counts
                .load(*key)
                .await?
                .unwrap_or_default(),
            Self::Events(filter) => loader.event_count(filter).await?,
        };
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A list, paged.
pub type List<N> = Connection<Cursor, N, TotalCount, EmptyFields>;

/// Makes the connection of a page: each row that the caller may see, at its place, and what
/// `node` makes of it.
pub async fn connection<R: Into<Arc<T>>, T: Guarded, N: OutputType + ObjectType>(
    ctx: &Context<'_>,
    list: &str,
    page: &Page,
    slice: Slice<R>,
    count: TotalCount,
    position: impl Fn(&T) -> Position,
    node: impl Fn(Visible<T>) -> N,
) -> Result<List<N>, Error> {
    let cursors = &ctx.app()?.cursors;
    let behind = page.from.is_some();
    let (previous, next) = match page.towards {
        Towards::End => (behind, slice.more),
        Towards::Start => (slice.more, behind),
    };
    let mut connection = Connection::with_additional_fields(previous, next, count);
    let rows = ctx.see_all(slice.rows.into_iter().map(Into::into)).await?;
    connection.edges.extend(rows.into_iter().map(|row| {
        let cursor = cursors.write(list, position(&row));
        Edge::new(cursor, node(row))
    }));
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors(key: u8) -> Cursors {
        Cursors::new(Zeroizing::new(vec![key; 32]))
    }

    #[test]
    fn a_cursor_reads_back_in_its_own_list_only() {
        let id = Uuid::from_u128(7);
        let time = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        for position in [
            Position::Id(id),
            Position::Time(time, id),
            Position::Text("é\"{".to_owned(), id),
            Position::Sequence(i64::MAX),
        ] {
            let cursor = cursors(1).write("users", position.clone()).0;
            assert_eq!(
                cursors(1).read("after", "users", &cursor).unwrap(),
                position
            );
            assert!(cursors(1).read("after", "identities", &cursor).is_err());
            assert!(cursors(2).read("after", "users", &cursor).is_err());
        }
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        let cursor = cursors(1).write("users", Position::Sequence(7)).0;
        for index in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            // The last character has bits that mean nothing: then it does not decode at all.
            assert!(
                cursors(1).read("after", "users", &forged).is_err(),
                "{index}"
            );
        }
        for text in ["", "A", "7", "....", &BASE64URL_NOPAD.encode(b"{\"s\":7}")] {
            assert!(cursors(1).read("after", "users", text).is_err(), "{text}");
        }
    }

    #[test]
    fn pages_are_bounded_and_go_one_way() {
        let page = |first, after: Option<&str>, last, before: Option<&str>| {
            PageArguments {
                first,
                after: after.map(Into::into),
                last,
                before: before.map(Into::into),
            }
            .page(&cursors(1), "users")
        };
        assert_eq!(page(None, None, None, None).unwrap().limit, 20);
        assert_eq!(page(Some(100), None, None, None).unwrap().limit, 100);
        assert_eq!(
            page(None, None, Some(1), None).unwrap().towards,
            Towards::Start
        );
        for (first, last) in [
            (Some(0), None),
            (Some(101), None),
            (Some(-1), None),
            (None, Some(0)),
            (Some(1), Some(1)),
        ] {
            assert!(page(first, None, last, None).is_err(), "{first:?} {last:?}");
        }
        assert!(page(Some(1), None, None, Some("x")).is_err());
        assert!(page(None, Some("x"), Some(1), None).is_err());
    }
}
