//! What a partition's task decides: which records go into the next transaction, what a failure leads to, which offset
//! may be stored, and when the partition is paused. It does nothing itself, so that a model test can drive it.
//!
//! Drive it like this, one lane per assignment of a partition:
//!
//! 1. [`Lane::push`] what the broker delivers, in any chunks, again and again where it is redelivered.
//! 2. [`Lane::take`] is the next batch: nothing, records of one tenant, or one record that stands alone. Apply it in one
//!    transaction: for each event whose id the group has not noted yet, in the order given, the note and the effect.
//! 3. Say what became of it: [`Lane::done`] once the transaction has committed, or [`Lane::failed`], and do what the
//!    [`Verdict`] asks for. After [`Verdict::Park`] park the record in a transaction of its own, then say `done`.
//! 4. [`Lane::storable`] is the offset of the last record that may be stored as the group's; a crash at any time loses
//!    the lane, and the broker delivers again from the last offset that was committed.
//!
//! A key belongs to one tenant, so that taking one tenant's records out of the others' between them keeps the order of
//! every key. What was taken out of order is not stored before everything in front of it is done.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Most records that are looked at for one batch.
const WINDOW: usize = 4_096;
/// A transaction that took longer makes the next one smaller: it holds its locks all the while.
const LONG: Duration = Duration::from_millis(250);

/// How much a lane takes at a time.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most records of a batch.
    pub records: usize,
    /// Most weight of a batch, beyond its first record.
    pub weight: usize,
    /// A paused partition goes on when its queue weighs no more.
    pub room: usize,
}

/// What is to be done about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: no handler wants it.
    Ignored,
    /// It is an event with a handler.
    Event,
    /// It is no event, and is parked by itself.
    Alone,
}

/// A record as it arrives.
#[derive(Clone, Debug)]
pub struct Arrival<R> {
    /// Its offset; what is not above the last one's was delivered before and is dropped.
    pub offset: i64,
    /// What it weighs in memory.
    pub weight: usize,
    /// Whose it is, if it says so.
    pub tenant: Option<Arc<str>>,
    /// What is to be done about it.
    pub kind: Kind,
    /// What `take` returns, cheap to clone.
    pub record: R,
}

/// Why a batch was rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// What every batch needs is away.
    Away,
    /// It may work later, or in other company.
    Retry,
    /// Some record of it will never work.
    Poison,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take the next batch at once: it is smaller.
    Again,
    /// Wait, then take the next batch.
    Wait {
        /// How often the oldest record could not be applied, this time included.
        attempts: u32,
    },
    /// Park the record, which stood alone.
    Park {
        /// How often it was tried, this time included.
        attempts: u32,
    },
}

#[derive(Debug)]
struct Entry<R> {
    arrival: Arrival<R>,
    done: bool,
}

/// One partition's records between the broker and the offset that is stored. See the module.
#[derive(Debug)]
pub struct Lane<R> {
    bounds: Bounds,
    /// Oldest first; the first is never done.
    entries: VecDeque<Entry<R>>,
    /// Where in `entries` the batch that was given out is; only `done` takes entries away.
    batch: Vec<usize>,
    limit: usize,
    /// The offset of a record that goes by itself, because it failed.
    suspect: Option<i64>,
    attempts: u32,
    last: Option<i64>,
    weight: usize,
    paused: bool,
    storable: Option<i64>,
}

impl<R: Clone> Lane<R> {
    /// An empty lane.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            entries: VecDeque::new(),
            batch: Vec::new(),
            limit: bounds.records,
            suspect: None,
            attempts: 0,
            last: None,
            weight: 0,
            paused: false,
            storable: None,
        }
    }

    /// Queues a record and returns what it adds to the weight.
    pub fn push(&mut self, arrival: Arrival<R>) -> usize {
        // A pause or a new assignment may bring what is queued already.
        if self.last.is_some_and(|last| arrival.offset <= last) {
            return 0;
        }
        self.last = Some(arrival.offset);
        if arrival.kind == Kind::Ignored && self.entries.is_empty() {
            self.storable = Some(arrival.offset);
            return 0;
        }
        let (done, weight) = (arrival.kind == Kind::Ignored, arrival.weight);
        self.weight += weight;
        self.entries.push_back(Entry { arrival, done });
        weight
    }

    /// The records of the next transaction, oldest first; empty when there is nothing to do. What was given out and
    /// not said to be done is given out again.
    pub fn take(&mut self) -> Vec<R> {
        self.batch.clear();
        let Some(first) = self.entries.front() else { return Vec::new() };
        let tenant = first.arrival.tenant.clone();
        let mut weight = 0;
        for (at, Entry { arrival, done }) in self.entries.iter().enumerate().take(WINDOW) {
            if *done || arrival.tenant != tenant {
                continue;
            }
            let by_itself = arrival.kind == Kind::Alone || self.suspect == Some(arrival.offset);
            weight += arrival.weight;
            if !self.batch.is_empty() && (by_itself || weight > self.bounds.weight) {
                break;
            }
            self.batch.push(at);
            if by_itself || self.batch.len() >= self.limit {
                break;
            }
        }
        self.batch.iter().map(|at| self.entries[*at].arrival.record.clone()).collect()
    }

    /// The batch is dealt with for good, in a transaction that took so long. Returns the weight that is gone, and whether
    /// the partition was paused and may go on.
    pub fn done(&mut self, took: Duration) -> (usize, bool) {
        let count = self.batch.len();
        for at in self.batch.drain(..) {
            self.entries[at].done = true;
        }
        let mut gone = 0;
        while let Some(entry) = self.entries.pop_front_if(|entry| entry.done) {
            gone += entry.arrival.weight;
            self.storable = Some(entry.arrival.offset);
        }
        self.weight -= gone;
        self.attempts = 0;
        if self.suspect.is_some() && self.suspect <= self.storable {
            self.suspect = None;
        }
        // Shrinks by halves and grows by quarters, so that partitions that got into each other's way keep apart.
        if took > LONG {
            self.limit = (count / 2).max(1);
        } else if count >= self.limit {
            self.limit = (self.limit + self.limit / 4 + 1).min(self.bounds.records);
        }
        let goes_on = self.paused && self.weight <= self.bounds.room;
        self.paused &= !goes_on;
        (gone, goes_on)
    }

    /// The batch was rolled back; `at` says which of its records may be why, by their places in it.
    pub fn failed(&mut self, at: Range<usize>, cause: Cause) -> Verdict {
        let count = self.batch.len();
        let alone = count <= 1;
        match cause {
            Cause::Away => self.limit = (count / 2).max(1),
            _ if alone => self.suspect = self.batch.first().map(|at| self.entries[*at].arrival.offset),
            Cause::Retry | Cause::Poison => {
                let at = at.start.min(count - 1)..at.end.min(count);
                if at.len() <= 1 {
                    self.suspect = Some(self.entries[self.batch[at.start]].arrival.offset);
                } else {
                    self.limit = at.start + at.len() / 2;
                }
                if cause == Cause::Retry {
                    self.limit = self.limit.min(count / 2).max(1);
                }
                return Verdict::Again;
            }
        }
        if cause == Cause::Poison {
            return Verdict::Park { attempts: self.attempts.saturating_add(1) };
        }
        self.attempts = self.attempts.saturating_add(1);
        Verdict::Wait { attempts: self.attempts }
    }

    /// The offset of the last record in front of which, itself included, everything is done; once each time it moves.
    pub fn storable(&mut self) -> Option<i64> {
        self.storable.take()
    }

    /// What is queued weighs.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether the partition is now to be paused, because enough is queued; `done` says when it goes on.
    pub fn pause(&mut self) -> bool {
        let pauses = !self.paused && self.weight > self.bounds.room;
        self.paused |= pauses;
        pauses
    }
}
