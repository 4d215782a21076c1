//! Every lookup that Lanyard makes, with values that find something among many.

use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::database::identity::{self, OrderBy, Parent};
use lanyard::database::page::{Page, Position, Towards};
use lanyard::database::{api_key, credential, event, identity_provider, user};
use lanyard::id::{ApiKeyId, EventId, IdentityId, ProviderId, UserId};
use sea_orm::DatabaseConnection;

use super::fill::{EMAIL, ENTITY_REF, EXTERNAL_ID, id};

type Run = Box<dyn Fn(DatabaseConnection) -> Pin<Box<dyn Future<Output = ()>>>>;

pub struct Lookup {
    pub name: String,
    pub order: Order,
    /// Rows that it may read, on PostgreSQL, which counts them.
    pub most_rows: u64,
    pub run: Run,
}

/// How the rows come to their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they stand in an index that has been entered at a value.
    OfAnIndex,
    /// As they stand in an index, from one of its ends: nothing is filtered by it.
    WholeTable,
    /// They are few, whatever the table's size, and sorted.
    OfFew,
}

/// What a lookup may read that answers with a page of 100 and looks at a thousand values.
const FEW: u64 = 2_500;

fn lookup<F>(
    name: impl Into<String>,
    order: Order,
    run: impl Fn(DatabaseConnection) -> F + 'static,
) -> Lookup
where
    F: Future<Output = ()> + 'static,
{
    Lookup {
        name: name.into(),
        order,
        most_rows: FEW,
        run: Box::new(move |db| Box::pin(run(db))),
    }
}

pub fn all() -> Vec<Lookup> {
    let mut all = identity_pages();
    all.extend(identity_lookups());
    all.extend(nested_identities());
    all.extend(users());
    all.extend(providers());
    all.extend(keys_and_events());
    all
}

fn second(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::seconds(number)
}

fn user_id(number: u32) -> UserId {
    UserId(id(number))
}

fn hundred<T>(make: impl Fn(u32) -> T) -> Vec<T> {
    (0..100).map(|number| make(number * 2_001)).collect()
}

/// Pages at the list's two ends and in its middle, both ways.
fn pages(middle: Position) -> Vec<(&'static str, Page)> {
    let page = |towards, from: Option<&Position>| Page {
        limit: 100,
        towards,
        from: from.cloned(),
    };
    vec![
        ("first", page(Towards::End, None)),
        ("after", page(Towards::End, Some(&middle))),
        ("last", page(Towards::Start, None)),
        ("before", page(Towards::Start, Some(&middle))),
    ]
}

fn identity_filters() -> Vec<(&'static str, Order, identity::Filter)> {
    let none = identity::Filter::default;
    let one = || Some(vec![EXTERNAL_ID.to_owned()]);
    let (github, instance) = (Some("github".to_owned()), "instance-1".to_owned());
    let github_instance = ProviderId(id(1));
    vec![
        ("no filter", Order::WholeTable, none()),
        (
            "ids",
            Order::OfFew,
            identity::Filter {
                ids: Some(hundred(|number| IdentityId(id(number)))),
                ..none()
            },
        ),
        (
            "userIds",
            Order::OfFew,
            identity::Filter {
                user_ids: Some(hundred(user_id)),
                ..none()
            },
        ),
        (
            "userId",
            Order::OfAnIndex,
            identity::Filter {
                user_ids: Some(vec![user_id(777)]),
                ..none()
            },
        ),
        (
            "externalIds",
            Order::OfFew,
            identity::Filter {
                external_ids: Some(hundred(|number| format!("account-{number}"))),
                ..none()
            },
        ),
        (
            "externalId",
            Order::OfAnIndex,
            identity::Filter {
                external_ids: one(),
                ..none()
            },
        ),
        (
            "providerId",
            Order::OfAnIndex,
            identity::Filter {
                provider_id: Some(github_instance),
                ..none()
            },
        ),
        (
            "providerExternalId",
            Order::OfAnIndex,
            identity::Filter {
                provider_external_id: Some(Some(instance.clone())),
                ..none()
            },
        ),
        (
            "providerExternalId without identities",
            Order::OfAnIndex,
            identity::Filter {
                provider_external_id: Some(Some("instance-1000".to_owned())),
                ..none()
            },
        ),
        (
            "providerExternalId of none",
            Order::OfFew,
            identity::Filter {
                provider_external_id: Some(None),
                ..none()
            },
        ),
        (
            "providerType",
            Order::OfAnIndex,
            identity::Filter {
                provider_type: github.clone(),
                ..none()
            },
        ),
        (
            "providerType without identities",
            Order::OfAnIndex,
            identity::Filter {
                provider_type: Some("oidc".to_owned()),
                ..none()
            },
        ),
        (
            "status VALID",
            Order::OfAnIndex,
            identity::Filter {
                status: Some(identity::Status::Valid),
                ..none()
            },
        ),
        (
            "status INVALID",
            Order::OfAnIndex,
            identity::Filter {
                status: Some(identity::Status::Invalid),
                ..none()
            },
        ),
        (
            "email",
            Order::OfAnIndex,
            identity::Filter {
                email: Some(EMAIL.to_owned()),
                ..none()
            },
        ),
        (
            "isPrimary",
            Order::OfAnIndex,
            identity::Filter {
                is_primary: Some(true),
                ..none()
            },
        ),
        (
            "isPrimary: false",
            Order::OfAnIndex,
            identity::Filter {
                is_primary: Some(false),
                ..none()
            },
        ),
        (
            "expiringBefore",
            Order::OfFew,
            identity::Filter {
                expiring_before: Some(second(800)),
                ..none()
            },
        ),
        // How callers combine keys.
        (
            "providerId, externalId",
            Order::OfFew,
            identity::Filter {
                provider_id: Some(github_instance),
                external_ids: one(),
                ..none()
            },
        ),
        (
            "providerId, userId",
            Order::OfFew,
            identity::Filter {
                provider_id: Some(github_instance),
                user_ids: Some(vec![user_id(777)]),
                ..none()
            },
        ),
        (
            "externalId, providerType",
            Order::OfFew,
            identity::Filter {
                external_ids: one(),
                provider_type: github.clone(),
                ..none()
            },
        ),
        (
            "externalId, providerType, providerExternalId",
            Order::OfFew,
            identity::Filter {
                external_ids: one(),
                provider_type: github.clone(),
                provider_external_id: Some(Some(instance.clone())),
                ..none()
            },
        ),
        (
            "providerType, providerExternalId",
            Order::OfAnIndex,
            identity::Filter {
                provider_type: github.clone(),
                provider_external_id: Some(Some(instance)),
                ..none()
            },
        ),
        (
            "userId, providerType",
            Order::OfAnIndex,
            identity::Filter {
                user_ids: Some(vec![user_id(777)]),
                provider_type: github,
                ..none()
            },
        ),
        (
            "userId, status",
            Order::OfFew,
            identity::Filter {
                user_ids: Some(vec![user_id(777)]),
                status: Some(identity::Status::Valid),
                ..none()
            },
        ),
    ]
}

fn identity_pages() -> Vec<Lookup> {
    let mut all = Vec::new();
    for (name, order, filter) in identity_filters() {
        for (place, page) in pages(Position::Id(id(500_000))) {
            let filter = filter.clone();
            let by_id = identity::Order::default();
            all.push(lookup(
                format!("identities {name} {place}"),
                order,
                move |db| {
                    let (filter, page) = (filter.clone(), page.clone());
                    async move {
                        identity::page(&db, &filter, by_id, &page).await.unwrap();
                    }
                },
            ));
        }
        if !filter.is_empty() {
            all.push(lookup(format!("identity {name}"), order, move |db| {
                let filter = filter.clone();
                async move {
                    identity::first(&db, &filter).await.unwrap();
                }
            }));
        }
    }
    for (by, middle) in [
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
        (OrderBy::Id, Position::Id(id(500_000))),
    ] {
        for descending in [false, true] {
            for (place, page) in pages(middle.clone()) {
                let order = identity::Order { by, descending };
                let name = format!("identities by {by:?}, descending: {descending}, {place}");
                all.push(lookup(name, Order::WholeTable, move |db| {
                    let page = page.clone();
                    async move {
                        let all = identity::Filter::default();
                        identity::page(&db, &all, order, &page).await.unwrap();
                    }
                }));
            }
        }
    }
    all
}

fn identity_lookups() -> Vec<Lookup> {
    vec![
        lookup("identities by id", Order::OfFew, |db| async move {
            let ids = hundred(|number| IdentityId(id(number)));
            assert_eq!(identity::by_ids(&db, &ids).await.unwrap().len(), 100);
            credential::known_by_identities(&db, &ids).await.unwrap();
        }),
        lookup("what a link reckons with", Order::OfFew, |db| async move {
            let provider = ProviderId(id(1));
            let found = identity::around(&db, provider, EXTERNAL_ID, user_id(779)).await;
            assert_eq!(found.unwrap().len(), 2);
        }),
        lookup("userIdentities", Order::OfAnIndex, |db| async move {
            for exclude in [false, true] {
                let found =
                    identity::of_user_and_type(&db, user_id(777), "github", exclude, 1001).await;
                assert_eq!(found.unwrap().len(), 1);
            }
        }),
    ]
}

fn nested_identities() -> Vec<Lookup> {
    let users: Vec<Parent> = hundred(|number| Parent::User(user_id(number)));
    let providers: Vec<Parent> = (0..8)
        .map(|n| Parent::Provider(ProviderId(id(n))))
        .collect();
    let mut all = Vec::new();
    for (whose, parents) in [("users", users.clone()), ("providers", providers)] {
        for provider_type in [None, Some("github")] {
            // A type is fixed for a provider, so nobody asks for it there.
            if whose == "providers" && provider_type.is_some() {
                continue;
            }
            for (place, page) in pages(Position::Id(id(300_000))) {
                let name = format!("identities of {whose}, type {provider_type:?}, {place}");
                let parents = parents.clone();
                all.push(lookup(name, Order::OfAnIndex, move |db| {
                    let (parents, page) = (parents.clone(), page.clone());
                    async move {
                        let pages =
                            identity::pages_of_parents(&db, &parents, provider_type, &page).await;
                        assert_eq!(pages.unwrap().len(), parents.len());
                    }
                }));
            }
        }
    }
    all.push(lookup("counts of users", Order::OfAnIndex, move |db| {
        let users = users.clone();
        async move {
            for provider_type in [None, Some("github")] {
                let counts = identity::counts_of_parents(&db, &users, provider_type).await;
                assert_eq!(counts.unwrap().len(), 100);
            }
        }
    }));
    all
}

fn users() -> Vec<Lookup> {
    let none = user::Filter::default;
    let refs = || {
        (0..1000)
            .map(|number| format!("user:default/person{number}"))
            .collect()
    };
    let filters = [
        ("no filter", Order::WholeTable, none()),
        (
            "ids",
            Order::OfFew,
            user::Filter {
                ids: Some(hundred(user_id)),
                ..none()
            },
        ),
        (
            "entityRefs",
            Order::OfFew,
            user::Filter {
                entity_refs: Some(refs()),
                ..none()
            },
        ),
        (
            "email",
            Order::OfAnIndex,
            user::Filter {
                email: Some(EMAIL.to_owned()),
                ..none()
            },
        ),
        (
            "status ACTIVE",
            Order::OfAnIndex,
            user::Filter {
                status: Some(user::Status::Active),
                ..none()
            },
        ),
        (
            "status DISABLED",
            Order::OfAnIndex,
            user::Filter {
                status: Some(user::Status::Disabled),
                ..none()
            },
        ),
        (
            "status MERGED",
            Order::OfAnIndex,
            user::Filter {
                status: Some(user::Status::Merged),
                ..none()
            },
        ),
    ];
    let mut all = vec![
        lookup("users by id", Order::OfFew, |db| async move {
            assert_eq!(
                user::by_ids(&db, &hundred(user_id)).await.unwrap().len(),
                100
            );
        }),
        lookup("user by reference", Order::OfFew, |db| async move {
            let refs = [ENTITY_REF.to_owned()];
            assert_eq!(user::by_entity_refs(&db, &refs).await.unwrap().len(), 1);
        }),
        lookup(
            "user by e-mail address",
            Order::OfAnIndex,
            |db| async move {
                assert_eq!(user::by_email(&db, EMAIL).await.unwrap().len(), 1);
            },
        ),
    ];
    for (name, order, filter) in filters {
        for (place, page) in pages(Position::Id(id(125_000))) {
            let filter = filter.clone();
            all.push(lookup(format!("users {name} {place}"), order, move |db| {
                let (filter, page) = (filter.clone(), page.clone());
                async move {
                    user::page(&db, &filter, &page).await.unwrap();
                }
            }));
        }
    }
    all
}

fn providers() -> Vec<Lookup> {
    use identity_provider::Filter;
    let none = Filter::default;
    let instance = Some(Some("instance-1".to_owned()));
    let filters = [
        ("no filter", Order::WholeTable, none()),
        (
            "ids",
            Order::OfFew,
            Filter {
                ids: Some(hundred(|n| ProviderId(id(n / 20)))),
                ..none()
            },
        ),
        (
            "slugs",
            Order::OfFew,
            Filter {
                slugs: Some(vec!["provider-7".to_owned()]),
                ..none()
            },
        ),
        (
            "type",
            Order::OfFew,
            Filter {
                provider_type: Some("github".to_owned()),
                ..none()
            },
        ),
        (
            "externalId",
            Order::OfFew,
            Filter {
                external_id: instance.clone(),
                ..none()
            },
        ),
        (
            "type, externalId",
            Order::OfFew,
            Filter {
                provider_type: Some("github".to_owned()),
                external_id: instance,
                ..none()
            },
        ),
        // Few are excluded, and a server has no million providers: they are passed over in order.
        (
            "enabled",
            Order::WholeTable,
            Filter {
                enabled: Some(true),
                ..none()
            },
        ),
        (
            "allowsSignIn",
            Order::WholeTable,
            Filter {
                allows_sign_in: Some(true),
                ..none()
            },
        ),
    ];
    let mut all = vec![
        lookup("providers by id", Order::OfFew, |db| async move {
            let ids = hundred(|number| ProviderId(id(number / 20)));
            identity_provider::by_ids(&db, &ids).await.unwrap();
        }),
        lookup("provider by slug", Order::OfFew, |db| async move {
            let slugs = ["provider-7".to_owned()];
            assert_eq!(
                identity_provider::by_slugs(&db, &slugs)
                    .await
                    .unwrap()
                    .len(),
                1
            );
        }),
        lookup("provider by instance", Order::OfFew, |db| async move {
            let found = identity_provider::by_instance(&db, "github", "instance-1").await;
            assert!(found.unwrap().is_some());
        }),
        lookup("borrowers of a client", Order::OfFew, |db| async move {
            assert_eq!(
                identity_provider::borrowers(&db, ProviderId(id(0)))
                    .await
                    .unwrap(),
                20
            );
        }),
    ];
    for (name, order, filter) in filters {
        for (place, page) in pages(Position::Id(id(10_000))) {
            let filter = filter.clone();
            all.push(lookup(
                format!("providers {name} {place}"),
                order,
                move |db| {
                    let (filter, page) = (filter.clone(), page.clone());
                    async move {
                        identity_provider::page(&db, &filter, &page).await.unwrap();
                    }
                },
            ));
        }
    }
    all
}

fn keys_and_events() -> Vec<Lookup> {
    let mut all = vec![
        lookup("API keys by id", Order::OfFew, |db| async move {
            let ids = hundred(|number| ApiKeyId(id(number / 20)));
            api_key::by_ids(&db, &ids).await.unwrap();
        }),
        lookup("API key by hash", Order::OfFew, |db| async move {
            let mut hash = vec![0; 32];
            hash[31] = 7;
            assert_eq!(api_key::by_hashes(&db, &[hash]).await.unwrap().len(), 1);
        }),
        lookup("events by id", Order::OfFew, |db| async move {
            let ids = hundred(|number| EventId(id(number / 2)));
            event::by_ids(&db, &ids).await.unwrap();
        }),
        lookup("the last seal", Order::WholeTable, |db| async move {
            assert!(event::last_seal(&db).await.unwrap().is_some());
        }),
    ];
    for (place, page) in pages(Position::Id(id(10_000))) {
        all.push(lookup(
            format!("API keys {place}"),
            Order::WholeTable,
            move |db| {
                let page = page.clone();
                async move {
                    api_key::page(&db, &page).await.unwrap();
                }
            },
        ));
    }
    let none = event::Filter::default;
    let actions = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    for (name, order, filter) in [
        ("no filter", Order::WholeTable, none()),
        (
            "actorId",
            Order::OfAnIndex,
            event::Filter {
                actor_id: Some("api_key_7".to_owned()),
                ..none()
            },
        ),
        (
            "one action",
            Order::OfAnIndex,
            event::Filter {
                actions: actions(&["identity.linked"]),
                ..none()
            },
        ),
        (
            "an action that never was",
            Order::OfAnIndex,
            event::Filter {
                actions: actions(&["api_key.revoked"]),
                ..none()
            },
        ),
        (
            "two actions",
            Order::OfFew,
            event::Filter {
                actions: actions(&["identity.linked", "user.created"]),
                ..none()
            },
        ),
        (
            "targetId",
            Order::OfAnIndex,
            event::Filter {
                target_id: Some("identity_7".to_owned()),
                ..none()
            },
        ),
        (
            "userId",
            Order::OfAnIndex,
            event::Filter {
                user_id: Some("user_7".to_owned()),
                ..none()
            },
        ),
        (
            "since",
            Order::OfFew,
            event::Filter {
                since: Some(second(199_000)),
                ..none()
            },
        ),
        (
            "until",
            Order::OfFew,
            event::Filter {
                until: Some(second(1_000)),
                ..none()
            },
        ),
        (
            "since, until",
            Order::OfFew,
            event::Filter {
                since: Some(second(100_000)),
                until: Some(second(101_000)),
                ..none()
            },
        ),
    ] {
        for (place, page) in pages(Position::Sequence(100_000)) {
            let filter = filter.clone();
            all.push(lookup(format!("events {name} {place}"), order, move |db| {
                let (filter, page) = (filter.clone(), page.clone());
                async move {
                    event::page(&db, &filter, &page).await.unwrap();
                }
            }));
        }
    }
    all
}
