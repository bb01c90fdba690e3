//! Putting a policy in force.

use auth::Role;
use futures::future::join_all;
use rpc_error::{Code, Error, reason};
use serde_json::json;

use crate::harness::{admin, keyed, loans, publication, request, setup, staff};

fn reason(error: &Error) -> (Code, &str) {
    (error.code(), error.reason())
}

#[tokio::test]
async fn a_key_publishes_once_and_a_body_in_force_makes_no_version() {
    let setup = setup().await;
    let max = admin("riverton");
    let first = setup.send(keyed(&max, "k", publication("loans", &loans(14), 0))).await.unwrap();
    let again = setup.send(keyed(&max, "k", publication("loans", &loans(14), 0))).await.unwrap();
    assert!(again.metadata().get(idempotency::REPLAYED).is_some());
    assert_eq!(first.into_inner(), again.into_inner());
    let other = setup.send(keyed(&max, "k", publication("loans", &loans(15), 0))).await.unwrap_err();
    assert_eq!(other.reason(), reason::IDEMPOTENCY_KEY_REUSED);

    let same = setup.publish(&max, "loans", loans(14), 1).await.unwrap();
    assert_eq!((same.version, same.note.as_str(), same.published_by.as_str()), (1, "OPS-17", "max"));
    // Back to what was built in: another version that says the same.
    let back = setup.publish(&max, "loans", loans(7), 1).await.unwrap();
    assert_eq!((back.version, back.body_json.as_str()), (2, r#"{"days":{"maps":7}}"#));
}

#[tokio::test]
async fn sixteen_people_publish_against_one_version_and_one_of_them_does() {
    let setup = setup().await;
    for round in 0..10_u32 {
        // Nobody wants what is in force already.
        let bodies = (0..16).map(|n| loans(10 + round * 16 + n));
        let round = i32::try_from(round).unwrap();
        let all = join_all(bodies.map(|body| {
            let setup = &setup;
            async move { setup.publish(&admin("riverton"), "loans", body, round).await }
        }))
        .await;
        let (done, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        let same = done.iter().filter(|policy| policy.as_ref().unwrap().version == round + 1).count();
        assert_eq!((done.len(), same), (1, 1), "round {round}");
        for error in refused {
            assert_eq!(reason(&error.unwrap_err()), (Code::Conflict, reason::POLICY_CHANGED));
        }
    }
}

#[tokio::test]
async fn only_who_configures_may_publish() {
    let setup = setup().await;
    for role in [Role::Staff, Role::Reviewer, Role::Finance] {
        let error = setup.publish(&staff("riverton", role), "loans", loans(14), 0).await.unwrap_err();
        assert_eq!(reason(&error), (Code::PermissionDenied, reason::PERMISSION_DENIED));
    }
    assert_eq!(setup.get("riverton", "loans", None).await.unwrap().version, 0);
}

#[tokio::test]
async fn what_breaks_a_rule_is_not_put_in_force() {
    let setup = setup().await;
    let max = admin("riverton");
    for (kind, body, places) in [
        ("loans", json!({"days": {"maps": 366, "toys": 1}}), vec!["/days/maps", "/days/toys"]),
        ("loans", json!({"days": {"maps": -1}}), vec!["/days/maps"]),
        ("loans", json!({"days": {}, "hours": 3}), vec!["/hours"]),
        ("loans", json!({}), vec!["/days"]),
        ("shelves", json!({"names": ["books"]}), vec!["loans:/days/maps"]),
    ] {
        let error = setup.publish(&max, kind, body.clone(), 0).await.unwrap_err();
        assert_eq!(reason(&error), (Code::InvalidArgument, reason::POLICY_INVALID), "{body}");
        let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, places, "{body}");
        assert_eq!(setup.get("riverton", kind, None).await.unwrap().version, 0);
    }
    let mut publication = publication("loans", &loans(14), 0);
    for note in ["", "because of ada@example.org", &"x".repeat(65)] {
        publication.note = note.into();
        let error = setup.send(request(&max, publication.clone())).await.unwrap_err();
        assert_eq!(reason(&error), (Code::InvalidArgument, reason::POLICY_NOTE_INVALID));
    }
    let error = setup.publish(&max, "toys", loans(14), 0).await.unwrap_err();
    assert_eq!(reason(&error), (Code::NotFound, reason::POLICY_NOT_FOUND));
}
