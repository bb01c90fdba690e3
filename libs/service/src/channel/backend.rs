//! One replica.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint, Error};
use tower::ServiceExt as _;

/// An HTTP/2 connection is one TCP stream: a second one goes on when the first loses a packet.
const CONNECTIONS: usize = 2;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A peer that vanished without a word is noticed after these two.
const PING: Duration = Duration::from_secs(10);
const PONG: Duration = Duration::from_secs(5);
/// For how long a replica is passed over that was not reached.
const PASS_OVER: Duration = Duration::from_secs(1);

pub(super) struct Backend {
    pub(super) addr: SocketAddr,
    connections: [Channel; CONNECTIONS],
    turn: AtomicUsize,
    in_flight: AtomicUsize,
    passed_over_until: Mutex<Option<Instant>>,
}

impl Backend {
    pub(super) fn new(addr: SocketAddr, origin: &Uri) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{addr}"))?
            .origin(origin.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING)
            .keep_alive_timeout(PONG)
            .keep_alive_while_idle(true);
        Ok(Self {
            addr,
            connections: std::array::from_fn(|_| endpoint.connect_lazy()),
            turn: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            passed_over_until: Mutex::new(None),
        })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether it failed a moment ago.
    pub(super) fn is_passed_over(&self) -> bool {
        let until = *self.passed_over_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn pass_over(&self) {
        let until = Instant::now() + PASS_OVER;
        *self.passed_over_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    pub(super) async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, Error> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.connections[turn % CONNECTIONS].clone().oneshot(request).await
    }
}

/// Counts a call until its answer was read.
pub(super) struct InFlight(Arc<Backend>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
