//! `google.rpc` details on refusals that tonic makes itself.

use std::collections::HashMap;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use rpc_error::{Code, DOMAIN, Error, reason};
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{is_infrastructure, respond};

/// How tonic and prost begin the message of an `INTERNAL` that is the caller's doing.
const MALFORMED: [&str; 5] = [
    "failed to decode Protobuf message",
    "protocol error",
    "Error decompressing",
    "Unexpected EOF decoding stream",
    "Missing request message",
];
const TOO_LARGE: &str = "Error decompressing: size limit";

/// Gives a refusal without details those of the nearest reason.
pub(super) async fn complete(request: Request, next: Next) -> Response {
    // Health and reflection have their own contract.
    let exempt = is_infrastructure(request.uri().path());
    let response = next.run(request).await;
    if exempt || !is_bare(&response) {
        return response;
    }
    match Status::from_header_map(response.headers()) {
        Some(status) => respond(ours(status)),
        None => response,
    }
}

/// Whether the answer is a refusal in headers only, without details.
fn is_bare(response: &Response) -> bool {
    let headers = response.headers();
    headers.get(Status::GRPC_STATUS).is_some_and(|code| code != "0")
        && !headers.contains_key(Status::GRPC_STATUS_DETAILS)
}

fn ours(status: Status) -> Status {
    let message = status.message();
    match status.code() {
        tonic::Code::ResourceExhausted | tonic::Code::OutOfRange
            if message.starts_with(TOO_LARGE) || message.contains("message length too large") =>
        {
            let limit = super::MAX_MESSAGE_BYTES;
            Error::new(Code::TooLarge, reason::BODY_TOO_LARGE, format!("a message has at most {limit} bytes"))
                .into()
        }
        tonic::Code::Internal if MALFORMED.iter().any(|start| message.starts_with(start)) => {
            Error::new(Code::Malformed, reason::REQUEST_MALFORMED, "the message cannot be decoded").into()
        }
        // The specification wants this code, and `grpc-accept-encoding` beside it.
        tonic::Code::Unimplemented if message.contains("compressed") => {
            let mut details = ErrorDetails::new();
            let code = Code::UnsupportedMediaType.name().to_owned();
            let metadata = HashMap::from([("code".to_owned(), code)]);
            details.set_error_info(reason::UNSUPPORTED_MEDIA_TYPE, DOMAIN, metadata);
            let message = "messages are compressed in a way that is not understood";
            let metadata = status.metadata().clone();
            Status::with_error_details_and_metadata(tonic::Code::Unimplemented, message, details, metadata)
        }
        tonic::Code::Unimplemented => {
            Error::new(Code::MethodNotAllowed, reason::METHOD_NOT_ALLOWED, "there is no such method").into()
        }
        _ => Error::from_status(status).into(),
    }
}
