//! A consumer group: members whose partitions are driven by [`consumer::lane`] as the library drives it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use consumer::lane::{Arrival, Bounds, Cause, Kind, Lane, Verdict};

use crate::Mutation;
use crate::broker::Broker;
use crate::database::{Database, Record, Refused};
use crate::rng::Rng;

/// One member's work on one partition.
#[derive(Debug)]
struct Work {
    lane: Lane<Record>,
    /// Where it began.
    start: usize,
    /// The next offset to fetch.
    position: usize,
    paused: bool,
    /// What is to be parked by itself.
    parking: Option<Record>,
    /// The next offset after what was stored.
    stored: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Member {
    work: BTreeMap<usize, Work>,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) members: Vec<Member>,
    /// The member that may commit a partition's offset. Others may still work on it without having noticed.
    owners: Vec<usize>,
    pub(crate) committed: Vec<usize>,
    bounds: Bounds,
    mutation: Option<Mutation>,
}

impl Group {
    pub(crate) fn new(partitions: usize, members: usize, bounds: Bounds, mutation: Option<Mutation>) -> Self {
        Self {
            members: (0..members).map(|_| Member::default()).collect(),
            owners: vec![0; partitions],
            committed: vec![0; partitions],
            bounds,
            mutation,
        }
    }

    /// The process dies and starts again: what it had is delivered again from the committed offsets.
    pub(crate) fn crash(&mut self, member: usize) {
        self.members[member].work.clear();
    }

    /// Another member gets the partition. The old one commits what it stored if it is told in time, and works on what it
    /// has for a while if it is not.
    pub(crate) fn move_to(&mut self, partition: usize, member: usize, orderly: bool) {
        let old = self.owners[partition];
        if orderly {
            self.commit_offset(partition);
            self.members[old].work.remove(&partition);
        }
        self.owners[partition] = member;
        // Whoever gets a partition starts where the group is.
        self.members[member].work.remove(&partition);
    }

    pub(crate) fn commit_offset(&mut self, partition: usize) {
        let owner = &self.members[self.owners[partition]];
        if let Some(stored) = owner.work.get(&partition).and_then(|work| work.stored) {
            self.committed[partition] = stored;
        }
    }

    /// Whether a member has a part in a partition: as its owner, or since it has not noticed that it is no more.
    fn works_on(&self, member: usize, partition: usize) -> bool {
        self.owners[partition] == member || self.members[member].work.contains_key(&partition)
    }

    /// A member fetches, or deals with its next batch; returns what it did, for the trace.
    pub(crate) fn step(
        &mut self,
        member: usize,
        partition: usize,
        db: &mut Database,
        broker: &Broker,
        rng: &mut Rng,
    ) -> Result<String, String> {
        if !self.works_on(member, partition) {
            return Ok(String::new());
        }
        let (bounds, start) = (self.bounds, self.committed[partition]);
        let work = self.members[member].work.entry(partition).or_insert_with(|| Work {
            lane: Lane::new(bounds),
            start,
            position: start,
            paused: false,
            parking: None,
            stored: None,
        });
        if rng.percent(40) && !work.paused {
            let said = work.fetch(db, broker, partition, rng);
            if self.mutation == Some(Mutation::OffsetFirst) {
                work.stored = Some(work.position);
            }
            return Ok(said);
        }
        work.deal(db, rng, self.mutation)
    }
}

impl Work {
    fn fetch(&mut self, db: &Database, broker: &Broker, partition: usize, rng: &mut Rng) -> String {
        let log = &broker.logs[partition];
        if rng.percent(5) {
            // A pause may bring again what is queued already.
            self.position = self.position.saturating_sub(2).max(self.stored.unwrap_or(self.start));
        }
        let count = rng.between(1, 6).min(log.len() - self.position);
        if count == 0 {
            return String::new();
        }
        for _ in 0..count {
            let record = log[self.position];
            let (kind, tenant) = match record {
                Record::Garbage(_) => (Kind::Alone, None),
                Record::Event(event) if db.events[event].number == 0 => (Kind::Ignored, None),
                // Two tenants, so that batches are taken out of what is between them.
                Record::Event(event) => (Kind::Event, Some(Arc::from(["a", "b"][db.events[event].key % 2]))),
            };
            let offset = i64::try_from(self.position).unwrap_or(i64::MAX);
            self.lane.push(Arrival { offset, weight: 1, tenant, kind, record });
            self.position += 1;
        }
        self.paused |= self.lane.pause();
        self.store();
        format!("fetches {count} up to {}", self.position)
    }

    fn store(&mut self) {
        if let Some(offset) = self.lane.storable() {
            self.stored = usize::try_from(offset + 1).ok();
        }
    }

    fn done(&mut self, rng: &mut Rng) {
        let took = if rng.percent(10) { Duration::from_secs(1) } else { Duration::ZERO };
        let (_, goes_on) = self.lane.done(took);
        self.paused &= !goes_on;
        self.store();
    }

    fn deal(
        &mut self,
        db: &mut Database,
        rng: &mut Rng,
        mutation: Option<Mutation>,
    ) -> Result<String, String> {
        if let Some(record) = self.parking {
            if db.away {
                return Ok(format!("cannot park {record:?}"));
            }
            self.parking = None;
            db.park(record);
            self.done(rng);
            return Ok(format!("parks {record:?}"));
        }
        let batch = self.lane.take();
        if batch.is_empty() {
            return Ok(String::new());
        }
        let all = 0..batch.len();
        if db.away {
            self.lane.failed(all, Cause::Away);
            return Ok(format!("cannot apply {batch:?}"));
        }
        let (at, cause) = match db.apply(&batch, mutation)? {
            None if rng.percent(5) => {
                // Committed, but nobody was told.
                self.lane.failed(all, Cause::Away);
                return Ok(format!("does not know whether it applied {batch:?}"));
            }
            None => {
                self.done(rng);
                return Ok(format!("applies {batch:?}"));
            }
            Some(Refused::Poison(at)) => (at, Cause::Poison),
            Some(Refused::Retry(at)) => (at, Cause::Retry),
        };
        // A handler of many events does not say which one it was.
        let range = if rng.percent(30) { all } else { at..at + 1 };
        let verdict = self.lane.failed(range, cause);
        if let Verdict::Park { .. } = verdict {
            self.parking = batch.first().copied();
        }
        Ok(format!("fails to apply {batch:?} at {at}: {cause:?}, {verdict:?}"))
    }
}
