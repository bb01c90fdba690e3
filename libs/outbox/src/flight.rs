//! What the topic lane decides: what to ask of the table, what may be handed to the producer, what is deleted, when to
//! start again, what to park. No clock, no I/O; the lane in `topic_lane` carries it out, and a simulation may as well.
//!
//! One `Flight` lasts as long as a term of leadership, over all the producers of the term. To drive it, repeat:
//!
//! 1. [`Flight::reported`] for every delivery report that has come in.
//! 2. While [`Flight::is_broken`]: end the producer, report what it still says, make a new one, [`Flight::restart`].
//! 3. [`Flight::to_park`]: mark that row in the table with its reason, in a transaction that holds the parking lock, then
//!    [`Flight::parked`].
//! 4. [`Flight::look`]: in one statement, so in one snapshot, delete the rows of `delete` that are not parked, and read the
//!    first `limit` rows after `after` that are neither in `except` nor parked, in the order of `seq`, with the snapshot's
//!    [`Horizon`] and the keys that have a row parked for a reason of its own.
//! 5. [`Flight::found`] with what was read; `false`: forget the rows, look again. Otherwise [`Flight::admit`] each row in
//!    its order and do as it says: [`Verdict::Hand`] gives it to the producer, followed by [`Flight::handed`] if it took it,
//!    by [`Flight::refused`] if it refused the record for good, by neither if it is full; [`Verdict::Behind`] marks it as
//!    parked behind its key, under the parking lock and only if a row of the key still is parked for a reason of its own,
//!    else [`Flight::from_start`]; after [`Verdict::Stop`], and after whatever was not handed, no more rows of this look.
//!    Then [`Flight::end`].
//!
//! [`Flight::sweep`] once in a while: a safety net that costs one longer look.

use std::collections::{BTreeSet, HashSet};

/// Rows of a look while records are handed over one by one.
const CAREFUL: usize = 50;

/// Which transactions a look can have missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Every transaction below had ended when the look's snapshot was taken: `pg_snapshot_xmin(pg_current_snapshot())`.
    pub xmin: i64,
    /// Where [`Look::probe`] asks for it, the look's own transaction, `pg_current_xact_id()`, assigned after the snapshot
    /// was taken: whatever had an id by then has a lower one. (A snapshot's `xmax` is no such bound: it is one above the
    /// last transaction that has *ended*.)
    pub own: Option<i64>,
}

/// One question to the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Acknowledged rows, ascending, to delete in the same statement.
    pub delete: Vec<i64>,
    /// Only rows behind this one: everything up to here that ever will be visible was handed over or is parked.
    pub after: i64,
    /// Rows under way behind `after`, ascending.
    pub except: Vec<i64>,
    /// At most so many rows; 0 when there is only something to delete.
    pub limit: usize,
    /// Whether to ask for [`Horizon::own`]: only where deleting takes an id for the transaction anyway.
    pub probe: bool,
}

/// What to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hand it to the producer.
    Hand,
    /// A row of its key is parked: park it behind that one.
    Behind,
    /// Not now, nor any row after it.
    Stop,
}

/// What became of a record that the producer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Stored by the brokers.
    Acknowledged,
    /// Refused for a reason that may be the record's own, such as its size. Records of one batch share their fate, so
    /// that only a record which was alone is known to be at fault.
    Refused,
    /// Not known to be stored, for any other reason.
    Failed,
}

/// How much may be under way.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows of one look.
    pub batch: usize,
    /// Rows handed over and not deleted.
    pub under_way: usize,
}

/// The state of a term of leadership.
#[derive(Debug)]
pub struct Flight {
    limits: Limits,
    /// Handed over, or acknowledged and not deleted yet.
    under_way: BTreeSet<i64>,
    acknowledged: Vec<i64>,
    /// Every row up to here that ever will be visible was handed over or is parked. 0: nothing is known.
    floor: i64,
    probe: Option<Probe>,
    /// The highest number seen so far.
    highest: i64,
    /// Keys with a parked row, as the last look saw them.
    parked: HashSet<String>,
    /// Refused together with others.
    suspects: BTreeSet<i64>,
    /// The suspect that is under way, with no other record.
    alone: Option<i64>,
    /// Refused alone.
    condemned: Option<i64>,
    broken: bool,
    looking: Option<Looking>,
    sweep: bool,
}

/// A row up to `through` that was not visible belongs to a transaction below `before`: a transaction gets its id before
/// it draws numbers, because it holds the lock of the key's row by then.
#[derive(Clone, Copy, Debug)]
struct Probe {
    through: i64,
    before: i64,
}

#[derive(Clone, Copy, Debug)]
struct Looking {
    horizon: Horizon,
    limit: usize,
    rows: usize,
    /// Every visible row up to here is dealt with.
    settled: i64,
}

impl Flight {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            under_way: BTreeSet::new(),
            acknowledged: Vec::new(),
            floor: 0,
            probe: None,
            highest: 0,
            parked: HashSet::new(),
            suspects: BTreeSet::new(),
            alone: None,
            condemned: None,
            broken: false,
            looking: None,
            sweep: false,
        }
    }

    /// Notes what became of a record.
    pub fn reported(&mut self, seq: i64, report: Report) {
        let alone = self.alone == Some(seq);
        if alone {
            self.alone = None;
        }
        if report == Report::Acknowledged {
            self.suspects.remove(&seq);
            self.acknowledged.push(seq);
            return;
        }
        // The producer leaves no gap: it is dead now.
        self.broken = true;
        self.under_way.remove(&seq);
        if report == Report::Refused {
            if alone {
                self.condemned = Some(seq);
            } else {
                self.suspects.insert(seq);
            }
        }
    }

    /// The producer refused to take the row, for good: nothing was sent, and the producer lives.
    pub fn refused(&mut self, seq: i64) {
        self.condemned = Some(seq);
    }

    /// The producer failed as a whole.
    pub fn failed(&mut self) {
        self.broken = true;
    }

    /// The producer can be trusted no longer.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// There is a new producer, and nothing under way in the old one: what is not acknowledged is read again.
    pub fn restart(&mut self) {
        self.broken = false;
        self.alone = None;
        self.under_way = self.acknowledged.iter().copied().collect();
        self.from_start();
    }

    /// The next look is from the first row on, to find what should not be there.
    pub fn sweep(&mut self) {
        self.sweep = true;
    }

    /// Nothing is known any more of which rows are dealt with: looks are from the first row on.
    pub fn from_start(&mut self) {
        self.floor = 0;
        self.probe = None;
        self.looking = None;
    }

    /// The row to park now, if there is one; nothing is read before it is.
    #[must_use]
    pub fn to_park(&self) -> Option<i64> {
        self.condemned
    }

    /// Some record was refused together with others: from here on, such records are handed over one by one.
    #[must_use]
    pub fn is_careful(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// The row is marked as parked.
    pub fn parked(&mut self, seq: i64) {
        self.condemned = self.condemned.filter(|condemned| *condemned != seq);
        self.suspects.remove(&seq);
    }

    /// Acknowledged and not deleted yet.
    #[must_use]
    pub fn acknowledged(&self) -> &[i64] {
        &self.acknowledged
    }

    /// Handed over, and no report yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.under_way.len() - self.acknowledged.len()
    }

    /// What to ask of the table, for at most `max` rows, 0 to delete only. `None`: nothing before more is reported.
    #[must_use]
    pub fn look(&self, max: usize) -> Option<Look> {
        if self.broken || self.condemned.is_some() {
            return None;
        }
        // With suspects about, most of what is read is not handed over.
        let max = if self.suspects.is_empty() { max } else { max.min(CAREFUL) };
        let batch = self.limits.batch.min(max);
        // What is deleted makes room.
        let room = self.limits.under_way.saturating_sub(self.in_flight());
        let limit = if self.alone.is_some() { 0 } else { room.min(batch) };
        // A look for a handful of rows costs nearly as much as one for many.
        let limit = if limit * 4 < batch && self.in_flight() > 0 { 0 } else { limit };
        if limit == 0 && self.acknowledged.is_empty() {
            return None;
        }
        let mut delete = self.acknowledged.clone();
        delete.sort_unstable();
        let after = if self.sweep { 0 } else { self.floor };
        Some(Look {
            delete,
            after,
            except: self.under_way.range(after + 1..).copied().collect(),
            limit,
            probe: limit > 0 && self.probe.is_none() && !self.acknowledged.is_empty(),
        })
    }

    /// The look was answered: its rows are deleted. `false`: a key is parked no longer, so that rows of it which were
    /// left behind may come first; forget the rows that were read, and look again.
    pub fn found(&mut self, look: &Look, horizon: Horizon, parked: HashSet<String>) -> bool {
        for seq in self.acknowledged.drain(..look.delete.len()) {
            self.under_way.remove(&seq);
        }
        let released = self.parked.iter().any(|key| !parked.contains(key));
        self.parked = parked;
        if released {
            self.from_start();
            return false;
        }
        self.looking = Some(Looking { horizon, limit: look.limit, rows: 0, settled: look.after });
        true
    }

    /// What to do with a row that was read.
    #[must_use]
    pub fn admit(&mut self, seq: i64, destination: &str, key: &str) -> Verdict {
        self.highest = self.highest.max(seq);
        if !self.parked.is_empty() && self.parked.contains(&place(destination, key)) {
            self.settled(seq);
            return Verdict::Behind;
        }
        let careful = self.suspects.contains(&seq) && self.in_flight() > 0;
        if careful || self.alone.is_some() {
            return Verdict::Stop;
        }
        Verdict::Hand
    }

    /// The producer took the row.
    pub fn handed(&mut self, seq: i64) {
        self.under_way.insert(seq);
        if self.suspects.contains(&seq) {
            self.alone = Some(seq);
        }
        self.settled(seq);
    }

    fn settled(&mut self, seq: i64) {
        if let Some(looking) = &mut self.looking {
            looking.settled = seq;
            looking.rows += 1;
        }
    }

    /// The look is over; `complete` when every row of it was dealt with. Returns whether there may be more rows at once.
    pub fn end(&mut self, complete: bool) -> bool {
        let Some(looking) = self.looking.take() else { return true };
        if looking.limit == 0 {
            return true;
        }
        let exhausted = complete && looking.rows < looking.limit;
        let settled = if exhausted { i64::MAX } else { looking.settled };
        // What a sweep did not get to is read from there.
        self.floor = self.floor.min(settled);
        self.sweep = false;
        if let Some(probe) = self.probe
            && looking.horizon.xmin > probe.before
        {
            self.floor = self.floor.max(probe.through.min(settled));
            if self.floor >= probe.through {
                self.probe = None;
            }
        }
        if let Some(before) = looking.horizon.own
            && self.probe.is_none()
            && self.highest > self.floor
        {
            self.probe = Some(Probe { through: self.highest, before });
        }
        complete && !exhausted
    }
}

/// Destination and key as one word; neither holds a space.
#[must_use]
pub fn place(destination: &str, key: &str) -> String {
    format!("{destination} {key}")
}

#[cfg(test)]
mod tests;
