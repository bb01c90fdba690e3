//! A relay's process: [`outbox::flight`] driven as the topic lane drives it, with a step between any two things that it
//! does.

use std::collections::VecDeque;

use outbox::flight::{Flight, Limits, Look, Verdict};

use crate::Mutation;
use crate::broker::{Broker, Producer};
use crate::database::Database;
use crate::rng::Rng;

#[derive(Debug)]
pub(crate) struct Relay {
    flight: Flight,
    pub(crate) producer: Producer,
    doing: Doing,
    /// Rows to mark as parked behind others.
    behind: Vec<i64>,
    /// SIGSTOP: it does nothing, but what it handed to the network goes on.
    pub(crate) stopped: bool,
    /// The highest number handed over, for a mutation that remembers it.
    high_water: i64,
}

#[derive(Debug)]
enum Doing {
    Nothing,
    HandingOver(VecDeque<(i64, usize)>),
}

/// How this run's relays behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) limits: Limits,
    /// How often, of a hundred looks, the table is read from its first row on for safety.
    pub(crate) from_start: usize,
    /// How often, of a hundred statements, the connection breaks.
    pub(crate) breaks: usize,
    pub(crate) mutation: Option<Mutation>,
}

impl Relay {
    pub(crate) fn new(broker: &Broker, manner: Manner) -> Self {
        Self {
            flight: Flight::new(manner.limits),
            producer: Producer::new(broker),
            doing: Doing::Nothing,
            behind: Vec::new(),
            stopped: false,
            high_water: 0,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.doing, Doing::Nothing) && self.behind.is_empty() && self.producer.is_idle()
    }

    /// Does the next thing; returns what, for the trace.
    pub(crate) fn step(
        &mut self,
        db: &mut Database,
        broker: &mut Broker,
        manner: Manner,
        rng: &mut Rng,
    ) -> String {
        let down = db.away || rng.percent(manner.breaks);
        if let Doing::HandingOver(rows) = &mut self.doing {
            let rows = std::mem::take(rows);
            return self.hand_over(rows, db, broker, manner, rng);
        }
        if !self.behind.is_empty() {
            let behind = std::mem::take(&mut self.behind);
            if down || !db.park_behind(&behind) {
                self.flight.from_start();
                return format!("does not park {behind:?} behind others and starts from the first row");
            }
            return format!("parks {behind:?} behind others");
        }
        let mut said = String::new();
        let reports = rng.between(1, 8);
        for _ in 0..reports {
            let Some((seq, report)) = self.producer.reported() else { break };
            self.flight.reported(seq, report);
            said += &format!("hears {report:?} of {seq}; ");
        }
        if self.flight.is_broken() {
            let producer = std::mem::replace(&mut self.producer, Producer::new(broker));
            for (seq, report) in producer.end(broker, rng) {
                self.flight.reported(seq, report);
            }
            self.flight.restart();
            return said + "makes a new producer";
        }
        if let Some(seq) = self.flight.to_park() {
            if down {
                return said + "cannot park";
            }
            db.park_row(seq);
            self.flight.parked(seq);
            return said + &format!("parks {seq}");
        }
        if rng.percent(manner.from_start) {
            self.flight.sweep();
            said += "from the first row; ";
        }
        let most = if rng.percent(10) { 0 } else { usize::MAX };
        let Some(mut look) = self.flight.look(most) else { return said };
        if manner.mutation == Some(Mutation::HighWaterMark) {
            look.after = self.high_water;
            look.except.retain(|seq| *seq > look.after);
        }
        said + &self.look(&look, db, down, rng)
    }

    fn look(&mut self, look: &Look, db: &mut Database, down: bool, rng: &mut Rng) -> String {
        if down {
            // The connection may break before the statement or after it.
            if !db.away && rng.percent(50) {
                db.look(look);
            }
            return format!("gets no answer to {look:?}");
        }
        let (horizon, parked, rows) = db.look(look);
        let said = format!("{look:?} finds {rows:?}, {horizon:?}, parked {parked:?}");
        if self.flight.found(look, horizon, parked) {
            self.doing = Doing::HandingOver(rows.into());
        }
        said
    }

    fn hand_over(
        &mut self,
        mut rows: VecDeque<(i64, usize)>,
        db: &mut Database,
        broker: &Broker,
        manner: Manner,
        rng: &mut Rng,
    ) -> String {
        let mut said = String::new();
        let mut complete = true;
        while let Some((seq, event)) = rows.pop_front() {
            let key = db.events[event].key;
            match self.flight.admit(seq, "events", &key.to_string()) {
                Verdict::Hand => {}
                Verdict::Behind => {
                    self.behind.push(seq);
                    continue;
                }
                Verdict::Stop => {
                    complete = false;
                    break;
                }
            }
            if db.events[event].flaws.client {
                said += &format!("the client refuses {seq}; ");
                self.flight.refused(seq);
                complete = false;
                break;
            }
            if rng.percent(3) {
                said += "the producer is full; ";
                complete = false;
                break;
            }
            self.producer.hand(broker.partition_of(key), seq, event);
            self.flight.handed(seq);
            self.high_water = self.high_water.max(seq);
            if manner.mutation == Some(Mutation::DeletedWhenHanded) {
                db.outbox.remove(&seq);
            }
            said += &format!("hands over {seq}; ");
            if rng.percent(50) {
                self.doing = Doing::HandingOver(rows);
                return said;
            }
        }
        self.doing = Doing::Nothing;
        let more = self.flight.end(complete);
        said + if more { "expects more" } else { "has all" }
    }
}
