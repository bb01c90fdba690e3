use http::HeaderMap;
use serde_json::json;
use telemetry::{context, grpc};
use tonic::service::Interceptor as _;
use tracing::info_span;

use crate::capture::logged;

#[test]
fn a_servers_span_is_the_child_of_its_clients() {
    let line = logged("info", || {
        let outer = info_span!("http");
        let trace_id = outer.in_scope(|| context::current_trace_id().unwrap());
        let call = outer.in_scope(|| grpc::client_span("/guildhall.document.v1.DocumentService/GetDocument"));
        let request = call.in_scope(|| grpc::Inject.call(tonic::Request::new(())).unwrap());
        let headers: HeaderMap = request.into_parts().0.into_headers();

        let path = "/guildhall.document.v1.DocumentService/GetDocument";
        let span = grpc::server_span(path, &headers, "r-1");
        span.record("tenant", "riverton");
        let _span = span.entered();
        assert_eq!(context::current_trace_id(), Some(trace_id));
        tracing::info!("read");
    })
    .line();
    assert_eq!((&line["request_id"], &line["tenant"]), (&json!("r-1"), &json!("riverton")));
}
