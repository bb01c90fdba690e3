//! The lifecycle of a refund: `submitted`, then `completed` or `failed`. The provider's own record is the truth.

use grounds::Grounds;
use ids::{PaymentId, RefundId, Subject, Tenant};
use time::{Duration, OffsetDateTime};

/// Refunds that a payment can have.
pub const MOST_REFUNDS: i64 = 100;

/// Money given back of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its id, which the provider knows it by, too.
    pub id: RefundId,
    /// Whose payment it is.
    pub tenant: Tenant,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// How much, in minor units, more than 0.
    pub amount: i64,
    /// How far it has come.
    pub state: RefundState,
    /// What the provider calls it, once it is known there.
    pub provider_id: Option<String>,
    /// Why; gone once the payer was erased.
    pub reason: Option<Grounds>,
    /// Who asked for it.
    pub requested_by: Subject,
    /// When.
    pub created_at: OffsetDateTime,
    /// When its outcome was known.
    pub finished_at: Option<OffsetDateTime>,
}

/// How far a refund has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Under way.
    Submitted,
    /// Given back.
    Completed,
    /// Not given back.
    Failed,
}

/// What the provider has said of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundSeen {
    /// How it stands there.
    Record {
        /// What the provider calls it.
        provider_id: String,
        /// `Submitted` while it is under way.
        state: RefundState,
    },
    /// It will not make it, and has made nothing.
    Refused,
    /// Nothing, or nothing that can be understood.
    NoAnswer,
}

impl RefundState {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl Refund {
    /// Takes what the provider has said. Says whether it is over now and was not before.
    #[must_use]
    pub fn apply(mut self, seen: RefundSeen, now: OffsetDateTime) -> (Self, bool) {
        if self.state != RefundState::Submitted {
            return (self, false);
        }
        match seen {
            RefundSeen::NoAnswer => {}
            // What it has once taken it cannot refuse.
            RefundSeen::Refused if self.provider_id.is_some() => {}
            RefundSeen::Refused => self.state = RefundState::Failed,
            RefundSeen::Record { provider_id, state } => {
                self.provider_id = Some(provider_id);
                self.state = state;
            }
        }
        let over = self.state != RefundState::Submitted;
        if over {
            self.finished_at = Some(now);
        }
        (self, over)
    }

    /// When to ask next, unless a callback comes before; `None` once it is over.
    #[must_use]
    pub fn ask_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let quarter: Duration = (now - self.created_at) / 4_i32;
        let wait = quarter.clamp(Duration::seconds(1), Duration::minutes(15));
        (self.state == RefundState::Submitted).then(|| now + wait)
    }
}

#[cfg(test)]
mod tests;
