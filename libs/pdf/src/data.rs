//! What a template is handed: `json("/data.json")`. Every text in it is ready for print; none of it is ever source.

use serde::Serialize;

use crate::document::{Bill, BillLine, Issuer, Receipt};
use crate::money::{MINUS, grouped, rate};
use crate::text::clean;
use crate::{Document, Error, Fonts, Locale};

/// A document in writing. The README lists the fields for those who write templates.
#[derive(Serialize)]
pub(crate) struct Data {
    kind: &'static str,
    lang: &'static str,
    issuer: IssuerData,
    reference: String,
    payer: String,
    currency: &'static str,
    #[serde(flatten)]
    content: Content,
}

#[derive(Serialize)]
struct IssuerData {
    name: String,
    address: Vec<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content {
    Bill {
        issued_on: String,
        due_on: String,
        lines: Vec<LineData>,
        /// Whether any line is taxed.
        taxed: bool,
        taxes: Vec<TaxData>,
        net: String,
        total: String,
        /// What was paid, credited or given up; none when nothing was.
        settled: Option<String>,
        outstanding: String,
        /// Whether something is owed.
        owed: bool,
    },
    Receipt {
        payment_id: String,
        paid: String,
        paid_on: String,
        paid_at: String,
        method: String,
        account: String,
    },
}

#[derive(Serialize)]
struct LineData {
    description: String,
    fund: String,
    quantity: String,
    unit_price: String,
    rate: String,
    net: String,
    tax: String,
}

#[derive(Serialize)]
struct TaxData {
    rate: String,
    net: String,
    tax: String,
}

/// Writes a document for its readers.
pub(crate) fn of(document: &Document, locale: Locale, fonts: &Fonts) -> Result<Data, Error> {
    let (issuer, reference, payer, currency, content) = match document {
        Document::Bill(bill) => {
            (&bill.issuer, &bill.reference, &bill.payer_name, bill.currency, of_bill(bill, locale, fonts)?)
        }
        Document::Receipt(receipt) => (
            &receipt.issuer,
            &receipt.bill_reference,
            &receipt.payer_name,
            receipt.currency,
            of_receipt(receipt, locale, fonts),
        ),
    };
    Ok(Data {
        kind: document.kind().as_str(),
        lang: locale.as_str(),
        issuer: of_issuer(issuer, fonts),
        reference: clean(reference, fonts),
        payer: clean(payer, fonts),
        currency: currency.as_str(),
        content,
    })
}

fn of_issuer(issuer: &Issuer, fonts: &Fonts) -> IssuerData {
    let address = issuer.address.iter().map(|line| clean(line, fonts)).filter(|line| !line.is_empty());
    IssuerData { name: clean(&issuer.name, fonts), address: address.collect() }
}

fn of_bill(bill: &Bill, locale: Locale, fonts: &Fonts) -> Result<Content, Error> {
    let sums = bill.sums()?;
    let amount = |minor| bill.currency.amount(minor, locale);
    let digits = |minor| bill.currency.digits(minor, locale);
    let line = |line: &BillLine| {
        Ok(LineData {
            description: clean(&line.description, fonts),
            fund: clean(&line.fund, fonts),
            quantity: count(line.quantity, locale),
            unit_price: digits(line.unit_price),
            rate: rate(line.tax_rate_bp, locale),
            net: digits(line.net()?),
            tax: digits(line.tax),
        })
    };
    Ok(Content::Bill {
        issued_on: locale.day(bill.issued_on),
        due_on: locale.day(bill.due_on),
        lines: bill.lines.iter().map(line).collect::<Result<_, Error>>()?,
        taxed: sums.taxes.iter().any(|tax| tax.rate_bp != 0 || tax.tax != 0),
        taxes: sums
            .taxes
            .iter()
            .map(|tax| TaxData {
                rate: rate(tax.rate_bp, locale),
                net: amount(tax.net),
                tax: amount(tax.tax),
            })
            .collect(),
        net: amount(sums.net),
        total: amount(sums.total),
        settled: (sums.settled != 0).then(|| amount(sums.settled)),
        outstanding: amount(bill.outstanding),
        owed: bill.outstanding > 0,
    })
}

fn of_receipt(receipt: &Receipt, locale: Locale, fonts: &Fonts) -> Content {
    Content::Receipt {
        payment_id: receipt.payment_id.to_string(),
        paid: receipt.currency.amount(receipt.paid, locale),
        paid_on: locale.day(receipt.paid_at.date()),
        paid_at: locale.moment(receipt.paid_at),
        method: clean(&receipt.method, fonts),
        account: clean(&receipt.account, fonts),
    }
}

fn count(quantity: i32, locale: Locale) -> String {
    let digits = grouped(&quantity.unsigned_abs().to_string(), locale);
    if quantity < 0 { format!("{MINUS}{digits}") } else { digits }
}
