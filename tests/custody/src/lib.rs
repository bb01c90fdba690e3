//! Documents and their objects under kills: what `cargo xtask crash documents` runs.
//!
//! `document` and `worker` run as processes of this program, built with failpoints ([`role`]). The driver ([`drive`])
//! kills them at named points ([`plan`]) and at random moments, while citizens hand in, staff hold and release, retentions
//! end, and somebody goes past the service at the object store. When everything has come to rest the reconciler makes a
//! pass with a horizon of nothing, and [`verdict`] compares what was acknowledged, the rows, every version of every object,
//! and the events.

pub mod drive;
pub mod plan;
pub mod role;
pub mod verdict;
