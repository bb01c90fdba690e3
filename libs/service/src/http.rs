//! The HTTP server: what is around every handler, and draining.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use settings::Env;

use crate::listen::{self, Protocol};
use crate::{RequestId, Shutdown};

mod limits;
mod request;

/// Where the HTTP port is, and how much it takes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `HTTP__ADDR`, for example `0.0.0.0:8080`; port 0 takes a free one.
    pub addr: SocketAddr,
    /// `HTTP__MAX_BODY_BYTES` of a request, default 1 MiB.
    pub max_body_bytes: usize,
    /// `HTTP__MAX_CONCURRENCY`, requests being answered at once, default 1,024. An open stream or WebSocket is not one.
    pub max_concurrency: usize,
    /// `HTTP__TIMEOUT_SECONDS` until an answer begins, default 15.
    pub timeout: Duration,
}

impl Settings {
    /// Reads the section `HTTP__*`.
    #[must_use]
    pub fn load(env: &mut Env) -> Option<Self> {
        let addr = env.var("HTTP__ADDR").required();
        let max_body_bytes = env
            .var("HTTP__MAX_BODY_BYTES")
            .check("must be 1024 to 67108864", |n| (1_024..=67_108_864).contains(n))
            .default(1024 * 1024);
        let max_concurrency = env
            .var("HTTP__MAX_CONCURRENCY")
            .check("must be 1 to 100000", |n| (1..=100_000).contains(n))
            .default(1_024);
        let timeout = env
            .var::<u64>("HTTP__TIMEOUT_SECONDS")
            .check("must be 1 to 300", |n| (1..=300).contains(n))
            .default(15);
        Some(Self {
            addr: addr?,
            max_body_bytes: max_body_bytes?,
            max_concurrency: max_concurrency?,
            timeout: Duration::from_secs(timeout?),
        })
    }
}

/// How an error that arises outside of a handler is shown. The id is the request's.
pub type Render = Arc<dyn Fn(rpc_error::Error, &RequestId) -> Response + Send + Sync>;

/// Puts around every route, and the fallback, from the outside: request id ([`RequestId`] in the extensions, echoed in
/// the answer), span, metrics and log line; the end of event streams when the service stops; limits of concurrency, body
/// and time (a handler's calls through [`crate::channel`] end with it); panics caught.
///
/// What a layer refuses, `render` shows: 429 `OVERLOADED`, 413 `BODY_TOO_LARGE`, 504 `TIMEOUT`, 500 `INTERNAL`. A body
/// that only turns out too large while it is read is refused by the extractor that reads it.
pub fn layers(router: Router, settings: &Settings, render: &Render, shutdown: &Shutdown) -> Router {
    let limits = limits::Limits::new(settings, render.clone());
    // The last layer is the outermost.
    router
        .layer(from_fn_with_state(render.clone(), limits::panics))
        .layer(from_fn_with_state(limits.clone(), limits::time))
        .layer(DefaultBodyLimit::max(settings.max_body_bytes))
        .layer(from_fn_with_state(limits.clone(), limits::body))
        .layer(from_fn_with_state(limits, limits::concurrency))
        .layer(from_fn_with_state(shutdown.clone(), limits::end_event_streams))
        .layer(from_fn_with_state(request::Metrics::new(), request::observe))
        // Outermost of all: whatever a layer forgets has an id to be found by.
        .layer(from_fn(request::identify))
}

/// Opens the port and serves `router`, HTTP/1.1 and HTTP/2. Returns the address, with the real port where 0 was asked for.
/// Handlers may extract `ConnectInfo<SocketAddr>`.
///
/// When the service is asked to stop, the port closes, requests in hand are answered, event streams end. A WebSocket's
/// handler sees to its own end: it holds a [`crate::Guard`] and waits for [`Shutdown::requested`] beside its messages.
///
/// # Errors
/// When the port cannot be opened.
pub async fn serve(
    settings: &Settings,
    router: Router,
    shutdown: &Shutdown,
) -> Result<SocketAddr, listen::Error> {
    listen::serve("http", settings.addr, Protocol::Http, router, shutdown).await
}
