//! Money under faults of the provider and under kills: what `cargo xtask crash payments` runs.
//!
//! The services run as processes of this program, built with failpoints ([`role`]). The driver ([`drive`]) kills `payment` and `worker` at
//! named points ([`plan`]) and at random moments, while people owe, pay, contest and get back, and the provider does each thing that a
//! provider can do wrong. When everything has come to rest, [`verdict`] compares what was acknowledged, the rows, the provider's books,
//! the settlements, the events, the feeds and the mails.
#![doc = include_str!("../README.md")]

pub mod drive;
pub mod found;
pub mod plan;
pub mod role;
pub mod verdict;
