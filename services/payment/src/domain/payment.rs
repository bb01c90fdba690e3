//! The lifecycle of a payment: what is known of it, what the provider is asked next, and what its answers mean. No IO.
//!
//! The provider's own record is the truth. Whatever else is heard, a callback for instance, only makes us look. A payment ends when
//! the provider says how; while it does not, the bill cannot be paid again.

use ids::{BillId, DocumentId, PaymentId, Subject, Tenant};
use time::{Duration, OffsetDateTime};

use super::{AccountName, Currency};

/// An attempt to pay a bill, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id, which the provider knows it by, too: key and reference of what is made there.
    pub id: PaymentId,
    /// Whose bill it is.
    pub tenant: Tenant,
    /// What is paid.
    pub bill_id: BillId,
    /// Who pays.
    pub payer: Subject,
    /// Where it is paid.
    pub account: AccountName,
    /// What is to be paid, in minor units, more than 0.
    pub amount: i64,
    /// Of what.
    pub currency: Currency,
    /// Where the provider sends the payer; gone once it is over.
    pub return_url: Option<String>,
    /// How far it has come.
    pub state: State,
    /// What the provider calls it, once it is known there.
    pub provider_id: Option<String>,
    /// What the provider calls the charge, where that has a name of its own: callbacks and reports may have that alone.
    pub charge_id: Option<String>,
    /// Where the payer goes on, while they can.
    pub next_url: Option<String>,
    /// Who wants it cancelled.
    pub cancel: Option<CancelledBy>,
    /// Since when the provider has not said anything that leads on.
    pub silent_since: Option<OffsetDateTime>,
    /// What refunds have given back.
    pub refunded: i64,
    /// What refunds under way are to give back.
    pub refunding: i64,
    /// What the payer contests, or has contested and got.
    pub disputed: i64,
    /// When it was begun.
    pub created_at: OffsetDateTime,
    /// When it is given up.
    pub expires_at: OffsetDateTime,
    /// When its outcome was known.
    pub finished_at: Option<OffsetDateTime>,
    /// The document that is its receipt.
    pub receipt_id: Option<DocumentId>,
}

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not known whether the provider has it.
    Initiated,
    /// The provider has it.
    Submitted,
    /// The provider does not say what became of it, and is asked until it does.
    OutcomeUnknown,
    /// The provider has charged this much, at most what was to be paid.
    Completed {
        /// In minor units, more than 0.
        captured: i64,
    },
    /// It was not paid.
    Failed(Failure),
    /// It was not paid, as somebody wished.
    Cancelled(CancelledBy),
}

/// Why a payment failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The payer's bank said no.
    Declined,
    /// It was not paid in time.
    Expired,
    /// The provider could not do it.
    ProviderError,
}

/// Who cancelled a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledBy {
    /// Who was to pay.
    Payer,
    /// The tenant's staff.
    Staff,
}

/// What an edge of the lifecycle tells the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was begun.
    Initiated,
    /// The provider has it, or has it again.
    Submitted,
    /// It is paid.
    Completed,
    /// It is not paid.
    Failed,
    /// It was not paid in time.
    Expired,
    /// It is cancelled.
    Cancelled,
    /// Nobody knows.
    OutcomeUnknown,
    /// Its receipt can be had.
    ReceiptReady,
}

/// What to ask the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To make it; asked again it is the same one.
    Create,
    /// How it stands.
    Look(String),
    /// To cancel it, if that is still possible, and how it stands.
    Cancel(String),
}

/// What the provider has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// How it stands there.
    Record {
        /// What the provider calls it.
        provider_id: String,
        /// How it stands.
        standing: Standing,
    },
    /// It will not make it, and has made nothing.
    Refused,
    /// Nothing, or nothing that can be understood.
    NoAnswer,
}

/// How a payment stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The payer can go on there.
    Open {
        /// Where.
        next_url: String,
    },
    /// The payer has done their part; it may be charged at any moment.
    Charging,
    /// It is charged.
    Charged {
        /// In minor units.
        amount: i64,
        /// What the provider calls the charge, where that has a name of its own.
        charge_id: Option<String>,
    },
    /// The payer's bank said no.
    Declined,
    /// The provider could not do it.
    Broken,
    /// It is cancelled.
    Cancelled,
    /// The provider has given it up.
    Expired,
}

/// What an answer has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The payment after it.
    pub payment: Payment,
    /// What to tell the world.
    pub event: Option<Event>,
    /// The provider says what cannot be: somebody has to look.
    pub contradiction: Option<&'static str>,
}

/// Why a refund is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRefunded {
    /// Nothing was charged.
    #[error("nothing was charged")]
    NotCharged,
    /// The caller believes something else to be available.
    #[error("another amount is available")]
    Stale,
    /// More is to be given back than is available.
    #[error("more than is available")]
    AboveAvailable,
}

/// Why a dispute is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDisputed {
    /// It is once these are over: they fail, or it cannot be.
    RefundsUnderWay,
    /// More is contested than was charged and not given back: it cannot be.
    AboveCaptured,
}

/// It is over: its outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment's outcome is known")]
pub struct Over;

impl State {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Submitted => "submitted",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Completed { .. } => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled(_) => "cancelled",
        }
    }

    /// Its outcome is known.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Failed(_) | Self::Cancelled(_))
    }
}

impl Payment {
    /// What the provider has charged, in minor units.
    #[must_use]
    pub fn captured(&self) -> i64 {
        match self.state {
            State::Completed { captured } => captured,
            _ => 0,
        }
    }

    /// What can still be refunded, in minor units: never negative.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.captured() - self.refunded - self.refunding - self.disputed
    }

    /// Whether somebody can still ask for it to be cancelled.
    #[must_use]
    pub fn can_cancel(&self) -> bool {
        !self.state.is_over() && self.cancel.is_none()
    }

    /// What to ask the provider, if anything.
    ///
    /// What is to be cancelled before it is known there is made first: a call that got no answer may still arrive, and what is not
    /// there cannot be cancelled.
    #[must_use]
    pub fn ask(&self, now: OffsetDateTime) -> Option<Ask> {
        if self.state.is_over() {
            return None;
        }
        Some(match &self.provider_id {
            None => Ask::Create,
            Some(id) if self.cancel.is_some() || now >= self.expires_at => Ask::Cancel(id.clone()),
            Some(id) => Ask::Look(id.clone()),
        })
    }

    /// When to ask next, unless a callback comes before; `None` once it is over.
    #[must_use]
    pub fn ask_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let wait = |since: OffsetDateTime, least: i64, most: i64| {
            let quarter: Duration = (now - since) / 4_i32;
            now + quarter.clamp(Duration::seconds(least), Duration::seconds(most))
        };
        match self.state {
            State::Initiated => Some(wait(self.created_at, 1, 60)),
            State::Submitted => {
                let at = wait(self.created_at, 2, 300);
                Some(if now < self.expires_at { at.min(self.expires_at) } else { at })
            }
            State::OutcomeUnknown => Some(wait(self.silent_since.unwrap_or(self.created_at), 5, 900)),
            State::Completed { .. } | State::Failed(_) | State::Cancelled(_) => None,
        }
    }

    /// Notes that somebody wants it cancelled; the first who does counts.
    ///
    /// # Errors
    /// When it is over.
    pub fn ask_cancel(mut self, by: CancelledBy) -> Result<Self, Over> {
        if self.state.is_over() {
            return Err(Over);
        }
        self.cancel = self.cancel.or(Some(by));
        Ok(self)
    }

    /// Takes what the provider has said. After `patience` without anything that leads on the outcome is unknown.
    #[must_use]
    pub fn apply(mut self, seen: Seen, now: OffsetDateTime, patience: Duration) -> Applied {
        let (provider_id, standing) = match seen {
            Seen::NoAnswer => return self.silent(now, patience),
            Seen::Refused if self.provider_id.is_some() => {
                return self.contradicted("refused what it has", now, patience);
            }
            Seen::Refused => return self.end(State::Failed(Failure::ProviderError), Event::Failed, now),
            Seen::Record { provider_id, standing } => (provider_id, standing),
        };
        if self.provider_id.as_ref().is_some_and(|known| *known != provider_id) {
            return self.contradicted("goes by two names", now, patience);
        }
        self.provider_id = Some(provider_id);
        match standing {
            Standing::Open { next_url } => self.open(next_url, now),
            Standing::Charging => self.silent(now, patience),
            Standing::Charged { amount, charge_id } if (1..=self.amount).contains(&amount) => {
                self.charge_id = self.charge_id.or(charge_id);
                self.end(State::Completed { captured: amount }, Event::Completed, now)
            }
            Standing::Charged { .. } => self.contradicted("charged what it was not asked to", now, patience),
            Standing::Declined => self.end(State::Failed(Failure::Declined), Event::Failed, now),
            Standing::Broken => self.end(State::Failed(Failure::ProviderError), Event::Failed, now),
            Standing::Expired => self.end(State::Failed(Failure::Expired), Event::Expired, now),
            Standing::Cancelled => match self.cancel {
                Some(by) => self.end(State::Cancelled(by), Event::Cancelled, now),
                // We have it cancelled when its time is over; before that only the payer can have done it, over there.
                None if now >= self.expires_at => {
                    self.end(State::Failed(Failure::Expired), Event::Expired, now)
                }
                None => self.end(State::Cancelled(CancelledBy::Payer), Event::Cancelled, now),
            },
        }
    }

    /// Begins to give something back.
    ///
    /// # Errors
    /// When nothing was charged, something else than `believed` is available, or less than `amount`, which is more than 0.
    pub fn refund(mut self, amount: i64, believed: i64) -> Result<Self, NotRefunded> {
        if self.captured() == 0 {
            return Err(NotRefunded::NotCharged);
        }
        if believed != self.available() {
            return Err(NotRefunded::Stale);
        }
        if amount > self.available() {
            return Err(NotRefunded::AboveAvailable);
        }
        self.refunding += amount;
        Ok(self)
    }

    /// The provider has taken back what the payer contests. While refunds are under way that may be too much: the provider makes those
    /// of them fail that do not fit.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn dispute_opened(mut self, amount: i64) -> Result<Self, NotDisputed> {
        if amount > self.available() + self.refunding {
            return Err(NotDisputed::AboveCaptured);
        }
        if amount > self.available() {
            return Err(NotDisputed::RefundsUnderWay);
        }
        self.disputed += amount;
        Ok(self)
    }

    /// What was contested came back.
    #[must_use]
    pub fn dispute_won(mut self, amount: i64) -> Self {
        self.disputed -= amount;
        self
    }

    /// A refund of this much, which was under way, has succeeded, or failed.
    #[must_use]
    pub fn refund_ended(mut self, amount: i64, succeeded: bool) -> Self {
        self.refunding -= amount;
        if succeeded {
            self.refunded += amount;
        }
        self
    }

    fn open(mut self, next_url: String, now: OffsetDateTime) -> Applied {
        if self.state.is_over() {
            return self.stale();
        }
        let event = (self.state != State::Submitted).then_some(Event::Submitted);
        // Past its time nobody is to go there any more; it is being cancelled.
        self.next_url = (now < self.expires_at && self.cancel.is_none()).then_some(next_url);
        self.silent_since = None;
        self.state = State::Submitted;
        Applied { payment: self, event, contradiction: None }
    }

    fn silent(mut self, now: OffsetDateTime, patience: Duration) -> Applied {
        if self.state.is_over() {
            return self.stale();
        }
        let since = *self.silent_since.get_or_insert(now);
        let lost = self.state != State::OutcomeUnknown && now - since >= patience;
        if lost {
            self.state = State::OutcomeUnknown;
            self.next_url = None;
        }
        Applied { payment: self, event: lost.then_some(Event::OutcomeUnknown), contradiction: None }
    }

    fn contradicted(self, what: &'static str, now: OffsetDateTime, patience: Duration) -> Applied {
        Applied { contradiction: Some(what), ..self.silent(now, patience) }
    }

    /// What was asked before it ended, and answered after: nothing new. But that it was charged is never nothing.
    fn stale(self) -> Applied {
        Applied { payment: self, event: None, contradiction: None }
    }

    fn end(mut self, state: State, event: Event, now: OffsetDateTime) -> Applied {
        if self.state.is_over() {
            let differs = state != self.state
                && (matches!(state, State::Completed { .. })
                    || matches!(self.state, State::Completed { .. }));
            let contradiction = differs.then_some("ended twice, differently");
            return Applied { payment: self, event: None, contradiction };
        }
        self.state = state;
        self.finished_at = Some(now);
        self.silent_since = None;
        self.next_url = None;
        self.return_url = None;
        Applied { payment: self, event: Some(event), contradiction: None }
    }
}

#[cfg(test)]
mod tests;
