//! What is rendered: bills and receipts. Amounts are whole numbers of the currency's smallest unit.

use std::collections::BTreeMap;

use time::{Date, OffsetDateTime};

use crate::{Currency, Error};

/// What can be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// What a person owes.
    Bill(Bill),
    /// What a person has paid.
    Receipt(Receipt),
}

/// Which template a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `bill.typ`.
    Bill,
    /// `receipt.typ`.
    Receipt,
}

/// Who writes: the letterhead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// What the tenant is called, such as `City of Example`.
    pub name: String,
    /// Where its office is, line by line.
    pub address: Vec<String>,
}

/// What a person owes the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Who is owed.
    pub issuer: Issuer,
    /// What the office calls it.
    pub reference: String,
    /// What the payer is called; empty once the person was erased.
    pub payer_name: String,
    /// When it was issued: the document's date.
    pub issued_on: Date,
    /// Until when it is to be paid.
    pub due_on: Date,
    /// Of what.
    pub currency: Currency,
    /// What is billed, in order; at least one.
    pub lines: Vec<BillLine>,
    /// What is still owed, 0 to what the lines come to. The rest was paid, credited or given up.
    pub outstanding: i64,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// What it is for; empty once the payer was erased.
    pub description: String,
    /// Whose revenue it is.
    pub fund: String,
    /// How many.
    pub quantity: i32,
    /// Price of one, without tax.
    pub unit_price: i64,
    /// Tax in hundredths of a percent.
    pub tax_rate_bp: i32,
    /// The tax, as it was decided when the bill was written; it is not computed again.
    pub tax: i64,
}

/// What a person has paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who was paid.
    pub issuer: Issuer,
    /// What the office calls the bill.
    pub bill_reference: String,
    /// What the payer is called; empty once the person was erased.
    pub payer_name: String,
    /// The payment's id.
    pub payment_id: ids::PaymentId,
    /// Of what.
    pub currency: Currency,
    /// How much.
    pub paid: i64,
    /// When, at the offset at which it is to be written: the document's date.
    pub paid_at: OffsetDateTime,
    /// By which means, such as `Card`; empty where that is not known.
    pub method: String,
    /// Account at the provider; empty where that is not to be told.
    pub account: String,
}

/// What a bill's lines come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Without tax.
    pub net: i64,
    /// By tax rate, lowest first.
    pub taxes: Vec<TaxSum>,
    /// With taxes.
    pub total: i64,
    /// What was paid, credited or given up: `total` less what is outstanding.
    pub settled: i64,
}

/// What is taxed at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxSum {
    /// In hundredths of a percent.
    pub rate_bp: i32,
    /// What is taxed.
    pub net: i64,
    /// The tax.
    pub tax: i64,
}

impl BillLine {
    /// What it comes to without tax.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn net(&self) -> Result<i64, Error> {
        self.unit_price.checked_mul(self.quantity.into()).ok_or(Error::Overflow)
    }
}

impl Bill {
    /// What its lines come to.
    ///
    /// # Errors
    /// [`Error::NoLines`], [`Error::Overflow`] and [`Error::Outstanding`].
    pub fn sums(&self) -> Result<Sums, Error> {
        if self.lines.is_empty() {
            return Err(Error::NoLines);
        }
        let add = |a: i64, b: i64| a.checked_add(b).ok_or(Error::Overflow);
        let mut rates = BTreeMap::<i32, (i64, i64)>::new();
        let (mut net, mut total) = (0, 0);
        for line in &self.lines {
            let of_line = line.net()?;
            let (rate_net, rate_tax) = rates.entry(line.tax_rate_bp).or_default();
            *rate_net = add(*rate_net, of_line)?;
            *rate_tax = add(*rate_tax, line.tax)?;
            net = add(net, of_line)?;
            total = add(total, add(of_line, line.tax)?)?;
        }
        if !(0..=total.max(0)).contains(&self.outstanding) {
            return Err(Error::Outstanding);
        }
        let settled = total.checked_sub(self.outstanding).ok_or(Error::Overflow)?;
        let taxes = rates.into_iter().map(|(rate_bp, (net, tax))| TaxSum { rate_bp, net, tax }).collect();
        Ok(Sums { net, taxes, total, settled })
    }
}

impl Document {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Bill(_) => Kind::Bill,
            Self::Receipt(_) => Kind::Receipt,
        }
    }

    /// Names it among everything that a tenant issues: its PDF's identifier is made from that.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Bill(bill) => format!("bill/{}", bill.reference),
            Self::Receipt(receipt) => format!("receipt/{}", receipt.payment_id),
        }
    }

    /// The moment that it is of.
    pub(crate) fn moment(&self) -> OffsetDateTime {
        match self {
            Self::Bill(bill) => bill.issued_on.midnight().assume_utc(),
            Self::Receipt(receipt) => receipt.paid_at,
        }
    }
}

impl From<Bill> for Document {
    fn from(bill: Bill) -> Self {
        Self::Bill(bill)
    }
}

impl From<Receipt> for Document {
    fn from(receipt: Receipt) -> Self {
        Self::Receipt(receipt)
    }
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Bill, Self::Receipt];

    /// Its template's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bill => "bill",
            Self::Receipt => "receipt",
        }
    }
}
