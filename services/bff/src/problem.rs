//! Every error leaves as RFC 9457 `application/problem+json`, whatever layer made it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use rpc_error::{Code, Error, reason};
use service::RequestId;
use url::Url;
use utoipa::ToSchema;

use crate::App;

/// Media type of RFC 9457.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What a client gets instead of what it asked for; made by [`rpc_error`], described here.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the shape for the OpenAPI document; `rpc_error` makes the value")]
pub struct Problem {
    /// Address of a page that explains the reason.
    #[schema(rename = "type")]
    kind: String,
    /// The reason in a short sentence, the same for every occurrence.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable UPPER_SNAKE_CASE reason.
    code: String,
    /// This occurrence in a sentence.
    detail: String,
    /// Id of the request, to quote to support.
    instance: String,
    /// Which fields broke which rule; absent where there are none.
    errors: Option<Vec<FieldProblem>>,
}

/// A field and the rule it broke.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the shape for the OpenAPI document")]
pub struct FieldProblem {
    /// Name of the field in the request.
    field: String,
    /// The rule, as a sentence.
    rule: String,
}

/// An [`Error`] on its way out of a handler; [`render`] makes the problem of it.
#[derive(Debug)]
pub struct Failure(pub Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Self(Error::from_status(status))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.0.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

/// Result of a handler.
pub type Result<T> = std::result::Result<T, Failure>;

/// The problem of an error, for layers that answer without a handler.
#[must_use]
pub fn response(error: Error, public_url: &Url, instance: &str, body: bool) -> Response {
    let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after = error.retry_after_seconds();
    let problem = error.into_problem(&format!("{public_url}docs/errors"), instance);
    // Strings and numbers always serialize.
    let text = if body { serde_json::to_vec(&problem).unwrap_or_default() } else { Vec::new() };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Middleware: any response of 400 or above becomes a problem, those of axum and of other layers too.
pub async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    let instance =
        request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned()).unwrap_or_default();
    let with_body = request.method() != Method::HEAD;
    let mut answer = next.run(request).await;
    let status = answer.status();
    // `/ready` answers 503 with a body of its own: what is down is the answer.
    let own_body = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if status.as_u16() < 400 || own_body {
        return answer;
    }
    let error = answer.extensions_mut().remove::<Arc<Error>>().and_then(Arc::into_inner);
    let error = error.unwrap_or_else(|| of_status(status));
    let mut problem = response(error, &app.config.http.public_url, &instance, with_body);
    // `Allow`, CORS and the like are the layers' to say.
    for (name, value) in answer.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH | header::RETRY_AFTER) {
            problem.headers_mut().append(name.clone(), value.clone());
        }
    }
    problem
}

/// The error behind a bare status of axum or of a layer.
fn of_status(status: StatusCode) -> Error {
    match status {
        StatusCode::NOT_FOUND => {
            Error::new(Code::NotFound, reason::ROUTE_NOT_FOUND, "there is nothing at this address")
        }
        StatusCode::METHOD_NOT_ALLOWED => Error::new(
            Code::MethodNotAllowed,
            reason::METHOD_NOT_ALLOWED,
            "this address does not take this method; `Allow` lists those it takes",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::new(Code::TooLarge, reason::BODY_TOO_LARGE, "the body is over the limit")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Error::new(
            Code::UnsupportedMediaType,
            reason::UNSUPPORTED_MEDIA_TYPE,
            "send the body as `application/json`",
        ),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            Error::new(Code::DeadlineExceeded, reason::TIMEOUT, "the answer took too long")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            Error::new(Code::ResourceExhausted, reason::OVERLOADED, "too many requests at once; try again")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            Error::new(Code::Unavailable, reason::UNAVAILABLE, "the service is not available; try again")
        }
        status if status.is_client_error() => {
            Error::new(Code::Malformed, reason::REQUEST_MALFORMED, "the request cannot be parsed")
        }
        status => Error::internal(format!("bare status {status}")),
    }
}
