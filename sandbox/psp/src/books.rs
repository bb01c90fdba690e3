//! What moved: a line for each charge, refund, dispute and fee, never changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{EntryId, PaymentId};
use crate::moment::{Day, Moment};
use crate::money::{self, Currency};
use crate::payment::{Happened, Payment};

/// A line of an account's books. Positive is the account's gain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: EntryId,
    pub(crate) account: String,
    pub(crate) kind: Kind,
    pub(crate) payment: PaymentId,
    /// What moved: the payment, the refund or the dispute.
    pub(crate) object: String,
    pub(crate) reference: String,
    pub(crate) currency: Currency,
    pub(crate) amount: i64,
    pub(crate) at: Moment,
    /// The day in whose settlement file it is.
    pub(crate) settled_on: Day,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Charge,
    Refund,
    Fee,
    Dispute,
    DisputeReversal,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Fee => "fee",
            Self::Dispute => "dispute",
            Self::DisputeReversal => "dispute_reversal",
        }
    }
}

/// A movement that is not in the books yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) kind: Kind,
    pub(crate) object: String,
    pub(crate) amount: i64,
}

/// What a step of a payment moves.
pub(crate) fn movements(happened: &Happened, payment: &Payment) -> Vec<Movement> {
    let of = |kind, object: &dyn ToString, amount| Movement { kind, object: object.to_string(), amount };
    match happened {
        Happened::Captured => {
            let captured = payment.captured();
            vec![of(Kind::Charge, &payment.id, captured), of(Kind::Fee, &payment.id, -money::fee(captured))]
        }
        Happened::Refunded(id) => {
            payment.refund(id).map(|refund| of(Kind::Refund, id, -refund.amount)).into_iter().collect()
        }
        Happened::DisputeOpened(id) => payment.dispute(id).map_or_else(Vec::new, |dispute| {
            vec![of(Kind::Dispute, id, -dispute.amount), of(Kind::Fee, id, -money::DISPUTE_FEE)]
        }),
        Happened::DisputeWon(id) => payment
            .dispute(id)
            .map(|dispute| of(Kind::DisputeReversal, id, dispute.amount))
            .into_iter()
            .collect(),
        Happened::Authorised
        | Happened::Failed
        | Happened::Cancelled
        | Happened::Expired
        | Happened::RefundFailed(_)
        | Happened::DisputeUnderReview(_)
        | Happened::DisputeLost(_) => Vec::new(),
    }
}

/// Sums of lines of one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    pub(crate) lines: usize,
    pub(crate) charged: i64,
    pub(crate) refunded: i64,
    pub(crate) fees: i64,
    /// Taken for disputes, less what was returned.
    pub(crate) disputed: i64,
    /// The sum of all lines.
    pub(crate) net: i64,
}

pub(crate) fn totals<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeMap<Currency, Totals> {
    let mut totals: BTreeMap<Currency, Totals> = BTreeMap::new();
    for entry in entries {
        let of = totals.entry(entry.currency.clone()).or_default();
        of.lines += 1;
        of.net += entry.amount;
        match entry.kind {
            Kind::Charge => of.charged += entry.amount,
            Kind::Refund => of.refunded -= entry.amount,
            Kind::Fee => of.fees -= entry.amount,
            Kind::Dispute | Kind::DisputeReversal => of.disputed -= entry.amount,
        }
    }
    totals
}
