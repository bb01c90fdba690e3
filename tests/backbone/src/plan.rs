//! Where a process kills itself.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result};

use crate::roles::Role;

/// At the `count`-th passing of a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashAt {
    /// The point's name.
    pub point: String,
    /// At least one.
    pub count: u32,
}

impl fmt::Display for CrashAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.point, self.count)
    }
}

impl FromStr for CrashAt {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (point, count) = text.split_once('=').context("must be <point>=<count>")?;
        Ok(Self { point: point.to_owned(), count: count.parse()? })
    }
}

/// The points that a role passes, and how often it passes each while it works for a second or so.
#[must_use]
pub fn points(role: Role) -> &'static [(&'static str, u32)] {
    match role {
        Role::Producer => &[("outbox::appended", 120), ("pg::before_commit", 60), ("pg::after_commit", 60)],
        Role::Relay => &[
            ("outbox::led", 1),
            ("outbox::read", 10),
            ("outbox::handed", 40),
            ("outbox::acked", 8),
            ("outbox::deleted", 8),
            ("outbox::jobs_read", 3),
            ("outbox::jobs_sent", 3),
            ("outbox::jobs_deleted", 3),
            ("pg::before_commit", 20),
            ("pg::after_commit", 20),
        ],
        Role::Consumer => &[
            ("consumer::received", 40),
            ("consumer::noted", 10),
            ("consumer::applied", 10),
            ("consumer::committed", 10),
            ("consumer::stored", 20),
            ("consumer::offsets_committed", 3),
            ("consumer::revoked", 1),
            ("pg::before_commit", 10),
            ("pg::after_commit", 10),
        ],
    }
}

/// Ends this process as a machine that loses power would: no destructor, no flush, not even an exit handler.
#[cfg(feature = "failpoints")]
fn die() -> ! {
    let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    if killed.is_err() {
        std::process::abort();
    }
    // The signal may take a moment to arrive; nothing may go on meanwhile.
    loop {
        std::thread::park();
    }
}

/// Prepares the kill.
///
/// # Errors
/// When this program was built without failpoints.
#[cfg(feature = "failpoints")]
pub fn arm(plan: &CrashAt) -> Result<()> {
    use std::sync::atomic::{AtomicU32, Ordering};

    let left = AtomicU32::new(plan.count.max(1));
    let passed = move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            die();
        }
    };
    fail::cfg_callback(plan.point.as_str(), passed).map_err(anyhow::Error::msg)
}

/// Prepares the kill.
///
/// # Errors
/// When this program was built without failpoints.
#[cfg(not(feature = "failpoints"))]
pub fn arm(plan: &CrashAt) -> Result<()> {
    anyhow::bail!("built without the feature `failpoints`, so that {} is never passed", plan.point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        let plan = CrashAt { point: "outbox::acked".to_owned(), count: 7 };
        assert_eq!(plan.to_string().parse::<CrashAt>().unwrap(), plan);
        assert!("outbox::acked".parse::<CrashAt>().is_err());
    }

    #[test]
    fn every_role_has_points_of_its_own() {
        for (role, prefix) in [(Role::Relay, "outbox::"), (Role::Consumer, "consumer::")] {
            assert!(points(role).iter().filter(|(point, _)| point.starts_with(prefix)).count() > 5);
        }
        assert!(points(Role::Producer).iter().any(|(point, _)| *point == "outbox::appended"));
    }
}
