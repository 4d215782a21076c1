//! Whether an account may be disconnected: one pure function from facts to an answer, for
//! identities and for auth identities.
//!
//! Two things must not happen. A person must not be left without any way in; and where an
//! organization asks its members to be linked to its sign-on, a member must not slip out of it.

use crate::database::disconnect::{OfAuthIdentity, OfIdentity};
use crate::error::{Error, RefusalCode};

/// Whether an account may be disconnected, or what it is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnect {
    Allowed,
    /// It is the person's only way in.
    NeededForGlobalAuth,
    /// The person's organization asks for it.
    NeededForOrgAuth,
}

/// What the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub part: Part,
    /// An application knows another way in for the person, such as a password.
    pub has_other_sign_in: bool,
    /// The person has another identity at a shared provider that signs people in and is enabled.
    /// One at an organization's own provider is no other way: the person may be removed from the
    /// organization.
    pub has_another_login: bool,
}

/// What part the account has in signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// None.
    None,
    /// The person signs in with it.
    Login,
    /// It is the person's link to an organization's sign-on.
    SignOn {
        /// The person is a member there, and members may not be without one.
        required: bool,
    },
}

/// Whether the account may be disconnected.
pub const fn disconnect(facts: Facts) -> Disconnect {
    match facts.part {
        Part::None => return Disconnect::Allowed,
        Part::SignOn { required: true } => return Disconnect::NeededForOrgAuth,
        Part::SignOn { required: false } | Part::Login => {}
    }
    if facts.has_other_sign_in || facts.has_another_login {
        Disconnect::Allowed
    } else {
        Disconnect::NeededForGlobalAuth
    }
}

impl Disconnect {
    /// # Errors
    /// Refused, where the account is needed.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Self::Allowed => Ok(()),
            Self::NeededForGlobalAuth => Err(Error::refused(
                RefusalCode::NeededForGlobalAuth,
                &[],
                "it is the person's only way in: connect another account that signs in first",
            )),
            Self::NeededForOrgAuth => Err(Error::refused(
                RefusalCode::NeededForOrgAuth,
                &[],
                "the organization asks its members to be linked to its sign-on: set \
                 allowUnlinked there, or end the membership, first",
            )),
        }
    }
}

impl From<&OfIdentity> for Facts {
    fn from(stored: &OfIdentity) -> Self {
        Self {
            part: match (stored.sign_on_allows_unlinked, stored.signs_in) {
                (Some(allows_unlinked), _) => Part::SignOn {
                    required: stored.is_member && !allows_unlinked,
                },
                (None, true) => Part::Login,
                (None, false) => Part::None,
            },
            has_other_sign_in: stored.has_other_sign_in,
            has_another_login: stored.has_another_login,
        }
    }
}

impl From<&OfAuthIdentity> for Facts {
    fn from(stored: &OfAuthIdentity) -> Self {
        Self {
            part: Part::SignOn {
                required: stored.is_member && !stored.allows_unlinked,
            },
            has_other_sign_in: stored.has_other_sign_in,
            has_another_login: stored.has_login,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Disconnect::{Allowed, NeededForGlobalAuth, NeededForOrgAuth};
    use super::*;
    use crate::clock::Clock;
    use crate::id::{AuthIdentityId, IdentityId};

    const BOTH: [bool; 2] = [false, true];

    #[test]
    fn every_case() {
        let required = Part::SignOn { required: true };
        let not_required = Part::SignOn { required: false };
        // Part; with no other way in, a login, another sign-in, both.
        for (part, answers) in [
            (Part::None, [Allowed; 4]),
            (
                Part::Login,
                [NeededForGlobalAuth, Allowed, Allowed, Allowed],
            ),
            (required, [NeededForOrgAuth; 4]),
            (
                not_required,
                [NeededForGlobalAuth, Allowed, Allowed, Allowed],
            ),
        ] {
            let others = [(false, false), (false, true), (true, false), (true, true)];
            for ((has_other_sign_in, has_another_login), answer) in others.into_iter().zip(answers)
            {
                let facts = Facts {
                    part,
                    has_other_sign_in,
                    has_another_login,
                };
                assert_eq!(disconnect(facts), answer, "{facts:?}");
            }
        }
    }

    #[test]
    fn an_identity_has_the_part_that_its_provider_has() {
        for signs_in in BOTH {
            for is_member in BOTH {
                for (allows_unlinked, part) in [
                    (None, if signs_in { Part::Login } else { Part::None }),
                    (Some(true), Part::SignOn { required: false }),
                    (
                        Some(false),
                        Part::SignOn {
                            required: is_member,
                        },
                    ),
                ] {
                    let stored = OfIdentity {
                        id: IdentityId::new(&Clock::default()),
                        signs_in,
                        sign_on_allows_unlinked: allows_unlinked,
                        is_member,
                        has_other_sign_in: signs_in,
                        has_another_login: is_member,
                    };
                    let facts = Facts {
                        part,
                        has_other_sign_in: signs_in,
                        has_another_login: is_member,
                    };
                    assert_eq!(Facts::from(&stored), facts, "{stored:?}");
                }
            }
        }
    }

    #[test]
    fn an_auth_identity_is_asked_of_members_where_none_may_be_unlinked() {
        for allows_unlinked in BOTH {
            for is_member in BOTH {
                let stored = OfAuthIdentity {
                    id: AuthIdentityId::new(&Clock::default()),
                    allows_unlinked,
                    is_member,
                    has_other_sign_in: is_member,
                    has_login: allows_unlinked,
                };
                let facts = Facts {
                    part: Part::SignOn {
                        required: is_member && !allows_unlinked,
                    },
                    has_other_sign_in: is_member,
                    has_another_login: allows_unlinked,
                };
                assert_eq!(Facts::from(&stored), facts, "{stored:?}");
            }
        }
    }
}
