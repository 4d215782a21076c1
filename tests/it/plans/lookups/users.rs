//! Lookups of users.

use lanyard::database::page::Position;
use lanyard::database::reach::Reach;
use lanyard::database::user::{self, Filter, Status};
use lanyard::id::{OrganizationId, UserId};

use super::super::fill::{BIG, EMAIL, ENTITY_REF, SMALL, id};
use super::Order::{OfAnIndex, OfFew, WholeTable};
use super::{Lookup, Order, filter, hundred, lookup, thousand};

fn filters() -> Vec<(&'static str, Order, Filter)> {
    let refs = || thousand(|number| format!("user:default/person{number}"));
    let status = |status| filter(|f: &mut Filter| f.status = Some(status));
    vec![
        ("no filter", WholeTable, Filter::default()),
        (
            "ids",
            OfFew,
            filter(|f: &mut Filter| f.ids = Some(hundred(|n| UserId(id(n))))),
        ),
        (
            "entityRefs",
            OfFew,
            filter(|f: &mut Filter| f.entity_refs = Some(refs())),
        ),
        (
            "email",
            OfAnIndex,
            filter(|f: &mut Filter| f.email = Some(EMAIL.to_owned())),
        ),
        ("status ACTIVE", OfAnIndex, status(Status::Active)),
        ("status DISABLED", OfAnIndex, status(Status::Disabled)),
        ("status MERGED", OfAnIndex, status(Status::Merged)),
        (
            "organizationId, many",
            OfAnIndex,
            filter(|f: &mut Filter| f.organization_id = Some(OrganizationId(id(BIG)))),
        ),
        (
            "organizationId, few",
            OfAnIndex,
            filter(|f: &mut Filter| f.organization_id = Some(OrganizationId(id(SMALL)))),
        ),
    ]
}

pub fn all() -> Vec<Lookup> {
    let mut all = vec![
        lookup("users by id", OfFew, |db| async move {
            let ids = hundred(|number| UserId(id(number)));
            assert_eq!(user::by_ids(&db, &ids).await.unwrap().len(), 100);
        }),
        lookup("user by reference", OfFew, |db| async move {
            let refs = [ENTITY_REF.to_owned()];
            assert_eq!(user::by_entity_refs(&db, &refs).await.unwrap().len(), 1);
        }),
        lookup("user by e-mail address", OfAnIndex, |db| async move {
            assert_eq!(
                user::by_email(&db, EMAIL, Reach::All).await.unwrap().len(),
                1
            );
            let exact = user::by_exact_email(&db, EMAIL, None).await.unwrap();
            assert_eq!(exact.len(), 1);
            let own = Reach::User(UserId(id(777)));
            assert_eq!(user::by_email(&db, EMAIL, own).await.unwrap().len(), 1);
            for organization in [BIG, SMALL] {
                let organization = OrganizationId(id(organization));
                let reach = Reach::Organization(organization);
                user::by_email(&db, EMAIL, reach).await.unwrap();
                let among = Some(organization);
                user::by_exact_email(&db, EMAIL, among).await.unwrap();
            }
        }),
    ];
    // What a key that is bound to an organization is answered.
    for organization in [BIG, SMALL] {
        let reach = Reach::Organization(OrganizationId(id(organization)));
        let others = filters()
            .into_iter()
            .filter(|(_, _, filter)| filter.organization_id.is_none());
        for (name, _, filter) in others {
            for (place, page) in super::pages(&Position::Id(id(125_000))) {
                let filter = filter.clone().within(reach);
                let name = format!("users {name}, {place}, within organization {organization}");
                let mut lookup = lookup(name, OfFew, move |db| {
                    let (filter, page) = (filter.clone(), page.clone());
                    async move {
                        user::page(&db, &filter, &page).await.unwrap();
                    }
                });
                // One in a hundred members is disabled, and nobody was merged: each is asked for.
                lookup.most_rows = 220_000;
                all.push(lookup);
            }
        }
    }
    for (name, order, filter) in filters() {
        for (place, page) in super::pages(&Position::Id(id(125_000))) {
            let filter = filter.clone();
            all.push(lookup(format!("users {name}, {place}"), order, move |db| {
                let (filter, page) = (filter.clone(), page.clone());
                async move {
                    user::page(&db, &filter, &page).await.unwrap();
                }
            }));
        }
    }
    all
}
