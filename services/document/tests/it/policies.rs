//! What may be handed in is what the tenant's staff have published.

use proto::operations::v1;
use proto::operations::v1::policy_service_client::PolicyServiceClient;
use rpc_error::{Code, Error, reason};
use serde_json::{Value, json};

use crate::harness::{Actor, File, Result, TestApp, assert_refused};

pub(crate) async fn in_force(app: &TestApp, actor: &Actor, kind: &str) -> (i32, Value) {
    let message = v1::GetPolicyRequest { kind: kind.into(), version: None };
    let mut client = PolicyServiceClient::new(app.channel.clone());
    let policy = client.get_policy(actor.keyless(message)).await.unwrap().into_inner().policy.unwrap();
    (policy.version, serde_json::from_str(&policy.body_json).unwrap())
}

pub(crate) async fn publish(
    app: &TestApp,
    actor: &Actor,
    kind: &str,
    body: &Value,
    expected_version: i32,
) -> Result<()> {
    let message = v1::PublishPolicyRequest {
        kind: kind.into(),
        body_json: body.to_string(),
        expected_version,
        note: "OPS-1".into(),
    };
    let mut client = PolicyServiceClient::new(app.channel.clone());
    client.publish_policy(actor.request(message)).await.map(drop).map_err(Error::from_status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_policy_is_obeyed_by_the_next_upload_of_its_tenant() {
    let app = TestApp::start().await;
    let (max, ada, file) = (app.admin("max", "riverton"), app.ada(), File::pdf("Ada"));
    let (version, mut upload) = in_force(&app, &max, "upload").await;
    assert_eq!(version, 0);
    let accepted = ada.initiate(&file).await.unwrap().document.unwrap();

    let passport = upload["purposes"]["identity"].take();
    upload["purposes"].as_object_mut().unwrap().remove("identity");
    upload["purposes"]["passport"] = passport;
    upload["purposes"]["passport"]["max_bytes"] = 4.into();
    publish(&app, &max, "upload", &upload, 0).await.unwrap();

    assert_refused(ada.initiate(&file).await, Code::InvalidArgument, reason::UNKNOWN_PURPOSE);
    let passport = File { purpose: "passport".into(), ..file.clone() };
    assert_refused(ada.initiate(&passport).await, Code::TooLarge, reason::FILE_TOO_LARGE);
    let small = File { bytes: b"%PDF".to_vec(), ..passport };
    assert_eq!(ada.initiate(&small).await.unwrap().document.unwrap().purpose, "passport");
    app.citizen("ada", "lakeside").initiate(&file).await.expect("another tenant's rules are its own");

    // What was handed in under the old rules stays what it is.
    assert_eq!(ada.get(&accepted.document_id).await.unwrap().purpose, "identity");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_that_a_purpose_names_cannot_be_taken_away() {
    let app = TestApp::start().await;
    let max = app.admin("max", "riverton");
    let (_, mut retention) = in_force(&app, &max, "retention").await;
    retention["classes"].as_object_mut().unwrap().remove("casework");
    let error = publish(&app, &max, "retention", &retention, 0).await.unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "upload:/purposes/bill-run/retention_class",
            "upload:/purposes/income/retention_class",
            "upload:/purposes/statement/retention_class",
        ]
    );
    retention["classes"]["casework"] =
        json!({"keep_for": "P18M", "legal_basis": "By-law 7", "lock_mode": "none", "second_person": true});
    publish(&app, &max, "retention", &retention, 0).await.unwrap();
    assert_eq!(
        in_force(&app, &max, "retention").await,
        (1, {
            retention["classes"]["casework"]["keep_for"] = "P1Y6M".into();
            retention
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn citizens_services_and_other_tenants_have_no_say() {
    let app = TestApp::start().await;
    let (_, upload) = in_force(&app, &app.admin("max", "riverton"), "upload").await;
    for actor in [app.ada(), app.staff("sam", "riverton"), app.worker()] {
        let refused = publish(&app, &actor, "upload", &upload, 0).await;
        assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    let mut other = upload.clone();
    other["purposes"]["identity"]["max_bytes"] = 4.into();
    publish(&app, &app.admin("lea", "lakeside"), "upload", &other, 0).await.unwrap();
    assert_eq!(in_force(&app, &app.admin("max", "riverton"), "upload").await, (0, upload));
}
