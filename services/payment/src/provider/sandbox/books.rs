//! What the provider says beside payments and refunds: disputes, and what it has settled.

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Method;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{Came, Sandbox};
use crate::domain::settlement::{LineKind, MOST_LINES, NoReport, Report, ReportLine, Stated};
use crate::domain::{Currency, Day, DisputeReason, DisputeSeen, DisputeState, MOST_DISPUTES, Payment};
use crate::provider::SettlementSeen;

/// Bytes of a day's file that are read.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// The columns that are read of it.
const HEADER: [&str; 8] =
    ["type", "entry_id", "payment_id", "object_id", "reference", "currency", "amount", "line"];

#[derive(Debug, Deserialize)]
struct Disputes {
    data: Vec<DisputeRecord>,
}

#[derive(Debug, Deserialize)]
struct DisputeRecord {
    id: String,
    state: String,
    amount: i64,
    currency: String,
    reason: String,
    #[serde(with = "time::serde::rfc3339")]
    opened_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    respond_by: Option<OffsetDateTime>,
}

/// A line of a day's file; the last ones, of type `net`, sum up.
#[derive(Debug, Deserialize)]
struct Row {
    line: usize,
    r#type: String,
    entry_id: String,
    payment_id: String,
    object_id: String,
    reference: String,
    currency: String,
    amount: i64,
}

/// Why a file is not a report.
#[derive(Debug, thiserror::Error)]
enum NotRead {
    #[error("it is no CSV of the columns that are known")]
    Csv(#[from] csv::Error),
    #[error("it lacks columns")]
    Columns,
    #[error("line {0} is of no currency")]
    Currency(usize),
    #[error("it cannot be taken")]
    Report(#[from] NoReport),
}

impl Sandbox {
    /// Asks for the disputes of a payment.
    pub(in crate::provider) async fn ask_disputes(&self, payment: &Payment) -> Option<Vec<DisputeSeen>> {
        let id = payment.provider_id.as_ref()?;
        match self.call(self.request(Method::GET, &["payments", id, "disputes"])).await {
            Came::Record(Disputes { data }) => {
                let seen = data.into_iter().take(MOST_DISPUTES).map(|record| seen(payment, record));
                seen.collect::<Option<Vec<_>>>().or_else(|| {
                    tracing::error!(payment.id = %payment.id, "the provider shows a dispute that cannot be");
                    None
                })
            }
            Came::Refused(code) => {
                tracing::error!(payment.id = %payment.id, code, "the provider refuses what it should take");
                None
            }
            Came::Nothing => None,
        }
    }

    /// Fetches a day's file.
    pub(in crate::provider) async fn settlement(&self, day: Day) -> SettlementSeen {
        let request = self.request(Method::GET, &["settlements", &day.to_string()]);
        let file = match Self::file(request, MOST_BYTES).await {
            Ok(Came::Record(file)) => file,
            Ok(Came::Refused(code)) if code == "settlement_open" => return SettlementSeen::NotReady,
            Ok(Came::Refused(code)) => {
                tracing::error!(%day, code, "the provider refuses to say what it has settled");
                return SettlementSeen::NoAnswer;
            }
            Ok(Came::Nothing) => return SettlementSeen::NoAnswer,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the provider has not answered");
                return SettlementSeen::NoAnswer;
            }
        };
        match read(&file) {
            Ok(report) => SettlementSeen::Report(report),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%day, error, "what the provider says that it has settled is not understood");
                SettlementSeen::NoAnswer
            }
        }
    }
}

fn seen(payment: &Payment, record: DisputeRecord) -> Option<DisputeSeen> {
    let right = (1..=255).contains(&record.id.len())
        && record.amount > 0
        && record.currency == payment.currency.as_str();
    let state = DisputeState::of(&record.state).filter(|_| right)?;
    Some(DisputeSeen {
        provider_id: record.id,
        amount: record.amount,
        state,
        reason: DisputeReason::of(&record.reason),
        opened_at: record.opened_at,
        respond_by: record.respond_by,
    })
}

fn read(file: &[u8]) -> Result<Report, NotRead> {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, file).as_ref());
    let mut csv = csv::Reader::from_reader(file);
    let header = csv.headers()?;
    if !HEADER.iter().all(|name| header.iter().any(|column| column == *name)) {
        return Err(NotRead::Columns);
    }
    let (mut lines, mut stated) = (Vec::new(), Vec::new());
    for row in csv.deserialize::<Row>() {
        let row = row?;
        if lines.len() > MOST_LINES {
            return Err(NoReport::Lines.into());
        }
        let currency: Currency = row.currency.parse().map_err(|_| NotRead::Currency(row.line))?;
        if row.r#type == "net" {
            stated.push(Stated { currency, lines: row.line, net: row.amount });
            continue;
        }
        lines.push(ReportLine {
            kind: kind(&row.r#type),
            id: row.entry_id,
            payment: row.payment_id,
            object: row.object_id,
            reference: row.reference,
            currency,
            amount: row.amount,
        });
    }
    Ok(Report::new(sha256, lines, stated)?)
}

fn kind(name: &str) -> LineKind {
    match name {
        "charge" => LineKind::Charge,
        "refund" => LineKind::Refund,
        "fee" => LineKind::Fee,
        "dispute" => LineKind::Dispute,
        "dispute_reversal" => LineKind::DisputeReversal,
        _ => LineKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "line,type,entry_id,payment_id,object_id,reference,currency,amount,booked_at\n\
        1,charge,ent_1,pay_1,pay_1,\"bill, \"\"1\"\"\",EUR,1000,2026-11-29T06:00:00Z\n\
        2,fee,ent_2,pay_1,pay_1,x,EUR,-34,2026-11-29T06:00:00Z\n\
        3,payout,,pay_2,pay_2,y,JPY,5,\n\
        2,net,,,,,EUR,966,\n\
        1,net,,,,,JPY,5,\n";

    #[test]
    fn a_file_is_read_as_it_is_written() {
        let report = read(GOOD.as_bytes()).unwrap();
        let kinds: Vec<_> = report.lines().iter().map(|line| (line.kind, line.amount)).collect();
        assert_eq!(kinds, [(LineKind::Charge, 1_000), (LineKind::Fee, -34), (LineKind::Other, 5)]);
        assert_eq!(report.lines()[0].reference, "bill, \"1\"");
        let stated: Vec<_> = report
            .stated()
            .iter()
            .map(|total| (total.currency.to_string(), total.lines, total.net))
            .collect();
        assert_eq!(stated, [("EUR".to_owned(), 2, 966), ("JPY".to_owned(), 1, 5)]);
        let empty = GOOD.lines().next().unwrap();
        assert!(read(empty.as_bytes()).unwrap().lines().is_empty());
    }

    #[test]
    fn a_file_that_is_not_whole_is_no_report() {
        let lines: Vec<_> = GOOD.lines().collect();
        // Wherever it was cut between two lines, and wherever a line is gone.
        for cut in 2..lines.len() {
            read(lines[..cut].join("\n").as_bytes()).unwrap_err();
        }
        for gone in 1..lines.len() {
            let mut rest = lines.clone();
            rest.remove(gone);
            read(rest.join("\n").as_bytes()).unwrap_err();
        }
        for (from, to) in [
            ("1000", "much"),
            ("1000", "99999999999999999999"),
            ("1000", "2000000000000"),
            ("EUR,1000", "XXX,1000"),
            ("ent_1", "ent\u{7}"),
            ("reference,", ""),
            ("2,net,,,,,EUR,966,\n", "2,net,,,,,EUR,966,\n2,net,,,,,EUR,966,\n"),
        ] {
            read(GOOD.replacen(from, to, 1).as_bytes()).unwrap_err();
        }
        read(GOOD.replace("pay_1", &"x".repeat(256)).as_bytes()).unwrap_err();
        for garbage in [&b""[..], b"\xff\xfe", b"<html>", b"{}"] {
            read(garbage).unwrap_err();
        }
    }

    proptest::proptest! {
        #[test]
        fn no_file_breaks_the_reader(file in proptest::collection::vec(proptest::num::u8::ANY, 0..400), at in 0usize..400) {
            let _ = read(&file);
            let mut spoilt = GOOD.as_bytes().to_vec();
            let at = at % spoilt.len();
            spoilt.splice(at..at, file);
            let _ = read(&spoilt);
        }
    }
}
