//! The double-entry ledger: entries whose postings come to zero. No IO.

use clock::Clock;
use ids::{AdjustmentId, EntryId, Subject, Tenant};
use time::OffsetDateTime;
use uuid::Uuid;

use super::money::{self, Overflow};
use super::{AccountName, Bill, BillLine, Currency, Payment, Refund};

/// What an account is for. Each has an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountKind {
    /// What a payer owes.
    Receivable,
    /// What a provider owes the tenant.
    Clearing,
    /// What a fund has earned.
    Revenue,
    /// Tax that was billed, by fund.
    Tax,
    /// What was given back, by account at a provider.
    Refunds,
    /// What was given up, by fund.
    WriteOffs,
    /// What providers take.
    Fees,
    /// What has arrived at the bank.
    Bank,
    /// What providers have settled and nobody can explain yet, by account at a provider.
    Suspense,
    /// What payers contest, and providers have taken back, by account at a provider.
    Disputed,
    /// What disputes have lost, by account at a provider.
    Losses,
}

/// An account of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// What it is for.
    pub kind: AccountKind,
    /// Whose it is: 1 to 255 visible ASCII characters.
    pub owner: String,
    /// Of what.
    pub currency: Currency,
}

/// A line of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Where.
    pub account: Account,
    /// Debits are positive, credits negative.
    pub amount: i64,
}

/// Something that happened to money: at least two postings that come to zero in each currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// What happened.
    pub kind: EntryKind,
    /// What it is about. There is one entry of each kind about a thing.
    pub subject: Uuid,
    /// When it was posted.
    pub posted_at: OffsetDateTime,
    postings: Vec<Posting>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A bill is owed.
    BillIssued,
    /// It was taken back.
    BillCancelled,
    /// A part was taken back, by a credit note of an id of its own.
    BillCredited,
    /// It was given up.
    BillWrittenOff,
    /// A payment was charged.
    PaymentCaptured,
    /// A refund was given back.
    RefundCompleted,
    /// A provider has taken back what a payer contests.
    DisputeOpened,
    /// It came back.
    DisputeWon,
    /// It is lost.
    DisputeLost,
    /// A provider's report of a day was settled.
    Settlement,
    /// A correction by hand.
    Adjustment,
}

/// Why postings are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEntry {
    /// There are too few, or too many.
    #[error("must be 2 to 20 postings")]
    Count,
    /// One is of nothing.
    #[error("must not be 0")]
    Zero,
    /// Two are of one account.
    #[error("must each be of another account")]
    Twice,
    /// They do not come to zero.
    #[error("must come to zero in each currency")]
    Unbalanced,
    /// They cannot be counted.
    #[error("are out of range")]
    Overflow(#[from] Overflow),
}

/// Postings of an adjustment.
pub const MOST_POSTINGS: usize = 20;

impl AccountKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Receivable,
        Self::Clearing,
        Self::Revenue,
        Self::Tax,
        Self::Refunds,
        Self::WriteOffs,
        Self::Fees,
        Self::Bank,
        Self::Suspense,
        Self::Disputed,
        Self::Losses,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Receivable => "receivable",
            Self::Clearing => "clearing",
            Self::Revenue => "revenue",
            Self::Tax => "tax",
            Self::Refunds => "refunds",
            Self::WriteOffs => "write_offs",
            Self::Fees => "fees",
            Self::Bank => "bank",
            Self::Suspense => "suspense",
            Self::Disputed => "disputed",
            Self::Losses => "losses",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl EntryKind {
    /// Its name in the database and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BillIssued => "bill_issued",
            Self::BillCancelled => "bill_cancelled",
            Self::BillCredited => "bill_credited",
            Self::BillWrittenOff => "bill_written_off",
            Self::PaymentCaptured => "payment_captured",
            Self::RefundCompleted => "refund_completed",
            Self::DisputeOpened => "dispute_opened",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
            Self::Settlement => "settlement",
            Self::Adjustment => "adjustment",
        }
    }
}

/// Checks the postings of an adjustment.
///
/// # Errors
/// [`NoEntry`].
pub fn check(postings: &[Posting]) -> Result<(), NoEntry> {
    if !(2..=MOST_POSTINGS).contains(&postings.len()) {
        return Err(NoEntry::Count);
    }
    if postings.iter().any(|posting| posting.amount == 0) {
        return Err(NoEntry::Zero);
    }
    let mut accounts: Vec<_> = postings.iter().map(|posting| &posting.account).collect();
    accounts.sort();
    if accounts.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(NoEntry::Twice);
    }
    balanced(postings)
}

fn balanced(postings: &[Posting]) -> Result<(), NoEntry> {
    for Posting { account, .. } in postings {
        let same = postings.iter().filter(|posting| posting.account.currency == account.currency);
        if money::sum(same.map(|posting| posting.amount))? != 0 {
            return Err(NoEntry::Unbalanced);
        }
    }
    Ok(())
}

impl Entry {
    /// Its postings.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// A bill is owed: the payer owes what funds have earned, with their taxes.
    ///
    /// # Errors
    /// When the lines do not come to the bill's total.
    pub fn bill_issued(bill: &Bill, lines: &[BillLine], clock: &Clock) -> Result<Self, NoEntry> {
        let mut postings = vec![receivable(bill, bill.total)];
        for line in lines {
            postings.push(of_fund(bill, AccountKind::Revenue, &line.fund, -line.net()?));
            postings.push(of_fund(bill, AccountKind::Tax, &line.fund, -line.tax()?));
        }
        Self::new(EntryKind::BillIssued, bill.id.into(), postings, clock)
    }

    /// A bill is taken back of which this much was owed, all that earlier credit notes have left.
    ///
    /// # Errors
    /// When it cannot be split over the lines.
    pub fn bill_cancelled(
        bill: &Bill,
        lines: &[BillLine],
        earlier: &[i64],
        owed: i64,
        clock: &Clock,
    ) -> Result<Self, NoEntry> {
        let postings = taken_back(bill, lines, earlier, owed)?;
        Self::new(EntryKind::BillCancelled, bill.id.into(), postings, clock)
    }

    /// A part of a bill is taken back, by the credit note of this id, after earlier ones.
    ///
    /// # Errors
    /// When it cannot be split over the lines.
    pub fn bill_credited(
        bill: &Bill,
        lines: &[BillLine],
        earlier: &[i64],
        note: Uuid,
        amount: i64,
        clock: &Clock,
    ) -> Result<Self, NoEntry> {
        Self::new(EntryKind::BillCredited, note, taken_back(bill, lines, earlier, amount)?, clock)
    }

    /// What was owed is given up: the loss is the funds', in the proportion of what earlier credit notes have left them.
    ///
    /// # Errors
    /// When it cannot be split over the lines.
    pub fn bill_written_off(
        bill: &Bill,
        lines: &[BillLine],
        earlier: &[i64],
        owed: i64,
        clock: &Clock,
    ) -> Result<Self, NoEntry> {
        let mut postings = vec![receivable(bill, -owed)];
        let shares = shares(lines, earlier)?;
        for (share, part) in shares.iter().zip(split(owed, &shares)) {
            postings.push(of_fund(bill, AccountKind::WriteOffs, share.fund, part));
        }
        Self::new(EntryKind::BillWrittenOff, bill.id.into(), postings, clock)
    }

    /// A payment was charged: the provider owes what the payer does not any longer.
    ///
    /// # Errors
    /// When nothing was charged.
    pub fn payment_captured(payment: &Payment, clock: &Clock) -> Result<Self, NoEntry> {
        let captured = payment.captured();
        let postings = vec![
            at_provider(AccountKind::Clearing, &payment.account, payment.currency, captured),
            owed_by(&payment.payer, payment.currency, -captured),
        ];
        Self::new(EntryKind::PaymentCaptured, payment.id.into(), postings, clock)
    }

    /// A refund was given back, out of what the provider owes.
    ///
    /// # Errors
    /// When it is of nothing.
    pub fn refund_completed(payment: &Payment, refund: &Refund, clock: &Clock) -> Result<Self, NoEntry> {
        let postings = vec![
            at_provider(AccountKind::Refunds, &payment.account, payment.currency, refund.amount),
            at_provider(AccountKind::Clearing, &payment.account, payment.currency, -refund.amount),
        ];
        Self::new(EntryKind::RefundCompleted, refund.id.into(), postings, clock)
    }

    /// A correction by hand.
    ///
    /// # Errors
    /// [`NoEntry`].
    pub fn adjustment(id: AdjustmentId, postings: Vec<Posting>, clock: &Clock) -> Result<Self, NoEntry> {
        check(&postings)?;
        Self::new(EntryKind::Adjustment, id.into(), postings, clock)
    }

    /// Postings of one account become one, and those of nothing none.
    fn new(kind: EntryKind, subject: Uuid, postings: Vec<Posting>, clock: &Clock) -> Result<Self, NoEntry> {
        let mut merged: Vec<Posting> = Vec::new();
        for posting in postings {
            match merged.iter_mut().find(|other| other.account == posting.account) {
                Some(other) => {
                    other.amount = other.amount.checked_add(posting.amount).ok_or(Overflow)?;
                }
                None => merged.push(posting),
            }
        }
        merged.retain(|posting| posting.amount != 0);
        if merged.len() < 2 {
            return Err(NoEntry::Count);
        }
        balanced(&merged)?;
        Ok(Self { id: EntryId::mint(clock), kind, subject, posted_at: clock.now(), postings: merged })
    }
}

/// What a bill has brought to an account of a fund, and is not taken back.
#[derive(Clone, Copy, Debug)]
struct Share<'l> {
    kind: AccountKind,
    fund: &'l str,
    left: i64,
}

/// What the lines have brought to revenue and tax, less what earlier credit notes took back, in their order: each was split over what
/// those before it had left, so that nothing is taken from a fund that has nothing left.
fn shares<'l>(lines: &'l [BillLine], earlier: &[i64]) -> Result<Vec<Share<'l>>, NoEntry> {
    let mut shares = Vec::new();
    for line in lines {
        let fund = &*line.fund;
        shares.push(Share { kind: AccountKind::Revenue, fund, left: line.net()? });
        shares.push(Share { kind: AccountKind::Tax, fund, left: line.tax()? });
    }
    for amount in earlier {
        let parts = split(*amount, &shares);
        for (share, part) in shares.iter_mut().zip(parts) {
            share.left -= part;
        }
    }
    Ok(shares)
}

/// A part of a bill is taken back from the funds and their taxes.
fn taken_back(
    bill: &Bill,
    lines: &[BillLine],
    earlier: &[i64],
    amount: i64,
) -> Result<Vec<Posting>, NoEntry> {
    let shares = shares(lines, earlier)?;
    let mut postings = vec![receivable(bill, -amount)];
    for (share, part) in shares.iter().zip(split(amount, &shares)) {
        postings.push(of_fund(bill, share.kind, share.fund, part));
    }
    Ok(postings)
}

/// Splits an amount in the proportion of what is left of each share; together they have that much. Each part is rounded down; what
/// remains goes, unit by unit, to the first shares that have something left. No part is more than is left of its share.
fn split(amount: i64, shares: &[Share<'_>]) -> Vec<i64> {
    let all: i128 = shares.iter().map(|share| i128::from(share.left)).sum();
    if all == 0 {
        return vec![0; shares.len()];
    }
    let part = |share: &Share<'_>| {
        // Not more than the amount, as no share is more than all of them.
        i64::try_from(i128::from(amount) * i128::from(share.left) / all).unwrap_or(0)
    };
    let mut parts: Vec<_> = shares.iter().map(part).collect();
    let mut remains = amount - parts.iter().sum::<i64>();
    for (part, share) in parts.iter_mut().zip(shares) {
        if remains > 0 && *part < share.left {
            *part += 1;
            remains -= 1;
        }
    }
    parts
}

fn receivable(bill: &Bill, amount: i64) -> Posting {
    owed_by(&bill.payer, bill.currency, amount)
}

fn owed_by(payer: &Subject, currency: Currency, amount: i64) -> Posting {
    let account = Account { kind: AccountKind::Receivable, owner: payer.to_string(), currency };
    Posting { account, amount }
}

fn of_fund(bill: &Bill, kind: AccountKind, fund: &str, amount: i64) -> Posting {
    Posting { account: Account { kind, owner: fund.to_owned(), currency: bill.currency }, amount }
}

fn at_provider(kind: AccountKind, account: &AccountName, currency: Currency, amount: i64) -> Posting {
    Posting { account: Account { kind, owner: account.to_string(), currency }, amount }
}

/// A correction that somebody has proposed.
#[derive(Clone, Debug)]
pub struct Adjustment {
    /// Its id.
    pub id: AdjustmentId,
    /// Whose books it is about.
    pub tenant: Tenant,
    /// What it posts once it is approved.
    pub postings: Vec<Posting>,
    /// Why.
    pub reason: grounds::Grounds,
    /// Who proposed it.
    pub proposed_by: Subject,
    /// When.
    pub proposed_at: OffsetDateTime,
    /// What somebody else has decided.
    pub decision: Option<Decision>,
}

/// What was decided of a correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is posted.
    pub approved: bool,
    /// Who decided.
    pub by: Subject,
    /// When.
    pub at: OffsetDateTime,
}

/// Why a correction is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    /// It was before.
    #[error("the adjustment was already decided")]
    Decided,
    /// Who proposed it does not decide it.
    #[error("a second person has to decide")]
    SecondPersonNeeded,
}

impl Adjustment {
    /// Decides.
    ///
    /// # Errors
    /// [`NotDecided`].
    pub fn decide(mut self, approved: bool, by: Subject, at: OffsetDateTime) -> Result<Self, NotDecided> {
        if self.decision.is_some() {
            return Err(NotDecided::Decided);
        }
        if by == self.proposed_by {
            return Err(NotDecided::SecondPersonNeeded);
        }
        self.decision = Some(Decision { approved, by, at });
        Ok(self)
    }
}

mod at_provider;
#[cfg(test)]
mod tests;
