//! To and from `tonic::Status` with `google.rpc` details.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{Code, Error, reason};

/// Domain of our `google.rpc.ErrorInfo`s.
pub const DOMAIN: &str = "guildhall";

/// Entry of `ErrorInfo.metadata` that holds [`Code::name`], which is finer than the gRPC code.
const CODE: &str = "code";

impl From<Error> for Status {
    /// Logs what only we may know, and tells the caller the rest.
    fn from(error: Error) -> Self {
        error.log();
        let mut details = ErrorDetails::new();
        let metadata = HashMap::from([(CODE.to_owned(), error.code().name().to_owned())]);
        details.set_error_info(error.reason(), DOMAIN, metadata);
        for violation in error.violations() {
            details.add_bad_request_violation(&violation.field, &violation.rule);
        }
        if let Some(wait) = error.retry_delay() {
            details.set_retry_info(Some(wait));
        }
        Status::with_error_details(error.code().grpc(), error.public_message(), details)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::from_status(status)
    }
}

impl Error {
    /// What another service answered, with its reason; or, where the status is not one of ours, the nearest reason with
    /// the status as its source.
    #[must_use]
    pub fn from_status(status: Status) -> Self {
        let details = status.get_error_details();
        let Some(info) = details.error_info().filter(|info| info.domain == DOMAIN) else {
            return foreign(status);
        };
        let code = info.metadata.get(CODE).and_then(|name| Code::from_name(name));
        // A newer service may have codes that this one does not know.
        let code =
            code.filter(|code| code.grpc() == status.code()).unwrap_or_else(|| nearest(status.code()).0);
        let reason = match reason::find(&info.reason) {
            Some(row) => row.name.into(),
            None => info.reason.clone().into(),
        };
        let mut error = Self::of(code, reason, status.message().to_owned().into()).remote();
        for violation in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
            error = error.violation(&violation.field, &violation.description);
        }
        match details.retry_info().and_then(|info| info.retry_delay) {
            Some(wait) => error.retry_after(wait),
            None => error,
        }
    }
}

/// A status made by the transport, a proxy or a library.
fn foreign(status: Status) -> Error {
    let (code, reason) = nearest(status.code());
    let title = reason::find(reason).map_or("", |row| row.title);
    Error::of(code, reason.into(), title.into()).because(status)
}

fn nearest(code: tonic::Code) -> (Code, &'static str) {
    match code {
        tonic::Code::Unauthenticated => (Code::Unauthenticated, reason::TOKEN_INVALID),
        tonic::Code::PermissionDenied => (Code::PermissionDenied, reason::PERMISSION_DENIED),
        tonic::Code::ResourceExhausted => (Code::ResourceExhausted, reason::OVERLOADED),
        tonic::Code::InvalidArgument => (Code::InvalidArgument, reason::REQUEST_INVALID),
        // What tonic answers to a message above its size limit.
        tonic::Code::OutOfRange => (Code::TooLarge, reason::BODY_TOO_LARGE),
        tonic::Code::Unavailable => (Code::Unavailable, reason::UNAVAILABLE),
        // tonic says `Cancelled` where a deadline it enforces has passed.
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => (Code::DeadlineExceeded, reason::TIMEOUT),
        tonic::Code::Ok
        | tonic::Code::Unknown
        | tonic::Code::NotFound
        | tonic::Code::AlreadyExists
        | tonic::Code::FailedPrecondition
        | tonic::Code::Aborted
        | tonic::Code::Unimplemented
        | tonic::Code::Internal
        | tonic::Code::DataLoss => (Code::Internal, reason::INTERNAL),
    }
}
