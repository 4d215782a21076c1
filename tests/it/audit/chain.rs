//! The seals: one dense order and one chain of hashes, which a change of the past breaks.

use hmac::{Hmac, KeyInit, Mac};
use lanyard::clock::Clock;
use lanyard::database::event::{self, seal};
use lanyard::vault::{KeyRing, MasterKey, ServerSecret, Vault};
use rstest::rstest;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::json;
use sha2::Sha256;

use crate::support::app::{App, Db};

/// Sequence, event and stored hash, in the order of the chain.
pub type Sealed = Vec<(seal::Model, Option<event::Model>)>;

#[rstest]
#[tokio::test]
async fn the_stored_hashes_are_the_chain_of_the_stored_events(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    write_some(&app).await;
    let (key, sealed) = (chain_key(&app).await, sealed(&app).await);
    assert!(sealed.len() >= 12, "{}", sealed.len());
    assert_eq!(broken_at(&key, &sealed), None);
    // The key is what makes it: without the right one nothing fits.
    assert_eq!(broken_at(b"another key", &sealed), Some(1));
    // Clients see the same.
    let query = "{ auditEvents(first: 100) { nodes { id sequence hash } } }";
    let data = app.ask(query).data().await;
    let shown: Vec<_> = sealed
        .iter()
        .map(|(seal, event)| {
            json!({
                "id": event.as_ref().unwrap().id.to_string(),
                "sequence": seal.sequence.to_string(),
                "hash": data_encoding::HEXLOWER.encode(&seal.hash),
            })
        })
        .collect();
    assert_eq!(data["auditEvents"]["nodes"], json!(shown));
}

#[rstest]
#[tokio::test]
async fn a_changed_event_breaks_the_chain(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    write_some(&app).await;
    let key = chain_key(&app).await;
    assert_eq!(
        sealed(&app).await[4].0.event_number,
        5,
        "nobody else writes here"
    );
    // Every column, but the number that the seal itself refers to.
    for (column, to) in [
        ("id", "(SELECT id FROM api_key LIMIT 1)"),
        ("at", "(SELECT MAX(at) FROM event)"),
        ("action", "'user.updated '"),
        ("actor_kind", "'SERVER'"),
        ("actor_id", "NULL"),
        ("actor_name", "'nobody'"),
        ("on_behalf_of_id", "'user_1'"),
        ("on_behalf_of_name", "''"),
        ("target_id", "NULL"),
        ("user_id", "'user_1'"),
        ("organization_id", "''"),
        ("before_json", "'{\"status\": \"ACTIVE\"}'"),
        ("after_json", "NULL"),
        ("request_id", "'another'"),
    ] {
        app.execute("CREATE TABLE kept AS SELECT * FROM event WHERE number = 5")
            .await;
        app.execute(&format!(
            "UPDATE event SET {column} = {to} WHERE number = 5"
        ))
        .await;
        let sealed = sealed(&app).await;
        let changed = sealed
            .iter()
            .find(|(seal, _)| seal.event_number == 5)
            .unwrap()
            .0
            .sequence;
        assert_eq!(broken_at(&key, &sealed), Some(changed), "{column}");
        let restore =
            format!("UPDATE event SET {column} = (SELECT {column} FROM kept) WHERE number = 5");
        app.execute(&restore).await;
        app.execute("DROP TABLE kept").await;
        assert_eq!(broken_at(&key, &self::sealed(&app).await), None, "put back");
    }
}

#[rstest]
#[tokio::test]
async fn a_removed_moved_or_forged_event_breaks_the_chain(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(
        // The event alone; its seal alone; both; both, with the gap closed.
        &["DELETE FROM event WHERE number = 5"],
        &["DELETE FROM event_seal WHERE event_number = 5"],
        &["DELETE FROM event WHERE number = 5", "DELETE FROM event_seal WHERE event_number = 5"],
        &[
            "DELETE FROM event_seal WHERE event_number = 5",
            "UPDATE event_seal SET sequence = -(sequence - 1) WHERE sequence > 5",
            "UPDATE event_seal SET sequence = -sequence WHERE sequence < 0",
        ],
        // Two in each other's places, with their hashes and without.
        &[
            "UPDATE event_seal SET event_number = -1 WHERE event_number = 5",
            "UPDATE event_seal SET event_number = 5 WHERE event_number = 6",
            "UPDATE event_seal SET event_number = 6 WHERE event_number = -1",
        ],
        &[
            "UPDATE event_seal SET sequence = -1 WHERE sequence = 5",
            "UPDATE event_seal SET sequence = 5 WHERE sequence = 6",
            "UPDATE event_seal SET sequence = 6 WHERE sequence = -1",
        ],
        // The hash of one behind another.
        &["UPDATE event_seal SET hash = (SELECT hash FROM event_seal WHERE sequence = 4) WHERE sequence = 5"]
    )]
    changes: &[&str],
) {
    let app = App::start(on).await;
    write_some(&app).await;
    let key = chain_key(&app).await;
    assert_eq!(
        sealed(&app).await[4].0.event_number,
        5,
        "nobody else writes here"
    );
    for change in changes {
        app.execute(change).await;
    }
    let broken = broken_at(&key, &sealed(&app).await);
    assert_eq!(broken, Some(5));
}

#[rstest]
#[tokio::test]
async fn servers_beside_each_other_seal_every_event_once(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    const EACH: usize = 25;
    let app = App::start(on).await;
    let beside = app.start_beside().await;
    let key = app
        .key("other", &["directory:write", "directory:read"])
        .await;
    let write = |server, name: &'static str, writer: usize| {
        let key = &key;
        async move {
            for n in 0..EACH {
                let entity_ref = format!("user:default/{name}-{writer}-{n}");
                let app: &App = server;
                app.ask("mutation($ref: EntityRef!) { upsertUser(input: { entityRef: $ref }) { user { id } } }")
                    .variables(json!({ "ref": entity_ref }))
                    .by(key)
                    .data()
                    .await;
            }
        }
    };
    tokio::join!(
        write(&app, "here", 0),
        write(&app, "here", 1),
        write(&app, "here", 2),
        write(&beside, "there", 0),
        write(&beside, "there", 1),
        write(&beside, "there", 2),
    );
    app.all_sealed().await;
    let sealed = sealed(&app).await;
    let numbers = event::Entity::find()
        .order_by_asc(event::Column::Number)
        .all(app.database.reader())
        .await
        .unwrap();
    assert_eq!(sealed.len(), numbers.len());
    let mut of_seals: Vec<i64> = sealed.iter().map(|(seal, _)| seal.event_number).collect();
    of_seals.sort_unstable();
    assert_eq!(
        of_seals,
        numbers.iter().map(|event| event.number).collect::<Vec<_>>()
    );
    let created = sealed
        .iter()
        .filter(|(seal, _)| seal.action == "user.created")
        .count();
    assert_eq!(created, 6 * EACH);
    assert_eq!(broken_at(&chain_key(&app).await, &sealed), None);
    let query = "{ auditEvents(last: 100) { totalCount nodes { sequence hash id } } }";
    assert_eq!(app.ask(query).data().await, beside.ask(query).data().await);
}

/// Events of all kinds that there are.
async fn write_some(app: &App) {
    let (jane, joe, provider) = (
        app.user("jane").await,
        app.user("joe").await,
        app.provider("crm").await,
    );
    for external_id in ["1", "2", "3"] {
        let input = json!({
            "providerId": provider, "userId": jane, "externalId": external_id, "onConflict": "UPDATE_IN_PLACE",
            "data": { "float": 0.1, "big": 1e300, "text": "é\u{1f600}\"\\", "nested": [[{ "a": null }]] },
        });
        app.link(input).await.data();
    }
    for user in [&joe, &jane] {
        let input = json!({ "providerId": provider, "userId": user, "externalId": "3", "onConflict": "REATTACH" });
        app.link(input).await.data();
    }
    let key = app.key("spare", &["user:act_as"]).await;
    let id = app.key_id(&key).await;
    app.ask("mutation($id: ID!) { revokeApiKey(id: $id) { deletedId } }")
        .variables(json!({ "id": id }))
        .data()
        .await;
    app.all_sealed().await;
}

/// The key of the chain, out of the database by the master key of the tests.
pub async fn chain_key(app: &App) -> Vec<u8> {
    let vault = Vault::new(
        KeyRing::new(MasterKey::new([1; 32]), Vec::new()),
        Clock::default(),
    );
    vault
        .server_secret(&app.database, ServerSecret::EventChain)
        .await
        .unwrap()
        .to_vec()
}

pub async fn sealed(app: &App) -> Sealed {
    let db = app.database.reader();
    let seals = seal::Entity::find()
        .order_by_asc(seal::Column::Sequence)
        .all(db)
        .await
        .unwrap();
    let events = event::Entity::find().all(db).await.unwrap();
    let event = |number| events.iter().find(|event| event.number == number).cloned();
    seals
        .into_iter()
        .map(|seal| {
            let event = event(seal.event_number);
            (seal, event)
        })
        .collect()
}

/// Goes through the chain as an auditor would; the first place at which it does not hold. What
/// is hashed is written down a second time here: events that were sealed must stay verifiable.
pub fn broken_at(key: &[u8], sealed: &Sealed) -> Option<i64> {
    let mut previous: Vec<u8> = Vec::new();
    let mut last_at = None;
    for (expected, (seal, event)) in (1..).zip(sealed) {
        let holds = event.as_ref().is_some_and(|event| {
            // The time of a seal never falls.
            let at = last_at.map_or(event.at, |last| event.at.max(last));
            let copies = (
                &seal.at,
                &seal.action,
                &seal.actor_id,
                &seal.target_id,
                &seal.user_id,
                &seal.organization_id,
            );
            let own = (
                &at,
                &event.action,
                &event.actor_id,
                &event.target_id,
                &event.user_id,
                &event.organization_id,
            );
            seal.sequence == expected && copies == own && seal.hash == hash(key, &previous, event)
        });
        if !holds {
            return Some(expected);
        }
        previous.clone_from(&seal.hash);
        last_at = Some(seal.at);
    }
    None
}

fn hash(key: &[u8], previous: &[u8], event: &event::Model) -> Vec<u8> {
    let json = |json: &Option<lanyard::database::json::Json>| {
        json.as_ref().map(|json| json.0.to_string().into_bytes())
    };
    let text = |text: &Option<String>| text.clone().map(String::into_bytes);
    let parts = [
        Some(previous.to_vec()),
        Some(event.id.0.as_bytes().to_vec()),
        Some(event.at.timestamp_micros().to_be_bytes().to_vec()),
        Some(event.action.clone().into_bytes()),
        Some(event.actor_kind.clone().into_bytes()),
        Some(event.actor_name.clone().into_bytes()),
        text(&event.actor_id),
        text(&event.on_behalf_of_id),
        text(&event.on_behalf_of_name),
        text(&event.target_id),
        text(&event.user_id),
        text(&event.organization_id),
        text(&event.request_id),
        json(&event.before_json),
        json(&event.after_json),
    ];
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        match part {
            None => mac.update(&[0]),
            Some(bytes) => {
                mac.update(&[1]);
                mac.update(&(bytes.len() as u64).to_be_bytes());
                mac.update(&bytes);
            }
        }
    }
    mac.finalize().into_bytes().to_vec()
}
