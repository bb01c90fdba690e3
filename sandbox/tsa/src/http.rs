//! RFC 3161 over HTTP (its section 3.4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use der::asn1::{Any, BitString};
use der::{Decode as _, Encode as _};
use timestamp::asn1::{self, FAILURES, Request, SHA_256, SHA_384, SHA_512, Status};

use crate::authority::{Authority, POLICY};
use crate::fault::{Fault, TokenFault};

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";
/// A request has some 100 bytes.
const LARGEST_REQUEST: usize = 16 * 1024;
const OVERSIZE: usize = 1024 * 1024;

#[derive(Clone)]
struct App {
    authority: Arc<Authority>,
    /// How often a path was answered with 503.
    refused: Arc<Mutex<HashMap<usize, usize>>>,
}

pub(crate) fn router(authority: Arc<Authority>) -> Router {
    Router::new()
        .route("/", post(well))
        .route("/ca.pem", get(|State(app): State<App>| async move { app.authority.root_pem().to_owned() }))
        .route(
            "/{fault}",
            post(|app, Path(fault): Path<String>, headers, body| badly(app, fault, None, headers, body)),
        )
        .route(
            "/{fault}/{with}",
            post(|app, Path((fault, with)): Path<(String, String)>, headers, body| {
                badly(app, fault, Some(with), headers, body)
            }),
        )
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(App { authority, refused: Arc::default() })
}

async fn well(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    app.stamp(&headers, &body, None)
}

async fn badly(
    State(app): State<App>,
    fault: String,
    with: Option<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(fault) = Fault::named(&fault, with.as_deref()) else {
        return (StatusCode::NOT_FOUND, "no such fault").into_response();
    };
    match fault {
        Fault::Reject(bit) => reject(bit),
        Fault::Unavailable(times) if app.refuses(times) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::Unavailable(_) => app.stamp(&headers, &body, None),
        Fault::Slow(wait) => {
            tokio::time::sleep(wait).await;
            app.stamp(&headers, &body, None)
        }
        Fault::Garbage => reply(b"not DER".to_vec()),
        Fault::Oversize => reply(vec![0; OVERSIZE]),
        Fault::WrongType => ([(header::CONTENT_TYPE, "text/html")], "<h1>Hello</h1>").into_response(),
        Fault::NoToken => answer(Status { status: 0, text: None, failures: None }, None),
        Fault::Token(fault) => app.stamp(&headers, &body, Some(fault)),
    }
}

impl App {
    fn refuses(&self, times: usize) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let count = refused.entry(times).or_default();
        *count += 1;
        *count <= times
    }

    fn stamp(&self, headers: &HeaderMap, body: &[u8], fault: Option<TokenFault>) -> Response {
        if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != QUERY) {
            return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
        }
        let Ok(request) = Request::from_der(body) else { return reject(failure("badDataFormat")) };
        if let Some(name) = refusal(&request) {
            return reject(failure(name));
        }
        let token = self.authority.token(&request, fault).and_then(|token| Ok(Any::encode_from(&token)?));
        match token {
            Ok(token) => answer(Status { status: 0, text: None, failures: None }, Some(token)),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
        }
    }
}

/// Why a request is rejected, by the names of RFC 3161.
fn refusal(request: &Request) -> Option<&'static str> {
    let length = match request.imprint.algorithm.oid {
        SHA_256 => 32,
        SHA_384 => 48,
        SHA_512 => 64,
        _ => return Some("badAlg"),
    };
    if request.version != 1 {
        Some("badRequest")
    } else if request.imprint.digest.as_bytes().len() != length {
        Some("badDataFormat")
    } else if request.policy.is_some_and(|policy| policy != POLICY) {
        Some("unacceptedPolicy")
    } else if request.extensions.as_ref().is_some_and(|extensions| !extensions.is_empty()) {
        Some("unacceptedExtension")
    } else {
        None
    }
}

fn failure(name: &str) -> usize {
    FAILURES.iter().find(|(_, known)| *known == name).map_or(0, |(bit, _)| *bit)
}

fn reject(bit: usize) -> Response {
    let mut bytes = vec![0_u8; bit / 8 + 1];
    bytes[bit / 8] = 0x80 >> (bit % 8);
    // DER: what follows the last bit that is set is not sent.
    let unused = bytes[bit / 8].trailing_zeros();
    let failures = u8::try_from(unused).ok().and_then(|unused| BitString::new(unused, bytes).ok());
    answer(Status { status: 2, text: Some(vec!["as was asked for".to_owned()]), failures }, None)
}

fn answer(status: Status, token: Option<Any>) -> Response {
    match (asn1::Response { status, token }).to_der() {
        Ok(der) => reply(der),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn reply(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, REPLY)], body).into_response()
}
