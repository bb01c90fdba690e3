//! The lifecycle of a bill, and what is owed on it. No IO.
//!
//! `total` is what the lines come to. It is paid, credited or written off, and the rest is outstanding; a payment under way reserves a
//! part of that, so that it is paid once.

use ids::{BillId, DocumentId, Subject, Tenant};
use time::OffsetDateTime;

use super::money::{self, Overflow};
use super::{Currency, Day};

/// What a line can come to, and a bill: far from what overflows when bills are added up.
pub const MOST: i64 = 1_000_000_000_000;
/// Lines of a bill.
pub const MOST_LINES: usize = 100;

/// What a person owes the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Its id.
    pub id: BillId,
    /// Who is owed.
    pub tenant: Tenant,
    /// What the office calls it.
    pub reference: String,
    /// Who owes it.
    pub payer: Subject,
    /// What the payer is called, sealed for them.
    pub payer_name: Vec<u8>,
    /// Of what.
    pub currency: Currency,
    /// What the lines come to with their taxes, 1 to [`MOST`].
    pub total: i64,
    /// What payments have paid.
    pub paid: i64,
    /// What credit notes have taken back.
    pub credited: i64,
    /// What was given up, or taken back with the whole bill.
    pub given_up: i64,
    /// What payments under way may still pay.
    pub reserved: i64,
    /// Where it stands.
    pub status: BillStatus,
    /// Until when it is to be paid.
    pub due_on: Day,
    /// When it was written.
    pub created_at: OffsetDateTime,
    /// When it was issued.
    pub issued_at: Option<OffsetDateTime>,
    /// When it was paid, cancelled or written off.
    pub closed_at: Option<OffsetDateTime>,
    /// The document that has it as a PDF.
    pub pdf_id: Option<DocumentId>,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// What it is for, sealed for the payer.
    pub description: Vec<u8>,
    /// Whose revenue it is.
    pub fund: String,
    /// How many.
    pub quantity: i32,
    /// Price of one, without tax.
    pub unit_price: i64,
    /// Tax in hundredths of a percent.
    pub tax_rate_bp: i32,
}

/// Where a bill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillStatus {
    /// Being written.
    Draft,
    /// Nothing was paid yet.
    Issued,
    /// Something was paid.
    PartPaid,
    /// Nothing is owed any more.
    Paid,
    /// Taken back.
    Cancelled,
    /// Given up.
    WrittenOff,
}

/// What an edge of the lifecycle tells the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillEvent {
    /// It is owed.
    Issued,
    /// A part was paid.
    PartPaid,
    /// Nothing is owed any more.
    Paid,
    /// A part was taken back.
    Credited,
    /// Its day is over, and something is owed.
    Overdue,
    /// It was taken back.
    Cancelled,
    /// What was owed is given up.
    WrittenOff,
    /// It can be had as a PDF.
    PdfReady,
}

/// Why a bill stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// Its status does not allow it.
    #[error("the bill does not stand so that this can be done")]
    Status,
    /// A payment of it is under way.
    #[error("a payment of the bill is under way")]
    UnderWay,
    /// It is more than is outstanding.
    #[error("more than is outstanding")]
    AboveOutstanding,
    /// It is more than is reserved: a defect.
    #[error("more than is reserved")]
    AboveReserved,
}

impl BillLine {
    /// What it comes to without tax, at most [`MOST`].
    ///
    /// # Errors
    /// When it comes to more.
    pub fn net(&self) -> Result<i64, Overflow> {
        let net = self.unit_price.checked_mul(self.quantity.into()).ok_or(Overflow)?;
        if net <= MOST { Ok(net) } else { Err(Overflow) }
    }

    /// Its tax, rounded half up to the smallest unit.
    ///
    /// # Errors
    /// When it comes to too much.
    pub fn tax(&self) -> Result<i64, Overflow> {
        let tax = i128::from(self.net()?) * i128::from(self.tax_rate_bp);
        i64::try_from((tax + 5_000) / 10_000).map_err(|_| Overflow)
    }
}

/// What lines come to with their taxes.
///
/// # Errors
/// When it is more than [`MOST`].
pub fn total(lines: &[BillLine]) -> Result<i64, Overflow> {
    let mut amounts = Vec::new();
    for line in lines {
        amounts.extend([line.net()?, line.tax()?]);
    }
    let total = money::sum(amounts)?;
    if total <= MOST { Ok(total) } else { Err(Overflow) }
}

impl BillStatus {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Issued => "issued",
            Self::PartPaid => "part_paid",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::WrittenOff => "written_off",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Draft, Self::Issued, Self::PartPaid, Self::Paid, Self::Cancelled, Self::WrittenOff]
            .into_iter()
            .find(|status| status.name() == name)
    }

    /// Something may be owed.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Issued | Self::PartPaid)
    }
}

impl Bill {
    /// Whether the person who owes it knows of it.
    #[must_use]
    pub fn is_known_to_payer(&self) -> bool {
        self.status != BillStatus::Draft
    }

    /// What is still owed.
    #[must_use]
    pub fn outstanding(&self) -> i64 {
        if self.status.is_open() { self.total - self.paid - self.credited - self.given_up } else { 0 }
    }

    /// Whether its day is over and something is owed.
    #[must_use]
    pub fn is_overdue(&self, now: OffsetDateTime) -> bool {
        self.outstanding() > 0 && now >= self.due_on.end()
    }

    /// Issues a draft.
    ///
    /// # Errors
    /// When it is none.
    pub fn issue(mut self, now: OffsetDateTime) -> Result<(Self, BillEvent), NotChanged> {
        if self.status != BillStatus::Draft {
            return Err(NotChanged::Status);
        }
        self.status = BillStatus::Issued;
        self.issued_at = Some(now);
        Ok((self, BillEvent::Issued))
    }

    /// Takes back a bill of which nothing was paid. Says how much was owed: nothing of a draft.
    ///
    /// # Errors
    /// When something was paid, or may be, or it is over.
    pub fn cancel(mut self, now: OffsetDateTime) -> Result<(Self, BillEvent, i64), NotChanged> {
        if !matches!(self.status, BillStatus::Draft | BillStatus::Issued) {
            return Err(NotChanged::Status);
        }
        if self.reserved > 0 {
            return Err(NotChanged::UnderWay);
        }
        let owed = self.outstanding();
        self.given_up += owed;
        self.status = BillStatus::Cancelled;
        self.closed_at = Some(now);
        Ok((self, BillEvent::Cancelled, owed))
    }

    /// Takes back a part of what is owed and not reserved.
    ///
    /// # Errors
    /// When it is not open, or less is left.
    pub fn credit(mut self, amount: i64, now: OffsetDateTime) -> Result<(Self, BillEvent), NotChanged> {
        self.check_open(amount)?;
        self.credited += amount;
        let event = self.settle(now).unwrap_or(BillEvent::Credited);
        Ok((self, event))
    }

    /// Gives up what is owed. Says how much.
    ///
    /// # Errors
    /// When it is not open, or a payment is under way.
    pub fn write_off(mut self, now: OffsetDateTime) -> Result<(Self, BillEvent, i64), NotChanged> {
        if !self.status.is_open() {
            return Err(NotChanged::Status);
        }
        if self.reserved > 0 {
            return Err(NotChanged::UnderWay);
        }
        let owed = self.outstanding();
        self.given_up += owed;
        self.status = BillStatus::WrittenOff;
        self.closed_at = Some(now);
        Ok((self, BillEvent::WrittenOff, owed))
    }

    /// Reserves an amount for a payment: one at a time.
    ///
    /// # Errors
    /// When it is not open, another payment is under way, or less is outstanding.
    pub fn reserve(mut self, amount: i64) -> Result<Self, NotChanged> {
        if self.status.is_open() && self.reserved > 0 {
            return Err(NotChanged::UnderWay);
        }
        self.check_open(amount)?;
        self.reserved = amount;
        Ok(self)
    }

    /// A payment has ended: its reservation ends, and this much of it is paid, which may be nothing.
    ///
    /// # Errors
    /// When it is more than was reserved.
    pub fn pay(
        mut self,
        captured: i64,
        now: OffsetDateTime,
    ) -> Result<(Self, Option<BillEvent>), NotChanged> {
        if captured > self.reserved {
            return Err(NotChanged::AboveReserved);
        }
        self.reserved = 0;
        if captured == 0 {
            return Ok((self, None));
        }
        self.paid += captured;
        self.status = BillStatus::PartPaid;
        let event = self.settle(now).unwrap_or(BillEvent::PartPaid);
        Ok((self, Some(event)))
    }

    fn check_open(&self, amount: i64) -> Result<(), NotChanged> {
        if !self.status.is_open() {
            return Err(NotChanged::Status);
        }
        if amount > self.outstanding() - self.reserved {
            return Err(NotChanged::AboveOutstanding);
        }
        Ok(())
    }

    /// Nothing is owed any more: it is paid.
    fn settle(&mut self, now: OffsetDateTime) -> Option<BillEvent> {
        (self.outstanding() == 0).then(|| {
            self.status = BillStatus::Paid;
            self.closed_at = Some(now);
            BillEvent::Paid
        })
    }
}

#[cfg(test)]
mod tests;
