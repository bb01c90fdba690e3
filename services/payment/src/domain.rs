//! The rules. No IO, no async.

mod account_name;
pub mod bill;
pub mod bill_run;
mod day;
pub mod ledger;
pub mod money;
pub mod payment;
mod refund;
pub mod return_url;

pub use ::paging::PageToken;

pub use account_name::{AccountName, NoAccountName};
pub use bill::{Bill, BillEvent, BillLine, BillStatus, NotChanged};
pub use bill_run::{BillRun, RunFailure, RunFormat, RunState};
pub use day::{Day, NoDay};
pub use ledger::{
    Account, AccountKind, Adjustment, Decision, Entry, EntryKind, NoEntry, NotDecided, Posting,
};
pub use money::{Currency, NoCurrency, Overflow};
pub use payment::{
    Applied, Ask, CancelledBy, Event as PaymentEvent, Failure, NotRefunded, Over, Payment, Seen, Standing,
    State as PaymentState,
};
pub use refund::{MOST_REFUNDS, Refund, RefundSeen, RefundState};
