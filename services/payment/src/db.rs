//! All SQL, and no decisions. Absent is `Ok(None)`.

pub mod adjustments;
pub mod bill_runs;
pub mod bills;
pub mod callbacks;
pub mod ledger;
pub mod payment_entries;
pub mod payments;
pub mod refunds;
pub mod subject_erasures;
