//! What is told by webhook, and how its delivery goes.

use serde::{Deserialize, Serialize};

use crate::id::{EventId, PaymentId};
use crate::moment::Moment;
use crate::payment::Happened;

/// Attempts that are remembered of an event.
const MOST_ATTEMPTS: usize = 20;

/// Something that happened to a payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) account: String,
    pub(crate) payment: PaymentId,
    /// 1, 2, 3 … of the account, in the order in which things happened.
    pub(crate) sequence: u64,
    pub(crate) kind: String,
    pub(crate) created_at: Moment,
    /// What is sent, the same in each attempt.
    pub(crate) body: serde_json::Value,
    pub(crate) url: Option<String>,
    pub(crate) delivery: Delivery,
    /// Sent so often since it was last told to be; decides which wait comes next.
    pub(crate) tries: u32,
    /// Sent so often in all.
    pub(crate) sent: u32,
    /// The last of them.
    pub(crate) attempts: Vec<Attempt>,
    /// Sent again so often after it was delivered.
    pub(crate) again: u32,
    /// The call that caused it is not answered before it was tried.
    pub(crate) before_answer: bool,
    pub(crate) trick: Option<Trick>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Delivery {
    Waiting {
        at: Moment,
    },
    /// Until it is told to be delivered.
    Held,
    /// Until the payment's next event was delivered.
    BehindNext,
    Delivered,
    /// All tries failed.
    GivenUp,
    /// It is never sent: nobody wants it, or a test wants it lost.
    Dropped,
}

impl Delivery {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Held => "held",
            Self::BehindNext => "behind_next",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
            Self::Dropped => "dropped",
        }
    }
}

/// A request that told of an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) at: Moment,
    /// What was answered, if anything was.
    pub(crate) status: Option<u16>,
    /// Why nothing was.
    pub(crate) error: Option<String>,
}

/// What is wrong with the first attempts of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trick {
    pub(crate) kind: TrickKind,
    /// Attempts that are still so.
    pub(crate) attempts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrickKind {
    /// By a secret that nobody knows.
    BadSignature,
    NoSignature,
    /// A good signature of so long ago.
    OldTimestamp {
        seconds: u32,
    },
    /// One byte is another than the one that was signed.
    ChangedBody,
    /// No event at all, though well signed.
    Garbage,
}

impl Event {
    /// Notes an attempt. `retries` are the waits between tries, in seconds.
    pub(crate) fn tried(mut self, attempt: Attempt, retries: &[u32]) -> Self {
        let now = attempt.at;
        let delivered = attempt.status.is_some_and(|status| (200..300).contains(&status));
        let wait = retries.get(self.tries as usize).copied();
        self.tries += 1;
        self.sent += 1;
        self.trick = self
            .trick
            .filter(|trick| trick.attempts > 1)
            .map(|trick| Trick { attempts: trick.attempts - 1, ..trick });
        self.delivery = match (delivered, wait) {
            (true, _) if self.again > 0 => {
                self.again -= 1;
                Delivery::Waiting { at: now }
            }
            (true, _) => Delivery::Delivered,
            (false, Some(wait)) => {
                Delivery::Waiting { at: Moment(now.0 + time::Duration::seconds(wait.into())) }
            }
            (false, None) => Delivery::GivenUp,
        };
        if self.attempts.len() == MOST_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
        self
    }

    /// It is to be sent now, whatever became of it before.
    pub(crate) fn send_now(self, now: Moment) -> Self {
        Self { delivery: Delivery::Waiting { at: now }, tries: 0, ..self }
    }
}

impl Happened {
    pub(crate) fn event(&self) -> &'static str {
        match self {
            Self::Authorised => "payment.authorised",
            Self::Captured => "payment.captured",
            Self::Failed => "payment.failed",
            Self::Cancelled => "payment.cancelled",
            Self::Expired => "payment.expired",
            Self::Refunded(_) => "refund.succeeded",
            Self::RefundFailed(_) => "refund.failed",
            Self::DisputeOpened(_) => "dispute.opened",
            Self::DisputeUnderReview(_) => "dispute.under_review",
            Self::DisputeWon(_) => "dispute.won",
            Self::DisputeLost(_) => "dispute.lost",
        }
    }
}
