//! Workflows on a real Temporal, for a real payment service and a provider that misbehaves.
//!
//! Histories in `tests/histories` are of workflows that have run: whatever is changed has to be able to go on from each of them.
//! `UPDATE=1` writes those of today under today's names; those of earlier versions stay.

use std::path::PathBuf;
use std::time::Duration;

use clock::Clock;
use futures::future::try_join_all;
use proto::payment::v1::{CancelPaymentRequest, Payment, PaymentStatus};
use psp::cards;
use serde_json::{Value, json};
use service::{Shutdown, admin};
use temporalio_client::{Client, WorkflowExecutionStatus, WorkflowFetchHistoryOptions, WorkflowHistory};
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use testkit::{Issuer, Proxy, TestKafka, TestS3, TestSqs, eventually};
use worker::temporal::{self, Temporal};
use worker::workflows::PaymentWorkflow;
use worker::{Config, config};

use crate::harness::{SOON, any_port, patiently};
use crate::till::Till;

/// A payment service, its provider, and at first no worker.
struct World {
    till: Till,
    issuer: Issuer,
    sqs: TestSqs,
    kafka: TestKafka,
    /// The way to Temporal.
    way: Proxy,
    s3: TestS3,
}

impl World {
    async fn start() -> Self {
        let temporal = testkit::env().temporal_url();
        let (s3, sqs, kafka, issuer, way) = tokio::join!(
            testkit::s3(),
            testkit::sqs(),
            testkit::kafka(),
            testkit::tokens(),
            Proxy::to(&temporal),
        );
        let till = Till::start(&issuer, &kafka, &sqs, &s3).await;
        Self { till, issuer, sqs, kafka, way, s3 }
    }

    /// A worker that runs workflows alone, on a task queue of this test's own.
    async fn work(&self) -> Worker {
        let settings = temporal::Settings {
            url: self.way.url(),
            namespace: "guildhall".to_owned(),
            task_queue: format!("{}work", self.kafka.settings.topic_prefix),
            api_key: None,
        };
        let config = Config {
            scan: None,
            mail: None,
            preview: None,
            integrity: None,
            pdf: None,
            workflows: Some(config::Workflows {
                payment: self.till.payment.clone(),
                // Payments need none.
                document: self.till.payment.clone(),
                notification: self.till.payment.clone(),
                s3: self.s3.settings.clone(),
                temporal: settings.clone(),
                kafka: self.kafka.settings.clone(),
            }),
            sqs: self.sqs.settings.clone(),
            auth: self.issuer.settings("svc-worker"),
            telemetry: telemetry::Settings::default(),
            admin: admin::Settings { addr: any_port() },
        };
        let shutdown = Shutdown::manual(Duration::from_secs(15));
        let running = Box::pin(worker::start(&config, Clock::system(), &shutdown)).await.unwrap();
        running.admin.started();
        // Asked beside the worker, and not through its way.
        let direct = temporal::Settings { url: testkit::env().temporal_url().parse().unwrap(), ..settings };
        Worker { admin: running.admin, temporal: Temporal::new(&direct), shutdown: Some(shutdown) }
    }

    /// Ada begins to pay a new bill of 100.00 euros.
    async fn pay(&self) -> Payment {
        let sam = self.issuer.person("sam", "riverton", "staff");
        let bill = self.till.bill(&sam, "ada", "Ada").await;
        self.till.pay(&self.ada(), bill.bill_id).await
    }

    fn ada(&self) -> String {
        self.issuer.citizen("ada", "riverton")
    }

    async fn cancel(&self, payment: &Payment) {
        let message = CancelPaymentRequest { payment_id: payment.payment_id.clone() };
        patiently(&self.ada(), &message, |request| {
            let mut payments = self.till.payments.clone();
            async move { payments.cancel_payment(request).await }
        })
        .await;
    }

    async fn until(&self, payment: &Payment, right: impl Fn(&Payment) -> bool) -> Payment {
        self.till.until(&self.ada(), &payment.payment_id, right).await
    }

    /// Puts in a card once the provider has the payment.
    async fn card(&self, payment: &Payment, card: &str) {
        let submitted = self.until(payment, |payment| !payment.next_url.is_empty()).await;
        self.till.card(&submitted, card).await;
    }

    /// How often the provider was asked to charge.
    async fn at_provider(&self, payment: &Payment) -> usize {
        let url = format!("{}/control/payments?reference={}", self.till.psp.url(), payment.payment_id);
        let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        answer["data"].as_array().unwrap().len()
    }
}

/// A worker of this process, and who looks at its workflows.
struct Worker {
    admin: admin::Admin,
    temporal: Temporal,
    shutdown: Option<Shutdown>,
}

impl Worker {
    /// Waits until a payment's workflow is done, and keeps its history.
    async fn done(&self, payment: &Payment, name: &str) {
        let client = self.temporal.client().await.unwrap();
        let handle = client.get_workflow_handle::<PaymentWorkflow>(format!("payment/{}", payment.payment_id));
        let done = eventually(SOON, || async {
            let seen = handle.describe(Default::default()).await.map_err(|error| error.to_string())?;
            match seen.status() {
                WorkflowExecutionStatus::Completed => Ok(()),
                status => Err(format!("{status:?}")),
            }
        });
        done.await.unwrap();
        keep(client, payment, name).await;
    }

    async fn stop(mut self) {
        let shutdown = self.shutdown.take().unwrap();
        shutdown.request();
        shutdown.finished().await.unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(shutdown) = &self.shutdown {
            shutdown.request();
        }
    }
}

fn histories() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

/// Keeps a history under a name, where that is asked for.
async fn keep(client: &Client, payment: &Payment, name: &str) {
    if std::env::var_os("UPDATE").is_none() {
        return;
    }
    let handle = client.get_workflow_handle::<PaymentWorkflow>(format!("payment/{}", payment.payment_id));
    let history = handle.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await.unwrap();
    // Read by people too, in what changes of it.
    let value: Value = serde_json::from_slice(&history).unwrap();
    std::fs::create_dir_all(histories()).unwrap();
    std::fs::write(histories().join(format!("{name}.json")), format!("{value:#}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_submitted_waited_for_and_settled_by_its_workflow() {
    let world = World::start().await;
    let worker = world.work().await;
    let payment = world.pay().await;
    world.card(&payment, cards::APPROVE).await;
    let paid = world.until(&payment, |payment| payment.finished_at.is_some()).await;
    assert_eq!(paid.status(), PaymentStatus::Completed);
    worker.done(&payment, "payment_completed").await;
    assert_eq!(world.at_provider(&payment).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_asked_about_until_it_is_known_and_a_cancellation_does_not_wait() {
    let world = World::start().await;
    let worker = world.work().await;
    let (silent, cancelled) = (world.pay().await, world.pay().await);
    world.card(&silent, cards::NEVER_ANSWERS).await;
    world.until(&silent, |payment| payment.status() == PaymentStatus::OutcomeUnknown).await;
    world.until(&cancelled, |payment| !payment.next_url.is_empty()).await;
    world.cancel(&cancelled).await;
    let over = world.until(&cancelled, |payment| payment.finished_at.is_some()).await;
    assert_eq!(over.status(), PaymentStatus::Cancelled);
    worker.done(&cancelled, "payment_cancelled").await;

    let url = format!("{}/control/payments?reference={}", world.till.psp.url(), silent.payment_id);
    let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let id = answer["data"][0]["id"].as_str().unwrap().to_owned();
    world.till.control(&format!("payments/{id}/resolve"), json!({ "approve": true })).await;
    let paid = world.until(&silent, |payment| payment.finished_at.is_some()).await;
    assert_eq!(paid.status(), PaymentStatus::Completed);
    worker.done(&silent, "payment_unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_temporal_payments_are_begun_and_go_on_when_it_is_back() {
    let world = World::start().await;
    let worker = world.work().await;
    let before = world.pay().await;
    world.until(&before, |payment| !payment.next_url.is_empty()).await;
    world.way.cut();
    let missing = eventually(SOON, || async {
        let report = worker.admin.report().await;
        let down = report.checks.get("temporal").is_some_and(|check| check.error.is_some());
        if down { Ok(()) } else { Err(report) }
    });
    missing.await.unwrap();
    let meanwhile = try_join_all((0..5).map(|_| async { Ok::<_, ()>(world.pay().await) })).await.unwrap();
    for payment in &meanwhile {
        assert_eq!((payment.status(), payment.next_url.as_str()), (PaymentStatus::Processing, ""));
    }
    world.way.mend();
    for payment in meanwhile.iter().chain([&before]) {
        world.card(payment, cards::APPROVE).await;
        let paid = world.until(payment, |payment| payment.finished_at.is_some()).await;
        assert_eq!(paid.status(), PaymentStatus::Completed);
        worker.done(payment, "payment_delayed").await;
        assert_eq!(world.at_provider(payment).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_leaves_its_workflows_to_the_next() {
    let world = World::start().await;
    let worker = world.work().await;
    let payment = world.pay().await;
    world.until(&payment, |payment| !payment.next_url.is_empty()).await;
    worker.stop().await;
    world.card(&payment, cards::DECLINE).await;
    let worker = world.work().await;
    let over = world.until(&payment, |payment| payment.finished_at.is_some()).await;
    assert_eq!(over.status(), PaymentStatus::Failed);
    worker.done(&payment, "payment_failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_history_that_was_kept_is_replayed_to_the_same_end() {
    let options = WorkflowReplayerOptions::new().register_workflow::<PaymentWorkflow>().unwrap().build();
    let replayer = WorkflowReplayer::new(options).unwrap();
    let mut replayed = 0;
    for entry in std::fs::read_dir(histories()).unwrap() {
        let file = entry.unwrap().path();
        let history = WorkflowHistory::from_json(&std::fs::read(&file).unwrap()).unwrap();
        let outcome = replayer.replay_workflow(history).await;
        assert!(outcome.is_ok(), "{}: {outcome:?}", file.display());
        replayed += 1;
    }
    assert!(replayed >= 4, "{replayed} histories");
}
