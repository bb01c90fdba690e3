//! The checks behind `/ready`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::{BoxError, Shutdown};

/// A dependency that takes longer is as good as down.
const TIMEOUT: Duration = Duration::from_secs(2);
/// However many ask, dependencies are checked once in this time.
const CACHED: Duration = Duration::from_secs(1);

type Run = Box<dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

pub(super) struct Check {
    name: &'static str,
    needed: bool,
    run: Run,
}

impl Check {
    pub(super) fn new(
        name: &'static str,
        needed: bool,
        run: impl Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync + 'static,
    ) -> Self {
        Self { name, needed, run: Box::new(run) }
    }

    async fn report(&self) -> CheckReport {
        let start = Instant::now();
        // On its own task, so that a check that panics or blocks fails alone.
        let mut task = tokio::spawn((self.run)());
        let outcome = tokio::time::timeout(TIMEOUT, &mut task).await;
        let error = match outcome {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_panicked)) => Some("the check panicked".to_owned()),
            Err(_elapsed) => {
                task.abort();
                Some(format!("no answer within {} ms", TIMEOUT.as_millis()))
            }
        };
        let status = if error.is_none() { CheckStatus::Up } else { CheckStatus::Down };
        let latency_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        CheckReport { status, latency_ms, error }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("name", &self.name)
            .field("needed", &self.needed)
            .finish_non_exhaustive()
    }
}

/// The body of `/health` and `/ready`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The whole.
    pub status: Status,
    /// Each dependency by name; empty for `/health`.
    pub checks: BTreeMap<&'static str, CheckReport>,
}

/// How the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The process runs; what `/health` says.
    #[serde(rename = "ok")]
    Healthy,
    /// Ports are being opened.
    Starting,
    /// It can serve.
    Ready,
    /// A dependency it needs is down.
    NotReady,
    /// It was asked to stop, and takes nothing new.
    Stopping,
}

/// How a dependency is.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// Up or down.
    pub status: CheckStatus,
    /// How long the check took, in milliseconds.
    pub latency_ms: u64,
    /// Why it is down.
    pub error: Option<String>,
}

/// Whether a dependency answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// It does.
    Up,
    /// It does not, or took longer than two seconds.
    Down,
}

impl Report {
    pub(super) fn healthy() -> Self {
        Self { status: Status::Healthy, checks: BTreeMap::new() }
    }

    /// What is down and why, for a log line.
    pub(super) fn down(&self) -> String {
        let down =
            self.checks.iter().filter_map(|(name, check)| Some(format!("{name}: {}", check.error.as_ref()?)));
        down.collect::<Vec<_>>().join("; ")
    }
}

#[derive(Debug)]
pub(super) struct Readiness {
    checks: Vec<Check>,
    shutdown: Shutdown,
    started: AtomicBool,
    /// Held while checking, so that those who come meanwhile share the answer.
    cached: Mutex<Option<(Instant, BTreeMap<&'static str, CheckReport>)>>,
}

impl Readiness {
    pub(super) fn new(checks: Vec<Check>, shutdown: Shutdown) -> Self {
        Self { checks, shutdown, started: AtomicBool::new(false), cached: Mutex::default() }
    }

    pub(super) fn start(&self) {
        self.started.store(true, Ordering::SeqCst);
    }

    /// The state of things, at most a second old.
    pub(super) async fn report(&self) -> Report {
        let mut cached = self.cached.lock().await;
        let checks = match &*cached {
            Some((at, checks)) if at.elapsed() < CACHED => checks.clone(),
            _ => {
                let checks = self.run().await;
                *cached = Some((Instant::now(), checks.clone()));
                checks
            }
        };
        self.judge(checks)
    }

    /// The state of things now.
    pub(super) async fn look(&self) -> Report {
        let mut cached = self.cached.lock().await;
        let checks = self.run().await;
        *cached = Some((Instant::now(), checks.clone()));
        self.judge(checks)
    }

    async fn run(&self) -> BTreeMap<&'static str, CheckReport> {
        join_all(self.checks.iter().map(|check| async { (check.name, check.report().await) }))
            .await
            .into_iter()
            .collect()
    }

    fn judge(&self, checks: BTreeMap<&'static str, CheckReport>) -> Report {
        let is_down =
            |check: &Check| checks.get(check.name).is_none_or(|report| report.status == CheckStatus::Down);
        let status = if self.shutdown.is_requested() {
            Status::Stopping
        } else if !self.started.load(Ordering::SeqCst) {
            Status::Starting
        } else if self.checks.iter().any(|check| check.needed && is_down(check)) {
            Status::NotReady
        } else {
            Status::Ready
        };
        Report { status, checks }
    }
}
