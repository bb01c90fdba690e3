//! Finding the replicas by name.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;

/// How often the name is looked up.
const EVERY: Duration = Duration::from_secs(5);
/// The same while nothing is known yet.
const EVERY_AT_FIRST: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(2);

/// Looks the name up until nobody wants to know.
pub(super) async fn keep(host: String, port: u16, found: watch::Sender<Vec<SocketAddr>>) {
    let mut failing = false;
    loop {
        match look_up(&host, port).await {
            Ok(addresses) => {
                if std::mem::replace(&mut failing, false) {
                    tracing::info!(target.host = host, "name resolves again");
                }
                found.send_if_modified(|known| {
                    let changed = *known != addresses;
                    if changed {
                        tracing::debug!(target.host = host, target.addresses = ?addresses, "replicas changed");
                        *known = addresses;
                    }
                    changed
                });
            }
            // What was known stays: a name server that is down is no reason to stop calling.
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        target.host = host,
                        error = &error as &dyn std::error::Error,
                        "name does not resolve"
                    );
                }
            }
        }
        let wait = if found.borrow().is_empty() { EVERY_AT_FIRST } else { EVERY };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = found.closed() => return,
        }
    }
}

async fn look_up(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    let answer = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((host, port))).await;
    let mut addresses: Vec<_> = answer.map_err(|_| std::io::ErrorKind::TimedOut)??.collect();
    // In one order and once, so that the same answer is no change.
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
}
