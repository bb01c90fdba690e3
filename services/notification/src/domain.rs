//! The rules, without IO: who is told, in which language, what a feed row says, and how a delivery moves on.

pub mod delivery;
pub mod email;
pub mod job;
pub mod locale;
pub mod status;
