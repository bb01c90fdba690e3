//! One run: everything that happens, one step after the other, each chosen by a number of the plan.

use consumer::lane::Bounds;
use outbox::flight::Limits;

use crate::broker::Broker;
use crate::database::{Database, Flaws, Record};
use crate::group::Group;
use crate::relay::{Manner, Relay};
use crate::rng::Rng;
use crate::{Mutation, Seen};

/// Rounds in which everything is well and nothing changes, before what is missing counts as lost.
const SETTLE: usize = 300;

/// What differs from run to run beside the steps: each run has its own mixture of faults, so that rare ones come together.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    keys: usize,
    partitions: usize,
    members: usize,
    manner: Manner,
    bounds: Bounds,
    /// Of a hundred events, how many have a flaw.
    flawed: usize,
    weights: [usize; KINDS.len()],
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Append,
    Finish,
    Relay,
    Send,
    Acknowledge,
    ProducerFails,
    RelayCrashes,
    RelayStops,
    Takeover,
    LateArrival,
    Outage,
    Consume,
    CommitOffset,
    MemberCrashes,
    Rebalance,
    Garbage,
    Mend,
    Release,
    Redrive,
}

/// Each kind with its usual weight, and whether it is a fault that some runs do without.
const KINDS: [(Step, usize, bool); 20] = [
    (Step::Begin, 60, false),
    (Step::Append, 90, false),
    (Step::Finish, 60, false),
    (Step::Relay, 200, false),
    (Step::Send, 90, false),
    (Step::Acknowledge, 90, false),
    (Step::ProducerFails, 10, true),
    (Step::RelayCrashes, 8, true),
    (Step::RelayStops, 8, true),
    (Step::Takeover, 8, true),
    (Step::LateArrival, 20, false),
    (Step::Outage, 5, true),
    (Step::Consume, 200, false),
    (Step::CommitOffset, 30, false),
    (Step::MemberCrashes, 8, true),
    (Step::Rebalance, 10, true),
    (Step::Garbage, 3, true),
    (Step::Mend, 6, false),
    (Step::Release, 8, false),
    (Step::Redrive, 8, false),
];

impl Conditions {
    pub(crate) fn of(rng: &mut Rng, mutation: Option<Mutation>) -> Self {
        let mut weights = KINDS.map(|(_, weight, _)| weight);
        for (weight, (_, _, fault)) in weights.iter_mut().zip(KINDS) {
            if fault && rng.percent(40) {
                *weight = 0;
            } else if rng.percent(30) {
                *weight *= 3;
            }
        }
        let limits = Limits { batch: rng.between(1, 8), under_way: rng.between(1, 16) };
        Self {
            keys: rng.between(1, 5),
            partitions: rng.between(1, 3),
            members: rng.between(1, 3),
            manner: Manner {
                limits,
                // Without the safety net, what is decided must be right by itself.
                from_start: [0, 0, 5, 30][rng.below(4)],
                breaks: [0, 5, 20][rng.below(3)],
                mutation,
            },
            bounds: Bounds {
                records: rng.between(1, 8),
                weight: rng.between(1, 10),
                room: rng.between(2, 12),
            },
            flawed: [0, 0, 5, 15][rng.below(4)],
            weights,
        }
    }
}

/// Everything there is.
pub(crate) struct World {
    conditions: Conditions,
    db: Database,
    broker: Broker,
    /// The last one leads; the others do not know yet that they do not.
    relays: Vec<Relay>,
    group: Group,
    garbage: usize,
    /// Steps until the database is back.
    back_in: usize,
    pub(crate) seen: Seen,
    /// What happened, where somebody wants to read it.
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(conditions: Conditions, traced: bool) -> Self {
        let broker = Broker::new(conditions.partitions);
        let relays = vec![Relay::new(&broker, conditions.manner)];
        let (partitions, members, bounds) = (conditions.partitions, conditions.members, conditions.bounds);
        let group = Group::new(partitions, members, bounds, conditions.manner.mutation);
        let db = Database::new(conditions.keys);
        let trace = traced.then(Vec::new);
        Self { conditions, db, broker, relays, group, garbage: 0, back_in: 0, seen: Seen::default(), trace }
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }

    fn tell(&mut self, who: &str, what: &str) {
        if !what.is_empty() {
            self.say(|| format!("{who}: {what}"));
        }
    }

    /// Does what the number says.
    pub(crate) fn step(&mut self, choice: u64) -> Result<(), String> {
        if self.db.away {
            self.back_in -= 1;
            if self.back_in == 0 {
                self.outage(false);
            }
        }
        let rng = &mut Rng::new(choice);
        let mut at = rng.below(self.conditions.weights.iter().sum());
        let kinds = KINDS.iter().zip(self.conditions.weights);
        let step = kinds.map(|((step, ..), weight)| (*step, weight)).find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let Some((step, _)) = step else { return Ok(()) };
        match step {
            Step::Begin | Step::Append | Step::Finish => self.write(step, rng),
            Step::Relay => self.relay(rng),
            Step::Send | Step::Acknowledge | Step::ProducerFails => self.produce(step, rng),
            Step::RelayCrashes | Step::RelayStops | Step::Takeover => self.lead(step, rng),
            Step::LateArrival => {
                if self.broker.arrive_late(rng) {
                    self.say(|| String::from("brokers: a record of a dead producer arrives"));
                }
            }
            Step::Outage => {
                self.back_in = rng.between(1, 60);
                self.outage(true);
            }
            Step::Consume => self.consume(rng)?,
            Step::CommitOffset | Step::MemberCrashes | Step::Rebalance => self.gather(step, rng),
            Step::Garbage => {
                self.say(|| String::from("brokers: a record that is no event"));
                let partition = rng.below(self.conditions.partitions);
                self.broker.logs[partition].push(Record::Garbage(self.garbage));
                self.garbage += 1;
            }
            Step::Mend | Step::Release | Step::Redrive => self.operate(step, rng)?,
        }
        Ok(())
    }

    fn write(&mut self, step: Step, rng: &mut Rng) {
        if self.db.away {
            return;
        }
        if let Step::Begin = step {
            let mut keys = vec![rng.below(self.conditions.keys)];
            let second = rng.below(self.conditions.keys);
            if rng.percent(30) && second != keys[0] {
                keys.push(second);
            }
            // Some transactions of the database have nothing to do with the outbox.
            if rng.percent(10) {
                keys.clear();
            }
            let told = format!("writer: begins with keys {keys:?}");
            if self.db.lock(keys) {
                self.say(|| told);
            }
            return;
        }
        if self.db.writers.is_empty() {
            return;
        }
        let writer = rng.below(self.db.writers.len());
        if let Step::Append = step {
            let keys = self.db.writers[writer].keys.clone();
            if !keys.is_empty() {
                let at = rng.below(keys.len());
                let flaws = flaws(rng, self.conditions.flawed);
                self.db.append(writer, at, rng.percent(10), flaws);
                self.say(|| format!("writer: appends an event of key {}, {flaws:?}", keys[at]));
            }
        } else if rng.percent(80) {
            self.db.commit(writer);
            self.say(|| String::from("writer: commits"));
        } else {
            self.db.roll_back(writer);
            self.say(|| String::from("writer: rolls back"));
        }
    }

    fn relay(&mut self, rng: &mut Rng) {
        let at = rng.below(self.relays.len());
        let relay = &mut self.relays[at];
        if !relay.stopped {
            let said = relay.step(&mut self.db, &mut self.broker, self.conditions.manner, rng);
            self.tell(&format!("relay {at}"), &said);
        }
    }

    fn produce(&mut self, step: Step, rng: &mut Rng) {
        let at = rng.below(self.relays.len());
        let partition = rng.below(self.conditions.partitions);
        let most = rng.between(1, 6);
        let producer = &mut self.relays[at].producer;
        match step {
            Step::Send => {
                let mutation = self.conditions.manner.mutation;
                producer.send(&mut self.broker, &self.db.events, partition, most, mutation);
            }
            Step::Acknowledge => producer.acknowledge(partition, most),
            _ => {
                producer.fail();
                self.seen.dead_producers += 1;
            }
        }
        self.say(|| format!("producer {at}: {step:?}, partition {partition}, at most {most}"));
    }

    fn lead(&mut self, step: Step, rng: &mut Rng) {
        let at = rng.below(self.relays.len());
        match step {
            Step::RelayCrashes => {
                let relay = self.relays.remove(at);
                relay.producer.end(&mut self.broker, rng);
                if self.relays.is_empty() {
                    self.relays.push(Relay::new(&self.broker, self.conditions.manner));
                }
                self.seen.crashes += 1;
            }
            Step::RelayStops => self.relays[at].stopped ^= true,
            // The lock of one that does not answer is taken from it, which it notices late.
            _ if self.relays.len() < 3 => {
                self.relays.push(Relay::new(&self.broker, self.conditions.manner));
                self.seen.takeovers += 1;
            }
            _ => return,
        }
        self.say(|| format!("relay {at}: {step:?}"));
    }

    fn outage(&mut self, away: bool) {
        self.db.away = away;
        if away {
            self.seen.outages += 1;
            while !self.db.writers.is_empty() {
                self.db.roll_back(0);
            }
        }
        self.say(|| format!("database: {}", if away { "goes away" } else { "is back" }));
    }

    fn consume(&mut self, rng: &mut Rng) -> Result<(), String> {
        let member = rng.below(self.conditions.members);
        let partition = rng.below(self.conditions.partitions);
        let said = self.group.step(member, partition, &mut self.db, &self.broker, rng)?;
        self.tell(&format!("member {member}, partition {partition}"), &said);
        Ok(())
    }

    fn gather(&mut self, step: Step, rng: &mut Rng) {
        let member = rng.below(self.conditions.members);
        let partition = rng.below(self.conditions.partitions);
        match step {
            Step::CommitOffset => self.group.commit_offset(partition),
            Step::MemberCrashes => {
                self.group.crash(member);
                self.seen.crashes += 1;
            }
            _ => {
                self.group.move_to(partition, member, rng.percent(50));
                self.seen.rebalances += 1;
            }
        }
        self.say(|| format!("group: {step:?}, member {member}, partition {partition}"));
    }

    fn operate(&mut self, step: Step, rng: &mut Rng) -> Result<(), String> {
        let key = rng.below(self.conditions.keys);
        match step {
            Step::Mend => self.mend(key),
            Step::Release if !self.db.away => {
                self.seen.parked_rows += self.db.outbox.values().filter(|row| row.mark.is_some()).count();
                self.db.release(key);
            }
            Step::Redrive if !self.db.away => {
                self.seen.parked_events += self.db.parked[key].len();
                self.db.redrive(key)?;
            }
            _ => return Ok(()),
        }
        self.say(|| format!("operator: {step:?}, key {key}"));
        Ok(())
    }

    fn mend(&mut self, key: usize) {
        for event in self.db.events.iter_mut().filter(|event| event.key == key) {
            event.flaws = Flaws::default();
        }
    }

    /// Everything becomes well and goes on until nothing is left to do; then nothing may be missing.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        self.say(|| String::from("everything becomes well"));
        self.db.away = false;
        while !self.db.writers.is_empty() {
            self.db.commit(0);
        }
        self.conditions.manner.breaks = 0;
        self.broker.forget_late();
        let rng = &mut Rng::new(0);
        while self.relays.len() > 1 {
            self.relays.remove(0).producer.end(&mut self.broker, rng);
        }
        for relay in &mut self.relays {
            relay.stopped = false;
        }
        let mut told = self.trace.as_ref().map_or(0, Vec::len);
        let (mut idle, mut before) = (0, self.progress());
        while idle < SETTLE {
            let after = self.progress();
            idle += 1;
            if after != before {
                (idle, before, told) = (0, after, self.trace.as_ref().map_or(0, Vec::len));
            }
            if self.missing().is_none() {
                self.seen.events += self.db.applied.iter().map(|count| u64::from(*count)).sum::<u64>();
                self.seen.repeated += self.db.repeated;
                self.seen.late += self.broker.stored_late;
                return Ok(());
            }
            for key in 0..self.conditions.keys {
                self.mend(key);
                self.db.release(key);
                self.db.redrive(key)?;
            }
            self.relay(rng);
            for partition in 0..self.conditions.partitions {
                let producer = &mut self.relays[0].producer;
                producer.send(&mut self.broker, &self.db.events, partition, 100, None);
                producer.acknowledge(partition, 100);
                for member in 0..self.conditions.members {
                    self.group.step(member, partition, &mut self.db, &self.broker, rng)?;
                }
                self.group.commit_offset(partition);
            }
        }
        if let Some(trace) = &mut self.trace {
            trace.truncate(told);
        }
        Err(self.missing().unwrap_or_default())
    }

    /// Grows whenever something gets further.
    fn progress(&self) -> usize {
        let handed_over: usize = self.broker.logs.iter().map(Vec::len).sum();
        let committed: usize = self.group.committed.iter().sum();
        handed_over + committed + self.db.inbox.len() + self.db.events.len() - self.db.outbox.len()
    }

    /// What is not as it must be in the end.
    fn missing(&self) -> Option<String> {
        let db = &self.db;
        for (key, (counter, applied)) in db.counters.iter().zip(&db.applied).enumerate() {
            if counter != applied {
                return Some(format!("lost: of {counter} events of key {key}, {applied} were applied"));
            }
        }
        if !db.outbox.is_empty() {
            return Some(format!("the outbox keeps {:?}", db.outbox));
        }
        if db.garbage.len() != self.garbage {
            return Some(format!(
                "lost: of {} records that are no event, {} are parked",
                self.garbage,
                db.garbage.len()
            ));
        }
        if db.parked.iter().any(|events| !events.is_empty()) {
            return Some(String::from("parked events are not redriven"));
        }
        let behind = self
            .group
            .committed
            .iter()
            .zip(&self.broker.logs)
            .position(|(committed, log)| *committed != log.len());
        if let Some(partition) = behind {
            return Some(format!("the offset of partition {partition} does not reach its end"));
        }
        (!self.relays[0].is_idle()).then(|| String::from("the relay has something under way"))
    }
}

/// What is wrong with an event.
fn flaws(rng: &mut Rng, percent: usize) -> Flaws {
    let mut flaws = Flaws::default();
    if rng.percent(percent) {
        match rng.below(4) {
            0 => flaws.client = true,
            1 => flaws.brokers = true,
            2 => flaws.poison = true,
            _ => flaws.retries = 2,
        }
    }
    flaws
}
