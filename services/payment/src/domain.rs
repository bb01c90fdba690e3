//! The rules. No IO, no async.

pub mod bill;
pub mod bill_run;
mod day;
pub mod dispute;
pub mod ledger;
pub mod money;
pub mod payment;
pub mod pdf;
pub mod period;
mod refund;
pub mod return_url;
pub mod settlement;

pub use ::paging::PageToken;
pub use ::providers::{AccountName, NoAccountName};

pub use bill::{Bill, BillEvent, BillLine, BillStatus, NotChanged};
pub use bill_run::{BillRun, RunFailure, RunFormat, RunState};
pub use day::{Day, NoDay};
pub use dispute::{Dispute, DisputeReason, DisputeSeen, DisputeState, MOST_DISPUTES};
pub use ledger::{
    Account, AccountKind, Adjustment, Decision, Entry, EntryKind, NoEntry, NotDecided, Posting,
};
pub use money::{Currency, NoCurrency, Overflow};
pub use payment::{
    Applied, Ask, CancelledBy, Event as PaymentEvent, Failure, NotDisputed, NotRefunded, Over, Payment, Seen,
    Standing, State as PaymentState,
};
pub use pdf::Pdf;
pub use period::{Month, NoMonth, NotClosed, Period};
pub use refund::{MOST_REFUNDS, Refund, RefundSeen, RefundState};

#[cfg(test)]
mod tests;
