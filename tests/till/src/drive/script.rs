//! What can go wrong with a payment, or right: each of what `sandbox/psp` can be asked for.

use std::time::Duration;

use psp::cards;
use serde_json::{Value, json};

/// What a payer does at the provider's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pays {
    /// Puts in a card.
    Card(&'static str),
    /// Puts in a card that takes its time.
    Slowly(Duration),
    /// Is asked by the bank, and approves or not.
    Challenged { approve: bool },
    /// The bank does not answer until it is asked to.
    Silently { approve: bool },
    /// Gives up over there.
    GivesUp,
    /// Cancels here.
    Cancels,
    /// Cancels here while the card is put in over there.
    CancelsTooLate,
    /// Is not there until the time is over.
    TooLate,
}

/// What follows once it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Enough,
    /// A part is given back, and then the rest.
    Refunds,
    /// A refund waits for the bank.
    RefundWaits { succeed: bool },
    /// The payer contests everything.
    Contests { won: bool },
    /// The payer contests a part while another is given back.
    ContestsPart { won: bool },
}

/// A fault of the next calls of the provider's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) operation: &'static str,
    when: &'static str,
    answer: &'static str,
    /// The card that the payer puts in before the call is answered.
    pub(super) pay: Option<&'static str>,
}

impl Fault {
    pub(super) fn body(self) -> Value {
        let Self { operation, when, answer, pay } = self;
        json!({ "operation": operation, "when": when, "answer": answer, "pay": pay, "times": 1 })
    }
}

/// What is done to one payment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) pays: Pays,
    pub(super) then: Then,
    pub(super) fault: Option<Fault>,
    /// How the next callbacks about it are delivered.
    pub(super) rule: Option<&'static str>,
    /// Nobody reaches the provider for so many seconds.
    pub(super) outage: Option<bool>,
}

const fn of(name: &'static str, pays: Pays, then: Then) -> Script {
    Script { name, pays, then, fault: None, rule: None, outage: None }
}

const fn card(name: &'static str, card: &'static str) -> Script {
    of(name, Pays::Card(card), Then::Enough)
}

const fn faulty(
    name: &'static str,
    operation: &'static str,
    when: &'static str,
    answer: &'static str,
) -> Script {
    let fault = Some(Fault { operation, when, answer, pay: None });
    Script { fault, ..of(name, Pays::Card(cards::APPROVE), Then::Refunds) }
}

const fn ruled(name: &'static str, rule: &'static str) -> Script {
    Script { rule: Some(rule), ..card(name, cards::APPROVE) }
}

/// Every script.
pub(super) const SCRIPTS: &[Script] = &[
    of("approved, refunded", Pays::Card(cards::APPROVE), Then::Refunds),
    card("approved, another brand", cards::APPROVE_TOO),
    card("declined", cards::DECLINE),
    card("no funds", cards::NO_FUNDS),
    card("card expired", cards::EXPIRED),
    card("card stolen", cards::STOLEN),
    card("processing error", cards::ERROR),
    of("challenged, approved", Pays::Challenged { approve: true }, Then::Refunds),
    of("challenged, refused", Pays::Challenged { approve: false }, Then::Enough),
    of("slow", Pays::Slowly(Duration::from_millis(4_500)), Then::Refunds),
    of("never answered, then charged", Pays::Silently { approve: true }, Then::Refunds),
    of("never answered, then declined", Pays::Silently { approve: false }, Then::Enough),
    card("capture fails", cards::CAPTURE_FAILS),
    of("captured in part", Pays::Card(cards::PARTIAL_CAPTURE), Then::Refunds),
    of("timeout after charge", Pays::Card(cards::TIMEOUT_AFTER_CHARGE), Then::Refunds),
    card("callbacks twice", cards::WEBHOOK_TWICE),
    card("callbacks before the answer", cards::WEBHOOK_FIRST),
    card("callbacks out of order", cards::WEBHOOK_OUT_OF_ORDER),
    of("no callbacks", Pays::Card(cards::NO_WEBHOOK), Then::Refunds),
    of("disputed, won", Pays::Card(cards::DISPUTED), Then::Contests { won: true }),
    of("disputed, lost", Pays::Card(cards::DISPUTED), Then::Contests { won: false }),
    of("disputed in part, won", Pays::Card(cards::APPROVE), Then::ContestsPart { won: true }),
    of("disputed in part, lost", Pays::Card(cards::APPROVE), Then::ContestsPart { won: false }),
    of("refund waits, succeeds", Pays::Card(cards::REFUND_PENDING), Then::RefundWaits { succeed: true }),
    of("refund waits, fails", Pays::Card(cards::REFUND_PENDING), Then::RefundWaits { succeed: false }),
    of("refund fails", Pays::Card(cards::REFUND_FAILS), Then::Refunds),
    of("given up there", Pays::GivesUp, Then::Enough),
    of("cancelled here", Pays::Cancels, Then::Enough),
    of("cancelled while paid", Pays::CancelsTooLate, Then::Enough),
    of("too late", Pays::TooLate, Then::Enough),
    ruled("callback late", "late"),
    ruled("callback held", "hold"),
    ruled("callback behind the next", "behind_next"),
    ruled("callback signed wrongly", "bad_signature"),
    ruled("callback not signed", "no_signature"),
    ruled("callback too old", "old_timestamp"),
    ruled("callback changed", "changed_body"),
    ruled("callback garbage", "garbage"),
    faulty("creating: not done, 503", "create_payment", "before", "status"),
    faulty("creating: done, 503", "create_payment", "after", "status"),
    faulty("creating: done, cut", "create_payment", "after", "cut"),
    faulty("creating: done, hangs", "create_payment", "after", "hang"),
    faulty("creating: done, garbage", "create_payment", "after", "garbage"),
    faulty("creating: done, empty", "create_payment", "after", "empty"),
    faulty("creating: done, truncated", "create_payment", "after", "truncate"),
    faulty("creating: done, oversize", "create_payment", "after", "oversize"),
    Script {
        fault: Some(Fault {
            operation: "create_payment",
            when: "after",
            answer: "cut",
            pay: Some(cards::APPROVE),
        }),
        ..of("creating: paid, cut", Pays::Card(cards::APPROVE), Then::Refunds)
    },
    faulty("asking: 503", "get_payment", "before", "status"),
    faulty("asking: hangs", "get_payment", "before", "hang"),
    faulty("asking: garbage", "get_payment", "after", "garbage"),
    Script {
        fault: Some(Fault { operation: "cancel_payment", when: "after", answer: "cut", pay: None }),
        ..of("cancelling: done, cut", Pays::Cancels, Then::Enough)
    },
    faulty("refunding: not done, 503", "create_refund", "before", "status"),
    faulty("refunding: done, cut", "create_refund", "after", "cut"),
    faulty("refunding: done, hangs", "create_refund", "after", "hang"),
    faulty("settling: cut", "get_settlement", "after", "truncate"),
    Script { outage: Some(false), ..card("provider away, 503", cards::APPROVE) },
    Script { outage: Some(true), ..card("provider away, cut", cards::APPROVE) },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_script_has_one_name() {
        let names: BTreeSet<_> = SCRIPTS.iter().map(|script| script.name).collect();
        assert_eq!(names.len(), SCRIPTS.len());
    }
}
