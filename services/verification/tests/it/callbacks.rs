//! What is taken for a provider's call, and what is not.

use std::collections::BTreeMap;

use proto::verification::v1;
use rpc_error::{Code, reason};
use serde_json::json;
use testkit::eventually;

use crate::harness::{SOON, TestApp, assert_refused};

/// A callback that kompass has really made.
async fn heard(app: &TestApp) -> v1::ReceiveCallbackRequest {
    app.publish(|policy| policy["first"] = json!({ "identity": ["kompass_town"] })).await;
    let request = app.request("ada", "Miller", "identity").await;
    let case = app.ada().submit(request).await.unwrap();
    app.settled(&case.case_id).await;
    let came = eventually(SOON, || async {
        let seen = app.inbox.seen.lock().expect("not poisoned");
        seen.first().map(|(message, _)| message.clone()).ok_or("none came")
    });
    came.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unsigned_changed_old_or_of_nobody_is_refused_and_the_same_again_changes_nothing() {
    let app = TestApp::start().await;
    let good = heard(&app).await;
    app.stand_still();
    let bff = app.service("svc-bff", None);
    let stored = app.count("select count(*) from callbacks").await;
    bff.callback(good.clone()).await.unwrap();
    assert_eq!(app.count("select count(*) from callbacks").await, stored);

    let mut changed = good.clone();
    changed.body[0] ^= 1;
    assert_refused(bff.callback(changed).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    let unsigned = v1::ReceiveCallbackRequest { headers: BTreeMap::new(), ..good.clone() };
    assert_refused(bff.callback(unsigned).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    let elsewhere = v1::ReceiveCallbackRequest { account_id: "veritas_town".to_owned(), ..good.clone() };
    assert_refused(bff.callback(elsewhere).await, Code::InvalidArgument, reason::CALLBACK_INVALID);
    let nobody = v1::ReceiveCallbackRequest { account_id: "x y".to_owned(), ..good.clone() };
    assert_refused(bff.callback(nobody).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    let large = v1::ReceiveCallbackRequest { body: vec![b' '; 65_537], ..good.clone() };
    assert_refused(bff.callback(large).await, Code::InvalidArgument, reason::CALLBACK_INVALID);
    let ada = app.ada();
    assert_refused(ada.callback(good.clone()).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    app.clock.advance(std::time::Duration::from_secs(301));
    assert_refused(bff.callback(good).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    assert_eq!(app.count("select count(*) from callbacks").await, stored);
}
