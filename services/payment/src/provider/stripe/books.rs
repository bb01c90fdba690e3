//! What Stripe says beside payments and refunds: disputes, and what it has paid out.
//!
//! A report of a day is what Stripe has paid out to the bank on it: every balance transaction of those payouts, with its fee as a line of
//! its own. What is charged today is paid out days later, as the account's schedule has it.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::record::{Metadata, Named};
use super::{Came, Stripe, amount, refused};
use crate::domain::settlement::{LineKind, MOST_LINES, NoReport, Report, ReportLine, Stated};
use crate::domain::{Currency, Day, DisputeReason, DisputeSeen, DisputeState, MOST_DISPUTES, Payment};
use crate::provider::SettlementSeen;

/// A payout every week, and a week until what was charged can be paid out.
const SETTLES_WITHIN: Duration = Duration::days(14);
/// Payouts of one day that are read: one a day and currency is the most often that Stripe makes them by itself.
const MOST_PAYOUTS: usize = 500;

/// What a payer contests. An inquiry of their bank, which moves nothing, is one too, with a status `warning_…`.
#[derive(Debug, Deserialize)]
struct DisputeRecord {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    reason: String,
    created: i64,
    #[serde(default)]
    evidence_details: Evidence,
    #[serde(default)]
    balance_transactions: Vec<Moved>,
}

#[derive(Debug, Default, Deserialize)]
struct Evidence {
    due_by: Option<i64>,
}

/// What a dispute has taken or given back.
#[derive(Debug, Deserialize)]
struct Moved {
    amount: i64,
}

/// Money on its way to the bank.
#[derive(Debug, Deserialize)]
struct Payout {
    id: String,
    status: String,
    /// Made by Stripe: it can say what is in it.
    automatic: bool,
    amount: i64,
    currency: String,
    reconciliation_status: Option<String>,
}

/// A change of the balance.
#[derive(Debug, Deserialize)]
struct BalanceTransaction {
    id: String,
    reporting_category: String,
    amount: i64,
    fee: i64,
    currency: String,
    source: Option<Source>,
}

/// What a balance transaction is about, asked for with `expand`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Source {
    Object(Box<Object>),
    Id(String),
}

#[derive(Debug, Deserialize)]
struct Object {
    id: String,
    object: String,
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

/// What Stripe calls the payment and what has moved, and what we call the payment; empty where nothing says so.
#[derive(Clone, Debug, Default)]
struct Names {
    payment: String,
    object: String,
    reference: String,
}

/// Why what was paid out is no report.
#[derive(Debug, thiserror::Error)]
enum NotRead {
    #[error("an amount or a currency cannot be counted")]
    Amount,
    #[error("it cannot be taken")]
    Report(#[from] NoReport),
}

impl Named for DisputeRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for Payout {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for BalanceTransaction {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Stripe {
    /// Asks for the disputes of a payment that was charged.
    pub(in crate::provider) async fn ask_disputes(&self, payment: &Payment) -> Option<Vec<DisputeSeen>> {
        let intent = match &payment.charge_id {
            Some(id) => id.clone(),
            None => self.charged_as(payment).await?,
        };
        let of_payment = [("payment_intent", intent)];
        let records: Vec<DisputeRecord> = self.list(&["disputes"], &of_payment, MOST_DISPUTES).await?;
        let moved = records.into_iter().filter(DisputeRecord::has_moved);
        let seen = moved.map(|record| record.seen(payment)).collect::<Option<Vec<_>>>();
        if seen.is_none() {
            tracing::error!(payment.id = %payment.id, "the provider shows a dispute that cannot be");
        }
        seen
    }

    /// What Stripe calls the charge of a payment of which only the session is known.
    async fn charged_as(&self, payment: &Payment) -> Option<String> {
        match self.look(payment.provider_id.as_ref()?).await {
            Came::Record(session) => session.intent_id().map(str::to_owned),
            Came::Refused(refusal) => {
                refused(&payment.id, &refusal);
                None
            }
            Came::Failed | Came::Nothing => None,
        }
    }

    /// How long after something was charged it is paid out.
    pub(in crate::provider) fn settles_within() -> Duration {
        SETTLES_WITHIN
    }

    /// Fetches what was paid out on a day.
    pub(in crate::provider) async fn settlement(&self, day: Day, now: OffsetDateTime) -> SettlementSeen {
        if now < day.end() {
            return SettlementSeen::NotReady;
        }
        let arrives = [
            ("arrival_date[gte]", day.begin().unix_timestamp().to_string()),
            ("arrival_date[lt]", day.end().unix_timestamp().to_string()),
        ];
        let Some(payouts) = self.list::<Payout>(&["payouts"], &arrives, MOST_PAYOUTS).await else {
            return SettlementSeen::NoAnswer;
        };
        if payouts.iter().any(Payout::is_under_way) {
            return SettlementSeen::NotReady;
        }
        let mut paid_out = Vec::new();
        for payout in payouts.into_iter().filter(|payout| payout.status == "paid") {
            // Of one that people have asked for Stripe does not say what is in it.
            let what_is_in_it = if payout.automatic {
                let of_payout = [("payout", payout.id.clone()), ("expand[]", "data.source".to_owned())];
                let listed = self.list(&["balance_transactions"], &of_payout, MOST_LINES).await;
                let Some(listed) = listed else { return SettlementSeen::NoAnswer };
                Some(listed)
            } else {
                None
            };
            paid_out.push((payout, what_is_in_it));
        }
        match report(paid_out) {
            Ok(report) => SettlementSeen::Report(report),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%day, error, "what the provider says that it has paid out is not understood");
                SettlementSeen::NoAnswer
            }
        }
    }
}

impl DisputeRecord {
    /// Money was withdrawn. One that was prevented gave it back before, where it was not refunded by the network's own rules.
    fn has_moved(&self) -> bool {
        match &*self.status {
            "prevented" => self.balance_transactions.iter().map(|moved| moved.amount).sum::<i64>() < 0,
            status => !status.starts_with("warning_"),
        }
    }

    fn seen(self, payment: &Payment) -> Option<DisputeSeen> {
        let right = (1..=255).contains(&self.id.len()) && self.currency == amount::code(payment.currency);
        let state = match &*self.status {
            "needs_response" => DisputeState::NeedsResponse,
            "under_review" => DisputeState::UnderReview,
            "won" => DisputeState::Won,
            "lost" | "prevented" => DisputeState::Lost,
            _ => return None,
        };
        let reason = match &*self.reason {
            "subscription_canceled" => DisputeReason::SubscriptionCancelled,
            "unrecognized" => DisputeReason::Unrecognised,
            name => DisputeReason::of(name),
        };
        let time = |at| OffsetDateTime::from_unix_timestamp(at).ok();
        Some(DisputeSeen {
            amount: amount::from_stripe(payment.currency, self.amount)
                .filter(|amount| right && *amount > 0)?,
            provider_id: self.id,
            state,
            reason,
            opened_at: time(self.created)?,
            respond_by: self.evidence_details.due_by.and_then(time),
        })
    }
}

impl Payout {
    /// It has not arrived, or Stripe does not know yet what is in it.
    fn is_under_way(&self) -> bool {
        matches!(&*self.status, "pending" | "in_transit")
            || (self.status == "paid" && self.reconciliation_status.as_deref() == Some("in_progress"))
    }
}

/// The report of what was paid out: its lines, and what they should come to.
fn report(paid_out: Vec<(Payout, Option<Vec<BalanceTransaction>>)>) -> Result<Report, NotRead> {
    let (mut lines, mut nets) = (Vec::new(), BTreeMap::<Currency, i64>::new());
    for (payout, what_is_in_it) in paid_out {
        let currency = currency(&payout.currency)?;
        let net = counted(currency, payout.amount)?;
        let sum = nets.entry(currency).or_default();
        *sum = sum.checked_add(net).ok_or(NotRead::Amount)?;
        let Some(moved) = what_is_in_it else {
            lines.push(line(LineKind::Other, payout.id, Names::default(), currency, net));
            continue;
        };
        for moved in moved.into_iter().filter(|moved| moved.reporting_category != "payout") {
            moved.lines(&mut lines)?;
        }
    }
    let counts =
        |currency: Currency| lines.iter().filter(|line: &&ReportLine| line.currency == currency).count();
    let stated = nets.into_iter().map(|(currency, net)| Stated { currency, lines: counts(currency), net });
    let stated = stated.collect();
    Ok(Report::new(digest(&lines), lines, stated)?)
}

impl BalanceTransaction {
    /// What has moved, and what Stripe took for it.
    fn lines(self, lines: &mut Vec<ReportLine>) -> Result<(), NotRead> {
        let currency = currency(&self.currency)?;
        let about = self.source.map(Source::names).unwrap_or_default();
        let kind = match &*self.reporting_category {
            "charge" => LineKind::Charge,
            "refund" => LineKind::Refund,
            "dispute" => LineKind::Dispute,
            "dispute_reversal" => LineKind::DisputeReversal,
            "fee" => LineKind::Fee,
            _ => LineKind::Other,
        };
        let fee = counted(currency, self.fee)?;
        if fee != 0 {
            lines.push(line(LineKind::Fee, format!("{}/fee", self.id), about.clone(), currency, -fee));
        }
        lines.push(line(kind, self.id, about, currency, counted(currency, self.amount)?));
        Ok(())
    }
}

impl Source {
    /// On a dispute nothing of ours is written.
    fn names(self) -> Names {
        let object = match self {
            Self::Object(object) => object,
            Self::Id(object) => return Names { object, ..Names::default() },
        };
        let payment = object.payment_intent.unwrap_or_default();
        let reference = object.metadata.and_then(|metadata| metadata.payment).unwrap_or_default();
        let object = if object.object == "charge" { payment.clone() } else { object.id };
        Names { payment, object, reference }
    }
}

fn line(
    kind: LineKind,
    id: String,
    Names { payment, object, reference }: Names,
    currency: Currency,
    amount: i64,
) -> ReportLine {
    ReportLine { kind, id, payment, object, reference, currency, amount }
}

fn currency(code: &str) -> Result<Currency, NotRead> {
    code.to_ascii_uppercase().parse().map_err(|_| NotRead::Amount)
}

fn counted(currency: Currency, amount: i64) -> Result<i64, NotRead> {
    amount::from_stripe(currency, amount).ok_or(NotRead::Amount)
}

/// Over the lines as they are read, since there is no file.
fn digest(lines: &[ReportLine]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for ReportLine { id, payment, object, reference, currency, amount, .. } in lines {
        context.update(format!("{id}\t{payment}\t{object}\t{reference}\t{currency}\t{amount}\n").as_bytes());
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    sha256
}

#[cfg(test)]
mod tests;
