//! What a tenant's staff do.

pub mod audit;
pub mod bill_runs;
pub mod bills;
pub mod callbacks;
pub mod cases;
pub mod dead_letters;
pub mod disputes;
pub mod erasures;
pub mod exports;
pub mod grants;
pub mod holds;
pub mod periods;
pub mod policies;
pub mod quarantine;
pub mod settlements;
