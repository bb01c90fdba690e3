use std::collections::BTreeSet;

use rpc_error::{Code, Error, reason};

#[test]
fn reasons_are_unique_upper_snake_case_with_a_title() {
    let mut seen = BTreeSet::new();
    for row in reason::ALL {
        assert!(seen.insert(row.name), "{} twice", row.name);
        assert!(row.name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{}", row.name);
        assert!(row.title.len() > 10 && !row.title.ends_with('.'), "{}", row.name);
        assert_eq!(reason::find(row.name), Some(row));
    }
    assert_eq!(reason::find("NO_SUCH_REASON"), None);
}

#[test]
fn codes_map_to_http_and_grpc_as_the_contract_says() {
    use tonic::Code as Grpc;
    let table = [
        (Code::Malformed, 400, Grpc::InvalidArgument),
        (Code::InvalidArgument, 422, Grpc::InvalidArgument),
        (Code::Unauthenticated, 401, Grpc::Unauthenticated),
        (Code::PermissionDenied, 403, Grpc::PermissionDenied),
        (Code::NotFound, 404, Grpc::NotFound),
        (Code::MethodNotAllowed, 405, Grpc::Unimplemented),
        (Code::Conflict, 409, Grpc::Aborted),
        (Code::Gone, 410, Grpc::NotFound),
        (Code::PreconditionFailed, 412, Grpc::FailedPrecondition),
        (Code::TooLarge, 413, Grpc::InvalidArgument),
        (Code::UnsupportedMediaType, 415, Grpc::InvalidArgument),
        (Code::Locked, 423, Grpc::FailedPrecondition),
        (Code::ResourceExhausted, 429, Grpc::ResourceExhausted),
        (Code::Internal, 500, Grpc::Internal),
        (Code::Unavailable, 503, Grpc::Unavailable),
        (Code::DeadlineExceeded, 504, Grpc::DeadlineExceeded),
    ];
    assert_eq!(table.len(), Code::ALL.len());
    for (code, http, grpc) in table {
        assert_eq!((code.http_status(), code.grpc()), (http, grpc), "{code:?}");
        assert_eq!(Code::from_name(code.name()), Some(code));
    }
    assert_eq!(Code::from_name("TEAPOT"), None);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "UPLOAD_EXPIRED is not of code NotFound")]
fn a_reason_keeps_its_code() {
    let _ = Error::new(Code::NotFound, reason::UPLOAD_EXPIRED, "too late");
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "NEW_ONE has no row")]
fn a_reason_needs_a_row() {
    let _ = Error::new(Code::NotFound, "NEW_ONE", "not listed");
}
