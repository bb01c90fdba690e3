//! Disputes, as messages.

use proto::common::v1::Money;
use proto::payment::v1;

use super::timestamp;
use crate::domain::{Currency, Dispute, DisputeState};

/// A dispute, whose payment is in this currency.
pub(super) fn dispute((dispute, currency): (Dispute, Currency)) -> v1::Dispute {
    v1::Dispute {
        dispute_id: dispute.id.to_string(),
        payment_id: dispute.payment_id.to_string(),
        amount: Some(Money { minor_units: dispute.amount, currency: currency.to_string() }),
        status: status(dispute.state).into(),
        reason: dispute.reason.name().to_owned(),
        opened_at: Some(timestamp(dispute.opened_at)),
        respond_by: dispute.respond_by.map(timestamp),
        finished_at: dispute.finished_at.map(timestamp),
    }
}

pub(crate) fn status(state: DisputeState) -> v1::DisputeStatus {
    match state {
        DisputeState::NeedsResponse => v1::DisputeStatus::NeedsResponse,
        DisputeState::UnderReview => v1::DisputeStatus::UnderReview,
        DisputeState::Won => v1::DisputeStatus::Won,
        DisputeState::Lost => v1::DisputeStatus::Lost,
    }
}
