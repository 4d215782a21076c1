//! Whoever changes the stored log past Lanyard is found out, at the place of the change.

use lanyard::database::event::{self, seal};
use rstest::rstest;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::json;

use super::seen::Seen;
use crate::support::app::{App, Db};

/// What is done to the log, and which checks fail for it, saying what.
struct Tampering {
    sql: &'static str,
    fails: &'static [(&'static str, &'static str)],
}

/// Each begins with the log as it was. There, the event of sequence 5 has the number 5.
const TAMPERINGS: &[Tampering] = &[
    // An event that was changed, removed, or made such that it can't be read.
    Tampering {
        sql: "UPDATE event SET actor_name = 'nobody' WHERE number = 5",
        fails: &[("audit_chain", "the chain breaks at sequence 5: event_")],
    },
    Tampering {
        sql: "UPDATE event SET before_json = '{}' WHERE number = 5",
        fails: &[("audit_chain", "the chain breaks at sequence 5: event_")],
    },
    Tampering {
        sql: "UPDATE event SET after_json = '{' WHERE number = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the event of the number 5 was changed: it can't be \
             read",
        )],
    },
    Tampering {
        sql: "DELETE FROM event WHERE number = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the event was removed (its seal names the number 5)",
        )],
    },
    // A seal that was removed in the middle, at the beginning, with its event, with the gap
    // closed.
    Tampering {
        sql: "DELETE FROM event_seal WHERE sequence = 5",
        fails: &[
            (
                "audit_chain",
                "the chain breaks at sequence 5: its seal was removed",
            ),
            ("audit_events", "event.number 5."),
        ],
    },
    Tampering {
        sql: "DELETE FROM event_seal WHERE sequence = 1",
        fails: &[
            (
                "audit_chain",
                "the chain breaks at sequence 1: its seal was removed",
            ),
            ("audit_events", "event.number 1."),
        ],
    },
    Tampering {
        sql: "DELETE FROM event WHERE number = 5; DELETE FROM event_seal WHERE sequence = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: its seal was removed",
        )],
    },
    Tampering {
        sql: "DELETE FROM event WHERE number = 5; DELETE FROM event_seal WHERE sequence = 5;
              UPDATE event_seal SET sequence = -(sequence - 1) WHERE sequence > 5;
              UPDATE event_seal SET sequence = -sequence WHERE sequence < 0",
        fails: &[(
            "audit_chain",
            "or its hash was changed, or the one before it was removed",
        )],
    },
    Tampering {
        sql: "UPDATE event_seal SET sequence = 0 WHERE sequence = 1",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 0: there is a seal in front of the first",
        )],
    },
    // The last seals without their events; see below for both.
    Tampering {
        sql: "DELETE FROM event_seal WHERE sequence > 7",
        fails: &[("audit_events", "event.number 8, 9")],
    },
    // A seal that was changed: its hash, its event, each of its copies.
    Tampering {
        sql: "UPDATE event_seal SET hash = (SELECT hash FROM event_seal WHERE sequence = 4)
              WHERE sequence = 5",
        fails: &[("audit_chain", "the chain breaks at sequence 5: event_")],
    },
    Tampering {
        sql: "UPDATE event_seal SET event_number = -1 WHERE sequence = 5;
              UPDATE event_seal SET event_number = 5 WHERE sequence = 6;
              UPDATE event_seal SET event_number = 6 WHERE sequence = 5",
        fails: &[("audit_chain", "the chain breaks at sequence 5: event_")],
    },
    Tampering {
        sql: "UPDATE event_seal SET at = '2020-01-01 00:00:00+00:00' WHERE sequence = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the copy of at in the seal of event_",
        )],
    },
    Tampering {
        sql: "UPDATE event_seal SET action = 'user.updated ' WHERE sequence = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the copy of action ",
        )],
    },
    Tampering {
        sql: "UPDATE event_seal SET actor_id = NULL WHERE sequence = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the copy of actor_id ",
        )],
    },
    Tampering {
        sql: "UPDATE event_seal SET target_id = NULL WHERE sequence = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the copy of target_id ",
        )],
    },
    Tampering {
        sql: "UPDATE event_seal SET user_id = 'user_1' WHERE sequence = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the copy of user_id ",
        )],
    },
    Tampering {
        sql: "UPDATE event_seal SET organization_id = '' WHERE sequence = 5",
        fails: &[(
            "audit_chain",
            "the chain breaks at sequence 5: the copy of organization_id ",
        )],
    },
    // An event that was put in without a seal, as one is that was taken from the queue.
    Tampering {
        sql: "INSERT INTO event (id, at, action, actor_kind, actor_name)
              SELECT id, date_added, 'user.updated', 'SERVER', 'nobody' FROM api_key LIMIT 1",
        fails: &[(
            "audit_events",
            "not sealed and not waiting for it (the seal was removed, or the place in the queue, \
             or Lanyard has not written the event): event.number ",
        )],
    },
    // One that was removed while it waited, and one that is put before the sealer again.
    Tampering {
        sql: "INSERT INTO event_unsealed (number) VALUES (4711)",
        fails: &[(
            "audit_events",
            "waiting for a seal, and removed: event_unsealed.number 4711",
        )],
    },
    Tampering {
        sql: "INSERT INTO event_unsealed (number) VALUES (5)",
        fails: &[(
            "audit_events",
            "sealed, and waiting for another seal, which stops the sealer: event_unsealed.number 5",
        )],
    },
];

#[rstest]
#[tokio::test]
async fn every_change_of_the_log_is_found_at_its_place(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    write_some(&app).await;
    let healthy = Seen::of_app(&app, &[]).await;
    healthy.is_healthy();
    let kept = "CREATE TABLE kept_event AS SELECT * FROM event;
                CREATE TABLE kept_seal AS SELECT * FROM event_seal";
    app.execute(kept).await;
    for tampering in TAMPERINGS {
        app.execute(tampering.sql).await;
        let seen = Seen::of_app(&app, &[]).await;
        eprintln!("{}", tampering.sql);
        seen.fails(tampering.fails);
        assert_eq!(seen.head(), None, "nobody notes the head of such a log");
        put_back(&app, on).await;
    }
    let seen = Seen::of_app(&app, &[]).await;
    seen.is_healthy();
    assert_eq!(seen.head(), healthy.head());
}

#[rstest]
#[tokio::test]
async fn many_events_without_a_seal_are_counted_not_listed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    write_some(&app).await;
    app.execute("DELETE FROM event_seal WHERE sequence > 1")
        .await;
    let seen = Seen::of_app(&app, &[]).await;
    seen.fails(&[("audit_events", "event.number 2, 3, 4, 5, 6 and 3 more")]);
}

#[rstest]
#[tokio::test]
async fn a_log_that_lost_its_end_is_told_by_a_head_that_was_noted(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    write_some(&app).await;
    let healthy = Seen::of_app(&app, &[]).await;
    let noted = healthy.head().unwrap();
    let (sequence, _) = noted.split_once(':').unwrap();
    let with_head = ["--head", noted];
    let seen = Seen::of_app(&app, &with_head).await;
    seen.is_healthy();
    assert_eq!(
        seen.message("audit_head"),
        format!("{sequence} is in the chain as it was noted")
    );
    // It stays so while the chain grows.
    app.user("late").await;
    app.all_sealed().await;
    let grown = Seen::of_app(&app, &with_head).await;
    grown.is_healthy();
    assert_ne!(grown.head(), healthy.head());

    // Without the head such a log looks whole.
    app.execute(
        "DELETE FROM event WHERE number IN
            (SELECT event_number FROM event_seal WHERE sequence > 7);
         DELETE FROM event_seal WHERE sequence > 7",
    )
    .await;
    let seen = Seen::of_app(&app, &[]).await;
    seen.is_healthy();
    assert!(seen.head().unwrap().starts_with("7:"), "{seen:?}");
    let seen = Seen::of_app(&app, &with_head).await;
    let ends = format!("the chain ends before sequence {sequence}: its end was cut off");
    seen.fails(&[("audit_head", &ends)]);
    assert_eq!(seen.head(), None);

    app.execute("DELETE FROM event; DELETE FROM event_seal")
        .await;
    let seen = Seen::of_app(&app, &with_head).await;
    seen.fails(&[("audit_head", &ends)]);
    assert_eq!(seen.message("audit_chain"), "nothing is sealed yet");
}

#[rstest]
#[tokio::test]
async fn a_chain_that_the_server_wrote_anew_is_told_by_a_head_that_was_noted(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    write_some(&app).await;
    let healthy = Seen::of_app(&app, &[]).await;
    let noted = healthy.head().unwrap();
    // The sealer takes what stands in the queue.
    app.execute(
        "UPDATE event SET actor_name = 'nobody' WHERE number = 5;
         DELETE FROM event_seal WHERE sequence >= 5;
         INSERT INTO event_unsealed (number) SELECT number FROM event WHERE number >= 5",
    )
    .await;
    app.all_sealed().await;
    let seen = Seen::of_app(&app, &[]).await;
    seen.is_healthy();
    assert_ne!(seen.head(), Some(noted));
    let seen = Seen::of_app(&app, &["--head", noted]).await;
    let (sequence, _) = noted.split_once(':').unwrap();
    let stands = format!("another hash stands at sequence {sequence}: the chain was written anew");
    seen.fails(&[("audit_head", &stands)]);
}

#[rstest]
#[tokio::test]
async fn a_head_behind_the_break_is_not_reached_one_before_it_holds(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    write_some(&app).await;
    let head_of = |seal: &seal::Model| {
        let hash = data_encoding::HEXLOWER.encode(&seal.hash);
        format!("{}:{hash}", seal.sequence)
    };
    let seals = seals(&app).await;
    app.execute("DELETE FROM event WHERE number = 5").await;
    let breaks = ("audit_chain", "the chain breaks at sequence 5");
    let seen = Seen::of_app(&app, &["--head", &head_of(&seals[3])]).await;
    seen.fails(&[breaks]);
    assert_eq!(
        seen.message("audit_head"),
        "4 is in the chain as it was noted"
    );
    let seen = Seen::of_app(&app, &["--head", &head_of(&seals[4])]).await;
    seen.fails(&[breaks, ("audit_head", "sequence 5 was not reached")]);
}

/// Nine events, all sealed, in the order of their numbers.
async fn write_some(app: &App) {
    let (jane, joe, provider) = (
        app.user("jane").await,
        app.user("joe").await,
        app.provider("crm").await,
    );
    for (user, external_id) in [(&jane, "1"), (&joe, "2")] {
        app.linked(&provider, user, external_id).await;
    }
    let moved = json!({ "providerId": provider, "userId": jane, "externalId": "3", "onConflict": "UPDATE_IN_PLACE" });
    app.link(moved).await.data();
    for name in ["one", "two"] {
        app.key(name, &["user:act_as"]).await;
    }
    app.all_sealed().await;
    let order: Vec<(i64, i64)> = seals(app)
        .await
        .iter()
        .map(|seal| (seal.sequence, seal.event_number))
        .collect();
    let expected: Vec<(i64, i64)> = (1..=9).map(|number| (number, number)).collect();
    assert_eq!(order, expected, "nobody else writes here");
}

async fn seals(app: &App) -> Vec<seal::Model> {
    seal::Entity::find()
        .order_by_asc(seal::Column::Sequence)
        .all(app.database.reader())
        .await
        .unwrap()
}

/// The log as it was kept.
async fn put_back(app: &App, on: Db) {
    let with_number = match on {
        Db::Sqlite => "",
        Db::Postgres => "OVERRIDING SYSTEM VALUE",
    };
    app.execute(&format!(
        "DELETE FROM event_unsealed; DELETE FROM event_seal; DELETE FROM event;
         INSERT INTO event {with_number} SELECT * FROM kept_event;
         INSERT INTO event_seal SELECT * FROM kept_seal"
    ))
    .await;
    assert!(!event::any_unsealed(app.database.reader()).await.unwrap());
}
