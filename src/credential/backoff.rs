//! How long to wait after a failure.

use chrono::TimeDelta;

use crate::clock::Clock;

/// After the first failure; doubled with each that follows.
const FIRST: TimeDelta = TimeDelta::seconds(30);
const LONGEST: TimeDelta = TimeDelta::hours(1);
/// Failures after which no wait grows any more.
const MOST_DOUBLINGS: i64 = 10;

/// How long to wait after so many failures in a row: 30 s doubled with each, an hour at most, up to
/// a fifth longer by chance so that those that failed together don't come back together; and as
/// long as the provider has asked for.
pub(super) fn wait(clock: &Clock, failures: i64, asked_for: Option<TimeDelta>) -> TimeDelta {
    wait_between((FIRST, LONGEST), clock, failures, asked_for)
}

/// The same with other limits.
pub(super) fn wait_between(
    (first, longest): (TimeDelta, TimeDelta),
    clock: &Clock,
    failures: i64,
    asked_for: Option<TimeDelta>,
) -> TimeDelta {
    let doublings = u32::try_from((failures - 1).clamp(0, MOST_DOUBLINGS)).unwrap_or_default();
    let wait = (first * 2_i32.pow(doublings)).min(longest);
    let [chance] = clock.random::<1>();
    let wait = wait + wait * i32::from(chance) / (5 * 255);
    asked_for.map_or(wait, |asked_for| wait.max(asked_for))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_obey_the_provider() {
        let clock = Clock::default();
        for (failures, seconds) in [(0, 30), (1, 30), (2, 60), (3, 120), (8, 3600), (99, 3600)] {
            let wait = wait(&clock, failures, None).num_seconds();
            assert!(
                (seconds..=seconds * 6 / 5).contains(&wait),
                "{failures}: {wait}"
            );
        }
        let asked_for = TimeDelta::seconds(7000);
        assert_eq!(wait(&clock, 1, Some(asked_for)), asked_for);
        assert!(wait(&clock, 1, Some(TimeDelta::zero())) >= FIRST);
        let limits = (TimeDelta::minutes(1), TimeDelta::hours(6));
        for (failures, minutes) in [(1, 1), (2, 2), (9, 256), (10, 360), (i64::MAX, 360)] {
            let wait = wait_between(limits, &clock, failures, None).num_seconds();
            let seconds = minutes * 60;
            assert!(
                (seconds..=seconds * 6 / 5).contains(&wait),
                "{failures}: {wait}"
            );
        }
    }
}
