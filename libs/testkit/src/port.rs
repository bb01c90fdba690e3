//! Ports for processes that a test starts.

use std::net::TcpListener;

use rand::Rng as _;

/// A port that is free now, below those that the system gives to outgoing connections: one of these may be taken between
/// here and the process's own start.
///
/// # Panics
/// When a hundred tries find none.
#[must_use]
pub fn free_port() -> u16 {
    (0..100)
        .map(|_| rand::rng().random_range(20_000..32_000))
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("a port is free between 20000 and 32000")
}
