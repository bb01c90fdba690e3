//! All SQL, and no decisions. Absent is `Ok(None)`.

pub mod adjustments;
pub mod bill_runs;
pub mod bills;
pub mod callbacks;
pub mod disputes;
pub mod ledger;
pub mod payment_entries;
pub mod payments;
pub mod pdfs;
pub mod periods;
pub mod proofs;
pub mod refunds;
pub mod settlement_lines;
pub mod settlements;
pub mod subject_erasures;
