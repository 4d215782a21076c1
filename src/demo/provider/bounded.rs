//! A map that forgets its oldest entries: nothing here may grow without end.

use std::collections::{HashMap, VecDeque};

/// Entries of one map.
const MOST: usize = 1000;

/// The last entries that were put in, by key.
pub struct Bounded<V> {
    values: HashMap<String, V>,
    order: VecDeque<String>,
}

impl<V> Bounded<V> {
    pub fn new() -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Keys are made up at random, so none comes twice.
    pub fn insert(&mut self, key: String, value: V) {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.values.insert(key, value);
    }

    pub fn get(&self, key: &str) -> Option<&V> {
        self.values.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.values.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_makes_room() {
        let mut map = Bounded::new();
        for number in 0..=MOST {
            map.insert(number.to_string(), number);
        }
        assert_eq!(map.get("0"), None);
        assert_eq!(map.get("1"), Some(&1));
        assert_eq!(map.get(&MOST.to_string()), Some(&MOST));
        assert_eq!(map.values.len(), MOST);
    }
}
