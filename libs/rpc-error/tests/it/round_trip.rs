use std::time::Duration;

use rpc_error::{Code, DOMAIN, Error, reason};
use tonic::Status;
use tonic_types::StatusExt as _;

#[test]
fn every_reason_survives_the_way_over_grpc() {
    for row in reason::ALL {
        let status = Status::from(Error::new(row.code, row.name, "what happened"));
        assert_eq!(status.code(), row.code.grpc(), "{}", row.name);
        let info = status.get_details_error_info().unwrap();
        assert_eq!((&*info.reason, &*info.domain), (row.name, DOMAIN));
        assert_eq!(info.metadata["code"], row.code.name());
        let error = Error::from_status(status);
        assert_eq!((error.code(), error.reason()), (row.code, row.name));
        assert_eq!(error.http_status(), row.code.http_status());
    }
}

#[test]
fn details_survive_too() {
    let error = Error::new(Code::InvalidArgument, reason::FIELD_INVALID, "two fields are wrong")
        .violation("file_name", "must be 1 to 255 bytes")
        .violation("size_bytes", "must be above 0")
        .retry_after(Duration::from_millis(1_500));
    let status = Status::from(error);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations.len(), 2);
    let error = Error::from_status(status);
    assert_eq!(error.public_message(), "two fields are wrong");
    assert_eq!(error.violations()[0].field, "file_name");
    assert_eq!(error.violations()[1].rule, "must be above 0");
    assert_eq!(error.retry_delay(), Some(Duration::from_millis(1_500)));
    assert_eq!(error.retry_after_seconds(), Some(2));
}

#[test]
fn nothing_of_a_server_fault_but_its_reason_is_on_the_wire() {
    let source = std::io::Error::other("password authentication failed for user document_app");
    for error in [
        Error::internal(source),
        Error::unavailable("10.0.0.7:5432 refused the connection"),
        Error::new(Code::DeadlineExceeded, reason::TIMEOUT, "select from documents took too long"),
    ] {
        let (code, shown) = (error.code(), error.to_string());
        let status = Status::from(error);
        let wire = format!("{}{}", status.message(), String::from_utf8_lossy(status.details()));
        for secret in ["password", "10.0.0.7", "select"] {
            assert!(!wire.contains(secret), "{shown}: {wire}");
        }
        assert_eq!(Error::from_status(status).code(), code);
    }
}

#[test]
fn a_status_of_somebody_else_gets_the_nearest_reason() {
    let table = [
        (tonic::Code::Unavailable, 503, reason::UNAVAILABLE),
        (tonic::Code::DeadlineExceeded, 504, reason::TIMEOUT),
        (tonic::Code::Cancelled, 504, reason::TIMEOUT),
        (tonic::Code::Unimplemented, 500, reason::INTERNAL),
        (tonic::Code::Unknown, 500, reason::INTERNAL),
        (tonic::Code::NotFound, 500, reason::INTERNAL),
        (tonic::Code::OutOfRange, 413, reason::BODY_TOO_LARGE),
        (tonic::Code::ResourceExhausted, 429, reason::OVERLOADED),
        (tonic::Code::Unauthenticated, 401, reason::TOKEN_INVALID),
    ];
    for (grpc, http, reason) in table {
        let error = Error::from_status(Status::new(grpc, "upstream text"));
        assert_eq!((error.http_status(), error.reason()), (http, reason), "{grpc:?}");
        assert!(!error.public_message().contains("upstream text"));
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("upstream text"));
    }
    let other = Status::with_error_details(
        tonic::Code::NotFound,
        "gone",
        tonic_types::ErrorDetails::with_error_info(
            "UPLOAD_EXPIRED",
            "example.org",
            [("code".into(), "GONE".into())],
        ),
    );
    assert_eq!(Error::from_status(other).reason(), reason::INTERNAL);
}

#[test]
fn a_reason_of_a_newer_service_is_kept_with_the_nearest_code() {
    let details = |code: &str| {
        tonic_types::ErrorDetails::with_error_info("BRAND_NEW", DOMAIN, [("code".into(), code.into())])
    };
    let status = Status::with_error_details(tonic::Code::NotFound, "moved", details("GONE"));
    let error = Error::from_status(status);
    assert_eq!((error.http_status(), error.reason(), error.public_message()), (410, "BRAND_NEW", "moved"));
    let status = Status::with_error_details(tonic::Code::Unavailable, "moved", details("NAPPING"));
    assert_eq!(Error::from_status(status).code(), Code::Unavailable);
}
