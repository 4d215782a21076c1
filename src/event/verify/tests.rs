//! The walk over a chain that is made here: no database.

use chrono::TimeDelta;

use super::*;
use crate::clock::Clock;

const KEY: &[u8] = b"key of the chain";

fn event(clock: &Clock, number: i64) -> Model {
    Model {
        number,
        id: EventId::new(clock),
        at: clock.now(),
        action: "user.created".to_owned(),
        actor_kind: "API_KEY".to_owned(),
        actor_id: Some("api_key_1".to_owned()),
        actor_name: "tests".to_owned(),
        on_behalf_of_id: None,
        on_behalf_of_name: None,
        target_id: Some("user_1".to_owned()),
        user_id: None,
        organization_id: None,
        before_json: None,
        after_json: None,
        request_id: None,
    }
}

/// A chain of five, sealed in another order than they were numbered.
fn chain_of_five() -> Vec<Link> {
    let clock = Clock::default();
    let mut previous = Vec::new();
    (1..)
        .zip([11, 13, 12, 15, 20])
        .map(|(sequence, number)| {
            clock.advance(TimeDelta::seconds(1));
            let event = event(&clock, number);
            previous = chain::hash(KEY, &previous, &event);
            Link {
                sequence,
                seal: Some(seal::Model {
                    sequence,
                    event_number: number,
                    hash: previous.clone(),
                    at: event.at,
                    action: event.action.clone(),
                    actor_id: event.actor_id.clone(),
                    target_id: event.target_id.clone(),
                    user_id: event.user_id.clone(),
                    organization_id: event.organization_id.clone(),
                }),
                event: Found::Event(Box::new(event)),
            }
        })
        .collect()
}

fn walk(links: &[Link], noted: Option<&Head>) -> Verified {
    let mut walk = Walk::new(KEY, noted);
    let broken = links.iter().find_map(|link| walk.step(link).err());
    walk.end(broken)
}

fn head(link: &Link) -> Head {
    Head {
        sequence: link.sequence,
        hash: seal_of(link).hash.clone(),
    }
}

fn seal_of(link: &Link) -> &seal::Model {
    link.seal.as_ref().unwrap()
}

fn event_of(link: &Link) -> &Model {
    match &link.event {
        Found::Event(event) => event,
        Found::Unreadable | Found::Nothing => panic!("the event is there"),
    }
}

/// Changes the third link; where and why the chain breaks then.
fn broken_by(change: impl FnOnce(&mut Link)) -> Option<Break> {
    let mut links = chain_of_five();
    change(&mut links[2]);
    walk(&links, None).broken
}

fn at_three(fault: Fault) -> Break {
    Break { sequence: 3, fault }
}

#[test]
fn a_whole_chain_has_its_last_seal_for_a_head() {
    let links = chain_of_five();
    let expected = Verified {
        head: Some(head(&links[4])),
        broken: None,
        noted: None,
    };
    assert_eq!(walk(&links, None), expected);
    let empty = Verified {
        head: None,
        broken: None,
        noted: None,
    };
    assert_eq!(walk(&[], None), empty);
}

#[test]
fn what_cannot_be_read_or_is_gone_is_told_apart() {
    let changed = broken_by(|link| link.seal = None);
    assert_eq!(changed, Some(at_three(Fault::UnreadableSeal)));
    let changed = broken_by(|link| link.event = Found::Unreadable);
    assert_eq!(changed, Some(at_three(Fault::UnreadableEvent(12))));
    let changed = broken_by(|link| link.event = Found::Nothing);
    assert_eq!(changed, Some(at_three(Fault::NoEvent(12))));
}

#[test]
fn a_seal_that_is_missing_is_missed_at_its_own_place() {
    let mut links = chain_of_five();
    links.remove(2);
    assert_eq!(walk(&links, None).broken, Some(at_three(Fault::NoSeal)));
    let mut links = chain_of_five();
    links.remove(0);
    let first = Break {
        sequence: 1,
        fault: Fault::NoSeal,
    };
    assert_eq!(walk(&links, None).broken, Some(first));
    // With the gap closed the next one does not fit.
    let mut links = chain_of_five();
    links.remove(2);
    for (sequence, link) in (1..).zip(&mut links) {
        link.sequence = sequence;
    }
    let next = event_of(&links[2]).id;
    assert_eq!(walk(&links, None).broken, Some(at_three(Fault::Hash(next))));
}

#[test]
fn a_seal_in_front_of_the_first_is_none_of_ours() {
    let mut links = chain_of_five();
    let mut extra = links[0].clone();
    extra.sequence = 0;
    links.insert(0, extra);
    let expected = Break {
        sequence: 0,
        fault: Fault::BeforeTheFirst,
    };
    assert_eq!(walk(&links, None).broken, Some(expected));
}

#[test]
fn another_event_hash_or_key_breaks_the_chain() {
    let id = |links: &[Link], index: usize| event_of(&links[index]).id;
    let mut links = chain_of_five();
    let mut event = event_of(&links[2]).clone();
    event.actor_name = "nobody".to_owned();
    links[2].event = Found::Event(Box::new(event));
    let expected = Some(at_three(Fault::Hash(id(&links, 2))));
    assert_eq!(walk(&links, None).broken, expected);

    let mut links = chain_of_five();
    let mut seal = seal_of(&links[2]).clone();
    seal.hash.reverse();
    links[2].seal = Some(seal);
    let expected = Some(at_three(Fault::Hash(id(&links, 2))));
    assert_eq!(walk(&links, None).broken, expected);

    let links = chain_of_five();
    let broken = Walk::new(b"another key", None).step(&links[0]).unwrap_err();
    assert_eq!(broken.sequence, 1);
    assert_eq!(broken.fault, Fault::Hash(id(&links, 0)));
}

#[test]
fn every_copy_in_a_seal_is_compared() {
    type Change = fn(&mut seal::Model);
    let changes: [(&str, Change); 7] = [
        ("at", |seal| seal.at += TimeDelta::microseconds(1)),
        ("at", |seal| seal.at -= TimeDelta::microseconds(1)),
        ("action", |seal| seal.action.clear()),
        ("actor_id", |seal| seal.actor_id = None),
        ("target_id", |seal| seal.target_id = None),
        ("user_id", |seal| seal.user_id = Some(String::new())),
        ("organization_id", |seal| {
            seal.organization_id = Some(String::new());
        }),
    ];
    for (column, change) in changes {
        let mut links = chain_of_five();
        change(links[2].seal.as_mut().unwrap());
        let event = event_of(&links[2]).id;
        let expected = Some(at_three(Fault::Copy { event, column }));
        assert_eq!(walk(&links, None).broken, expected, "{column}");
    }
}

#[test]
fn the_time_of_a_seal_may_be_the_one_before_where_the_event_is_older() {
    let with_time_before = |older: bool| {
        let mut links = chain_of_five();
        let before = seal_of(&links[3]).at;
        let mut event = event_of(&links[4]).clone();
        if older {
            event.at = before - TimeDelta::seconds(1);
        }
        let mut seal = seal_of(&links[4]).clone();
        seal.hash = chain::hash(KEY, &seal_of(&links[3]).hash, &event);
        seal.at = before;
        links[4].seal = Some(seal);
        links[4].event = Found::Event(Box::new(event));
        walk(&links, None).broken
    };
    assert_eq!(with_time_before(true), None);
    assert!(with_time_before(false).is_some());
}

#[test]
fn a_noted_head_is_looked_for_at_its_place() {
    let links = chain_of_five();
    for noted in [head(&links[0]), head(&links[2]), head(&links[4])] {
        assert_eq!(walk(&links, Some(&noted)).noted, Some(Noted::Holds));
    }
    let mut other = head(&links[2]);
    other.hash.reverse();
    assert_eq!(walk(&links, Some(&other)).noted, Some(Noted::Rewritten));
    let last = head(&links[4]);
    let noted = |links: &[Link]| walk(links, Some(&last)).noted;
    assert_eq!(noted(&links[..4]), Some(Noted::CutOff));
    assert_eq!(noted(&[]), Some(Noted::CutOff));
    let mut broken = links.clone();
    broken[2].event = Found::Nothing;
    assert_eq!(noted(&broken), Some(Noted::NotReached));
    let early = head(&links[1]);
    assert_eq!(walk(&broken, Some(&early)).noted, Some(Noted::Holds));
}

#[test]
fn strays_are_told_apart_once_each_and_not_without_end() {
    let standing = |number, written, sealed, waiting| Standing {
        number,
        written,
        sealed,
        waiting,
    };
    let mut stray = Stray::default();
    for row in [
        standing(1, true, true, false),
        standing(2, true, false, true),
        standing(3, true, false, false),
        standing(4, true, true, true),
        standing(4, true, true, true),
        standing(5, false, false, true),
        standing(6, true, false, false),
        standing(7, true, false, false),
        standing(8, false, true, true),
    ] {
        stray.sort_in(row, 2);
    }
    let expected = Stray {
        forgotten: vec![3, 6],
        removed: vec![5],
        waiting_again: vec![4, 8],
    };
    assert_eq!(stray, expected);
}
