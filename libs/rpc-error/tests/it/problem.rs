use rpc_error::{Code, Error, reason};
use serde_json::json;

#[test]
fn a_problem_has_the_members_of_the_contract() {
    let problem = Error::new(Code::InvalidArgument, reason::FILE_NAME_INVALID, "the name has a path")
        .violation("file_name", "must not contain '/'")
        .into_problem("https://docs.example/errors", "0199-request");
    assert_eq!(
        serde_json::to_value(problem).unwrap(),
        json!({
            "type": "https://docs.example/errors/FILE_NAME_INVALID.md",
            "title": "The file's name cannot be used",
            "status": 422,
            "code": "FILE_NAME_INVALID",
            "detail": "the name has a path",
            "instance": "0199-request",
            "errors": [{"field": "file_name", "rule": "must not contain '/'"}],
        })
    );
}

#[test]
fn a_problem_of_a_server_fault_says_nothing_of_what_happened() {
    let problem = Error::internal("table documents is gone").into_problem("/errors", "r");
    let text = serde_json::to_string(&problem).unwrap();
    assert!(!text.contains("documents is gone"), "{text}");
    assert!(!text.contains("\"errors\""), "{text}");
    assert_eq!(problem.status, 500);
}
