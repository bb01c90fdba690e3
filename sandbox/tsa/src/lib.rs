#![doc = include_str!("../README.md")]

mod authority;
mod fault;
mod http;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clock::Clock;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use authority::Authority;

/// An authority on a port of its own, for as long as this value lives.
#[derive(Debug)]
pub struct Tsa {
    addr: SocketAddr,
    root_pem: String,
    server: AbortHandle,
}

/// Starts an authority whose time is `clock`'s.
///
/// # Errors
/// When no port is free, or keys cannot be made.
pub async fn start(clock: Clock) -> Result<Tsa> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port")?;
    let addr = listener.local_addr().context("no address")?;
    let authority = Authority::new(clock)?;
    let root_pem = authority.root_pem().to_owned();
    let server = tokio::spawn(async move {
        // It ends with the value that was given back.
        let _ = serve(listener, authority).await;
    });
    Ok(Tsa { addr, root_pem, server: server.abort_handle() })
}

/// Serves an authority until dropped.
///
/// # Errors
/// When serving fails.
pub async fn serve(listener: TcpListener, authority: Authority) -> std::io::Result<()> {
    axum::serve(listener, http::router(Arc::new(authority))).await
}

impl Tsa {
    /// Where it misbehaves in a way of the README; where it does not, for an empty path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.addr)
    }

    /// The certificate to trust, in PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }
}

impl Drop for Tsa {
    fn drop(&mut self) {
        self.server.abort();
    }
}
