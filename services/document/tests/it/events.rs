//! What others see: the real topic and the real queue.

use kafka::CloudEvent;
use proto::document::v1;

use crate::harness::{File, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_documents_events_are_in_order_under_its_key() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    ada.download(&id).await.unwrap();

    let names = ["initiated", "uploaded", "scanning", "ready", "accessed"];
    assert_eq!(app.event_names(&id).await, names);
    let records = app.records(&id).await;
    let partitions: std::collections::BTreeSet<_> = records.iter().map(|record| record.partition).collect();
    assert_eq!(partitions.len(), 1, "one key, one partition");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_a_cloud_event_with_every_header() {
    let app = TestApp::start().await;
    let (id, _) = app.ready(&app.ada(), &File::pdf("Ada")).await;
    for record in app.records(&id).await {
        let mut names: Vec<_> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.retain(|name| *name != "traceparent");
        names.sort_unstable();
        let expected = [
            "ce_dataschema",
            "ce_id",
            "ce_source",
            "ce_specversion",
            "ce_subject",
            "ce_tenant",
            "ce_time",
            "ce_type",
            "content-type",
        ];
        assert_eq!(names, expected);
        assert_eq!(record.header("content-type"), Some("application/protobuf"));
        assert_eq!(record.header("ce_source"), Some("/guildhall/document"));
    }
    let ready: CloudEvent = app.events(&id).await.pop().unwrap();
    assert_eq!(ready.type_, "guildhall.document.ready.v1");
    assert_eq!(ready.dataschema, "proto:guildhall.document.v1.DocumentReady");
    assert_eq!((ready.key.as_str(), ready.subject.as_str()), (id.as_str(), id.as_str()));
    assert_eq!(ready.tenant.as_str(), "riverton");
    assert_eq!(ready.time, app.clock.now());
    let body: v1::DocumentReady = ready.decode().unwrap();
    assert_eq!((body.document_id, body.owner, body.purpose), (id, "ada".to_owned(), "identity".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_tells_nobody() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.initiate(&File::pdf("Ada")).await.unwrap().document.unwrap().document_id;
    ada.confirm(&id).await.unwrap_err();
    ada.download(&id).await.unwrap_err();
    app.citizen("ben", "riverton").confirm(&id).await.unwrap_err();
    assert_eq!(app.event_names(&id).await, ["initiated"]);
    assert_eq!(app.take_jobs().await, []);
}
