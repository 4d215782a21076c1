//! Lookups of integrations, and of what organizations have of them.

use lanyard::database::organization_integration::{self as share, Filter, Parent, Service};
use lanyard::database::page::Position;
use lanyard::database::reach::Reach;
use lanyard::database::status::ObjectStatus;
use lanyard::database::{auth_identity, integration, session};
use lanyard::id::{
    IdentityId, IntegrationId, OrganizationId, OrganizationIntegrationId, ProviderId, UserId,
};

use super::super::fill::{
    INTEGRATION_OF_MANY, ORGANIZATION_OF_MANY_INTEGRATIONS, SHARED_ACCOUNT, id,
};
use super::Order::{OfAnIndex, OfFew, WholeTable};
use super::{Lookup, Order, begin, filter, hundred, lookup};

/// It has half of all that is installed.
fn big() -> OrganizationId {
    OrganizationId(id(ORGANIZATION_OF_MANY_INTEGRATIONS))
}

fn small() -> OrganizationId {
    OrganizationId(id(777))
}

fn service(number: u32) -> Service {
    Service {
        organization_id: big(),
        provider: "github".to_owned(),
        external_id: format!("installation-{number}"),
    }
}

fn filters() -> Vec<(&'static str, Order, Filter)> {
    let text = |text: &str| Some(text.to_owned());
    let of = |set: &dyn Fn(&mut Filter)| filter(|f: &mut Filter| set(f));
    vec![
        ("no filter", WholeTable, Filter::default()),
        (
            "organizationId, big",
            OfAnIndex,
            of(&|f| f.organization_id = Some(big())),
        ),
        (
            "organizationId, small",
            OfAnIndex,
            of(&|f| f.organization_id = Some(small())),
        ),
        (
            "integrationId",
            OfAnIndex,
            of(&|f| f.integration_id = Some(IntegrationId(id(7)))),
        ),
        (
            "integrationId, of many",
            OfAnIndex,
            of(&|f| f.integration_id = Some(IntegrationId(id(INTEGRATION_OF_MANY)))),
        ),
        ("provider", OfAnIndex, of(&|f| f.provider = text("gitlab"))),
        (
            "provider, no rows",
            OfAnIndex,
            of(&|f| f.provider = text("nothing")),
        ),
        (
            "externalId",
            OfAnIndex,
            of(&|f| f.external_id = text("installation-777")),
        ),
        (
            "status ACTIVE",
            OfAnIndex,
            of(&|f| f.status = Some(ObjectStatus::Active)),
        ),
        (
            "status DISABLED",
            OfAnIndex,
            of(&|f| f.status = Some(ObjectStatus::Disabled)),
        ),
        (
            "defaultIdentityId",
            OfAnIndex,
            of(&|f| f.default_identity_id = Some(IdentityId(id(400)))),
        ),
        (
            "defaultIdentityId, of many",
            OfAnIndex,
            of(&|f| f.default_identity_id = Some(IdentityId(id(SHARED_ACCOUNT)))),
        ),
        (
            "organizationId, provider",
            OfAnIndex,
            of(&|f| {
                f.organization_id = Some(big());
                f.provider = text("slack");
            }),
        ),
        (
            "provider, externalId",
            OfAnIndex,
            of(&|f| {
                f.provider = text("github");
                f.external_id = Some(format!("installation-{}", INTEGRATION_OF_MANY / 4));
            }),
        ),
        (
            "organizationId, provider, externalId",
            OfFew,
            of(&|f| {
                f.organization_id = Some(big());
                f.provider = text("github");
                f.external_id = text("installation-777");
            }),
        ),
        (
            "organizationId, integrationId",
            OfFew,
            of(&|f| {
                f.organization_id = Some(big());
                f.integration_id = Some(IntegrationId(id(7)));
            }),
        ),
    ]
}

pub fn all() -> Vec<Lookup> {
    let mut all = lookups();
    for (name, order, filter) in filters() {
        for (place, page) in super::pages(&Position::Id(id(100_000))) {
            let filter = filter.clone();
            all.push(lookup(
                format!("organization integrations {name}, {place}"),
                order,
                move |db| {
                    let (filter, page) = (filter.clone(), page.clone());
                    async move {
                        share::page(&db, &filter, &page).await.unwrap();
                    }
                },
            ));
        }
    }
    all.extend(nested());
    all.extend(locks());
    all
}

fn lookups() -> Vec<Lookup> {
    vec![
        lookup("integrations by id", OfFew, |db| async move {
            let ids = hundred(|number| IntegrationId(id(number / 10)));
            assert_eq!(integration::by_ids(&db, &ids).await.unwrap().len(), 100);
            let ids = hundred(|number| OrganizationIntegrationId(id(number / 10 * 2)));
            assert_eq!(share::by_ids(&db, &ids).await.unwrap().len(), 100);
        }),
        lookup("integration by service", OfFew, |db| async move {
            let found = integration::by_service(&db, "github", "installation-777").await;
            let found = found.unwrap().unwrap();
            let pair = share::by_pair(&db, big(), found.id).await.unwrap();
            assert!(pair.is_some());
            let organizations = share::organizations_of(&db, found.id, 2).await.unwrap();
            assert_eq!(organizations.len(), 2);
        }),
        lookup("whom integrations act as", OfFew, |db| async move {
            let ids = hundred(|number| OrganizationIntegrationId(id(number / 4 * 2)));
            assert_eq!(share::acting_by_ids(&db, &ids).await.unwrap().len(), 100);
            let one = [service(777)];
            assert_eq!(share::acting_by_services(&db, &one).await.unwrap().len(), 1);
            let many: Vec<_> = (0..200).map(|number| service(number * 50)).collect();
            let found = share::acting_by_services(&db, &many).await.unwrap();
            assert_eq!(found.len(), 200);
        }),
        lookup("what else rests on an account", OfFew, |db| async move {
            let opened = session::of_identities(&db, &[IdentityId(id(777))]).await;
            assert_eq!(opened.unwrap().len(), 1);
            let (user, provider) = (UserId(id(777)), ProviderId(id(7)));
            assert!(!auth_identity::is_at(&db, user, provider).await.unwrap());
        }),
        lookup("whether anything acts as", OfAnIndex, |db| async move {
            for but in [None, Some(small())] {
                let account = IdentityId(id(SHARED_ACCOUNT));
                assert!(share::is_acted_as(&db, account, but).await.unwrap());
                let other = IdentityId(id(400));
                share::is_acted_as(&db, other, but).await.unwrap();
            }
        }),
    ]
}

/// What acts as an account, and what is locked.
fn locks() -> Vec<Lookup> {
    // Of the user of that number.
    const ACCOUNT: u32 = 1600;
    const USER: u32 = 400;
    vec![
        lookup("how many act as an account", OfFew, |db| async move {
            for (account, expected) in [(ACCOUNT, 1), (SHARED_ACCOUNT, 4_000)] {
                let found = share::acting_as(&db, IdentityId(id(account))).await;
                assert_eq!(found.unwrap(), expected);
            }
        }),
        lookup(
            "integrations that act as an account",
            OfFew,
            |db| async move {
                let tx = begin(&db).await;
                let account = IdentityId(id(ACCOUNT));
                let found = share::acting_as_locked(&tx, account, 1_000).await;
                assert_eq!(found.unwrap().len(), 1);
                tx.rollback().await.unwrap();
            },
        ),
        lookup(
            "integrations that act as a member",
            OfFew,
            |db| async move {
                let tx = begin(&db).await;
                let found =
                    share::acting_as_member_locked(&tx, big(), UserId(id(USER)), 1_000).await;
                assert_eq!(found.unwrap().len(), 1);
                tx.rollback().await.unwrap();
            },
        ),
        lookup("what an installation locks", OfFew, |db| async move {
            let tx = begin(&db).await;
            let found = integration::by_service_locked(&tx, "github", "installation-777").await;
            let found = found.unwrap().unwrap();
            let pair = share::by_pair_locked(&tx, big(), found.id).await;
            let pair = pair.unwrap().unwrap();
            assert!(share::locked(&tx, pair.id).await.unwrap().is_some());
            tx.rollback().await.unwrap();
        }),
    ]
}

fn nested() -> Vec<Lookup> {
    let organizations = || (0..100).map(|number| Parent::Organization(OrganizationId(id(number))));
    let integrations = || {
        let many = Parent::Integration(IntegrationId(id(INTEGRATION_OF_MANY)));
        (0..99)
            .map(|number| Parent::Integration(IntegrationId(id(number))))
            .chain([many])
    };
    let identities = || {
        let many = Parent::Identity(IdentityId(id(SHARED_ACCOUNT)));
        (0..99)
            .map(|number| Parent::Identity(IdentityId(id(number))))
            .chain([many])
    };
    let mut all = Vec::new();
    for (name, parents) in [
        ("organizations", organizations().collect::<Vec<_>>()),
        ("integrations", integrations().collect()),
        ("identities", identities().collect()),
    ] {
        for reach in [Reach::All, Reach::Organization(small())] {
            for (place, page) in super::pages(&Position::Id(id(100_000))) {
                let parents = parents.clone();
                let order = match reach {
                    Reach::All => OfAnIndex,
                    Reach::User(_) | Reach::Organization(_) => OfFew,
                };
                all.push(lookup(
                    format!("organization integrations of {name}, {place}, {reach:?}"),
                    order,
                    move |db| {
                        let (parents, page) = (parents.clone(), page.clone());
                        async move {
                            let pages = share::pages_of_parents(&db, &parents, reach, &page);
                            assert_eq!(pages.await.unwrap().len(), 100);
                        }
                    },
                ));
            }
        }
        // The first organization has half of all, and to count those the table may be read whole.
        let counted: Vec<Parent> = parents.iter().skip(1).cloned().collect();
        let mut counts = lookup(
            format!("counts of organization integrations of {name}"),
            OfFew,
            move |db| {
                let counted = counted.clone();
                async move {
                    let counts = share::counts_of_parents(&db, &counted, Reach::All).await;
                    assert_eq!(counts.unwrap().len(), 99);
                }
            },
        );
        counts.most_rows = 100_000;
        all.push(counts);
    }
    all
}
