//! Accepting connections and draining them, for all ports.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::Shutdown;

/// How long a client may take to send the head of an HTTP/1 request; a slower one holds a connection for nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Dead peers are found by HTTP/2 pings at this interval, with as long to answer.
const PING: Duration = Duration::from_secs(20);
/// Streams a peer may have open on one connection.
const MAX_STREAMS: u32 = 1_024;
/// How long to wait when the process has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}")]
pub struct Error {
    /// The address asked for.
    pub addr: SocketAddr,
    /// For example that it is in use.
    #[source]
    pub source: std::io::Error,
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 with upgrades, and HTTP/2.
    Http,
    /// HTTP/2 alone.
    Grpc,
    /// HTTP, and open until everything else has finished: it says how the service is, also while it ends.
    Admin,
}

/// Opens a port and serves it as a task of this name. Returns the address, with the real port where 0 was asked for.
pub(crate) async fn serve(
    name: &'static str,
    addr: SocketAddr,
    protocol: Protocol,
    router: Router,
    shutdown: &Shutdown,
) -> Result<SocketAddr, Error> {
    let error = |source| Error { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(error)?;
    let local = listener.local_addr().map_err(error)?;
    tracing::info!(port.name = name, port.addr = %local, "listening");
    let server = Server { protocol, router, shutdown: shutdown.clone() };
    if protocol == Protocol::Admin {
        tokio::spawn(server.run(listener));
    } else {
        shutdown.spawn(name, async move {
            server.run(listener).await;
            Ok::<_, Infallible>(())
        });
    }
    Ok(local)
}

struct Server {
    protocol: Protocol,
    router: Router,
    shutdown: Shutdown,
}

impl Server {
    async fn run(self, listener: TcpListener) {
        let builder = self.builder();
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop() => break,
            };
            match accepted {
                Ok((stream, peer)) => self.connection(&builder, &graceful, stream, peer),
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Closes the port: new clients are refused at once and go elsewhere.
        drop(listener);
        graceful.shutdown().await;
    }

    /// Ends when nothing new is to be taken.
    async fn stop(&self) {
        match self.protocol {
            Protocol::Http | Protocol::Grpc => self.shutdown.requested().await,
            Protocol::Admin => self.shutdown.done().await,
        }
    }

    fn builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        if self.protocol == Protocol::Grpc {
            builder = builder.http2_only();
        }
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(MAX_STREAMS);
        builder
    }

    fn connection(
        &self,
        builder: &Builder<TokioExecutor>,
        graceful: &GracefulShutdown,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        // Without it small frames wait for the acknowledgement of the one before.
        let _unsupported = stream.set_nodelay(true);
        let router = self.router.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(error, "connection ended");
                },
                () = shutdown.forced() => {}
            }
        });
    }
}

/// Whether the peer went away before it was accepted, which says nothing about this process.
fn is_the_peers(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
