//! Lookups of identity providers.

use lanyard::database::identity_provider::{self, Beside, Filter};
use lanyard::database::page::Position;
use lanyard::database::reach::Reach;
use lanyard::id::{OrganizationId, ProviderId, UserId};

use super::super::fill::{SMALL, id};
use super::Order::{OfFew, OfSome, WholeTable};
use super::{Lookup, Order, filter, hundred, lookup};

fn ids() -> Vec<ProviderId> {
    hundred(|number| ProviderId(id(number / 20)))
}

fn filters() -> Vec<(&'static str, Order, Filter)> {
    let slugs = || Some(vec!["provider-7".to_owned()]);
    let github = || Some("github".to_owned());
    let instance = || Some(Some("instance-1".to_owned()));
    vec![
        ("no filter", WholeTable, Filter::default()),
        ("ids", OfFew, filter(|f: &mut Filter| f.ids = Some(ids()))),
        ("slugs", OfFew, filter(|f: &mut Filter| f.slugs = slugs())),
        (
            "type",
            OfFew,
            filter(|f: &mut Filter| f.provider_type = github()),
        ),
        (
            "externalId",
            OfFew,
            filter(|f: &mut Filter| f.external_id = instance()),
        ),
        (
            "type, externalId",
            OfFew,
            filter(|f: &mut Filter| {
                f.provider_type = github();
                f.external_id = instance();
            }),
        ),
        (
            "organizationId",
            OfFew,
            filter(|f: &mut Filter| f.organization_id = Some(OrganizationId(id(SMALL)))),
        ),
        // Two lists become one.
        (
            "within an organization",
            OfSome,
            Filter::default().within(Reach::Organization(OrganizationId(id(SMALL)))),
        ),
        (
            "of a person",
            OfSome,
            Filter::default().within(Reach::User(UserId(id(SMALL)))),
        ),
        // No server has a million providers: those that don't fit are passed over in order.
        (
            "enabled",
            WholeTable,
            filter(|f: &mut Filter| f.enabled = Some(true)),
        ),
        (
            "allowsSignIn",
            WholeTable,
            filter(|f: &mut Filter| f.allows_sign_in = Some(true)),
        ),
    ]
}

pub fn all() -> Vec<Lookup> {
    let mut all = vec![
        lookup("providers by id", OfFew, |db| async move {
            identity_provider::by_ids(&db, &ids()).await.unwrap();
        }),
        lookup("provider by slug", OfFew, |db| async move {
            let slugs = ["provider-7".to_owned()];
            assert_eq!(
                identity_provider::by_slugs(&db, &slugs)
                    .await
                    .unwrap()
                    .len(),
                1
            );
        }),
        lookup("provider by instance", OfFew, |db| async move {
            let found = identity_provider::by_instance(&db, None, "github", "instance-1").await;
            assert!(found.unwrap().is_some());
        }),
        lookup("provider of a client, by instance", OfFew, |db| async move {
            let lender = ProviderId(id(1));
            let found = identity_provider::borrower(&db, lender, "instance-1").await;
            assert!(found.unwrap().is_none());
        }),
        lookup(
            "providers that a user signs in with",
            OfFew,
            |db| async move {
                let user = UserId(id(777));
                identity_provider::signing_in(&db, user, 20).await.unwrap();
            },
        ),
        lookup("providers that sign people in", OfSome, |db| async move {
            let types = ["oidc".to_owned()];
            for beside in [
                Beside::Nobodys,
                Beside::Organization(OrganizationId(id(SMALL))),
                Beside::OrganizationsOf(UserId(id(SMALL))),
            ] {
                let found =
                    identity_provider::enabled_of_types(&db, &types, true, beside, 100).await;
                assert_eq!(found.unwrap().len(), 100);
            }
        }),
        lookup("borrowers of a client", OfFew, |db| async move {
            assert_eq!(
                identity_provider::borrowers(&db, ProviderId(id(0)))
                    .await
                    .unwrap(),
                20
            );
        }),
    ];
    for (name, order, filter) in filters() {
        for (place, page) in super::pages(&Position::Id(id(10_000))) {
            let filter = filter.clone();
            all.push(lookup(
                format!("providers {name}, {place}"),
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
