//! What linking an account to a user does, decided from what is stored. Pure: the preview, the
//! mutation and every flow ask here.

use crate::id::{IdentityId, UserId};

/// What to do with identities that stand in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Refuse, and change nothing.
    Fail,
    /// The same user's other account gives way in place: the identity keeps its id.
    UpdateInPlace,
    /// Identities in the way are removed.
    Reattach,
}

/// What is stored around the account and the user at one provider.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Who has the account now.
    pub holder: Option<Holder>,
    /// The user's identities for other accounts here.
    pub others: Vec<IdentityId>,
    /// The provider takes several accounts of one user.
    pub allows_multiple: bool,
}

/// An identity that has the account, and its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub identity: IdentityId,
    pub user: UserId,
}

/// What to do, or what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A new identity; the user's primary one here where it is the first.
    Create {
        primary: bool,
    },
    /// The user has the account already: its identity takes what is new.
    Update(IdentityId),
    /// The user's identity goes over to this account.
    UpdateInPlace(IdentityId),
    /// The identities go, and a new one comes.
    Reattach {
        displaces: Vec<IdentityId>,
        primary: bool,
    },
    Refuse(Conflict),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    AccountOwnedByAnotherUser,
    UserHasAnotherAccount,
    Both,
}

/// Decides for linking to `user`.
pub fn decide(state: &State, user: UserId, policy: Policy) -> Decision {
    let taken = match state.holder {
        Some(holder) if holder.user == user => return Decision::Update(holder.identity),
        Some(holder) => Some(holder.identity),
        None => None,
    };
    let in_the_way = if state.allows_multiple {
        None
    } else {
        state.others.first().copied()
    };
    let primary = state.others.is_empty() || in_the_way.is_some();
    let conflict = match (taken, in_the_way) {
        (None, None) => return Decision::Create { primary },
        (None, Some(mine)) if policy == Policy::UpdateInPlace => {
            return Decision::UpdateInPlace(mine);
        }
        (None, Some(_)) => Conflict::UserHasAnotherAccount,
        (Some(_), None) => Conflict::AccountOwnedByAnotherUser,
        (Some(_), Some(_)) => Conflict::Both,
    };
    match policy {
        Policy::Fail | Policy::UpdateInPlace => Decision::Refuse(conflict),
        Policy::Reattach => Decision::Reattach {
            displaces: taken.into_iter().chain(in_the_way).collect(),
            primary,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn identity(number: u128) -> IdentityId {
        IdentityId(Uuid::from_u128(number))
    }

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    const ME: u128 = 1;
    const SOMEBODY: u128 = 2;

    fn state(holder: Option<u128>, others: usize, allows_multiple: bool) -> State {
        State {
            holder: holder.map(|user_| Holder {
                identity: identity(10),
                user: user(user_),
            }),
            others: (20..).take(others).map(identity).collect(),
            allows_multiple,
        }
    }

    #[test]
    fn every_case_of_the_table() {
        use Conflict::{
            AccountOwnedByAnotherUser as Owned, Both, UserHasAnotherAccount as Another,
        };
        use Decision::{Create, Reattach, Refuse, Update, UpdateInPlace};
        let taken = || identity(10);
        let mine = || identity(20);
        let reattach = |displaces| Reattach {
            displaces,
            primary: true,
        };
        for (holder, others, fail, in_place, reattached) in [
            (
                None,
                0,
                Create { primary: true },
                Create { primary: true },
                Create { primary: true },
            ),
            (
                Some(ME),
                0,
                Update(taken()),
                Update(taken()),
                Update(taken()),
            ),
            (
                None,
                1,
                Refuse(Another),
                UpdateInPlace(mine()),
                reattach(vec![mine()]),
            ),
            (
                Some(SOMEBODY),
                0,
                Refuse(Owned),
                Refuse(Owned),
                reattach(vec![taken()]),
            ),
            (
                Some(SOMEBODY),
                1,
                Refuse(Both),
                Refuse(Both),
                reattach(vec![taken(), mine()]),
            ),
        ] {
            let state = state(holder, others, false);
            let decided = [Policy::Fail, Policy::UpdateInPlace, Policy::Reattach]
                .map(|p| decide(&state, user(ME), p));
            assert_eq!(decided, [fail, in_place, reattached], "{state:?}");
        }
    }

    #[test]
    fn where_several_accounts_are_allowed_only_their_owner_is_in_the_way() {
        let second = state(None, 2, true);
        let taken = state(Some(SOMEBODY), 2, true);
        for policy in [Policy::Fail, Policy::UpdateInPlace, Policy::Reattach] {
            assert_eq!(
                decide(&second, user(ME), policy),
                Decision::Create { primary: false }
            );
        }
        assert_eq!(
            decide(&taken, user(ME), Policy::Fail),
            Decision::Refuse(Conflict::AccountOwnedByAnotherUser)
        );
        assert_eq!(
            decide(&taken, user(ME), Policy::Reattach),
            Decision::Reattach {
                displaces: vec![identity(10)],
                primary: false
            }
        );
    }

    /// A model of the two unique constraints: (account), and (user) where one account is allowed.
    fn apply(state: &State, decision: &Decision) -> Vec<(IdentityId, UserId, bool)> {
        let mut rows: Vec<_> = state
            .holder
            .map(|holder| (holder.identity, holder.user, true))
            .into_iter()
            .chain(state.others.iter().map(|&id| (id, user(ME), false)))
            .collect();
        match decision {
            Decision::Refuse(_) | Decision::Update(_) => {}
            Decision::Create { .. } => rows.push((identity(99), user(ME), true)),
            Decision::UpdateInPlace(id) => {
                for row in rows.iter_mut().filter(|row| row.0 == *id) {
                    row.2 = true;
                }
            }
            Decision::Reattach { displaces, .. } => {
                rows.retain(|row| !displaces.contains(&row.0));
                rows.push((identity(99), user(ME), true));
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn no_policy_leaves_two_owners_and_a_refusal_changes_nothing(
            holder in prop_oneof![Just(None), Just(Some(ME)), Just(Some(SOMEBODY))],
            others in 0_usize..4,
            allows_multiple: bool,
            policy in prop_oneof![Just(Policy::Fail), Just(Policy::UpdateInPlace), Just(Policy::Reattach)],
        ) {
            // One account per user: at most one row of mine can be stored.
            let others = match (allows_multiple, holder) {
                (true, _) => others,
                (false, Some(ME)) => 0,
                (false, _) => others.min(1),
            };
            let state = state(holder, others, allows_multiple);
            let decision = decide(&state, user(ME), policy);
            let after = apply(&state, &decision);
            prop_assert!(after.iter().filter(|row| row.2).count() <= 1, "two owners: {after:?}");
            if !allows_multiple {
                prop_assert!(after.iter().filter(|row| row.1 == user(ME)).count() <= 1);
            }
            let refused = matches!(decision, Decision::Refuse(_));
            prop_assert_eq!(refused, !after.iter().any(|row| row.2 && row.1 == user(ME)));
            prop_assert!(!(refused && policy == Policy::Reattach));
            let loses = after.iter().filter(|row| row.1 == user(SOMEBODY)).count()
                < usize::from(holder == Some(SOMEBODY));
            prop_assert!(!loses || policy == Policy::Reattach, "taken without REATTACH");
        }
    }
}
