//! What a flow and a link on its way ask and write, step by step. What is written is rolled back.

use lanyard::database::flow::{self, Full};
use lanyard::database::pending_link::{self, Found, Owner, Step};
use lanyard::database::{Sealed, Tx};
use lanyard::id::{OrganizationId, ProviderId, UserId};
use sea_orm::DatabaseConnection;

use super::super::fill::id;
use super::Order::OfFew;
use super::{Lookup, begin, lookup, second};

/// What is open at 45,000 seconds, of 50,000.
const OPEN: u64 = 4_999;
const MANY: u64 = 100_000;

pub fn all() -> Vec<Lookup> {
    let mut all = of_flows();
    all.extend(of_links());
    all.extend(steps());
    all
}

/// As the fill writes `bytes[number]`.
fn bytes(number: u32) -> Vec<u8> {
    let mut bytes = vec![0; 28];
    bytes.extend(number.to_be_bytes());
    bytes
}

/// In a transaction that is rolled back.
fn changing<F>(name: &str, run: impl Fn(DatabaseConnection) -> F + 'static) -> Lookup
where
    F: Future<Output = Tx> + 'static,
{
    lookup(name, OfFew, move |db| {
        let running = run(db);
        async move { running.await.rollback().await.unwrap() }
    })
}

fn of_flows() -> Vec<Lookup> {
    let caps = |per_address, in_all| flow::Caps {
        per_address,
        in_all,
    };
    vec![
        lookup("flow by its state", OfFew, |db| async move {
            let found = flow::by_state(&db, &bytes(20_000)).await.unwrap();
            assert_eq!(found.unwrap().id, id(20_000));
        }),
        changing("room for a flow", move |db| async move {
            let tx = begin(&db).await;
            // Every thousandth is of that address.
            for (caps, full) in [
                (caps(5, MANY), Some(Full::Address)),
                (caps(6, OPEN), Some(Full::All)),
                (caps(20, MANY), None),
            ] {
                let found = flow::full(&tx, "192.0.2.7", second(45_000), caps).await;
                assert_eq!(found.unwrap(), full, "{caps:?}");
            }
            tx
        }),
        changing("flow that is over", |db| async move {
            let tx = begin(&db).await;
            assert!(flow::consume(&tx, id(20_001)).await.unwrap());
            tx
        }),
        changing("answer that is kept", |db| async move {
            let tx = begin(&db).await;
            let answer = Sealed::new(vec![1]);
            flow::keep_answer(&tx, id(20_002), answer).await.unwrap();
            tx
        }),
        changing("flows of a user", |db| async move {
            let tx = begin(&db).await;
            flow::delete_of_user(&tx, UserId(id(6_000))).await.unwrap();
            tx
        }),
        changing("flows to forget", |db| async move {
            let tx = begin(&db).await;
            flow::forget(&tx, second(2_000), 100).await.unwrap();
            tx
        }),
    ]
}

fn of_links() -> Vec<Lookup> {
    vec![
        lookup("link on its way by id", OfFew, |db| async move {
            let found = pending_link::by_id(&db, id(20_000)).await.unwrap();
            assert_eq!(found.unwrap().step, Step::Open);
        }),
        lookup("link by its token", OfFew, |db| async move {
            let found = pending_link::by_token(&db, &bytes(20_000)).await.unwrap();
            assert_eq!(found.unwrap().id, id(20_000));
        }),
        lookup("link by its code", OfFew, |db| async move {
            let found = pending_link::by_code(&db, &bytes(20_003)).await.unwrap();
            assert_eq!(found.unwrap().id, id(20_003));
        }),
        changing("room for a link", |db| async move {
            let tx = begin(&db).await;
            let now = second(45_000);
            let organization = Some(OrganizationId(id(1)));
            for (owner, own) in [
                (Owner::Application("application-7", None), 50),
                (Owner::Application("application-1", organization), 1),
                (Owner::Person(UserId(id(11_300))), 1),
            ] {
                for (its_own, in_all, full) in [
                    (own, MANY, true),
                    (own + 1, OPEN, true),
                    (own + 1, MANY, false),
                ] {
                    let caps = pending_link::Caps {
                        per_application: its_own,
                        per_person: its_own,
                        in_all,
                    };
                    let found = pending_link::full(&tx, owner, now, caps).await.unwrap();
                    assert_eq!(found, full, "{owner:?} {caps:?}");
                }
            }
            tx
        }),
        changing("links to forget", |db| async move {
            let tx = begin(&db).await;
            let (time, now) = (second(1_000), second(4_600));
            pending_link::forget(&tx, time, now, 100).await.unwrap();
            tx
        }),
        changing("links of a user", |db| async move {
            let tx = begin(&db).await;
            let user = UserId(id(7_000));
            pending_link::delete_of_user(&tx, user).await.unwrap();
            tx
        }),
    ]
}

fn steps() -> Vec<Lookup> {
    vec![
        changing("link that leaves", |db| async move {
            let tx = begin(&db).await;
            let (now, until) = (second(40_000), second(60_000));
            let left = pending_link::leave(&tx, id(44_000), now, until).await;
            assert!(left.unwrap());
            tx
        }),
        changing("link whose account is found", |db| async move {
            let tx = begin(&db).await;
            let found = Found {
                provider: ProviderId(id(3)),
                account: Sealed::new(vec![1]),
                account_hash: Some(bytes(1)),
                browser_hash: bytes(1),
                expires_at: second(44_001),
            };
            let found = pending_link::find(&tx, id(44_001), second(40_000), found).await;
            assert!(found.unwrap());
            tx
        }),
        changing("link that is agreed to", |db| async move {
            let tx = begin(&db).await;
            let (now, code) = (second(40_000), vec![1; 32]);
            let agreed = pending_link::agree(&tx, id(44_006), now, code).await;
            assert!(agreed.unwrap());
            tx
        }),
        changing("link that ends", |db| async move {
            let tx = begin(&db).await;
            let ended = pending_link::end(&tx, id(20_007), Step::Agreed).await;
            assert!(ended.unwrap());
            tx
        }),
    ]
}
