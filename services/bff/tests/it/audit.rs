//! What staff see of a service's audit chain.

use std::net::Ipv4Addr;
use std::time::Duration;

use audit::Trail;
use blobs::Blobs;
use clock::Clock;
use consumer::CloudEvent;
use ids::{EventId, Tenant};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::{Shutdown, grpc};
use testkit::{TestDb, TestS3};

use crate::harness::{AWAY, TestApp, problem};

/// `bff` in front of a service in which three things have happened in riverton, two of them sealed.
struct World {
    app: TestApp,
    events: Vec<String>,
    shutdown: Shutdown,
    _servers: (TestDb, TestS3),
}

impl World {
    async fn start() -> Self {
        let migrators = [&consumer::MIGRATOR, &audit::MIGRATOR];
        let (database, s3, issuer) = tokio::join!(
            Box::pin(testkit::database("audit", &migrators)),
            Box::pin(testkit::s3()),
            testkit::tokens()
        );
        let (clock, db) = (Clock::system(), database.connect());
        let blobs = Blobs::new(&s3.settings, clock.clone()).await;
        let trail = Trail::new(&db, &blobs, &clock, &testkit::audit(), "document");
        let mut events = happen(&db, &clock, &["d-1", "d-2"]).await;
        trail.seal().await.expect("sealed");
        events.extend(happen(&db, &clock, &["d-1"]).await);

        let verifier = auth::Verifier::new(&issuer.settings("svc-document"), clock.clone());
        let shutdown = Shutdown::manual(Duration::from_secs(1));
        let settings = grpc::Settings { addr: (Ipv4Addr::LOCALHOST, 0).into(), max_concurrency: 64 };
        let server = grpc::Server::new(&settings, auth::Layer::new(verifier));
        let server = server.service(service::grpc_service!(audit::server(&trail.books)));
        let addr = server.serve(&shutdown).await.expect("a port");
        let app = TestApp::start_before(issuer, &format!("http://{addr}"), AWAY).await;
        Self { app, events, shutdown, _servers: (database, s3) }
    }

    async fn get(&self, tenant: &str, path: &str) -> Value {
        let path = format!("/v1/staff/audit/document{path}");
        let answer = self.app.staff(tenant, Method::GET, &path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.expect("json")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

async fn happen(db: &pg::Db, clock: &Clock, subjects: &[&str]) -> Vec<String> {
    let tenant: Tenant = "riverton".parse().expect("a tenant");
    let events: Vec<_> = subjects
        .iter()
        .map(|subject| CloudEvent {
            id: EventId::mint(clock),
            type_: "guildhall.document.ready.v1".to_owned(),
            source: "/guildhall/document".to_owned(),
            subject: (*subject).to_owned(),
            time: clock.now(),
            tenant: tenant.clone(),
            dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
            traceparent: None,
            key: (*subject).to_owned(),
            payload: b"it is ready".to_vec(),
        })
        .collect();
    let ids = events.iter().map(|event| event.id.to_string()).collect();
    let work = db.tenant(&tenant, move |tx| {
        Box::pin(async move {
            let events: Vec<_> = events.iter().collect();
            audit::append(tx, "document", &events).await
        })
    });
    work.await.expect("appended");
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_read_prove_and_verify_what_has_happened() {
    let world = World::start().await;
    let head = world.get("riverton", "").await;
    assert_eq!((&head["seq"], &head["checkpoint"]["seq"]), (&json!(3), &json!(2)));
    let entries = world.get("riverton", "/entries?subject=d-1&page_size=1").await;
    assert_eq!(entries["entries"][0]["event_id"], world.events[2]);
    assert_eq!(entries["entries"][0]["body"], "aXQgaXMgcmVhZHk=");
    let token = entries["next_page_token"].as_str().expect("a next page");
    let entries = world.get("riverton", &format!("/entries?subject=d-1&page_token={token}")).await;
    assert_eq!((&entries["entries"][0]["seq"], &entries["next_page_token"]), (&json!(1), &Value::Null));

    let proofs = world.get("riverton", &format!("/proofs?event_ids={}", world.events.join(","))).await;
    assert_eq!(proofs["unproven_event_ids"], json!([world.events[2]]));
    let proof: evidence::Proof = serde_json::from_value(proofs["proofs"][0].clone()).expect("a proof");
    assert!(proof.holds(&testkit::audit().keys, "document"));
    let verified = world.get("riverton", "/verification").await;
    let whole = json!({"verified_seq": 3, "sealed_seq": 2, "complete": true, "mismatch": null});
    assert_eq!(verified, whole);

    let nothing = world.get("lakeside", "").await;
    assert_eq!(nothing, json!({"seq": 0, "hash": "", "checkpoint": null}));
    let path = format!("/v1/staff/audit/document/proofs?event_ids={}", world.events[0]);
    let stranger = world.app.staff("lakeside", Method::GET, &path).send().await.expect("an answer");
    problem(stranger, StatusCode::NOT_FOUND, "AUDIT_EVENT_NOT_FOUND").await;
    let citizen = world.app.citizen(Method::GET, "/v1/staff/audit/document").send().await.expect("an answer");
    problem(citizen, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    let wrong = "/v1/staff/audit/document/verification?after_seq=1";
    let wrong = world.app.staff("riverton", Method::GET, wrong).send().await.expect("an answer");
    problem(wrong, StatusCode::UNPROCESSABLE_ENTITY, "AUDIT_CHECKPOINT_INVALID").await;
    let other = world.app.staff("riverton", Method::GET, "/v1/staff/audit/payment").send().await;
    problem(other.expect("an answer"), StatusCode::NOT_FOUND, "ROUTE_NOT_FOUND").await;
}
