//! What may be done with a credential as it is stored. Pure.

use chrono::TimeDelta;

use crate::clock::Time;
use crate::database::credential::Model;
use crate::database::identity::Status;
use crate::provider::catalog::Refresh;

/// How a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The access token is good for the margin at least, as far as is known.
    Good,
    /// A refresh is due.
    Due {
        /// The access token isn't over yet.
        is_usable: bool,
    },
    /// The access token is over, and nothing is there to refresh it with.
    Over,
    /// The provider has ended the grant.
    Ended,
}

/// `rules`: how the identity's type refreshes; `None`: it doesn't.
pub(super) fn standing(
    status: Status,
    row: &Model,
    rules: Option<&Refresh>,
    now: Time,
) -> Standing {
    match status {
        Status::Invalid => return Standing::Ended,
        Status::Valid | Status::Unknown => {}
    }
    let margin = rules.map_or_else(TimeDelta::zero, |rules| rules.margin);
    if is_good(row, margin, now) {
        return Standing::Good;
    }
    let is_usable = is_good(row, TimeDelta::zero(), now);
    if rules.is_some() && row.refresh_token_sealed.is_some() {
        Standing::Due { is_usable }
    } else if is_usable {
        Standing::Good
    } else {
        Standing::Over
    }
}

/// Whether the access token is good for so long; one whose end isn't known is.
///
/// Of a token that the provider has given for less than three times as long, the last third is all
/// that is asked for: it would else be over as soon as it came.
pub(super) fn is_good(row: &Model, margin: TimeDelta, now: Time) -> bool {
    let Some(end) = row.expires_at else {
        return true;
    };
    let given = row.refreshed_at.filter(|at| *at == row.date_updated);
    let margin = given.map_or(margin, |at| margin.min((end - at) / 3));
    end > now + margin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::tests::row;

    fn rules() -> Refresh {
        Refresh {
            endpoint: None,
            dead_codes: Vec::new(),
            sends_redirect_uri: false,
            margin: TimeDelta::seconds(60),
            idle: TimeDelta::days(30),
        }
    }

    /// Of a token that ends in so many seconds.
    fn of(end: Option<i64>, has_refresh_token: bool, refreshes: bool) -> Standing {
        let mut row = row();
        let now = row.date_added;
        row.expires_at = end.map(|end| now + TimeDelta::seconds(end));
        row.refresh_token_sealed = row.refresh_token_sealed.filter(|_| has_refresh_token);
        let rules = rules();
        standing(Status::Valid, &row, refreshes.then_some(&rules), now)
    }

    #[test]
    fn a_token_within_the_margin_is_refreshed_where_it_can_be() {
        for (end, has_refresh_token, refreshes, expected) in [
            (None, true, true, Standing::Good),
            (None, false, false, Standing::Good),
            (Some(61), true, true, Standing::Good),
            (Some(60), true, true, Standing::Due { is_usable: true }),
            (Some(1), true, true, Standing::Due { is_usable: true }),
            (Some(0), true, true, Standing::Due { is_usable: false }),
            (Some(-9), true, true, Standing::Due { is_usable: false }),
            (Some(1), false, true, Standing::Good),
            (Some(1), true, false, Standing::Good),
            (Some(0), false, true, Standing::Over),
            (Some(0), true, false, Standing::Over),
        ] {
            let found = of(end, has_refresh_token, refreshes);
            assert_eq!(found, expected, "{end:?} {has_refresh_token} {refreshes}");
        }
    }

    #[test]
    fn a_token_that_comes_for_a_short_time_is_good_for_most_of_it() {
        let mut row = row();
        let came = row.date_updated;
        row.expires_at = Some(came + TimeDelta::seconds(30));
        let margin = TimeDelta::seconds(60);
        assert!(!is_good(&row, margin, came), "by a link");
        row.refreshed_at = Some(came);
        assert!(is_good(&row, margin, came));
        assert!(is_good(&row, margin, came + TimeDelta::seconds(19)));
        assert!(!is_good(&row, margin, came + TimeDelta::seconds(20)));
        row.expires_at = Some(came - TimeDelta::seconds(1));
        assert!(!is_good(&row, margin, came), "over when it came");
    }

    #[test]
    fn a_grant_that_has_ended_gives_nothing_out() {
        let row = row();
        let rules = rules();
        let found = standing(Status::Invalid, &row, Some(&rules), row.date_added);
        assert_eq!(found, Standing::Ended);
    }
}
