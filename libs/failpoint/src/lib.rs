#![doc = include_str!("../README.md")]

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result};

/// Passes a point.
#[inline]
pub fn pass(name: &'static str) {
    #[cfg(feature = "failpoints")]
    fail::fail_point!(name);
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

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

    #[cfg(not(feature = "failpoints"))]
    #[test]
    fn without_the_feature_a_point_is_nothing_and_none_is_armed() {
        let plan = CrashAt { point: "here".to_owned(), count: 1 };
        arm(&plan).unwrap_err();
        pass("here");
    }
}
