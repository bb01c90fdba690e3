//! The lifecycle of a dispute: `needs_response`, `under_review`, then `won` or `lost`. The provider's own record is the truth. No IO.

use clock::Clock;
use ids::{DisputeId, PaymentId, Tenant};
use time::{Duration, OffsetDateTime};

use super::payment::{NotDisputed, Payment};

/// Disputes of a payment that are looked at.
pub const MOST_DISPUTES: usize = 50;

/// A charge, or a part of one, that its payer contests. The provider has taken the money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// Whose payment it is.
    pub tenant: Tenant,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// What the provider calls it.
    pub provider_id: String,
    /// How much, in minor units, more than 0.
    pub amount: i64,
    /// How far it has come.
    pub state: DisputeState,
    /// Why.
    pub reason: DisputeReason,
    /// When the provider opened it.
    pub opened_at: OffsetDateTime,
    /// Until when the office can answer, at the provider.
    pub respond_by: Option<OffsetDateTime>,
    /// When it was known here.
    pub created_at: OffsetDateTime,
    /// When its outcome was known.
    pub finished_at: Option<OffsetDateTime>,
}

/// How far a dispute has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeState {
    /// The office has to answer.
    NeedsResponse,
    /// The payer's bank decides.
    UnderReview,
    /// The money came back.
    Won,
    /// The money is lost.
    Lost,
}

/// Why a payer contests, in the words that providers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeReason {
    /// It was not the payer.
    Fraudulent,
    /// It was charged twice.
    Duplicate,
    /// It was to be given back.
    CreditNotProcessed,
    /// What was paid for did not come.
    ProductNotReceived,
    /// It is not what was paid for.
    ProductUnacceptable,
    /// It was cancelled before.
    SubscriptionCancelled,
    /// The payer does not know what it is.
    Unrecognised,
    /// Without a reason.
    General,
    /// Another one.
    Other,
}

/// A dispute as the provider shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeSeen {
    /// What the provider calls it.
    pub provider_id: String,
    /// How much, in minor units, more than 0.
    pub amount: i64,
    /// How it stands there.
    pub state: DisputeState,
    /// Why.
    pub reason: DisputeReason,
    /// When it was opened.
    pub opened_at: OffsetDateTime,
    /// Until when the office can answer.
    pub respond_by: Option<OffsetDateTime>,
}

/// What a look at the disputes of a payment has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The payment after it.
    pub payment: Payment,
    /// The disputes as each edge left them, in order: the state of each is the edge's. Each is told to the world.
    pub edges: Vec<Dispute>,
    /// The provider says what cannot be: somebody has to look.
    pub contradiction: Option<&'static str>,
}

/// Takes what the provider shows of a payment's disputes, of which these are known.
///
/// One that is new needs a response first, whatever has become of it since. One that does not fit beside refunds under way waits until
/// those are over. An answer may be older than what is known: a step back means nothing.
#[must_use]
pub fn look(payment: Payment, known: &[Dispute], seen: &[DisputeSeen], clock: &Clock) -> Looked {
    let mut looked = Looked { payment, edges: Vec::new(), contradiction: None };
    for seen in seen {
        // As an answer that shows it twice has left it.
        let known = looked.edges.iter().rev().chain(known);
        let known = known.into_iter().find(|dispute| dispute.provider_id == seen.provider_id).cloned();
        looked = match known {
            Some(dispute) => looked.go_on(dispute, seen, clock.now()),
            None => looked.open(seen, clock),
        };
    }
    looked
}

impl Looked {
    fn open(mut self, seen: &DisputeSeen, clock: &Clock) -> Self {
        // What came back meanwhile takes nothing away.
        if seen.state != DisputeState::Won {
            match self.payment.clone().dispute_opened(seen.amount) {
                Ok(payment) => self.payment = payment,
                Err(NotDisputed::RefundsUnderWay) => return self,
                Err(NotDisputed::AboveCaptured) => {
                    self.contradiction = Some("more is contested than was charged");
                    return self;
                }
            }
        }
        let dispute = Dispute::open(&self.payment, seen, clock);
        self.edges.push(dispute.clone());
        if seen.state != dispute.state {
            self.edges.push(dispute.step(seen, clock.now()));
        }
        self
    }

    fn go_on(mut self, dispute: Dispute, seen: &DisputeSeen, now: OffsetDateTime) -> Self {
        if seen.amount != dispute.amount {
            self.contradiction = Some("a dispute has another amount");
        } else if dispute.state.is_over() {
            if seen.state.is_over() && seen.state != dispute.state {
                self.contradiction = Some("a dispute ended twice, differently");
            }
        } else if seen.state > dispute.state {
            if seen.state == DisputeState::Won {
                self.payment = self.payment.dispute_won(dispute.amount);
            }
            self.edges.push(dispute.step(seen, now));
        }
        self
    }
}

impl DisputeState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::NeedsResponse, Self::UnderReview, Self::Won, Self::Lost];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Its outcome is known.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Won | Self::Lost)
    }
}

impl DisputeReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Fraudulent,
        Self::Duplicate,
        Self::CreditNotProcessed,
        Self::ProductNotReceived,
        Self::ProductUnacceptable,
        Self::SubscriptionCancelled,
        Self::Unrecognised,
        Self::General,
        Self::Other,
    ];

    /// Its name in the database and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fraudulent => "fraudulent",
            Self::Duplicate => "duplicate",
            Self::CreditNotProcessed => "credit_not_processed",
            Self::ProductNotReceived => "product_not_received",
            Self::ProductUnacceptable => "product_unacceptable",
            Self::SubscriptionCancelled => "subscription_cancelled",
            Self::Unrecognised => "unrecognised",
            Self::General => "general",
            Self::Other => "other",
        }
    }

    /// The reason of a name: what nobody knows is another one, so that no text of others is kept.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.name() == name).unwrap_or(Self::Other)
    }
}

impl Dispute {
    fn open(payment: &Payment, seen: &DisputeSeen, clock: &Clock) -> Self {
        Self {
            id: DisputeId::mint(clock),
            tenant: payment.tenant.clone(),
            payment_id: payment.id,
            provider_id: seen.provider_id.clone(),
            amount: seen.amount,
            state: DisputeState::NeedsResponse,
            reason: seen.reason,
            opened_at: seen.opened_at,
            respond_by: seen.respond_by,
            created_at: clock.now(),
            finished_at: None,
        }
    }

    fn step(self, seen: &DisputeSeen, now: OffsetDateTime) -> Self {
        Self {
            state: seen.state,
            respond_by: seen.respond_by,
            finished_at: seen.state.is_over().then_some(now),
            ..self
        }
    }

    /// Whether the provider holds on to the money.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.state != DisputeState::Won
    }

    /// When to look next, unless a callback comes before; `None` once it is over.
    #[must_use]
    pub fn ask_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let quarter: Duration = (now - self.created_at) / 4_i32;
        let wait = quarter.clamp(Duration::minutes(15), Duration::days(1));
        (!self.state.is_over()).then(|| now + wait)
    }
}

#[cfg(test)]
mod tests;
