//! Unwrapped keys, for minutes, so that reading does not ask the key-management service each time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use clock::Clock;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::cipher::{DataKey, Owner};

const MAX: usize = 4_096;
const KEEP: Duration = Duration::minutes(5);

/// Bounded in number and time; the oldest go first.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    clock: Clock,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    keys: HashMap<[u8; 32], DataKey>,
    /// In the order of their ends.
    ends: VecDeque<(OffsetDateTime, [u8; 32])>,
}

impl Cache {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), entries: Arc::default() }
    }

    pub(crate) fn get(&self, owner: Owner<'_>, wrapped: &[u8]) -> Option<DataKey> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.forget(self.clock.now());
        entries.keys.get(&place(owner, wrapped)).cloned()
    }

    pub(crate) fn put(&self, owner: Owner<'_>, wrapped: &[u8], key: DataKey) {
        let (now, place) = (self.clock.now(), place(owner, wrapped));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.forget(now);
        if entries.keys.insert(place, key).is_none() {
            entries.ends.push_back((now + KEEP, place));
        }
    }
}

impl Entries {
    /// Makes room for one.
    fn forget(&mut self, now: OffsetDateTime) {
        while let Some((end, place)) = self.ends.front() {
            if *end > now && self.ends.len() < MAX {
                return;
            }
            self.keys.remove(place);
            self.ends.pop_front();
        }
    }
}

/// The wrapped key for its owner: another tenant that stores the same bytes does not find it.
fn place(owner: Owner<'_>, wrapped: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(owner.bound_to("cache")).chain_update(wrapped).finalize().into()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn keys_go_after_minutes_and_when_there_are_too_many() {
        let clock = Clock::frozen(datetime!(2030-01-01 12:00 UTC));
        let cache = Cache::new(&clock);
        let (tenant, subject) = ("riverton".parse().unwrap(), "ada".parse().unwrap());
        let owner = |generation| Owner { tenant: &tenant, subject: &subject, generation };
        let put = |generation| cache.put(owner(generation), b"w", DataKey::random().unwrap());
        put(1);
        assert!(cache.get(owner(1), b"w").is_some());
        assert!(cache.get(owner(1), b"x").is_none() && cache.get(owner(2), b"w").is_none());
        clock.advance(std::time::Duration::from_secs(5 * 60));
        assert!(cache.get(owner(1), b"w").is_none());
        for generation in 0..=i32::try_from(MAX).unwrap() {
            put(generation);
        }
        assert!(cache.get(owner(0), b"w").is_none() && cache.get(owner(4_096), b"w").is_some());
        assert!(cache.entries.lock().unwrap().keys.len() <= MAX);
    }
}
