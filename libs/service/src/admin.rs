//! The admin port: `/health`, `/ready`, `/metrics`.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use settings::Env;

use crate::listen::{self, Protocol};
use crate::{BoxError, Shutdown};

mod readiness;

use readiness::{Check, Readiness};
pub use readiness::{CheckReport, CheckStatus, Report, Status};

/// How often a service that is not ready yet looks again, for the sake of its log line.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

static START: OnceLock<Instant> = OnceLock::new();

/// Notes when the process began, once.
pub(crate) fn mark_start() {
    let _first = START.get_or_init(Instant::now);
}

/// Where the admin port is.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `ADMIN__ADDR`, for example `0.0.0.0:8081`; port 0 takes a free one. Never to be reachable from outside.
    pub addr: SocketAddr,
}

impl Settings {
    /// Reads the section `ADMIN__*`.
    #[must_use]
    pub fn load(env: &mut Env) -> Option<Self> {
        Some(Self { addr: env.var("ADMIN__ADDR").required()? })
    }
}

/// The admin port before it is open: add the checks, then serve.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    checks: Vec<Check>,
}

impl Server {
    /// Starts with no checks.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        mark_start();
        Self { settings: *settings, checks: Vec::new() }
    }

    /// Adds a dependency the service cannot do without: `/ready` answers 503 while `check` fails or takes more than two
    /// seconds. `state` is what it needs, cloned for each run. The error's own text is shown: no secrets, no addresses of
    /// people.
    ///
    /// ```ignore
    /// .check("postgres", &db, |db| async move { db.ping().await })
    /// ```
    #[must_use]
    pub fn check<S, F, Fut, E>(self, name: &'static str, state: &S, check: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.add(name, true, state, check)
    }

    /// Adds a dependency whose loss the service survives in part: it is shown, and `/ready` stays 200.
    #[must_use]
    pub fn optional_check<S, F, Fut, E>(self, name: &'static str, state: &S, check: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.add(name, false, state, check)
    }

    fn add<S, F, Fut, E>(mut self, name: &'static str, needed: bool, state: &S, check: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let state = state.clone();
        self.checks.push(Check::new(name, needed, move || {
            let checked = check(state.clone());
            Box::pin(async move { checked.await.map_err(Into::into) })
        }));
        self
    }

    /// Opens the port. `/ready` answers 503 until [`Admin::started`] is called, and again while the service stops; the port
    /// closes last.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn serve(self, shutdown: &Shutdown) -> Result<Admin, listen::Error> {
        let readiness = Arc::new(Readiness::new(self.checks, shutdown.clone()));
        let router = probes(readiness.clone()).route("/metrics", get(metrics));
        let addr = listen::serve("admin", self.settings.addr, Protocol::Admin, router, shutdown).await?;
        Ok(Admin { addr, readiness })
    }
}

/// The open admin port.
#[derive(Clone, Debug)]
pub struct Admin {
    addr: SocketAddr,
    readiness: Arc<Readiness>,
}

impl Admin {
    /// Where it listens, with the real port.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// To be called once every port is open and every task runs: from now on `/ready` says what the checks say. Logs
    /// `ready` with `elapsed_ms` since the process began, when they first all pass.
    pub fn started(&self) {
        self.readiness.start();
        let readiness = self.readiness.clone();
        tokio::spawn(async move {
            let mut shown = false;
            loop {
                let report = readiness.look().await;
                match report.status {
                    Status::Ready => {
                        let elapsed = START.get().map_or(Duration::ZERO, Instant::elapsed);
                        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
                        tracing::info!(elapsed_ms, "ready");
                        return;
                    }
                    Status::Stopping => return,
                    Status::Healthy | Status::Starting | Status::NotReady => {}
                }
                if !std::mem::replace(&mut shown, true) {
                    tracing::warn!(down = %report.down(), "not ready yet");
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
    }

    /// What `/ready` would say, at most a second old.
    pub async fn report(&self) -> Report {
        self.readiness.report().await
    }

    /// `/health` and `/ready` for a public port; `/metrics` stays on the admin port.
    pub fn probes(&self) -> Router {
        probes(self.readiness.clone())
    }
}

fn probes(readiness: Arc<Readiness>) -> Router {
    Router::new().route("/health", get(health)).route("/ready", get(ready)).with_state(readiness)
}

/// Of the process alone: an orchestrator that restarted it because a dependency is down would make things worse.
async fn health() -> Response {
    answer(StatusCode::OK, &Report::healthy())
}

async fn ready(State(readiness): State<Arc<Readiness>>) -> Response {
    let report = readiness.report().await;
    let status =
        if report.status == Status::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &report)
}

fn answer(status: StatusCode, report: &Report) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(report)).into_response()
}

async fn metrics() -> Response {
    let text = telemetry::metrics_text();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
