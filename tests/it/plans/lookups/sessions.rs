//! Lookups of sessions.

use lanyard::database::session;
use lanyard::id::{IdentityId, SessionId, UserId};

use super::super::fill::id;
use super::Order::OfFew;
use super::{Lookup, hundred, lookup};

pub fn all() -> Vec<Lookup> {
    vec![
        lookup("sessions by id", OfFew, |db| async move {
            let ids: Vec<SessionId> = (0..100).map(|number| SessionId(id(number * 900))).collect();
            assert_eq!(session::by_ids(&db, &ids).await.unwrap().len(), 100);
        }),
        lookup("session by its token", OfFew, |db| async move {
            let mut hash = vec![0; 32];
            hash[31] = 7;
            let found = session::by_token_hash(&db, &hash).await.unwrap();
            assert_eq!(found.unwrap().id, SessionId(id(7)));
        }),
        lookup("sessions of a user", OfFew, |db| async move {
            let found = session::of_users(&db, &[UserId(id(777))]).await;
            assert_eq!(found.unwrap().len(), 4);
        }),
        lookup("sessions of identities", OfFew, |db| async move {
            let identities = hundred(|number| IdentityId(id(number / 4)));
            let found = session::of_identities(&db, &identities).await;
            assert_eq!(found.unwrap().len(), 100);
        }),
        lookup("sessions of users", OfFew, |db| async move {
            let users = hundred(|number| UserId(id(number / 10)));
            assert_eq!(session::of_users(&db, &users).await.unwrap().len(), 400);
        }),
    ]
}
