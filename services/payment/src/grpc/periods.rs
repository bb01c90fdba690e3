//! Months of the books, as messages.

use proto::payment::v1;

use super::ledger::proof;
use super::timestamp;
use crate::app::Closing;

pub(crate) fn period(closing: &Closing) -> v1::Period {
    let Closing { period, totals } = closing;
    let status = match period.closed {
        None => v1::PeriodStatus::Proposed,
        Some(_) => v1::PeriodStatus::Closed,
    };
    v1::Period {
        period_id: period.id.to_string(),
        month: period.month.to_string(),
        status: status.into(),
        proposed_by: period.proposed_by.to_string(),
        proposed_at: Some(timestamp(period.proposed_at)),
        closed_by: period.closed.as_ref().map(|(by, _)| by.to_string()).unwrap_or_default(),
        closed_at: period.closed.as_ref().map(|(_, at)| timestamp(*at)),
        currencies: totals.iter().map(|summed| proof(summed.total.clone())).collect(),
        accounts: totals.iter().map(|summed| summed.accounts).sum(),
    }
}
