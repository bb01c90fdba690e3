//! Kafka as far as it matters: partitions, idempotent producers that leave no gap, and what a dead producer had already
//! sent.

use std::collections::VecDeque;

use outbox::flight::Report;

use crate::Mutation;
use crate::database::{Event, Record};
use crate::rng::Rng;

/// Records on their way to one partition whose sender is gone. They come in order, late or never.
type Late = (usize, VecDeque<Record>);

#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) logs: Vec<Vec<Record>>,
    late: Vec<Late>,
    /// Records stored again.
    pub(crate) stored_late: usize,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: i64,
    event: usize,
}

/// A producer: in order per partition, nothing twice by itself, and dead after the first record that fails.
#[derive(Debug)]
pub(crate) struct Producer {
    waiting: Vec<VecDeque<Sent>>,
    /// Stored, and not reported yet.
    stored: Vec<VecDeque<Sent>>,
    reports: VecDeque<(i64, Report)>,
    dead: bool,
}

impl Broker {
    pub(crate) fn new(partitions: usize) -> Self {
        Self { logs: vec![Vec::new(); partitions], late: Vec::new(), stored_late: 0 }
    }

    pub(crate) fn partition_of(&self, key: usize) -> usize {
        key % self.logs.len()
    }

    /// Some of what dead producers had sent arrives.
    pub(crate) fn arrive_late(&mut self, rng: &mut Rng) -> bool {
        if self.late.is_empty() {
            return false;
        }
        let at = rng.below(self.late.len());
        let (partition, records) = &mut self.late[at];
        if let Some(record) = records.pop_front() {
            self.logs[*partition].push(record);
            self.stored_late += 1;
        }
        if records.is_empty() || rng.percent(10) {
            self.late.swap_remove(at);
        }
        true
    }

    /// Nothing of it will ever arrive.
    pub(crate) fn forget_late(&mut self) {
        self.late.clear();
    }
}

impl Producer {
    pub(crate) fn new(broker: &Broker) -> Self {
        let queues = vec![VecDeque::new(); broker.logs.len()];
        Self { waiting: queues.clone(), stored: queues, reports: VecDeque::new(), dead: false }
    }

    pub(crate) fn hand(&mut self, partition: usize, seq: i64, event: usize) {
        let sent = Sent { seq, event };
        // As librdkafka purges what comes after a fatal error.
        if self.dead {
            self.reports.push_back((seq, Report::Failed));
        } else {
            self.waiting[partition].push_back(sent);
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.iter().chain(&self.stored).all(VecDeque::is_empty) && self.reports.is_empty()
    }

    /// One request: stores a batch of one partition, unless the brokers refuse one of its records and so all of it.
    pub(crate) fn send(
        &mut self,
        broker: &mut Broker,
        events: &[Event],
        partition: usize,
        most: usize,
        mutation: Option<Mutation>,
    ) {
        let count = self.waiting[partition].len().min(most);
        let batch: Vec<Sent> = self.waiting[partition].drain(..count).collect();
        if batch.iter().any(|sent| events[sent.event].flaws.brokers) {
            self.reports.extend(batch.iter().map(|sent| (sent.seq, Report::Refused)));
            if mutation != Some(Mutation::GapAfterRefusal) {
                self.fail();
            }
            return;
        }
        broker.logs[partition].extend(batch.iter().map(|sent| Record::Event(sent.event)));
        self.stored[partition].extend(batch);
    }

    /// Answers for some of what is stored.
    pub(crate) fn acknowledge(&mut self, partition: usize, most: usize) {
        let count = self.stored[partition].len().min(most);
        self.reports
            .extend(self.stored[partition].drain(..count).map(|sent| (sent.seq, Report::Acknowledged)));
    }

    /// A fatal error: what is stored and was not reported counts as failed, and what waits is dropped.
    pub(crate) fn fail(&mut self) {
        self.dead = true;
        let all = self.stored.iter_mut().chain(&mut self.waiting);
        self.reports.extend(all.flat_map(|queue| queue.drain(..)).map(|sent| (sent.seq, Report::Failed)));
    }

    pub(crate) fn reported(&mut self) -> Option<(i64, Report)> {
        self.reports.pop_front()
    }

    /// Ends it, in good order or not; some of what waits was sent already and may arrive later.
    pub(crate) fn end(mut self, broker: &mut Broker, rng: &mut Rng) -> VecDeque<(i64, Report)> {
        for (partition, queue) in self.waiting.iter().enumerate() {
            let sent = rng.below(queue.len() + 1);
            if sent > 0 {
                let late = queue.iter().take(sent).map(|sent| Record::Event(sent.event)).collect();
                broker.late.push((partition, late));
            }
        }
        for partition in 0..self.stored.len() {
            let most = rng.below(self.stored[partition].len() + 1);
            self.acknowledge(partition, most);
        }
        self.fail();
        self.reports
    }
}
