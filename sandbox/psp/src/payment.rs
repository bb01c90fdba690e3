//! A payment and what can become of it. Each step takes the payment and gives it back with what happened, or refuses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::cards::{Behaviour, Card, Failure};
use crate::dispute::Dispute;
use crate::error::Error;
use crate::id::{DisputeId, PaymentId, RefundId};
use crate::moment::Moment;
use crate::money::Currency;
use crate::refund::{Refund, RefundState};

/// How long an authorisation waits for its capture.
const CAPTURE_WITHIN: Duration = Duration::days(7);
/// Refunds of a payment, and disputes: nobody has more, and what is kept is bounded.
const MOST_REFUNDS: usize = 100;
const MOST_DISPUTES: usize = 10;

/// A payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) account: String,
    pub(crate) terms: Terms,
    pub(crate) created_at: Moment,
    pub(crate) expires_at: Moment,
    pub(crate) state: State,
    pub(crate) card: Option<Card>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) disputes: Vec<Dispute>,
}

/// What its account asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) reference: String,
    pub(crate) description: String,
    pub(crate) capture: Capture,
    pub(crate) return_url: String,
    pub(crate) notify_url: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Whether what is authorised is charged at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Capture {
    #[default]
    Automatic,
    Manual,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum State {
    /// The payer has not put a card in.
    Created,
    /// The payer's bank asks the payer.
    Challenged,
    /// The bank has not said; without `until` it never does by itself.
    Processing {
        until: Option<Moment>,
    },
    Authorised {
        capture_before: Moment,
    },
    Captured {
        amount: i64,
        at: Moment,
    },
    Failed {
        reason: Failure,
    },
    Cancelled {
        by: By,
    },
    Expired,
}

/// Who cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    Payer,
    Account,
}

/// What a step came to. Each is told by an event of its own; `books` says which of them move money.
#[derive(Clone, Debug)]
pub(crate) enum Happened {
    Authorised,
    Captured,
    Failed,
    Cancelled,
    Expired,
    Refunded(RefundId),
    RefundFailed(RefundId),
    DisputeOpened(DisputeId),
    DisputeUnderReview(DisputeId),
    DisputeWon(DisputeId),
    DisputeLost(DisputeId),
}

/// The payment as it is then, and what happened.
pub(crate) type Step = Result<(Payment, Vec<Happened>), Error>;

impl State {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Challenged => "challenged",
            Self::Processing { .. } => "processing",
            Self::Authorised { .. } => "authorised",
            Self::Captured { .. } => "captured",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired => "expired",
        }
    }
}

impl Payment {
    pub(crate) fn captured(&self) -> i64 {
        if let State::Captured { amount, .. } = self.state { amount } else { 0 }
    }

    /// What was given back.
    pub(crate) fn refunded(&self) -> i64 {
        self.refunds
            .iter()
            .filter(|refund| refund.state == RefundState::Succeeded)
            .map(|refund| refund.amount)
            .sum()
    }

    /// What can be given back: neither given back, nor promised to be, nor contested.
    pub(crate) fn refundable(&self) -> i64 {
        let promised: i64 =
            self.refunds.iter().filter(|refund| refund.is_kept()).map(|refund| refund.amount).sum();
        let contested: i64 =
            self.disputes.iter().filter(|dispute| dispute.is_kept()).map(|dispute| dispute.amount).sum();
        self.captured() - promised - contested
    }

    pub(crate) fn refund(&self, id: &RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == *id)
    }

    pub(crate) fn dispute(&self, id: &DisputeId) -> Option<&Dispute> {
        self.disputes.iter().find(|dispute| dispute.id == *id)
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.card.as_ref().map_or(Behaviour::Approve, |card| card.behaviour)
    }

    /// When something becomes of it though nobody asks.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        match self.state {
            State::Created | State::Challenged => Some(self.expires_at),
            State::Processing { until } => until,
            State::Authorised { capture_before } => Some(capture_before),
            State::Captured { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Expired => None,
        }
    }

    /// Its deadline has come.
    pub(crate) fn come_due(self, now: OffsetDateTime) -> Step {
        match self.state {
            State::Processing { .. } => self.authorise(now),
            State::Created | State::Challenged | State::Authorised { .. } => {
                Ok((Self { state: State::Expired, ..self }, vec![Happened::Expired]))
            }
            _ => Err(self.refusal()),
        }
    }

    /// The payer puts a card in.
    pub(crate) fn submit(self, card: Card, now: OffsetDateTime) -> Step {
        let State::Created = self.state else { return Err(self.refusal()) };
        let behaviour = card.behaviour;
        let paid = Self { card: Some(card), ..self };
        let waits = |state| Ok((Self { state, ..paid.clone() }, Vec::new()));
        match behaviour {
            Behaviour::Decline(reason) => Ok(paid.fail(reason)),
            Behaviour::Challenge => waits(State::Challenged),
            Behaviour::NeverAnswers => waits(State::Processing { until: None }),
            Behaviour::Slow { millis } => {
                let until = Some(Moment(now + Duration::milliseconds(millis.into())));
                waits(State::Processing { until })
            }
            _ => paid.authorise(now),
        }
    }

    /// The payer tells the bank whether it was the payer.
    pub(crate) fn answer_challenge(self, approved: bool, now: OffsetDateTime) -> Step {
        let State::Challenged = self.state else { return Err(self.refusal()) };
        if approved { self.authorise(now) } else { Ok(self.fail(Failure::AuthenticationFailed)) }
    }

    /// The bank says at last.
    pub(crate) fn resolve(self, approved: bool, now: OffsetDateTime) -> Step {
        let State::Processing { .. } = self.state else { return Err(self.refusal()) };
        if approved { self.authorise(now) } else { Ok(self.fail(Failure::CardDeclined)) }
    }

    fn authorise(self, now: OffsetDateTime) -> Step {
        let state = State::Authorised { capture_before: Moment(now + CAPTURE_WITHIN) };
        let authorised = Self { state, ..self };
        if authorised.terms.capture == Capture::Manual {
            return Ok((authorised, vec![Happened::Authorised]));
        }
        let (captured, happened) = authorised.capture(None, now)?;
        Ok((captured, [vec![Happened::Authorised], happened].concat()))
    }

    /// Charges all that is authorised, or less; what is left is let go.
    pub(crate) fn capture(self, amount: Option<i64>, now: OffsetDateTime) -> Step {
        let State::Authorised { .. } = self.state else { return Err(self.refusal()) };
        let asked = amount.unwrap_or(self.terms.amount);
        if asked > self.terms.amount {
            return Err(Error::AboveAvailable { available: self.terms.amount });
        }
        let amount = match self.behaviour() {
            Behaviour::CaptureFails => return Ok(self.fail(Failure::CaptureDeclined)),
            Behaviour::PartialCapture => asked - asked / 2,
            _ => asked,
        };
        let disputed = self.behaviour() == Behaviour::Disputed;
        let captured = Self { state: State::Captured { amount, at: Moment(now) }, ..self };
        if !disputed {
            return Ok((captured, vec![Happened::Captured]));
        }
        let (captured, happened) = captured.open_dispute(None, "fraudulent", now)?;
        Ok((captured, [vec![Happened::Captured], happened].concat()))
    }

    fn fail(self, reason: Failure) -> (Self, Vec<Happened>) {
        (Self { state: State::Failed { reason }, ..self }, vec![Happened::Failed])
    }

    /// Lets go of it. Not while the bank has not said: it may be charged.
    pub(crate) fn cancel(self, by: By) -> Step {
        match self.state {
            State::Created | State::Challenged | State::Authorised { .. } => {
                Ok((Self { state: State::Cancelled { by }, ..self }, vec![Happened::Cancelled]))
            }
            _ => Err(self.refusal()),
        }
    }

    /// Gives money back, or promises to. The last refund is the new one.
    pub(crate) fn give_back(mut self, amount: i64, reference: Option<String>, now: OffsetDateTime) -> Step {
        let State::Captured { .. } = self.state else { return Err(self.refusal()) };
        self.check_available(amount)?;
        if self.refunds.len() >= MOST_REFUNDS {
            return Err(Error::Full);
        }
        let id = RefundId::mint(now);
        let (state, happened) = match self.behaviour() {
            Behaviour::RefundPending => (RefundState::Pending, Vec::new()),
            Behaviour::RefundFails => (RefundState::Failed, vec![Happened::RefundFailed(id.clone())]),
            _ => (RefundState::Succeeded, vec![Happened::Refunded(id.clone())]),
        };
        self.refunds.push(Refund { id, amount, reference, state, created_at: Moment(now) });
        Ok((self, happened))
    }

    /// A refund that was promised is made, or fails.
    pub(crate) fn settle_refund(mut self, id: &RefundId, succeeds: bool) -> Step {
        let refund =
            self.refunds.iter_mut().find(|refund| refund.id == *id).ok_or(Error::NotFound("refund"))?;
        refund.state = refund.state.settle(succeeds)?;
        let happened =
            if succeeds { Happened::Refunded(id.clone()) } else { Happened::RefundFailed(id.clone()) };
        Ok((self, vec![happened]))
    }

    /// The payer contests the charge, or a part of it. The last dispute is the new one.
    pub(crate) fn open_dispute(mut self, amount: Option<i64>, reason: &str, now: OffsetDateTime) -> Step {
        let State::Captured { .. } = self.state else { return Err(self.refusal()) };
        let amount = amount.unwrap_or_else(|| self.refundable());
        self.check_available(amount)?;
        if self.disputes.len() >= MOST_DISPUTES {
            return Err(Error::Full);
        }
        let dispute = Dispute::open(amount, reason, now);
        let happened = vec![Happened::DisputeOpened(dispute.id.clone())];
        self.disputes.push(dispute);
        Ok((self, happened))
    }

    /// The account says why the charge was right.
    pub(crate) fn submit_evidence(mut self, id: &DisputeId, text: String) -> Step {
        let dispute = self.dispute_mut(id)?;
        dispute.state = dispute.state.clone().submit(text)?;
        Ok((self, vec![Happened::DisputeUnderReview(id.clone())]))
    }

    /// The bank decides a dispute.
    pub(crate) fn decide_dispute(mut self, id: &DisputeId, won: bool) -> Step {
        let dispute = self.dispute_mut(id)?;
        dispute.state = dispute.state.clone().decide(won)?;
        let happened = if won { Happened::DisputeWon(id.clone()) } else { Happened::DisputeLost(id.clone()) };
        Ok((self, vec![happened]))
    }

    fn dispute_mut(&mut self, id: &DisputeId) -> Result<&mut Dispute, Error> {
        self.disputes.iter_mut().find(|dispute| dispute.id == *id).ok_or(Error::NotFound("dispute"))
    }

    fn check_available(&self, amount: i64) -> Result<(), Error> {
        let available = self.refundable();
        if amount > available || available == 0 { Err(Error::AboveAvailable { available }) } else { Ok(()) }
    }

    fn refusal(&self) -> Error {
        Error::State { of: "payment", state: self.state.name() }
    }
}
