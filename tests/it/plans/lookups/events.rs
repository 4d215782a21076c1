//! Lookups of API keys, and of the audit log.

use lanyard::database::api_key;
use lanyard::database::event::{self, Filter};
use lanyard::database::page::Position;
use lanyard::database::reach::Reach;
use lanyard::id::{ApiKeyId, EventId, OrganizationId};

use super::super::fill::{SMALL, id};
use super::Order::{OfAnIndex, OfFew, OfSome, WholeTable};
use super::{Lookup, Order, filter, hundred, lookup, second};

fn filters() -> Vec<(&'static str, Order, Filter)> {
    let text = |text: &str| Some(text.to_owned());
    let actions = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    vec![
        ("no filter", WholeTable, Filter::default()),
        (
            "actorId",
            OfAnIndex,
            filter(|f: &mut Filter| f.actor_id = text("api_key_7")),
        ),
        (
            "targetId",
            OfAnIndex,
            filter(|f: &mut Filter| f.target_id = text("identity_7")),
        ),
        (
            "userId",
            OfAnIndex,
            filter(|f: &mut Filter| f.user_id = text("user_7")),
        ),
        (
            "organizationId, many",
            OfAnIndex,
            filter(|f: &mut Filter| f.organization_id = text("organization_0")),
        ),
        (
            "organizationId, few",
            OfAnIndex,
            filter(|f: &mut Filter| f.organization_id = text("organization_777")),
        ),
        (
            "an action",
            OfAnIndex,
            filter(|f: &mut Filter| f.actions = actions(&["identity.linked"])),
        ),
        (
            "an action, no rows",
            OfAnIndex,
            filter(|f: &mut Filter| f.actions = actions(&["api_key.revoked"])),
        ),
        // The lists of all three become one.
        (
            "actions",
            OfFew,
            filter(|f: &mut Filter| {
                f.actions = actions(&["identity.linked", "user.created", "api_key.revoked"]);
            }),
        ),
        // Times and the log's order are almost the same, and the databases don't know it.
        (
            "since",
            OfSome,
            filter(|f: &mut Filter| f.since = Some(second(199_000))),
        ),
        (
            "until",
            OfSome,
            filter(|f: &mut Filter| f.until = Some(second(1_000))),
        ),
        (
            "since, until",
            OfSome,
            filter(|f: &mut Filter| {
                f.since = Some(second(100_000));
                f.until = Some(second(101_000));
            }),
        ),
    ]
}

pub fn all() -> Vec<Lookup> {
    let mut all = vec![
        lookup("API keys by id", OfFew, |db| async move {
            let ids = hundred(|number| ApiKeyId(id(number / 20)));
            api_key::by_ids(&db, &ids).await.unwrap();
        }),
        lookup("API key by hash", OfFew, |db| async move {
            let mut hash = vec![0; 32];
            hash[31] = 7;
            assert_eq!(api_key::by_hashes(&db, &[hash]).await.unwrap().len(), 1);
        }),
        lookup("events by id", OfFew, |db| async move {
            let ids = hundred(|number| EventId(id(number / 2)));
            assert_eq!(event::by_ids(&db, &ids).await.unwrap().len(), 100);
        }),
        lookup("the last seal", WholeTable, |db| async move {
            assert!(event::last_seal(&db).await.unwrap().is_some());
        }),
    ];
    for (place, page) in super::pages(&Position::Id(id(10_000))) {
        all.push(lookup(
            format!("API keys, {place}"),
            WholeTable,
            move |db| {
                let page = page.clone();
                async move {
                    api_key::page(&db, Reach::All, &page).await.unwrap();
                }
            },
        ));
    }
    for (place, page) in super::pages(&Position::Id(id(10_000))) {
        all.push(lookup(
            format!("API keys of an organization, {place}"),
            OfAnIndex,
            move |db| {
                let page = page.clone();
                async move {
                    let reach = Reach::Organization(OrganizationId(id(SMALL)));
                    api_key::page(&db, reach, &page).await.unwrap();
                }
            },
        ));
    }
    // What a key that is bound to an organization is answered.
    let within_one = |organization: &'static str| {
        filters().into_iter().map(move |(name, _, filter)| {
            let filter = Filter {
                organization_id: Some(organization.to_owned()),
                ..filter
            };
            (format!("{name}, within {organization}"), OfSome, filter)
        })
    };
    let alone = filters()
        .into_iter()
        .map(|(name, order, filter)| (name.to_owned(), order, filter));
    let all_filters = alone
        .chain(within_one("organization_0"))
        .chain(within_one("organization_777"));
    for (name, order, filter) in all_filters {
        for (place, page) in super::pages(&Position::Sequence(100_000)) {
            let filter = filter.clone();
            let mut lookup = lookup(format!("events {name}, {place}"), order, move |db| {
                let (filter, page) = (filter.clone(), page.clone());
                async move {
                    event::page(&db, &filter, &page).await.unwrap();
                }
            });
            if order == OfSome {
                // As many as there are: it runs under the statement's deadline.
                lookup.most_rows = 200_500;
            }
            all.push(lookup);
        }
    }
    all
}
