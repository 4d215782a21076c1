//! Whose turn it is: so many requests at a time to one address. Knows no HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use url::{Position, Url};

/// Requests to one address at a time: one that hangs has no more than these waiting for it.
pub(super) const IN_FLIGHT: usize = 16;
/// Addresses whose turns are remembered before those that nobody waits for are forgotten.
const REMEMBERED: usize = 256;

/// The turns of all addresses. Each path has its own: many providers may share a host, such as
/// the tenants of a cloud, and the one that hangs holds up none of the others.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Turns {
    pub fn of(&self, url: &Url) -> Arc<Semaphore> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= REMEMBERED {
            turns.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        let turns = turns
            .entry(url[..Position::AfterPath].to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(IN_FLIGHT)));
        Arc::clone(turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(turns: &Turns, url: &str) -> Arc<Semaphore> {
        turns.of(&url.parse().unwrap())
    }

    #[test]
    fn one_address_has_its_turns_whatever_is_asked_there() {
        let turns = Turns::default();
        let one = of(&turns, "https://cloud.example/one/token");
        for same in [
            "https://cloud.example/one/token?a=b",
            "https://CLOUD.example:443/x/../one/token#c",
        ] {
            assert!(Arc::ptr_eq(&one, &of(&turns, same)), "{same}");
        }
        for other in [
            "https://cloud.example/other/token",
            "https://cloud.example/one/keys",
            "https://cloud.example:8443/one/token",
            "http://cloud.example/one/token",
        ] {
            assert!(!Arc::ptr_eq(&one, &of(&turns, other)), "{other}");
        }
    }

    #[test]
    fn addresses_that_nobody_waits_for_are_forgotten() {
        let turns = Turns::default();
        let used = of(&turns, "https://used.example/");
        for number in 0..REMEMBERED * 3 {
            of(&turns, &format!("https://x.example/{number}"));
        }
        assert!(turns.0.lock().unwrap().len() <= REMEMBERED);
        assert!(Arc::ptr_eq(&used, &of(&turns, "https://used.example/")));
    }
}
