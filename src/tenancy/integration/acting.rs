//! Whom an organization's integration acts as, and why it acts as nobody.

use super::is_over;
use crate::clock::Time;
use crate::database::organization_integration::Acting;
use crate::database::status::ObjectStatus;
use crate::database::{identity, user};
use crate::error::{Error, NoDefault, NoDefaultReason};
use crate::id::IdentityId;

/// The identity that the organization integration acts as now.
///
/// # Errors
/// `IDENTITY_NOT_FOUND`, with the first reason that holds: it is not in use, it has no default,
/// the default's user is not active, or the provider has ended the grant.
pub fn acts_as(acting: &Acting, now: Time) -> Result<IdentityId, Error> {
    let in_use =
        acting.status == ObjectStatus::Active && acting.integration_status == ObjectStatus::Active;
    if !in_use || is_over(acting.grace_period_end, now) {
        return Err(nobody(acting, NoDefaultReason::IntegrationDisabled));
    }
    let Some(id) = acting.default_identity_id else {
        return Err(nobody(acting, without_default(acting)));
    };
    let reason = match (acting.user_status, acting.identity_status) {
        (None, _) | (_, None) => NoDefaultReason::Dangling,
        (Some(user::Status::Disabled | user::Status::Merged), _) => NoDefaultReason::UserNotActive,
        (Some(user::Status::Active), Some(identity::Status::Invalid)) => NoDefaultReason::Invalid,
        (Some(user::Status::Active), Some(identity::Status::Valid | identity::Status::Unknown)) => {
            return Ok(id);
        }
    };
    Err(nobody(acting, reason))
}

/// What was read a moment ago has gone meanwhile, or is not for this caller to see.
pub fn default_is_gone(acting: &Acting) -> Error {
    let without = Acting {
        default_identity_id: None,
        ..acting.clone()
    };
    nobody(&without, NoDefaultReason::Dangling)
}

/// Nothing is installed there, or nothing that the caller may see.
pub fn not_installed(provider: Option<String>) -> Error {
    Error::IdentityNotFound(Box::new(NoDefault {
        reason: NoDefaultReason::NoOrganizationIntegration,
        integration_provider: provider,
        organization_integration_id: None,
        default_identity_id: None,
    }))
}

const fn without_default(acting: &Acting) -> NoDefaultReason {
    match acting.default_lost_at {
        Some(_) => NoDefaultReason::Dangling,
        None => NoDefaultReason::NoDefault,
    }
}

fn nobody(acting: &Acting, reason: NoDefaultReason) -> Error {
    Error::IdentityNotFound(Box::new(NoDefault {
        reason,
        integration_provider: Some(acting.provider.clone()),
        organization_integration_id: Some(acting.id.to_string()),
        default_identity_id: acting.default_identity_id.map(|id| id.to_string()),
    }))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::Clock;
    use crate::id::{OrganizationId, OrganizationIntegrationId};

    fn good(clock: &Clock) -> Acting {
        Acting {
            id: OrganizationIntegrationId::new(clock),
            organization_id: OrganizationId::new(clock),
            provider: "github".to_owned(),
            external_id: "1".to_owned(),
            status: ObjectStatus::Active,
            grace_period_end: None,
            default_identity_id: Some(IdentityId::new(clock)),
            default_lost_at: None,
            integration_status: ObjectStatus::Active,
            identity_status: Some(identity::Status::Valid),
            user_status: Some(user::Status::Active),
        }
    }

    fn reason(acting: &Acting, now: Time) -> NoDefaultReason {
        match acts_as(acting, now) {
            Err(Error::IdentityNotFound(why)) => why.reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_that_is_in_use_acts_as_its_default() {
        let clock = Clock::default();
        let now = clock.now();
        for acting in [
            good(&clock),
            Acting {
                identity_status: Some(identity::Status::Unknown),
                ..good(&clock)
            },
            Acting {
                grace_period_end: Some(now + TimeDelta::microseconds(1)),
                ..good(&clock)
            },
        ] {
            assert_eq!(acts_as(&acting, now).ok(), acting.default_identity_id);
        }
    }

    #[test]
    fn the_first_reason_that_holds_is_the_one_that_is_told() {
        use NoDefaultReason::{Dangling, IntegrationDisabled, Invalid, NoDefault, UserNotActive};
        let clock = Clock::default();
        let now = clock.now();
        // From the last to the first: each hides those before it.
        let mut acting = Acting {
            identity_status: Some(identity::Status::Invalid),
            ..good(&clock)
        };
        assert_eq!(reason(&acting, now), Invalid);
        for status in [user::Status::Disabled, user::Status::Merged] {
            acting.user_status = Some(status);
            assert_eq!(reason(&acting, now), UserNotActive);
        }
        acting.default_identity_id = None;
        (acting.identity_status, acting.user_status) = (None, None);
        assert_eq!(reason(&acting, now), NoDefault);
        acting.default_lost_at = Some(now);
        assert_eq!(reason(&acting, now), Dangling);
        let lost = acting;
        for disabled in [
            ObjectStatus::Disabled,
            ObjectStatus::PendingDeletion,
            ObjectStatus::DeletionInProgress,
        ] {
            for acting in [
                Acting {
                    status: disabled,
                    ..lost.clone()
                },
                Acting {
                    integration_status: disabled,
                    ..lost.clone()
                },
            ] {
                assert_eq!(reason(&acting, now), IntegrationDisabled);
            }
        }
        let over = Acting {
            grace_period_end: Some(now),
            ..lost
        };
        assert_eq!(reason(&over, now), IntegrationDisabled);
    }

    #[test]
    fn what_is_known_is_told() {
        let clock = Clock::default();
        let acting = Acting {
            identity_status: Some(identity::Status::Invalid),
            ..good(&clock)
        };
        let Err(Error::IdentityNotFound(why)) = acts_as(&acting, clock.now()) else {
            panic!("it acts as somebody");
        };
        assert_eq!(why.integration_provider.as_deref(), Some("github"));
        assert_eq!(why.organization_integration_id, Some(acting.id.to_string()));
        assert_eq!(
            why.default_identity_id,
            acting.default_identity_id.map(|id| id.to_string())
        );
    }
}
