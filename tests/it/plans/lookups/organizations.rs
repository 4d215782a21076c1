//! Lookups of organizations, and of who is in them.

use lanyard::database::page::Position;
use lanyard::database::reach::Reach;
use lanyard::database::{organization, organization_member};
use lanyard::id::{OrganizationId, UserId};

use super::super::fill::{BIG, SMALL, id};
use super::Order::{OfAnIndex, OfFew, WholeTable};
use super::{Lookup, hundred, lookup};

fn organizations() -> Vec<OrganizationId> {
    hundred(|number| OrganizationId(id(1 + number / 50)))
}

pub fn all() -> Vec<Lookup> {
    let mut all = vec![
        lookup("organizations by id and slug", OfFew, |db| async move {
            let ids = [OrganizationId(id(SMALL))];
            assert_eq!(organization::by_ids(&db, &ids).await.unwrap().len(), 1);
            let slugs = [format!("organization-{SMALL}")];
            assert_eq!(organization::by_slugs(&db, &slugs).await.unwrap().len(), 1);
        }),
        lookup("domains of organizations", OfFew, |db| async move {
            let ids = [BIG, SMALL].map(|number| OrganizationId(id(number)));
            assert_eq!(organization::domains_of(&db, &ids).await.unwrap().len(), 2);
        }),
        lookup("owners of domains", OfFew, |db| async move {
            let domains = [format!("organization-{SMALL}.example"), "none".to_owned()];
            let found = organization::owners_of(&db, &domains).await;
            assert_eq!(found.unwrap().len(), 1);
        }),
        lookup("whether a user is a member", OfFew, |db| async move {
            for organization in [BIG, SMALL] {
                let organization = OrganizationId(id(organization));
                // The first member of any but the big one is the user before its number.
                let user = UserId(id(SMALL - 1));
                let found = organization_member::is_member(&db, organization, user).await;
                assert_eq!(found.unwrap(), organization.0 == id(SMALL));
            }
        }),
        lookup("memberships of pairs", OfFew, |db| async move {
            let pairs: Vec<_> = [BIG, SMALL]
                .into_iter()
                .flat_map(|organization| {
                    hundred(move |number| (OrganizationId(id(organization)), UserId(id(number))))
                })
                .collect();
            organization_member::which(&db, &pairs).await.unwrap();
        }),
        lookup("few members", OfAnIndex, |db| async move {
            for (organization, are_few) in [(BIG, false), (SMALL, true)] {
                let organization = OrganizationId(id(organization));
                let found = organization_member::few(&db, organization).await;
                assert_eq!(found.unwrap().is_some(), are_few);
            }
        }),
        lookup("counts of members", OfFew, |db| async move {
            let counts = organization_member::counts(&db, &organizations()).await;
            assert_eq!(counts.unwrap().len(), 100);
        }),
        lookup("organizations of users", OfFew, |db| async move {
            let users = hundred(|number| UserId(id(number)));
            let found = organization_member::of_users(&db, &users, 1001).await;
            assert!(found.unwrap().len() > 10);
        }),
    ];
    for (place, page) in super::pages(&Position::Id(id(2_500))) {
        for (name, order, reach) in [
            ("organizations", WholeTable, Reach::All),
            (
                "organizations of a person",
                OfFew,
                Reach::User(UserId(id(SMALL))),
            ),
        ] {
            let page = page.clone();
            all.push(lookup(format!("{name}, {place}"), order, move |db| {
                let page = page.clone();
                async move {
                    organization::page(&db, reach, &page).await.unwrap();
                }
            }));
        }
    }
    for (place, page) in super::pages(&Position::Id(id(125_000))) {
        let name = format!("members of organizations, {place}");
        all.push(lookup(name, OfAnIndex, move |db| {
            let page = page.clone();
            async move {
                let mut organizations = organizations();
                organizations.push(OrganizationId(id(BIG)));
                let pages = organization_member::pages(&db, &organizations, None, &page).await;
                assert_eq!(pages.unwrap().len(), 101);
            }
        }));
    }
    all
}
