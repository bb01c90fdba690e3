//! The gRPC server every service runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use settings::Env;
use tokio::sync::Semaphore;
use tonic::server::NamedService;
use tonic::service::Routes;

use crate::listen::{self, Protocol};
use crate::{Shutdown, layers};

mod call;
mod details;
mod infrastructure;
mod limits;

/// Largest message that is read, in bytes, before and after decompression.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// How long a call may take whose caller does not say.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
/// How long a call may take whatever its caller says.
pub const MAX_DEADLINE: Duration = Duration::from_secs(60);

/// Where the gRPC port is, and how much it takes at once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `GRPC__ADDR`, for example `0.0.0.0:8090`; port 0 takes a free one.
    pub addr: SocketAddr,
    /// `GRPC__MAX_CONCURRENCY`, calls being worked on at once, default 512; more are answered `RESOURCE_EXHAUSTED`.
    pub max_concurrency: usize,
}

impl Settings {
    /// Reads the section `GRPC__*`.
    #[must_use]
    pub fn load(env: &mut Env) -> Option<Self> {
        let addr = env.var("GRPC__ADDR").required();
        let max_concurrency = env
            .var("GRPC__MAX_CONCURRENCY")
            .check("must be 1 to 100000", |n| (1..=100_000).contains(n))
            .default(512);
        Some(Self { addr: addr?, max_concurrency: max_concurrency? })
    }
}

/// Sets up a generated server as every service does: messages up to [`MAX_MESSAGE_BYTES`], gzip and zstd understood, and
/// spoken to those who ask for it.
///
/// ```ignore
/// .service(service::grpc_service!(DocumentServiceServer::new(api)))
/// ```
#[macro_export]
macro_rules! grpc_service {
    ($server:expr) => {
        $server
            .max_decoding_message_size($crate::grpc::MAX_MESSAGE_BYTES)
            .accept_compressed($crate::grpc::CompressionEncoding::Gzip)
            .accept_compressed($crate::grpc::CompressionEncoding::Zstd)
            .send_compressed($crate::grpc::CompressionEncoding::Gzip)
            .send_compressed($crate::grpc::CompressionEncoding::Zstd)
    };
}

pub use tonic::codec::CompressionEncoding;

/// A gRPC server before its port is open: name the services, then serve.
///
/// Around each handler, from the outside: request id and span, metrics, `google.rpc` details on every refusal, the
/// concurrency limit, the deadline (the caller's `grpc-timeout`, else [`DEFAULT_DEADLINE`]), panics caught, the token and
/// the permission table.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    auth: auth::Layer,
    routes: Routes,
    names: Vec<&'static str>,
}

impl Server {
    /// Starts with no services.
    #[must_use]
    pub fn new(settings: &Settings, auth: auth::Layer) -> Self {
        Self { settings: *settings, auth, routes: Routes::default(), names: Vec::new() }
    }

    /// Adds a generated server; see [`crate::grpc_service`].
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: tower::Service<http::Request<tonic::body::Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes = self.routes.add_service(service);
        self
    }

    /// Opens the port, with health (each service by name, and the whole by the empty one) and reflection beside the
    /// services. Returns the address, with the real port where 0 was asked for.
    ///
    /// # Errors
    /// When the port cannot be opened, or the descriptor set does not know a service.
    pub async fn serve(self, shutdown: &Shutdown) -> Result<SocketAddr, Error> {
        let routes = infrastructure::add(self.routes, &self.names, shutdown).await?;
        let concurrency = Arc::new(Semaphore::new(self.settings.max_concurrency));
        // The last layer is the outermost.
        let router = routes
            .into_axum_router()
            .layer(self.auth)
            .layer(from_fn(panics))
            .layer(from_fn(limits::deadline))
            .layer(from_fn_with_state(concurrency, limits::concurrency))
            .layer(from_fn(details::complete))
            .layer(from_fn_with_state(call::Metrics::new(), call::observe));
        let addr = listen::serve("grpc", self.settings.addr, Protocol::Grpc, router, shutdown).await?;
        Ok(addr)
    }
}

/// Why a gRPC server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be opened.
    #[error(transparent)]
    Listen(#[from] listen::Error),
    /// The descriptor set is broken.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
}

async fn panics(request: Request, next: Next) -> Response {
    layers::catch_panic(request, next).await.unwrap_or_else(refuse)
}

/// Health and reflection: anonymous, outside of limits and logs.
fn is_infrastructure(path: &str) -> bool {
    path.starts_with("/grpc.")
}

/// An answer that is an error.
fn refuse(error: rpc_error::Error) -> Response {
    respond(error.into())
}

fn respond(status: tonic::Status) -> Response {
    status.into_http()
}
