//! A change in the making: the world as it is, and what will be new.

use serde_json::Value;
use time::OffsetDateTime;

use super::{Answered, Change, World};
use crate::books::{self, Entry};
use crate::cards::Behaviour;
use crate::error::Error;
use crate::event::{Delivery, Event};
use crate::id::{EntryId, EventId, PaymentId};
use crate::moment::{Day, Moment};
use crate::payment::{Happened, Payment};
use crate::script::Script;
use crate::view;

/// Nothing of it is true before the store has committed it.
pub(crate) struct Draft<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: OffsetDateTime,
    pub(crate) change: Change,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(world: &'a World, now: OffsetDateTime) -> Self {
        Self { world, now, change: Change::default() }
    }

    /// A payment, to take a step with.
    pub(crate) fn payment(&self, id: &PaymentId) -> Result<Payment, Error> {
        self.world.payment(id).cloned()
    }

    pub(crate) fn script(&mut self) -> &mut Script {
        self.change.script.get_or_insert_with(|| self.world.script.clone())
    }

    /// Keeps what a step came to: the payment, its lines of the books, and its events.
    pub(crate) fn keep(&mut self, (payment, happened): (Payment, Vec<Happened>)) -> Payment {
        let charged = happened.iter().any(|happened| matches!(happened, Happened::Captured));
        for happened in &happened {
            self.book(happened, &payment);
            self.tell(happened, &payment, charged);
        }
        self.change.payments.push(payment.clone());
        payment
    }

    fn book(&mut self, happened: &Happened, payment: &Payment) {
        let settled_on = self.settlement_day(&payment.account);
        let entries = books::movements(happened, payment).into_iter().map(|movement| Entry {
            id: EntryId::mint(self.now),
            account: payment.account.clone(),
            kind: movement.kind,
            payment: payment.id.clone(),
            object: movement.object,
            reference: payment.terms.reference.clone(),
            currency: payment.terms.currency.clone(),
            amount: movement.amount,
            at: Moment(self.now),
            settled_on,
        });
        self.change.entries.extend(entries);
    }

    /// Today, or the next day that was not closed.
    fn settlement_day(&self, account: &str) -> Day {
        let mut day = Day::of(self.now);
        while self.world.settlement(account, day).is_some_and(|settlement| settlement.closed) {
            day = day.next();
        }
        day
    }

    fn tell(&mut self, happened: &Happened, payment: &Payment, charged: bool) {
        let id = EventId::mint(self.now);
        let sequence = self.next_sequence(&payment.account);
        let kind = happened.event();
        let body = view::event(&id, kind, sequence, Moment(self.now), payment, happened);
        let of_account =
            || self.world.account(&payment.account).and_then(|account| account.notify_url.clone());
        let event = Event {
            id,
            account: payment.account.clone(),
            payment: payment.id.clone(),
            sequence,
            kind: kind.to_owned(),
            created_at: Moment(self.now),
            body,
            url: payment.terms.notify_url.clone().or_else(of_account),
            delivery: Delivery::Waiting { at: Moment(self.now) },
            tries: 0,
            sent: 0,
            attempts: Vec::new(),
            again: 0,
            before_answer: false,
            trick: None,
        };
        let event = by_card(event, payment.behaviour(), happened, charged);
        let event = self.by_rule(event);
        let event = if event.url.is_none() { Event { delivery: Delivery::Dropped, ..event } } else { event };
        self.change.events.push(event);
    }

    fn next_sequence(&self, account: &str) -> u64 {
        let of_draft = self.change.events.iter().rev().find(|event| event.account == account);
        of_draft.map_or_else(|| self.world.last_sequence(account), |event| event.sequence) + 1
    }

    fn by_rule(&mut self, event: Event) -> Event {
        let script = self.change.script.as_ref().unwrap_or(&self.world.script);
        let Some(at) = script.find_rule(&event) else { return event };
        let rule = self.script().take_rule(at);
        rule.bend(event, self.now)
    }

    /// What this key was answered, if it was used before, for the same.
    pub(crate) fn answered(
        &self,
        account: &str,
        key: &str,
        fingerprint: &str,
    ) -> Result<Option<&'a Answered>, Error> {
        match self.world.answer(account, key) {
            Some(answer) if answer.fingerprint != fingerprint => Err(Error::KeyReused),
            answer => Ok(answer),
        }
    }

    pub(crate) fn keep_answer(
        &mut self,
        account: &str,
        key: String,
        fingerprint: String,
        status: u16,
        body: &Value,
    ) {
        let (account, body) = (account.to_owned(), body.clone());
        self.change.answers.push(Answered { account, key, fingerprint, status, body });
    }

    /// The events that this change makes.
    pub(crate) fn told(&self) -> Vec<EventId> {
        self.change.events.iter().map(|event| event.id.clone()).collect()
    }
}

/// An event as the payment's card has it delivered.
fn by_card(event: Event, card: Behaviour, happened: &Happened, charged: bool) -> Event {
    match card {
        Behaviour::NoWebhook => Event { delivery: Delivery::Dropped, ..event },
        Behaviour::TimeoutAfterCharge if charged => Event { delivery: Delivery::Dropped, ..event },
        Behaviour::WebhookTwice => Event { again: 1, ..event },
        Behaviour::WebhookFirst => Event { before_answer: true, ..event },
        Behaviour::WebhookOutOfOrder if matches!(happened, Happened::Authorised) => {
            Event { delivery: Delivery::BehindNext, ..event }
        }
        _ => event,
    }
}
