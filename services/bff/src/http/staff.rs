//! What a tenant's staff do.

pub mod cases;
pub mod dead_letters;
pub mod erasures;
pub mod holds;
pub mod policies;
