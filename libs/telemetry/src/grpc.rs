//! The trace on its way through gRPC metadata.

use http::HeaderMap;
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};
use tracing::Span;
use tracing::field::Empty;

use crate::context;

/// Adds the current span to every request of a client: `DocumentServiceClient::with_interceptor(channel, Inject)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inject;

impl Interceptor for Inject {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        inject(request.metadata_mut());
        Ok(request)
    }
}

/// Writes the current span into metadata.
pub fn inject(metadata: &mut MetadataMap) {
    let mut headers = HeaderMap::new();
    context::inject(&mut headers);
    for (name, value) in &headers {
        if let Ok(value) = MetadataValue::try_from(value.as_bytes())
            && let Ok(name) = MetadataKey::from_bytes(name.as_str().as_bytes())
        {
            metadata.insert::<MetadataKey<Ascii>>(name, value);
        }
    }
}

/// The span of a call that a server works on, child of the caller's. `path` is the request's, `/<service>/<method>`.
///
/// Record `tenant` once the caller is known and `rpc.grpc.status_code` when the call is done; log lines inside show
/// `request_id` and `tenant`.
#[must_use]
pub fn server_span(path: &str, headers: &HeaderMap, request_id: &str) -> Span {
    let name = path.trim_start_matches('/');
    let (service, method) = name.rsplit_once('/').unwrap_or((name, ""));
    let span = tracing::info_span!(
        "grpc",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        request_id,
        tenant = Empty,
    );
    context::set_parent_from(&span, headers);
    span
}

/// The span of a call that a client makes. Create it inside the span that wants the answer, and [`inject`] from inside it.
#[must_use]
pub fn client_span(path: &str) -> Span {
    let name = path.trim_start_matches('/');
    let (service, method) = name.rsplit_once('/').unwrap_or((name, ""));
    tracing::info_span!(
        "grpc.call",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
    )
}
