//! Other answers than the one there is, or would be.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use futures::stream;
use serde_json::json;

use crate::error::Error;
use crate::provider::Provider;
use crate::script::{Fault, Reply};

use super::connection::Cut;
use super::extract;

/// More than anybody reads.
const OVERSIZE: usize = 8 * 1024 * 1024;
/// So that what came before it is on its way when a connection ends.
const BREATH: Duration = Duration::from_millis(50);

/// What a fault makes of a response, or of none.
pub(crate) async fn spoil(provider: Provider, fault: &Fault, response: Option<Response>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let status = response.as_ref().map_or(StatusCode::OK, Response::status);
    let whole = || response.unwrap_or_else(|| extract::answer(200, &json!({ "id": "of nothing" })));
    match fault.answer {
        Reply::Normal | Reply::Hang => whole(),
        Reply::Status => {
            let made_up = || Error::Scripted(fault.status).body(Some(provider)).to_string();
            let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let body = fault.body.clone().unwrap_or_else(made_up);
            let mut response = (status, json, body).into_response();
            if let Some(seconds) = fault.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        Reply::Garbage => (status, json, "<html><h1>It works!</h1>").into_response(),
        Reply::Empty => (status, json).into_response(),
        Reply::WrongType => {
            let mut whole = whole();
            whole.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            whole
        }
        Reply::Oversize => (status, json, format!("\"{}\"", "a".repeat(OVERSIZE))).into_response(),
        Reply::Cut => Cut::response(),
        Reply::Truncate => truncate(whole()).await,
    }
}

/// Half of a response, after which the connection ends.
async fn truncate(whole: Response) -> Response {
    let (mut parts, body) = whole.into_parts();
    let bytes = to_bytes(body, OVERSIZE).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = stream::iter([Ok(bytes.slice(..bytes.len() / 2))]);
    let end = stream::once(async {
        tokio::time::sleep(BREATH).await;
        Err(Cut)
    });
    Response::from_parts(parts, Body::from_stream(half.chain(end)))
}
