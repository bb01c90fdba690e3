//! PostgreSQL as far as it matters: the producing service's keys, counters and table `outbox`, and the consuming
//! service's inbox, parked events and effects. What one statement or transaction does here happens at one instant; a
//! writer's transaction stays open over many steps.

use std::collections::{BTreeMap, HashSet, VecDeque};

use outbox::flight::{Horizon, Look};

use crate::Mutation;

/// What will go wrong with an event, until somebody mends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flaws {
    /// The client refuses to take it.
    pub(crate) client: bool,
    /// The brokers refuse it, and what is in one batch with it.
    pub(crate) brokers: bool,
    /// No handler can apply it.
    pub(crate) poison: bool,
    /// So many attempts to apply it fail first.
    pub(crate) retries: u8,
}

/// An event, named by its place in [`Database::events`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) key: usize,
    /// The how manyth of its key, from 1; 0: of a type that the consumer ignores.
    pub(crate) number: u32,
    pub(crate) flaws: Flaws,
}

/// Why a row of the outbox is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Own,
    Behind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) event: usize,
    pub(crate) mark: Option<Mark>,
}

/// An open transaction that holds locks of keys' rows.
#[derive(Debug)]
pub(crate) struct Writer {
    xid: i64,
    pub(crate) keys: Vec<usize>,
    rows: Vec<(i64, usize)>,
    counters: BTreeMap<usize, u32>,
}

/// A record as the consumer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Event(usize),
    /// Somebody else's, which is no event.
    Garbage(usize),
}

/// Why a batch was rolled back, and the place of the record that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Poison(usize),
    Retry(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Database {
    pub(crate) away: bool,
    pub(crate) events: Vec<Event>,
    /// Committed rows.
    pub(crate) outbox: BTreeMap<i64, Row>,
    pub(crate) writers: Vec<Writer>,
    /// Committed events per key.
    pub(crate) counters: Vec<u32>,
    last_seq: i64,
    last_xid: i64,
    completed_xid: i64,
    pub(crate) inbox: HashSet<usize>,
    /// Applied events per key, which is the number of the last one.
    pub(crate) applied: Vec<u32>,
    pub(crate) parked: Vec<VecDeque<usize>>,
    pub(crate) garbage: HashSet<usize>,
    /// Arrivals of events that were noted before.
    pub(crate) repeated: usize,
}

impl Database {
    pub(crate) fn new(keys: usize) -> Self {
        Self {
            counters: vec![0; keys],
            applied: vec![0; keys],
            parked: vec![VecDeque::new(); keys],
            ..Self::default()
        }
    }

    fn begin(&mut self) -> i64 {
        self.last_xid += 1;
        self.last_xid
    }

    fn end(&mut self, xid: i64) {
        self.completed_xid = self.completed_xid.max(xid);
    }

    /// A transaction that is over at once.
    fn at_once(&mut self) {
        let xid = self.begin();
        self.end(xid);
    }

    /// Opens a transaction that locks keys, which nobody else may have locked.
    pub(crate) fn lock(&mut self, keys: Vec<usize>) -> bool {
        if self.writers.iter().any(|writer| writer.keys.iter().any(|key| keys.contains(key))) {
            return false;
        }
        let xid = self.begin();
        self.writers.push(Writer { xid, keys, rows: Vec::new(), counters: BTreeMap::new() });
        true
    }

    /// Appends an event of one of the writer's keys.
    pub(crate) fn append(&mut self, writer: usize, at: usize, ignored: bool, flaws: Flaws) {
        let writer = &mut self.writers[writer];
        let key = writer.keys[at];
        let number = if ignored {
            0
        } else {
            let counter = writer.counters.entry(key).or_insert(self.counters[key]);
            *counter += 1;
            *counter
        };
        self.last_seq += 1;
        writer.rows.push((self.last_seq, self.events.len()));
        self.events.push(Event { key, number, flaws });
    }

    pub(crate) fn commit(&mut self, writer: usize) {
        let writer = self.writers.swap_remove(writer);
        self.end(writer.xid);
        for (key, counter) in writer.counters {
            self.counters[key] = counter;
        }
        self.outbox.extend(writer.rows.into_iter().map(|(seq, event)| (seq, Row { event, mark: None })));
    }

    pub(crate) fn roll_back(&mut self, writer: usize) {
        let writer = self.writers.swap_remove(writer);
        self.end(writer.xid);
    }

    /// As `pg_snapshot_xmin(pg_current_snapshot())`. A snapshot ends one above the last transaction that has *ended*;
    /// later ones may have begun.
    fn xmin(&self) -> i64 {
        let end = self.completed_xid + 1;
        let running = self.writers.iter().map(|writer| writer.xid).filter(|xid| *xid < end);
        running.min().unwrap_or(end)
    }

    /// The relay's one statement: deletes, and reads what its snapshot sees.
    pub(crate) fn look(&mut self, look: &Look) -> (Horizon, HashSet<String>, Vec<(i64, usize)>) {
        let xmin = self.xmin();
        let parked = self.outbox.values().filter(|row| row.mark == Some(Mark::Own));
        let parked = parked.map(|row| place(self.events[row.event].key)).collect();
        let rows = self.outbox.range(look.after + 1..);
        let rows = rows.filter(|(seq, row)| row.mark.is_none() && !look.except.contains(seq));
        let rows = rows.take(look.limit).map(|(seq, row)| (*seq, row.event)).collect();
        let own = (look.probe || !look.delete.is_empty()).then(|| self.begin());
        if let Some(own) = own {
            self.end(own);
        }
        let horizon = Horizon { xmin, own: own.filter(|_| look.probe) };
        for seq in &look.delete {
            // Another relay may have parked it meanwhile, and later ones of its key behind it.
            if self.outbox.get(seq).is_some_and(|row| row.mark.is_none()) {
                self.outbox.remove(seq);
            }
        }
        (horizon, parked, rows)
    }

    pub(crate) fn park_row(&mut self, seq: i64) {
        self.at_once();
        if let Some(row) = self.outbox.get_mut(&seq) {
            row.mark.get_or_insert(Mark::Own);
        }
    }

    /// `false` when a key of them has no row any more that is parked for a reason of its own.
    pub(crate) fn park_behind(&mut self, seqs: &[i64]) -> bool {
        self.at_once();
        let held: HashSet<usize> = (self.outbox.values())
            .filter(|row| row.mark == Some(Mark::Own))
            .map(|row| self.events[row.event].key)
            .collect();
        let mut marked = 0;
        for seq in seqs {
            if let Some(row) = self.outbox.get_mut(seq)
                && row.mark.is_none()
                && held.contains(&self.events[row.event].key)
            {
                row.mark = Some(Mark::Behind);
                marked += 1;
            }
        }
        marked == seqs.len()
    }

    /// An operator has a key of the outbox tried again.
    pub(crate) fn release(&mut self, key: usize) {
        self.at_once();
        for row in self.outbox.values_mut().filter(|row| self.events[row.event].key == key) {
            row.mark = None;
        }
    }

    /// A batch in one transaction: notes, effects, and what goes behind parked events of its key. All or nothing.
    pub(crate) fn apply(
        &mut self,
        batch: &[Record],
        mutation: Option<Mutation>,
    ) -> Result<Option<Refused>, String> {
        let mut noted = HashSet::new();
        let mut applied: BTreeMap<usize, u32> = BTreeMap::new();
        let mut behind = Vec::new();
        for (at, record) in batch.iter().enumerate() {
            let Record::Event(event) = *record else { return Ok(Some(Refused::Poison(at))) };
            let Event { key, number, flaws } = self.events[event];
            if mutation != Some(Mutation::NotNoted) && (self.inbox.contains(&event) || !noted.insert(event)) {
                self.repeated += 1;
                continue;
            }
            let held = !self.parked[key].is_empty() && mutation != Some(Mutation::ParkedKeyGoesOn);
            if held {
                behind.push((key, event));
                continue;
            }
            if flaws.retries > 0 {
                self.events[event].flaws.retries -= 1;
                return Ok(Some(Refused::Retry(at)));
            }
            if flaws.poison {
                return Ok(Some(Refused::Poison(at)));
            }
            let last = applied.entry(key).or_insert(self.applied[key]);
            follows(key, number, *last)?;
            *last = number;
        }
        self.at_once();
        self.inbox.extend(noted);
        for (key, event) in behind {
            self.parked[key].push_back(event);
        }
        for (key, number) in applied {
            self.applied[key] = number;
        }
        Ok(None)
    }

    /// Keeps one record for an operator.
    pub(crate) fn park(&mut self, record: Record) {
        self.at_once();
        match record {
            Record::Garbage(number) => {
                self.garbage.insert(number);
            }
            Record::Event(event) => {
                if self.inbox.insert(event) {
                    self.parked[self.events[event].key].push_back(event);
                }
            }
        }
    }

    /// An operator has parked events of a key applied, in order, up to the first that fails.
    pub(crate) fn redrive(&mut self, key: usize) -> Result<usize, String> {
        let mut redriven = 0;
        while let Some(event) = self.parked[key].front().copied() {
            let Event { number, flaws, .. } = self.events[event];
            if flaws.poison || flaws.retries > 0 {
                break;
            }
            follows(key, number, self.applied[key])?;
            self.at_once();
            self.applied[key] = number;
            self.parked[key].pop_front();
            redriven += 1;
        }
        Ok(redriven)
    }
}

/// The promise: each effect once, in the order of its key.
fn follows(key: usize, number: u32, last: u32) -> Result<(), String> {
    let what = match number {
        _ if number == last + 1 => return Ok(()),
        _ if number <= last => "applied twice",
        _ => "applied before earlier ones",
    };
    Err(format!("event {number} of key {key} {what}; the last one applied was {last}"))
}

/// The key as [`outbox::flight`] names it.
pub(crate) fn place(key: usize) -> String {
    outbox::flight::place("events", &key.to_string())
}
