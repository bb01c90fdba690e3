//! Payment providers: what a payment or refund asks, put to the provider of its account, and what came of it.
//!
//! Every call has a deadline, follows no redirect and reads a bounded answer (`libs/providers`). What is not understood counts as no answer: it is
//! asked again, and means nothing until then. Keys at the provider are our ids, so that a call that is made twice has one effect.

mod accounts;
mod sandbox;
mod stripe;

pub use accounts::{Account, Accounts, AccountsError, Problem};

use ids::PaymentId;
use providers::signature;
use time::{Duration, OffsetDateTime};

use crate::domain::settlement::Report;
use crate::domain::{Ask, Day, DisputeSeen, Payment, Refund, RefundSeen, Seen};

/// Puts questions to the provider of one account.
#[derive(Clone, Debug)]
pub enum Provider {
    /// `sandbox/psp`.
    Sandbox(sandbox::Sandbox),
    /// Stripe.
    Stripe(stripe::Stripe),
}

/// What a provider has said of a day's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettlementSeen {
    /// It is ready.
    Report(Report),
    /// It is not ready yet.
    NotReady,
    /// Nothing, or nothing that can be understood.
    NoAnswer,
}

/// A callback that its provider has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the provider calls it: the same when it is sent again.
    pub event: String,
    /// What it says has happened, in the provider's words.
    pub kind: String,
    /// What the provider calls the thing it is about.
    pub reference: Option<String>,
    /// The payment it is about, if it is one of ours.
    pub payment: Option<PaymentId>,
    /// What the provider calls the charge that it is about.
    pub charge: Option<String>,
}

/// What a callback says of itself. It is not looked at before its signature.
struct About {
    /// What the provider calls it, where that is not among the headers.
    event: Option<String>,
    kind: String,
    reference: Option<String>,
    payment: Option<PaymentId>,
    charge: Option<String>,
}

/// Why a callback is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// It is not signed as it should be.
    #[error("the signature is not accepted")]
    Signature(#[from] signature::Invalid),
    /// It is not what the provider sends.
    #[error("the body is not a callback")]
    Body,
}

impl Provider {
    /// Asks about a payment.
    pub async fn ask(&self, payment: &Payment, ask: &Ask, now: OffsetDateTime) -> Seen {
        match self {
            Self::Sandbox(sandbox) => sandbox.ask(payment, ask).await,
            Self::Stripe(stripe) => stripe.ask(payment, ask, now).await,
        }
    }

    /// Has a refund made, or asks how it stands.
    pub async fn ask_refund(&self, payment: &Payment, refund: &Refund) -> RefundSeen {
        match self {
            Self::Sandbox(sandbox) => sandbox.ask_refund(payment, refund).await,
            Self::Stripe(stripe) => stripe.ask_refund(payment, refund).await,
        }
    }

    /// Asks for the disputes of a payment that was charged; `None` where the provider has not answered.
    pub async fn ask_disputes(&self, payment: &Payment) -> Option<Vec<DisputeSeen>> {
        match self {
            Self::Sandbox(sandbox) => sandbox.ask_disputes(payment).await,
            Self::Stripe(stripe) => stripe.ask_disputes(payment).await,
        }
    }

    /// How long after something was charged it is in a report of what was settled, at the latest.
    #[must_use]
    pub fn settles_within(&self) -> Duration {
        match self {
            Self::Sandbox(_) => Duration::ZERO,
            Self::Stripe(_) => stripe::Stripe::settles_within(),
        }
    }

    /// Fetches the report of what was settled on a day.
    pub async fn settlement(&self, day: Day, now: OffsetDateTime) -> SettlementSeen {
        match self {
            Self::Sandbox(sandbox) => sandbox.settlement(day).await,
            Self::Stripe(stripe) => stripe.settlement(day, now).await,
        }
    }
}
