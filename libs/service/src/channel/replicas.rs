//! All replicas, and which to call.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::backend::Backend;

pub(super) struct Replicas {
    origin: Uri,
    addresses: watch::Receiver<Vec<SocketAddr>>,
    known: Mutex<Known>,
}

/// The replicas of the addresses last looked at.
#[derive(Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    backends: Arc<[Arc<Backend>]>,
}

impl Replicas {
    pub(super) fn new(origin: Uri, addresses: watch::Receiver<Vec<SocketAddr>>) -> Self {
        Self { origin, addresses, known: Mutex::default() }
    }

    /// Waits until a replica is known, at most until `deadline`.
    pub(super) async fn known_by(&self, deadline: Instant) {
        let mut addresses = self.addresses.clone();
        let known = addresses.wait_for(|addresses| !addresses.is_empty());
        // Whether it came to that is looked at next.
        let _waited = timeout_at(deadline, known).await;
    }

    /// The replica to call: the less busy of two, none that was tried, and one that failed a moment ago only when there
    /// is no other.
    pub(super) fn pick(&self, tried: &[SocketAddr]) -> Option<Arc<Backend>> {
        let backends = self.backends();
        let left: Vec<_> = backends.iter().filter(|backend| !tried.contains(&backend.addr)).collect();
        let well: Vec<_> = left.iter().copied().filter(|backend| !backend.is_passed_over()).collect();
        let from = if well.is_empty() { &left } else { &well };
        let first = random_below(from.len());
        let one = from.get(first)?;
        // Any but the first; the first itself where there is no other.
        let other = from.get((first + 1 + random_below(from.len() - 1)) % from.len())?;
        Some(if other.in_flight() < one.in_flight() { (*other).clone() } else { (*one).clone() })
    }

    /// One replica per address; those that stay keep their connections.
    fn backends(&self) -> Arc<[Arc<Backend>]> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = self.addresses.borrow();
        if known.addresses != *addresses {
            let backend =
                |addr: &SocketAddr| match known.backends.iter().find(|backend| backend.addr == *addr) {
                    Some(backend) => Some(backend.clone()),
                    None => Backend::new(*addr, &self.origin).ok().map(Arc::new),
                };
            let backends = addresses.iter().filter_map(backend).collect();
            *known = Known { addresses: addresses.clone(), backends };
        }
        known.backends.clone()
    }
}

fn random_below(n: usize) -> usize {
    if n < 2 { 0 } else { rand::random_range(0..n) }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicas")
            .field("origin", &self.origin)
            .field("addresses", &*self.addresses.borrow())
            .finish_non_exhaustive()
    }
}
