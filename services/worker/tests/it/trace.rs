use proto::document::v1::DocumentStatus;
use testkit::otlp::Span;

use super::harness::*;

#[tokio::test]
async fn one_trace_goes_from_the_confirmation_to_the_mail_and_carries_nobodys_data() {
    let otlp = testkit::otlp().await;
    let settings =
        telemetry::Settings { otlp_endpoint: Some(otlp.endpoint().parse().unwrap()), ..Default::default() };
    let guard = telemetry::init("worker-test", &settings);
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let id = app.hand_in(&ada, "text/plain", b"three months of rent\n").await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    app.told(&ada, "delivery.sent").await;
    worker.stop().await;

    let mail = testkit::mailbox().to(&ada.canary.email(), SOON).await.unwrap().remove(0);
    let delivery = mail.message_id().trim_matches(['<', '>']).split('@').next().unwrap().to_owned();
    guard.shutdown().await;
    // The mail's span is this journey's; other tests of this process have theirs.
    let of_mail = |span: &&Span| {
        span.name == "smtp.send" && span.attributes.get("delivery.id").is_some_and(|found| *found == delivery)
    };
    let smtp = otlp.wait_for(SOON, |spans| spans.iter().find(of_mail).cloned()).await.unwrap();
    let trace = otlp.trace(&smtp.trace_id);
    let one = |name: &str| {
        let found = trace.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| {
            panic!("no {name} among {:?}", trace.iter().map(|s| &s.name).collect::<Vec<_>>())
        })
    };
    let confirm = one("guildhall.document.v1.DocumentService/ConfirmUpload");
    for (name, parent) in [
        ("clamd.instream", "guildhall-scan process"),
        ("s3.copy", "guildhall-scan process"),
        ("smtp.send", "guildhall-mail process"),
    ] {
        assert_eq!(one(name).parent, one(parent).span_id, "{name}");
        assert!(one(name).start_unix_nano >= confirm.start_unix_nano);
    }
    assert_eq!(one("guildhall-scan process").kind, "consumer");
    assert!(!ada.canary.leaks(serde_json::to_string(&otlp.spans()).unwrap()));
}
