//! What moves at a provider after a payment was charged: disputes and settlements.

use clock::Clock;

use super::{AccountKind, Entry, EntryKind, NoEntry, Posting, at_provider};
use crate::domain::settlement::{Settlement, Totals};
use crate::domain::{Account, Dispute, Payment};

/// The bank account that providers pay into.
const BANK: &str = "main";

impl Entry {
    /// A provider has taken back what a payer contests: it owes that much less.
    ///
    /// # Errors
    /// When it is of nothing.
    pub fn dispute_opened(payment: &Payment, dispute: &Dispute, clock: &Clock) -> Result<Self, NoEntry> {
        let parts = [(AccountKind::Disputed, dispute.amount), (AccountKind::Clearing, -dispute.amount)];
        Self::of_dispute(EntryKind::DisputeOpened, payment, dispute, parts, clock)
    }

    /// What was contested came back.
    ///
    /// # Errors
    /// When it is of nothing.
    pub fn dispute_won(payment: &Payment, dispute: &Dispute, clock: &Clock) -> Result<Self, NoEntry> {
        let parts = [(AccountKind::Clearing, dispute.amount), (AccountKind::Disputed, -dispute.amount)];
        Self::of_dispute(EntryKind::DisputeWon, payment, dispute, parts, clock)
    }

    /// What was contested is lost.
    ///
    /// # Errors
    /// When it is of nothing.
    pub fn dispute_lost(payment: &Payment, dispute: &Dispute, clock: &Clock) -> Result<Self, NoEntry> {
        let parts = [(AccountKind::Losses, dispute.amount), (AccountKind::Disputed, -dispute.amount)];
        Self::of_dispute(EntryKind::DisputeLost, payment, dispute, parts, clock)
    }

    /// A provider has settled a day: what arrived at the bank, what the provider took, what it does not owe any longer, and what nobody
    /// can explain. `None` when nothing moved.
    ///
    /// # Errors
    /// When it cannot be counted.
    pub fn settlement(settlement: &Settlement, clock: &Clock) -> Result<Option<Self>, NoEntry> {
        let mut postings = Vec::new();
        for (currency, Totals { net, fees, settled, unexplained }) in &settlement.totals {
            let account = Account { kind: AccountKind::Bank, owner: BANK.to_owned(), currency: *currency };
            postings.push(Posting { account, amount: *net });
            for (kind, amount) in [
                (AccountKind::Fees, *fees),
                (AccountKind::Clearing, -*settled),
                (AccountKind::Suspense, -*unexplained),
            ] {
                postings.push(at_provider(kind, &settlement.account, *currency, amount));
            }
        }
        if postings.iter().all(|posting| posting.amount == 0) {
            return Ok(None);
        }
        Self::new(EntryKind::Settlement, settlement.id.into(), postings, clock).map(Some)
    }

    fn of_dispute(
        kind: EntryKind,
        payment: &Payment,
        dispute: &Dispute,
        parts: [(AccountKind, i64); 2],
        clock: &Clock,
    ) -> Result<Self, NoEntry> {
        let posting = |(kind, amount)| at_provider(kind, &payment.account, payment.currency, amount);
        Self::new(kind, dispute.id.into(), parts.into_iter().map(posting).collect(), clock)
    }
}
