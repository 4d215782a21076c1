//! Now, and random bytes: the two things that a rule may not fetch by itself, so that tests can
//! say what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::{Builder, Uuid};

/// A point in time, UTC, in microseconds.
pub type Time = DateTime<Utc>;

/// The system's clock, or one that a test has moved.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    moved_by_micros: Arc<AtomicI64>,
}

impl Clock {
    /// Cut to microseconds: PostgreSQL keeps no more, and both databases must give back what
    /// was written.
    pub fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
        let now = Utc::now();
        (now + self.moved_by()).trunc_subsecs(6)
    }

    /// Moves this clock and its clones forward: a test's way to a time to come.
    pub fn advance(&self, by: TimeDelta) {
        self.moved_by_micros
            .fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// How far a test has moved it.
    pub fn moved_by(&self) -> TimeDelta {
        TimeDelta::microseconds(self.moved_by_micros.load(Ordering::Relaxed))
    }

    /// Bytes from the operating system's generator, fit for keys.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes)
            .expect("the operating system's random number generator answers once it is seeded");
        bytes
    }

    /// A new `UUIDv7` (RFC 9562 §5.7): ids sort by when they were made, to the millisecond.
    pub fn new_uuid(&self) -> Uuid {
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &self.random()).into_uuid()
    }
}
