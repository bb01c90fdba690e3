//! Reading, comparing, trying.

use auth::Role;
use proto::operations::v1;
use proto::operations::v1::policy_service_server::PolicyService as _;
use rpc_error::{Code, Error, reason};
use serde_json::json;

use crate::harness::{NOON, admin, loans, request, setup, staff};

#[tokio::test]
async fn versions_are_listed_newest_first_in_pages() {
    let setup = setup().await;
    for version in 0..5_i32 {
        setup
            .publish(&admin("riverton"), "loans", loans(10 + version.unsigned_abs()), version)
            .await
            .unwrap();
    }
    let list = async |tenant: &str, page_size, page_token: String| {
        let message = v1::ListPolicyVersionsRequest { kind: "loans".into(), page_size, page_token };
        let answer = setup.api.list_policy_versions(request(&staff(tenant, Role::Staff), message)).await;
        answer.map(tonic::Response::into_inner).map_err(Error::from_status)
    };
    let (mut token, mut found) = (String::new(), Vec::new());
    loop {
        let page = list("riverton", 2, token).await.unwrap();
        assert!(page.policies.iter().all(|policy| policy.body_json.is_empty()));
        found.extend(page.policies.iter().map(|policy| policy.version));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, [5, 4, 3, 2, 1]);
    assert_eq!(list("lakeside", 0, String::new()).await.unwrap().policies, []);
    for (page_size, token, reason) in [
        (201, "", reason::PAGE_SIZE_INVALID),
        (-1, "", reason::PAGE_SIZE_INVALID),
        (1, "x", reason::PAGE_TOKEN_INVALID),
    ] {
        assert_eq!(list("riverton", page_size, token.into()).await.unwrap_err().reason(), reason);
    }
}

#[tokio::test]
async fn what_is_in_force_is_listed_by_kind_and_read_by_version() {
    let setup = setup().await;
    setup.publish(&admin("riverton"), "loans", loans(14), 0).await.unwrap();
    let list =
        setup.api.list_policies(request(&admin("riverton"), v1::ListPoliciesRequest {})).await.unwrap();
    let list = list.into_inner().policies;
    let told: Vec<_> = list.iter().map(|policy| (policy.kind.as_str(), policy.version)).collect();
    assert_eq!(told, [("loans", 1), ("shelves", 0)]);
    assert_eq!(list[0].published_at.as_ref().unwrap().seconds, NOON.unix_timestamp());
    assert_eq!(list[1].body_json, r#"{"names":["maps","books"]}"#);

    assert_eq!(setup.get("riverton", "loans", None).await.unwrap(), list[0]);
    assert_eq!(setup.get("riverton", "loans", Some(0)).await.unwrap().body_json, loans(7).to_string());
    for (tenant, kind, version) in [
        ("riverton", "loans", 2),
        ("riverton", "loans", -1),
        ("lakeside", "loans", 1),
        ("riverton", "toys", 0),
    ] {
        let error = setup.get(tenant, kind, Some(version)).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::NotFound, reason::POLICY_NOT_FOUND));
    }
}

#[tokio::test]
async fn versions_are_compared_by_place() {
    let setup = setup().await;
    let body = json!({"days": {"maps": 14, "books": 28}});
    setup.publish(&admin("riverton"), "loans", body, 0).await.unwrap();
    let diff = async |from_version, to_version| {
        let message = v1::DiffPolicyRequest { kind: "loans".into(), from_version, to_version };
        let answer = setup.api.diff_policy(request(&admin("riverton"), message)).await.unwrap();
        let changes = answer.into_inner().changes.into_iter();
        changes
            .map(|change| [change.pointer, change.before_json, change.after_json].join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(diff(0, None).await, ["/days/books  28", "/days/maps 7 14"]);
    assert_eq!(diff(1, Some(0)).await, ["/days/books 28 ", "/days/maps 14 7"]);
    assert_eq!(diff(1, Some(1)).await, [""; 0]);
}

#[tokio::test]
async fn a_dry_run_tells_what_would_happen_and_changes_nothing() {
    let setup = setup().await;
    setup.publish(&admin("riverton"), "loans", loans(14), 0).await.unwrap();
    let fine = setup.check("loans", r#"{"days":{"maps":21}}"#).await.unwrap();
    assert_eq!((fine.current_version, fine.violations.len()), (1, 0));
    assert_eq!(fine.changes[0].pointer, "/days/maps");
    let broken = setup.check("loans", r#"{"days":{"maps":366,"toys":3}}"#).await.unwrap();
    let places: Vec<_> = broken.violations.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!((places, broken.changes.len()), (vec!["/days/maps", "/days/toys"], 0));
    for body in ["", "[]", "7", "{", &format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024))] {
        let error = setup.check("loans", body).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::InvalidArgument, reason::POLICY_INVALID));
        assert_eq!(error.violations()[0].field, "body_json");
    }
    assert_eq!(setup.get("riverton", "loans", None).await.unwrap().version, 1);
}
