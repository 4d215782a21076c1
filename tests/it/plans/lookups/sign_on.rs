//! Organizations' sign-on, and whether accounts may be disconnected.

use lanyard::database::auth_identity::{self, Parent};
use lanyard::database::page::Position;
use lanyard::database::reach::Reach;
use lanyard::database::{auth_provider, disconnect, identity};
use lanyard::id::{AuthIdentityId, AuthProviderId, IdentityId, OrganizationId, ProviderId, UserId};

use super::super::fill::{SIGN_ONS, id};
use super::Order::{OfAnIndex, OfFew, OfSome};
use super::{Lookup, begin, hundred, lookup, pages};

fn sign_ons() -> Vec<Parent> {
    let hundred = 0..100;
    hundred
        .map(|number| Parent::AuthProvider(AuthProviderId(id(number * 20))))
        .collect()
}

fn users() -> Vec<Parent> {
    hundred(|number| Parent::User(UserId(id(number / 2))))
}

pub fn all() -> Vec<Lookup> {
    let mut all = disconnects();
    all.extend(lookups());
    for (name, parents) in [("sign-ons", sign_ons()), ("users", users())] {
        for (place, page) in pages(&Position::Id(id(100_000))) {
            let parents = parents.clone();
            all.push(lookup(
                format!("auth identities of {name}, {place}"),
                OfAnIndex,
                move |db| {
                    let (parents, page) = (parents.clone(), page.clone());
                    async move {
                        let found =
                            auth_identity::pages_of_parents(&db, &parents, Reach::All, &page).await;
                        assert_eq!(found.unwrap().len(), 100);
                    }
                },
            ));
        }
        let reaches = [
            Reach::All,
            Reach::User(UserId(id(777))),
            Reach::Organization(OrganizationId(id(20))),
        ];
        for reach in reaches {
            let parents = parents.clone();
            let name = format!("auth identities of {name}, counted within {reach:?}");
            all.push(lookup(name, OfSome, move |db| {
                let parents = parents.clone();
                async move {
                    let found = auth_identity::counts_of_parents(&db, &parents, reach).await;
                    assert_eq!(found.unwrap().len(), 100);
                }
            }));
        }
    }
    all
}

fn disconnects() -> Vec<Lookup> {
    vec![
        lookup(
            "whether a page of identities may go",
            OfFew,
            |db| async move {
                let ids = hundred(|number| IdentityId(id(number)));
                let found = disconnect::of_identities(&db, &ids).await.unwrap();
                assert_eq!(found.len(), 100);
            },
        ),
        lookup(
            "whether five hundred identities may go",
            OfFew,
            |db| async move {
                let ids: Vec<_> = (0..500)
                    .map(|number| IdentityId(id(number * 401)))
                    .collect();
                let found = disconnect::of_identities(&db, &ids).await.unwrap();
                assert_eq!(found.len(), 500);
            },
        ),
        lookup("whether one identity may go", OfFew, |db| async move {
            let found = disconnect::of_identities(&db, &[IdentityId(id(777))]).await;
            assert_eq!(found.unwrap().len(), 1);
        }),
        lookup(
            "whether a page of auth identities may go",
            OfFew,
            |db| async move {
                let ids = hundred(|number| AuthIdentityId(id(number / 2)));
                let found = disconnect::of_auth_identities(&db, &ids).await.unwrap();
                assert_eq!(found.len(), 100);
            },
        ),
    ]
}

fn lookups() -> Vec<Lookup> {
    vec![
        lookup("sign-ons by id", OfFew, |db| async move {
            let ids: Vec<_> = (0..100).map(|number| AuthProviderId(id(number))).collect();
            let found = auth_provider::by_ids(&db, &ids).await.unwrap();
            assert_eq!(found.len(), 100);
        }),
        lookup("sign-ons of organizations", OfFew, |db| async move {
            let ids: Vec<_> = (0..100).map(|number| OrganizationId(id(number))).collect();
            let found = auth_provider::by_organizations(&db, &ids).await.unwrap();
            assert_eq!(found.len(), 100);
        }),
        lookup("the sign-on that a provider is", OfFew, |db| async move {
            let found = auth_provider::by_provider(&db, ProviderId(id(108))).await;
            assert_eq!(found.unwrap().unwrap().id.0, id(100));
        }),
        lookup("auth identities by id", OfFew, |db| async move {
            let ids = hundred(|number| AuthIdentityId(id(number / 2)));
            let found = auth_identity::by_ids(&db, &ids).await.unwrap();
            assert_eq!(found.len(), 100);
        }),
        lookup("auth identities around a link", OfFew, |db| async move {
            let sign_on = AuthProviderId(id(777));
            let found =
                auth_identity::around_locked(&db, sign_on, "account-777", UserId(id(7))).await;
            assert_eq!(found.unwrap().len(), 1);
        }),
        lookup("an auth identity of a user", OfAnIndex, |db| async move {
            let (sign_on, user) = (AuthProviderId(id(777)), UserId(id(388)));
            let found = auth_identity::of_user_at(&db, user, &[sign_on]).await;
            assert_eq!(found.unwrap().len(), 1);
        }),
        lookup("auth identities of a member", OfFew, |db| async move {
            let (acme, user) = (OrganizationId(id(777)), UserId(id(388)));
            let found = auth_identity::of_member(&db, acme, user).await.unwrap();
            assert_eq!(found.len(), 1);
        }),
        lookup("the links of a sign-on", OfAnIndex, |db| async move {
            let found =
                auth_identity::of_auth_provider_locked(&db, AuthProviderId(id(777)), 10_001).await;
            assert_eq!(found.unwrap().len() as u32, 200_000 / SIGN_ONS);
        }),
        lookup("what setting a sign-on locks", OfFew, |db| async move {
            let tx = begin(&db).await;
            // Not one that another lookup asks for: what explains a deletion carries it out.
            let sign_on = AuthProviderId(id(SIGN_ONS - 1));
            let found = auth_provider::locked(&tx, sign_on).await;
            assert!(found.unwrap().is_some());
            let deleted = auth_identity::delete_of_auth_provider(&tx, sign_on).await;
            deleted.unwrap();
            tx.rollback().await.unwrap();
        }),
        lookup("whether a user has a sign-on", OfFew, |db| async move {
            let (user, provider) = (UserId(id(388)), ProviderId(id(785)));
            assert!(auth_identity::is_at(&db, user, provider).await.unwrap());
        }),
        lookup(
            "the account that an ident names",
            OfAnIndex,
            |db| async move {
                let provider = ProviderId(id(0));
                let found = identity::by_account(&db, provider, "account-776").await;
                assert!(found.unwrap().is_some());
            },
        ),
    ]
}
