//! All that the provider knows. It changes by a [`Change`] alone, which is what is written to the file of the state.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sandbox::journal::State;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::books::Entry;
use crate::error::Error;
use crate::event::{Delivery, Event};
use crate::id::{DisputeId, EventId, PaymentId, RefundId};
use crate::moment::{Day, Moment};
use crate::payment::Payment;
use crate::script::Script;
use crate::settlement::Settlement;

mod draft;

pub(crate) use draft::Draft;

/// What is new, or is otherwise than before: whole records.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Change {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accounts: Vec<Account>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) payments: Vec<Payment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entries: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<Event>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) answers: Vec<Answered>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) settlements: Vec<Settlement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) script: Option<Script>,
}

impl Change {
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.payments.is_empty()
            && self.entries.is_empty()
            && self.events.is_empty()
            && self.answers.is_empty()
            && self.settlements.is_empty()
            && self.script.is_none()
    }
}

/// What a call under an idempotency key was answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answered {
    pub(crate) account: String,
    pub(crate) key: String,
    /// SHA-256 of what was asked.
    pub(crate) fingerprint: String,
    pub(crate) status: u16,
    pub(crate) body: serde_json::Value,
}

/// All records, and where to find them.
#[derive(Debug, Default)]
pub(crate) struct World {
    accounts: BTreeMap<String, Account>,
    payments: HashMap<PaymentId, Payment>,
    /// Of each account in the order in which they were made.
    order: BTreeMap<String, Vec<PaymentId>>,
    references: HashMap<(String, String), Vec<PaymentId>>,
    refunds: HashMap<RefundId, PaymentId>,
    disputes: HashMap<DisputeId, PaymentId>,
    deadlines: BTreeSet<(Moment, PaymentId)>,
    entries: BTreeMap<String, Vec<Entry>>,
    /// Of each account by their sequence.
    events: BTreeMap<String, BTreeMap<u64, Event>>,
    event_ids: HashMap<EventId, (String, u64)>,
    /// When the next attempt is of those that wait for it.
    waiting: BTreeSet<(Moment, String, u64)>,
    /// Those that wait for the delivery of a later one of their payment.
    behind: BTreeSet<(PaymentId, EventId)>,
    answers: HashMap<(String, String), Answered>,
    settlements: BTreeMap<(String, Day), Settlement>,
    pub(crate) script: Script,
}

impl State for World {
    type Change = Change;

    fn apply(&mut self, change: Change) {
        for account in change.accounts {
            self.accounts.insert(account.id.clone(), account);
        }
        for payment in change.payments {
            self.put_payment(payment);
        }
        for entry in change.entries {
            self.entries.entry(entry.account.clone()).or_default().push(entry);
        }
        for event in change.events {
            self.put_event(event);
        }
        for answer in change.answers {
            self.answers.insert((answer.account.clone(), answer.key.clone()), answer);
        }
        for settlement in change.settlements {
            self.settlements.insert((settlement.account.clone(), settlement.date), settlement);
        }
        if let Some(script) = change.script {
            self.script = script;
        }
    }

    /// Everything, as one change of an empty world.
    fn snapshot(&self) -> Change {
        let in_order = self.order.values().flatten().filter_map(|id| self.payments.get(id));
        Change {
            accounts: self.accounts.values().cloned().collect(),
            payments: in_order.cloned().collect(),
            entries: self.entries.values().flatten().cloned().collect(),
            events: self.events.values().flat_map(BTreeMap::values).cloned().collect(),
            answers: self.answers.values().cloned().collect(),
            settlements: self.settlements.values().cloned().collect(),
            script: Some(self.script.clone()),
        }
    }
}

impl World {
    fn put_payment(&mut self, payment: Payment) {
        let id = payment.id.clone();
        for refund in &payment.refunds {
            self.refunds.insert(refund.id.clone(), id.clone());
        }
        for dispute in &payment.disputes {
            self.disputes.insert(dispute.id.clone(), id.clone());
        }
        if let Some(at) = payment.deadline() {
            self.deadlines.insert((at, id.clone()));
        }
        let deadline = payment.deadline();
        match self.payments.insert(id.clone(), payment) {
            Some(before) => {
                if let Some(at) = before.deadline().filter(|at| Some(*at) != deadline) {
                    self.deadlines.remove(&(at, id));
                }
            }
            None => {
                let Some(payment) = self.payments.get(&id) else { return };
                let reference = (payment.account.clone(), payment.terms.reference.clone());
                self.order.entry(payment.account.clone()).or_default().push(id.clone());
                self.references.entry(reference).or_default().push(id);
            }
        }
    }

    fn put_event(&mut self, event: Event) {
        let place = (event.account.clone(), event.sequence);
        if let Some(before) = self.events.get(&place.0).and_then(|events| events.get(&place.1)) {
            if let Delivery::Waiting { at } = before.delivery {
                self.waiting.remove(&(at, place.0.clone(), place.1));
            }
            self.behind.remove(&(before.payment.clone(), before.id.clone()));
        }
        match event.delivery {
            Delivery::Waiting { at } => {
                self.waiting.insert((at, place.0.clone(), place.1));
            }
            Delivery::BehindNext => {
                self.behind.insert((event.payment.clone(), event.id.clone()));
            }
            Delivery::Held | Delivery::Delivered | Delivery::GivenUp | Delivery::Dropped => {}
        }
        self.event_ids.insert(event.id.clone(), place.clone());
        self.events.entry(place.0).or_default().insert(place.1, event);
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    pub(crate) fn payment_count(&self) -> usize {
        self.payments.len()
    }

    pub(crate) fn payment(&self, id: &PaymentId) -> Result<&Payment, Error> {
        self.payments.get(id).ok_or(Error::NotFound("payment"))
    }

    pub(crate) fn payment_of_refund(&self, id: &RefundId) -> Result<&Payment, Error> {
        self.refunds.get(id).and_then(|payment| self.payments.get(payment)).ok_or(Error::NotFound("refund"))
    }

    pub(crate) fn payment_of_dispute(&self, id: &DisputeId) -> Result<&Payment, Error> {
        self.disputes.get(id).and_then(|payment| self.payments.get(payment)).ok_or(Error::NotFound("dispute"))
    }

    /// An account's payments in the order in which they were made, those of a reference where one is named.
    pub(crate) fn payments(&self, account: &str, reference: Option<&str>) -> impl Iterator<Item = &Payment> {
        let ids = match reference {
            Some(reference) => self.references.get(&(account.to_owned(), reference.to_owned())),
            None => self.order.get(account),
        };
        ids.into_iter().flatten().filter_map(|id| self.payments.get(id))
    }

    /// The payment of which something becomes next, and when.
    pub(crate) fn first_deadline(&self) -> Option<&(Moment, PaymentId)> {
        self.deadlines.first()
    }

    /// An account's books.
    pub(crate) fn entries(&self, account: &str) -> impl Iterator<Item = &Entry> {
        self.entries.get(account).into_iter().flatten()
    }

    /// An account's events after a sequence.
    pub(crate) fn events(&self, account: &str, after: u64) -> impl Iterator<Item = &Event> {
        let of = self.events.get(account);
        of.into_iter().flat_map(move |events| events.range(after.saturating_add(1)..)).map(|(_, event)| event)
    }

    pub(crate) fn last_sequence(&self, account: &str) -> u64 {
        self.events.get(account).and_then(BTreeMap::last_key_value).map_or(0, |(sequence, _)| *sequence)
    }

    pub(crate) fn event(&self, id: &EventId) -> Result<&Event, Error> {
        let place = self.event_ids.get(id).ok_or(Error::NotFound("event"))?;
        self.events.get(&place.0).and_then(|events| events.get(&place.1)).ok_or(Error::NotFound("event"))
    }

    /// Events whose next attempt is at `now` or was to be before, the earliest first.
    pub(crate) fn due_events(&self, now: Moment) -> impl Iterator<Item = &Event> {
        self.waiting
            .iter()
            .take_while(move |(at, ..)| *at <= now)
            .filter_map(|(_, account, sequence)| self.events.get(account)?.get(sequence))
    }

    /// Events that wait for the delivery of this one.
    pub(crate) fn events_behind(&self, next: &Event) -> impl Iterator<Item = &Event> {
        let (payment, sequence) = (next.payment.clone(), next.sequence);
        let of_payment = self.behind.iter().filter(move |(of, _)| *of == payment);
        of_payment.filter_map(|(_, id)| self.event(id).ok()).filter(move |event| event.sequence < sequence)
    }

    pub(crate) fn answer(&self, account: &str, key: &str) -> Option<&Answered> {
        self.answers.get(&(account.to_owned(), key.to_owned()))
    }

    pub(crate) fn settlement(&self, account: &str, day: Day) -> Option<&Settlement> {
        self.settlements.get(&(account.to_owned(), day))
    }
}
