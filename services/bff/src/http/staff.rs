//! What a tenant's staff do.

pub mod dead_letters;
pub mod erasures;
pub mod policies;
