//! Settlements, as messages.

use proto::common::v1::Money;
use proto::payment::v1;

use super::timestamp;
use crate::db::settlement_lines::Stored;
use crate::domain::settlement::{LineKind, LineStatus, Settlement, Totals};

pub(crate) fn settlement(settlement: &Settlement) -> v1::Settlement {
    v1::Settlement {
        settlement_id: settlement.id.to_string(),
        account: settlement.account.to_string(),
        day: settlement.day.to_string(),
        fetched_at: Some(timestamp(settlement.fetched_at)),
        sha256: settlement.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        report_lines: settlement.report_lines,
        matched: settlement.matched,
        unmatched: settlement.unmatched,
        totals: totals(settlement),
    }
}

pub(crate) fn totals(settlement: &Settlement) -> Vec<v1::SettlementTotal> {
    let totals = settlement.totals.iter();
    totals
        .map(|(currency, Totals { net, fees, settled, unexplained })| v1::SettlementTotal {
            currency: currency.to_string(),
            net: *net,
            fees: *fees,
            settled: *settled,
            unexplained: *unexplained,
        })
        .collect()
}

pub(super) fn line(stored: Stored) -> v1::SettlementLine {
    let Stored { number, line, explained_by } = stored;
    let money = |minor_units| Money { minor_units, currency: line.currency.to_string() };
    v1::SettlementLine {
        number,
        kind: kind(line.kind).into(),
        status: status(line.status).into(),
        reported: line.reported.map(money),
        expected: line.expected.map(money),
        payment_id: line.payment.map(|id| id.to_string()).unwrap_or_default(),
        subject_id: line.subject.map(|id| id.to_string()).unwrap_or_default(),
        report_line: line.report_line.unwrap_or_default(),
        provider_line: line.provider_line.unwrap_or_default(),
        provider_object: line.provider_object.unwrap_or_default(),
        reference: line.reference.unwrap_or_default(),
        explained_by: explained_by.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn kind(kind: LineKind) -> v1::SettlementLineKind {
    match kind {
        LineKind::Charge => v1::SettlementLineKind::Charge,
        LineKind::Refund => v1::SettlementLineKind::Refund,
        LineKind::Fee => v1::SettlementLineKind::Fee,
        LineKind::Dispute => v1::SettlementLineKind::Dispute,
        LineKind::DisputeReversal => v1::SettlementLineKind::DisputeReversal,
        LineKind::Other => v1::SettlementLineKind::Other,
        LineKind::Net => v1::SettlementLineKind::Net,
    }
}

fn status(status: LineStatus) -> v1::SettlementLineStatus {
    match status {
        LineStatus::Matched => v1::SettlementLineStatus::Matched,
        LineStatus::AmountDiffers => v1::SettlementLineStatus::AmountDiffers,
        LineStatus::MissingHere => v1::SettlementLineStatus::MissingHere,
        LineStatus::MissingThere => v1::SettlementLineStatus::MissingThere,
        LineStatus::Repeated => v1::SettlementLineStatus::Repeated,
        LineStatus::NetDiffers => v1::SettlementLineStatus::NetDiffers,
        LineStatus::Found => v1::SettlementLineStatus::Found,
    }
}
