//! From what the owner tells to what is rendered. Only what never changes is taken of a bill: it is rendered as it was issued, whenever
//! that is.

use ::pdf::{Bill, BillLine, Document, Issuer, Receipt};
use prost_types::Timestamp;
use proto::common::v1::Money;
use proto::payment::v1;
use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime};

/// What is to be made.
#[derive(Debug)]
pub(super) struct Paper {
    /// Whose it is.
    pub(super) owner: String,
    /// What it is kept for: `bill` or `receipt`.
    pub(super) purpose: &'static str,
    /// What it is called when it is downloaded.
    pub(super) file_name: String,
    /// What is in it.
    pub(super) document: Document,
}

/// What was told cannot be rendered: another release of the owner.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` of the claim cannot be used")]
pub(super) struct Unreadable(&'static str);

impl Paper {
    /// The bill, or the receipt where there is a payment.
    pub(super) fn of(claim: v1::ClaimPdfResponse, issuer: Issuer) -> Result<Self, Unreadable> {
        let bill = claim.bill.ok_or(Unreadable("bill"))?;
        let owner = bill.payer.clone();
        // No path is a file's name.
        let reference = bill.reference.replace('/', "-");
        Ok(match claim.payment {
            None => Self {
                owner,
                purpose: "bill",
                file_name: format!("bill-{reference}.pdf"),
                document: issued(bill, issuer)?.into(),
            },
            Some(payment) => Self {
                owner,
                purpose: "receipt",
                file_name: format!("receipt-{reference}.pdf"),
                document: Document::Receipt(paid(bill, payment, issuer)?),
            },
        })
    }
}

fn issued(bill: v1::Bill, issuer: Issuer) -> Result<Bill, Unreadable> {
    let total = bill.total.ok_or(Unreadable("total"))?;
    Ok(Bill {
        issuer,
        reference: bill.reference,
        payer_name: bill.payer_name,
        issued_on: moment(bill.issued_at).ok_or(Unreadable("issued_at"))?.date(),
        due_on: Date::parse(&bill.due_on, &Iso8601::DATE).map_err(|_| Unreadable("due_on"))?,
        currency: total.currency.parse().map_err(|_| Unreadable("currency"))?,
        lines: bill.lines.into_iter().map(line).collect::<Result<_, _>>()?,
        outstanding: total.minor_units,
    })
}

fn line(line: v1::BillLine) -> Result<BillLine, Unreadable> {
    Ok(BillLine {
        description: line.description,
        fund: line.fund,
        quantity: line.quantity,
        unit_price: amount(line.unit_price.as_ref())?,
        tax_rate_bp: line.tax_rate_bp,
        tax: amount(line.tax.as_ref())?,
    })
}

fn paid(bill: v1::Bill, payment: v1::Payment, issuer: Issuer) -> Result<Receipt, Unreadable> {
    let captured = payment.captured.ok_or(Unreadable("captured"))?;
    Ok(Receipt {
        issuer,
        bill_reference: bill.reference,
        payer_name: bill.payer_name,
        payment_id: payment.payment_id.parse().map_err(|_| Unreadable("payment_id"))?,
        currency: captured.currency.parse().map_err(|_| Unreadable("currency"))?,
        paid: captured.minor_units,
        paid_at: moment(payment.finished_at).ok_or(Unreadable("finished_at"))?,
        method: String::new(),
        account: String::new(),
    })
}

fn amount(money: Option<&Money>) -> Result<i64, Unreadable> {
    Ok(money.ok_or(Unreadable("lines"))?.minor_units)
}

fn moment(at: Option<Timestamp>) -> Option<OffsetDateTime> {
    let at = at?;
    let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}
