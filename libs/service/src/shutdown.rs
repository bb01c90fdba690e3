//! Stopping in two steps, and the tasks that are waited for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use crate::BoxError;

/// How long a service may take to finish what it has begun. Below Kubernetes' default of 30 seconds, so that the end is
/// ours to log.
pub const GRACE: Duration = Duration::from_secs(25);

/// How long ended tasks may take to drop what they hold once they were cut.
const CUT: Duration = Duration::from_secs(1);

/// Why a service ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A task that runs as long as the service does has failed, or has ended before it was asked to.
    #[error("task `{task}` failed")]
    Task {
        /// Its name.
        task: &'static str,
        /// What it returned.
        #[source]
        source: BoxError,
    },
    /// Tasks were still running when the time to finish was over; they were cut.
    #[error("cut after {after:?}: {tasks}")]
    Cut {
        /// How long they had.
        after: Duration,
        /// Their names, sorted.
        tasks: String,
    },
}

#[derive(Debug, thiserror::Error)]
enum Early {
    #[error("ended before it was asked to")]
    Ended,
    #[error("panicked")]
    Panicked,
}

/// Says when to stop, and waits for what has to finish. Cheap to clone; clones share one state.
///
/// Asked (SIGTERM, SIGINT, a failed task or [`Shutdown::request`]): `/ready` fails, servers stop accepting and drain,
/// background tasks finish what they have in hand. After [`GRACE`], or on a second signal: everything is cut.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    soft: CancellationToken,
    hard: CancellationToken,
    /// Cancelled when [`Shutdown::finished`] is done: what answers until the very end may stop.
    done: CancellationToken,
    grace: Duration,
    tasks: TaskTracker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many tasks of each name are running.
    running: BTreeMap<&'static str, usize>,
    /// Those that were cut while they ran.
    cut: Vec<&'static str>,
    /// The first that failed.
    failure: Option<Failure>,
}

impl Shutdown {
    /// One that is asked by SIGTERM or SIGINT, for processes.
    ///
    /// # Errors
    /// When the process cannot listen for signals.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::manual(GRACE);
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (soft, hard) = (shutdown.0.soft.clone(), shutdown.0.hard.clone());
        tokio::spawn(async move {
            for token in [soft, hard] {
                let name = tokio::select! {
                    _ = term.recv() => "SIGTERM",
                    _ = int.recv() => "SIGINT",
                };
                tracing::info!(signal = name, again = token.is_cancelled(), "asked to stop");
                token.cancel();
            }
        });
        Ok(shutdown)
    }

    /// One that is asked by [`Shutdown::request`] alone, with its own time to finish, for tests and tools. Needs a
    /// running tokio.
    #[must_use]
    pub fn manual(grace: Duration) -> Self {
        let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
        let (asked, cut) = (soft.clone(), hard.clone());
        tokio::spawn(async move {
            asked.cancelled().await;
            tokio::time::sleep(grace).await;
            cut.cancel();
        });
        let (done, tasks) = (CancellationToken::new(), TaskTracker::new());
        Self(Arc::new(Inner { soft, hard, done, grace, tasks, state: Mutex::default() }))
    }

    /// Asks to stop.
    pub fn request(&self) {
        self.0.soft.cancel();
    }

    /// Whether it was asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.soft.is_cancelled()
    }

    /// Ends once it was asked: finish what is in hand, take nothing new.
    pub async fn requested(&self) {
        self.0.soft.cancelled().await;
    }

    /// Ends once the time to finish is over.
    pub async fn forced(&self) {
        self.0.hard.cancelled().await;
    }

    /// A token that is cancelled once it was asked; for libraries that know nothing of services. Cancelling it does not
    /// ask.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.soft.child_token()
    }

    /// Runs a task that lives as long as the service: a server, a relay, a consumer. It must end soon after
    /// [`Shutdown::requested`]. When it ends earlier, or with an error, the service stops and exits with 1.
    pub fn spawn<F, E>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + Send + 'static,
    {
        let guard = self.guard(name);
        let shutdown = self.clone();
        let mut task = tokio::spawn(task.instrument(tracing::info_span!("task", task.name = name)));
        tokio::spawn(async move {
            let _guard = guard;
            let ended = tokio::select! {
                ended = &mut task => ended,
                () = shutdown.forced() => {
                    shutdown.state().cut.push(name);
                    task.abort();
                    // Waits until the task has dropped what it holds.
                    let _cut = tokio::time::timeout(CUT, task).await;
                    return;
                }
            };
            let source: BoxError = match ended {
                Ok(Ok(())) if shutdown.is_requested() => return,
                Ok(Ok(())) => Early::Ended.into(),
                Ok(Err(error)) => error.into(),
                Err(_panicked) => Early::Panicked.into(),
            };
            shutdown.fail(name, source);
        });
    }

    /// The same for a task that never fails: what it depends on is waited for.
    pub fn keep(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(name, async move {
            task.await;
            Ok::<_, Infallible>(())
        });
    }

    /// Something that has to finish before the process ends, for example an open WebSocket: holds up
    /// [`Shutdown::finished`] until dropped, or until the time to finish is over.
    #[must_use]
    pub fn guard(&self, name: &'static str) -> Guard {
        *self.state().running.entry(name).or_default() += 1;
        Guard { name, shutdown: self.clone(), _token: self.0.tasks.token() }
    }

    /// Waits until it was asked, then until every task has finished or was cut.
    ///
    /// # Errors
    /// When a task failed or had to be cut: the process should exit with 1.
    pub async fn finished(self) -> Result<(), Failure> {
        self.requested().await;
        self.0.tasks.close();
        tokio::select! {
            () = self.0.tasks.wait() => {}
            () = self.forced() => {
                // Tasks are cut at this moment; what only holds a guard may be anywhere.
                let _still_held = tokio::time::timeout(CUT, self.0.tasks.wait()).await;
            }
        }
        self.0.done.cancel();
        let mut state = self.state();
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        let unfinished = state.unfinished();
        if unfinished.is_empty() {
            Ok(())
        } else {
            Err(Failure::Cut { after: self.0.grace, tasks: unfinished })
        }
    }

    /// Ends once everything has finished or was cut.
    pub(crate) async fn done(&self) {
        self.0.done.cancelled().await;
    }

    fn fail(&self, task: &'static str, source: BoxError) {
        tracing::error!(
            task.name = task,
            error = &*source as &dyn std::error::Error,
            "task failed, stopping"
        );
        self.state().failure.get_or_insert(Failure::Task { task, source });
        self.request();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Names of what was cut and of what still runs, for example `grpc, websocket ×3`.
    fn unfinished(&self) -> String {
        let mut all = self.running.clone();
        for name in &self.cut {
            *all.entry(name).or_default() += 1;
        }
        let names = all.iter().map(|(name, count)| match count {
            1 => (*name).to_owned(),
            n => format!("{name} ×{n}"),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// Keeps the process from ending while it lives. Made by [`Shutdown::guard`].
#[derive(Debug)]
pub struct Guard {
    name: &'static str,
    shutdown: Shutdown,
    _token: TaskTrackerToken,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.shutdown.state();
        if let Some(count) = state.running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(self.name);
            }
        }
    }
}
