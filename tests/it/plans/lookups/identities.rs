//! Lookups of identities: each key of the filter alone, what callers combine, each order.

use lanyard::database::credential;
use lanyard::database::identity::{self, Filter, Only, OrderBy, Parent, Status};
use lanyard::database::page::Position;
use lanyard::database::reach::Reach;
use lanyard::id::{IdentityId, OrganizationId, ProviderId, UserId};

use super::super::fill::{BIG, EMAIL, EXTERNAL_ID, SMALL, id};
use super::Order::{OfAnIndex, OfFew, OfSome, WholeTable};
use super::{Lookup, Order, begin, filter, hundred, lookup, second, thousand};

/// Of type github, with the external id instance-1 and identities of the odd users.
fn provider() -> ProviderId {
    ProviderId(id(1))
}

fn user(number: u32) -> UserId {
    UserId(id(number))
}

fn filters() -> Vec<(&'static str, Order, Filter)> {
    let text = |text: &str| Some(text.to_owned());
    let account = || Some(vec![EXTERNAL_ID.to_owned()]);
    let accounts = || Some(thousand(|number| format!("account-{number}")));
    let instance = |name: &str| Some(text(name));
    vec![
        ("no filter", WholeTable, Filter::default()),
        (
            "ids",
            OfFew,
            filter(|f: &mut Filter| f.ids = Some(hundred(|n| IdentityId(id(n))))),
        ),
        (
            "userIds",
            OfFew,
            filter(|f: &mut Filter| f.user_ids = Some(hundred(user))),
        ),
        (
            "userId",
            OfAnIndex,
            filter(|f: &mut Filter| f.user_ids = Some(vec![user(777)])),
        ),
        (
            "externalIds",
            OfFew,
            filter(|f: &mut Filter| f.external_ids = accounts()),
        ),
        (
            "externalId",
            OfAnIndex,
            filter(|f: &mut Filter| f.external_ids = account()),
        ),
        (
            "providerId",
            OfAnIndex,
            filter(|f: &mut Filter| f.provider_id = Some(provider())),
        ),
        (
            "providerId, no rows",
            OfAnIndex,
            filter(|f: &mut Filter| f.provider_id = Some(ProviderId(id(1000)))),
        ),
        (
            "providerExternalId",
            OfAnIndex,
            filter(|f: &mut Filter| f.provider_external_id = instance("instance-1")),
        ),
        (
            "providerExternalId, no rows",
            OfAnIndex,
            filter(|f: &mut Filter| f.provider_external_id = instance("instance-1000")),
        ),
        (
            "providerExternalId, no provider",
            OfAnIndex,
            filter(|f: &mut Filter| f.provider_external_id = instance("nowhere")),
        ),
        // Two providers have none: their lists become one.
        (
            "providerExternalId: null",
            OfFew,
            filter(|f: &mut Filter| f.provider_external_id = Some(None)),
        ),
        (
            "providerType",
            OfAnIndex,
            filter(|f: &mut Filter| f.provider_type = text("github")),
        ),
        (
            "providerType, no rows",
            OfAnIndex,
            filter(|f: &mut Filter| f.provider_type = text("oidc")),
        ),
        (
            "status VALID",
            OfAnIndex,
            filter(|f: &mut Filter| f.status = Some(Status::Valid)),
        ),
        (
            "status INVALID",
            OfAnIndex,
            filter(|f: &mut Filter| f.status = Some(Status::Invalid)),
        ),
        (
            "email",
            OfAnIndex,
            filter(|f: &mut Filter| f.email = text(EMAIL)),
        ),
        (
            "isPrimary: true",
            OfAnIndex,
            filter(|f: &mut Filter| f.is_primary = Some(true)),
        ),
        (
            "isPrimary: false",
            OfAnIndex,
            filter(|f: &mut Filter| f.is_primary = Some(false)),
        ),
        (
            "expiringBefore, few",
            OfFew,
            filter(|f: &mut Filter| f.expiring_before = Some(second(800))),
        ),
        // Whatever is near in the list: most fit.
        (
            "expiringBefore, many",
            OfSome,
            filter(|f: &mut Filter| f.expiring_before = Some(second(200_000))),
        ),
        // Whatever is near in the list: two in five users are members.
        (
            "organizationId, many",
            OfSome,
            filter(|f: &mut Filter| f.organization_id = Some(OrganizationId(id(BIG)))),
        ),
        (
            "organizationId, few",
            OfFew,
            filter(|f: &mut Filter| f.organization_id = Some(OrganizationId(id(SMALL)))),
        ),
        // How callers combine keys.
        (
            "providerId, externalId",
            OfFew,
            filter(|f: &mut Filter| {
                f.provider_id = Some(provider());
                f.external_ids = account();
            }),
        ),
        (
            "providerId, externalIds",
            OfFew,
            filter(|f: &mut Filter| {
                f.provider_id = Some(provider());
                f.external_ids = accounts();
            }),
        ),
        (
            "providerId, userId",
            OfFew,
            filter(|f: &mut Filter| {
                f.provider_id = Some(provider());
                f.user_ids = Some(vec![user(777)]);
            }),
        ),
        (
            "externalId, providerType",
            OfFew,
            filter(|f: &mut Filter| {
                f.external_ids = account();
                f.provider_type = text("github");
            }),
        ),
        (
            "externalId, providerType, providerExternalId",
            OfFew,
            filter(|f: &mut Filter| {
                f.external_ids = account();
                f.provider_type = text("github");
                f.provider_external_id = instance("instance-1");
            }),
        ),
        (
            "providerType, providerExternalId",
            OfAnIndex,
            filter(|f: &mut Filter| {
                f.provider_type = text("github");
                f.provider_external_id = instance("instance-1");
            }),
        ),
        (
            "userId, providerType",
            OfAnIndex,
            filter(|f: &mut Filter| {
                f.user_ids = Some(vec![user(777)]);
                f.provider_type = text("github");
            }),
        ),
        (
            "userId, status",
            OfFew,
            filter(|f: &mut Filter| {
                f.user_ids = Some(vec![user(777)]);
                f.status = Some(Status::Valid);
            }),
        ),
    ]
}

pub fn pages() -> Vec<Lookup> {
    let mut all = Vec::new();
    for (name, order, filter) in filters() {
        all.extend(pages_of(
            name,
            order,
            &filter,
            identity::Order::default(),
            &Position::Id(id(500_000)),
        ));
        if !filter.is_empty() {
            all.push(lookup(format!("identity {name}"), order, move |db| {
                let filter = filter.clone();
                async move {
                    identity::first(&db, &filter).await.unwrap();
                }
            }));
        }
    }
    // What people are answered: the same of their own rows.
    for (name, _, filter) in filters() {
        all.extend(pages_of(
            &format!("{name}, of one person"),
            OfSome,
            &filter.within(Reach::User(user(777))),
            identity::Order::default(),
            &Position::Id(id(3_109)),
        ));
    }
    // What a key that is bound to an organization is answered.
    for organization in [BIG, SMALL] {
        let reach = Reach::Organization(OrganizationId(id(organization)));
        for (name, _, filter) in filters() {
            let mut pages = pages_of(
                &format!("{name}, within organization {organization}"),
                OfSome,
                &filter.within(reach),
                identity::Order::default(),
                &Position::Id(id(500_000)),
            );
            for lookup in &mut pages {
                // A row, and whether it is a member's, for each that is passed over.
                lookup.most_rows = 3 * super::FEW;
            }
            all.extend(pages);
        }
    }
    for (by, middle) in [
        (OrderBy::Id, Position::Id(id(500_000))),
        (
            OrderBy::DateAdded,
            Position::Time(second(500_000), id(500_000)),
        ),
        (
            OrderBy::DateVerified,
            Position::Time(second(500_000), id(500)),
        ),
        (
            OrderBy::ExternalId,
            Position::Text("account-5".to_owned(), id(20)),
        ),
    ] {
        for descending in [false, true] {
            let order = identity::Order { by, descending };
            let name = format!("by {by:?}, descending: {descending}");
            all.extend(pages_of(
                &name,
                WholeTable,
                &Filter::default(),
                order,
                &middle,
            ));
            all.extend(pages_of(
                &format!("{name}, of one person"),
                OfSome,
                &Filter::default().within(Reach::User(user(777))),
                order,
                &middle,
            ));
            for organization in [BIG, SMALL] {
                let reach = Reach::Organization(OrganizationId(id(organization)));
                all.extend(pages_of(
                    &format!("{name}, within organization {organization}"),
                    OfSome,
                    &Filter::default().within(reach),
                    order,
                    &middle,
                ));
            }
        }
    }
    all
}

fn pages_of(
    name: &str,
    order: Order,
    filter: &Filter,
    by: identity::Order,
    middle: &Position,
) -> Vec<Lookup> {
    let mut pages = Vec::new();
    for (place, page) in super::pages(middle) {
        let filter = filter.clone();
        pages.push(lookup(
            format!("identities {name}, {place}"),
            order,
            move |db| {
                let (filter, page) = (filter.clone(), page.clone());
                async move {
                    identity::page(&db, &filter, by, &page).await.unwrap();
                }
            },
        ));
    }
    pages
}

pub fn lookups() -> Vec<Lookup> {
    vec![
        lookup("identities by id", OfFew, |db| async move {
            let ids = hundred(|number| IdentityId(id(number)));
            assert_eq!(identity::by_ids(&db, &ids).await.unwrap().len(), 100);
            credential::known_by_identities(&db, &ids).await.unwrap();
        }),
        lookup("what a link reckons with", OfFew, |db| async move {
            let found = identity::around(&db, provider(), EXTERNAL_ID, user(779)).await;
            assert_eq!(found.unwrap().len(), 2);
            identity::by_account(&db, provider(), EXTERNAL_ID)
                .await
                .unwrap();
        }),
        lookup("a user's primary identity", OfFew, |db| async move {
            let tx = begin(&db).await;
            let primary = identity::primary(&tx, provider(), user(777)).await;
            let first = identity::first_linked(&tx, provider(), user(777)).await;
            assert_eq!(primary.unwrap().unwrap(), first.unwrap().unwrap());
            tx.rollback().await.unwrap();
        }),
        lookup("userIdentities", OfAnIndex, |db| async move {
            for exclude in [false, true] {
                let found =
                    identity::of_user_and_type(&db, user(777), "github", exclude, Reach::All, 1001)
                        .await;
                assert_eq!(found.unwrap().len(), 1);
            }
        }),
    ]
}

pub fn nested() -> Vec<Lookup> {
    let users: Vec<Parent> = hundred(|number| Parent::User(user(number)));
    let providers = (0..8).map(|number| Parent::Provider(ProviderId(id(number))));
    let mut all = nested_pages("users", &users, None);
    all.extend(nested_pages("users, of a type", &users, Some("github")));
    all.extend(nested_pages(
        "providers",
        &providers.collect::<Vec<_>>(),
        None,
    ));
    let own: Vec<Parent> = (0..8)
        .map(|number| Parent::Provider(ProviderId(id(number))))
        .collect();
    let only = Only {
        provider_type: None,
        reach: Reach::User(user(777)),
    };
    all.push(lookup(
        "identities of one person at providers",
        OfSome,
        move |db| {
            let (own, only) = (own.clone(), only.clone());
            async move {
                let (_, first) = super::pages(&Position::Id(id(0))).swap_remove(0);
                let pages = identity::pages_of_parents(&db, &own, &only, &first).await;
                let found = pages
                    .unwrap()
                    .iter()
                    .map(|page| page.rows.len())
                    .sum::<usize>();
                assert_eq!(found, 4);
                let counts = identity::counts_of_parents(&db, &own, &only).await;
                assert_eq!(counts.unwrap().iter().sum::<u64>(), 4);
            }
        },
    ));
    for organization in [BIG, SMALL] {
        let only = Only {
            provider_type: None,
            reach: Reach::Organization(OrganizationId(id(organization))),
        };
        let all_providers = (0..8).map(|number| Parent::Provider(ProviderId(id(number))));
        for parents in [users.clone(), all_providers.collect()] {
            for (place, page) in super::pages(&Position::Id(id(300_000))) {
                let (parents, only) = (parents.clone(), only.clone());
                let count = parents.len();
                all.push(lookup(
                    format!("identities of {count} within organization {organization}, {place}"),
                    OfFew,
                    move |db| {
                        let (parents, only, page) = (parents.clone(), only.clone(), page.clone());
                        async move {
                            let pages = identity::pages_of_parents(&db, &parents, &only, &page);
                            assert_eq!(pages.await.unwrap().len(), parents.len());
                        }
                    },
                ));
            }
        }
    }
    all.push(lookup("counts of users", OfAnIndex, move |db| {
        let users = users.clone();
        async move {
            for provider_type in [None, Some("github")] {
                let counts =
                    identity::counts_of_parents(&db, &users, &all_of_type(provider_type)).await;
                assert_eq!(counts.unwrap().len(), 100);
            }
        }
    }));
    all
}

fn all_of_type(provider_type: Option<&str>) -> Only {
    Only {
        provider_type: provider_type.map(str::to_owned),
        reach: Reach::All,
    }
}

fn nested_pages(
    name: &str,
    parents: &[Parent],
    provider_type: Option<&'static str>,
) -> Vec<Lookup> {
    let mut all = Vec::new();
    for (place, page) in super::pages(&Position::Id(id(300_000))) {
        let parents = parents.to_vec();
        all.push(lookup(
            format!("identities of {name}, {place}"),
            OfAnIndex,
            move |db| {
                let (parents, page) = (parents.clone(), page.clone());
                async move {
                    let only = all_of_type(provider_type);
                    let pages = identity::pages_of_parents(&db, &parents, &only, &page).await;
                    assert_eq!(pages.unwrap().len(), parents.len());
                }
            },
        ));
    }
    all
}
