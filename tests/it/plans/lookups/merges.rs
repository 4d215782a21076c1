//! Lookups of a merge, of its undo, and of what is left of merged users.

use lanyard::database::identity::passing;
use lanyard::database::{
    auth_identity, organization_integration, organization_member, user, user_merge,
};
use lanyard::id::{
    AuthIdentityId, AuthProviderId, IdentityId, MergeId, OrganizationId, ProviderId, UserId,
};

use super::super::fill::id;
use super::Order::{OfAnIndex, OfFew, OfSome};
use super::{Lookup, begin, hundred, lookup, second};

const LIMIT: u64 = 1001;

fn users() -> Vec<UserId> {
    hundred(|number| UserId(id(number)))
}

pub fn all() -> Vec<Lookup> {
    let mut all = of_things();
    all.extend(of_merges());
    all
}

/// What users have, and what it meets.
fn of_things() -> Vec<Lookup> {
    let user = || UserId(id(777));
    let providers = || {
        (0..8)
            .map(|number| ProviderId(id(number)))
            .collect::<Vec<_>>()
    };
    let sign_ons = || {
        (0..3)
            .map(|number| AuthProviderId(id(number)))
            .collect::<Vec<_>>()
    };
    vec![
        lookup("identities that move", OfAnIndex, move |db| async move {
            let found = passing::of_user(&db, user(), LIMIT).await.unwrap();
            assert_eq!(found.len(), 4);
        }),
        lookup("identities in the way", OfFew, move |db| async move {
            let found = passing::in_the_way(&db, user(), &providers()).await;
            assert_eq!(found.unwrap().len(), 4);
        }),
        lookup("users with identities", OfSome, |db| async move {
            let found = passing::with_any(&db, &users()).await.unwrap();
            assert_eq!(found.len(), 100);
        }),
        lookup(
            "links to sign-ons that move",
            OfAnIndex,
            move |db| async move {
                auth_identity::of_user(&db, user(), LIMIT).await.unwrap();
            },
        ),
        lookup(
            "links to sign-ons in the way",
            OfFew,
            move |db| async move {
                let found = auth_identity::of_user_at(&db, user(), &sign_ons()).await;
                found.unwrap();
            },
        ),
        lookup("links by their accounts", OfFew, move |db| async move {
            let accounts: Vec<_> = sign_ons()
                .into_iter()
                .map(|sign_on| (sign_on, "account-777".to_owned()))
                .collect();
            auth_identity::by_idents(&db, &accounts).await.unwrap();
        }),
        lookup("users with links", OfSome, |db| async move {
            let users = [UserId(id(777)), UserId(id(7777))];
            auth_identity::with_any(&db, &users).await.unwrap();
        }),
        lookup("memberships that move", OfFew, move |db| async move {
            let found = organization_member::of_user(&db, user(), LIMIT).await;
            found.unwrap();
        }),
        lookup("memberships in the way", OfFew, move |db| async move {
            let organizations = [OrganizationId(id(7)), OrganizationId(id(77))];
            let found = organization_member::of_user_in(&db, user(), &organizations);
            found.await.unwrap();
        }),
    ]
}

/// Merges, locks, and what a sweep looks at. What is locked or deleted is rolled back.
fn of_merges() -> Vec<Lookup> {
    vec![
        lookup("merge by id", OfFew, |db| async move {
            let ids = hundred(|number| MergeId(id(number)));
            user_merge::by_ids(&db, &ids).await.unwrap();
        }),
        lookup("merge of a merged user", OfFew, |db| async move {
            let found = user_merge::of_merged(&db, UserId(id(777))).await;
            found.unwrap();
        }),
        lookup("users that others went into", OfSome, |db| async move {
            user::merged_into(&db, &users()).await.unwrap();
        }),
        lookup("rows that a merge locks", OfFew, |db| async move {
            let tx = begin(&db).await;
            let ids = hundred(|number| IdentityId(id(number)));
            passing::lock_of_user(&tx, UserId(id(777)), LIMIT)
                .await
                .unwrap();
            passing::lock_rows(&tx, &ids).await.unwrap();
            let links = [AuthIdentityId(id(7)), AuthIdentityId(id(77))];
            let user = UserId(id(777));
            auth_identity::lock_of_user(&tx, user, LIMIT).await.unwrap();
            auth_identity::lock_rows(&tx, &links).await.unwrap();
            user_merge::locked(&tx, MergeId(id(1))).await.unwrap();
            tx.rollback().await.unwrap();
        }),
        lookup("what acts as a stranger", OfFew, |db| async move {
            let user = UserId(id(777));
            let found = organization_integration::acting_as_stranger(&db, user).await;
            found.unwrap();
        }),
        lookup("merges that are due", OfAnIndex, |db| async move {
            let tx = begin(&db).await;
            let due = user_merge::due_locked(&tx, second(1000), 100)
                .await
                .unwrap();
            assert_eq!(due.len(), 100);
            let ids: Vec<MergeId> = due.iter().map(|merge| merge.id).collect();
            user_merge::put_off(&tx, ids, second(0)).await.unwrap();
            tx.rollback().await.unwrap();
        }),
        lookup("merged users of a sweep", OfFew, |db| async move {
            let tx = begin(&db).await;
            user::merged_locked(&tx, &users()).await.unwrap();
            tx.rollback().await.unwrap();
        }),
    ]
}
