//! Workflows on a real Temporal, for a real payment service and a provider that misbehaves.
//!
//! Histories in `tests/histories` are of workflows that have run: whatever is changed has to be able to go on from each of them.
//! `UPDATE=1` writes those of today under today's names; those of earlier versions stay.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clock::Clock;
use futures::future::try_join_all;
use payment::provider::Accounts;
use proto::common::v1::Money;
use proto::payment::v1::billing_service_client::BillingServiceClient;
use proto::payment::v1::payment_service_client::PaymentServiceClient;
use proto::payment::v1::{
    BillLine, CancelPaymentRequest, CreateBillRequest, GetPaymentRequest, InitiatePaymentRequest, Payment,
    PaymentStatus,
};
use psp::{Psp, cards};
use serde_json::{Value, json};
use service::channel::{Channel, Target, balanced};
use service::{Shutdown, admin};
use temporalio_client::{Client, WorkflowExecutionStatus, WorkflowFetchHistoryOptions, WorkflowHistory};
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use testkit::{Issuer, Proxy, TestDb, TestKafka, TestS3, TestSqs, eventually};
use worker::temporal::{self, Temporal};
use worker::workflows::PaymentWorkflow;
use worker::{Config, config};

use crate::harness::{SOON, patiently};

/// A payment service, its provider, and at first no worker.
struct World {
    payment: Target,
    bills: BillingServiceClient<Channel>,
    payments: PaymentServiceClient<Channel>,
    issuer: Issuer,
    psp: Psp,
    sqs: TestSqs,
    kafka: TestKafka,
    services: Shutdown,
    /// The way to Temporal.
    way: Proxy,
    kept: (TestDb, TestS3),
}

impl World {
    async fn start() -> Self {
        let (clock, temporal) = (Clock::system(), testkit::env().temporal_url());
        let (db, s3, sqs, kafka, issuer, psp, way) = tokio::join!(
            testkit::database("payment", payment::MIGRATORS),
            testkit::s3(),
            testkit::sqs(),
            testkit::kafka(),
            testkit::tokens(),
            psp::start(clock.clone()),
            Proxy::to(&temporal),
        );
        let psp = psp.unwrap();
        let account = psp.account("acct_town");
        // Nobody takes the provider's callbacks: what it says is found out by asking.
        let accounts = json!({ "accounts": [{
            "name": "acct_town", "tenant": "riverton", "provider": "sandbox", "url": psp.url(), "api_key": account.api_key.0,
            "webhook_secrets": account.webhook_secrets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }] });
        let config = payment::Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            s3: s3.settings.clone(),
            audit: testkit::audit(),
            auth: issuer.settings("svc-payment"),
            telemetry: telemetry::Settings::default(),
            grpc: service::grpc::Settings { addr: any_port(), max_concurrency: 512 },
            admin: admin::Settings { addr: any_port() },
            providers: Accounts::read(accounts.to_string().as_bytes()).unwrap(),
            patience: time::Duration::seconds(2),
        };
        let services = Shutdown::manual(Duration::from_secs(5));
        let running = Box::pin(payment::start(&config, clock, &services)).await.unwrap();
        running.admin.started();
        let payment: Target = format!("http://{}", running.grpc).parse().unwrap();
        Self {
            bills: BillingServiceClient::new(balanced(&payment)),
            payments: PaymentServiceClient::new(balanced(&payment)),
            payment,
            issuer,
            psp,
            sqs,
            kafka,
            services,
            way,
            kept: (db, s3),
        }
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
            workflows: Some(config::Workflows {
                payment: self.payment.clone(),
                // Payments need none.
                document: self.payment.clone(),
                s3: self.kept.1.settings.clone(),
                temporal: settings.clone(),
                kafka: self.kafka.settings.clone(),
            }),
            sqs: self.sqs.settings.clone(),
            auth: self.issuer.settings("svc-worker"),
            telemetry: telemetry::Settings::default(),
            admin: admin::Settings { addr: any_port() },
        };
        let shutdown = Shutdown::manual(Duration::from_secs(15));
        let running = worker::start(&config, Clock::system(), &shutdown).await.unwrap();
        running.admin.started();
        // Asked beside the worker, and not through its way.
        let direct = temporal::Settings { url: testkit::env().temporal_url().parse().unwrap(), ..settings };
        Worker { admin: running.admin, temporal: Temporal::new(&direct), shutdown: Some(shutdown) }
    }

    /// Ada begins to pay a new bill of 100.00 euros.
    async fn pay(&self) -> Payment {
        let (ada, sam) =
            (self.issuer.citizen("ada", "riverton"), self.issuer.person("sam", "riverton", "staff"));
        let unit_price = Some(Money { minor_units: 10_000, currency: "EUR".to_owned() });
        let line = BillLine {
            description: "Dog licence".to_owned(),
            fund: "dogs".to_owned(),
            quantity: 1,
            unit_price,
            ..BillLine::default()
        };
        let bill = CreateBillRequest {
            reference: format!("{:016x}", rand::random::<u64>()),
            payer: "ada".to_owned(),
            payer_name: "Ada".to_owned(),
            lines: vec![line],
            due_on: "2035-01-31".to_owned(),
            issue: true,
        };
        let written = patiently(&sam, &bill, |request| {
            let mut bills = self.bills.clone();
            async move { bills.create_bill(request).await }
        });
        let bill_id = written.await.bill.unwrap().bill_id;
        let return_url = "https://riverton.example/".to_owned();
        let message = InitiatePaymentRequest { bill_id, amount: None, return_url };
        let begun = patiently(&ada, &message, |request| {
            let mut payments = self.payments.clone();
            async move { payments.initiate_payment(request).await }
        });
        begun.await.payment.unwrap()
    }

    async fn cancel(&self, payment: &Payment) {
        let ada = self.issuer.citizen("ada", "riverton");
        let message = CancelPaymentRequest { payment_id: payment.payment_id.clone() };
        patiently(&ada, &message, |request| {
            let mut payments = self.payments.clone();
            async move { payments.cancel_payment(request).await }
        })
        .await;
    }

    async fn until(&self, payment: &Payment, right: impl Fn(&Payment) -> bool) -> Payment {
        let ada = self.issuer.citizen("ada", "riverton");
        let message = GetPaymentRequest { payment_id: payment.payment_id.clone() };
        let (message, right) = (&message, &right);
        let seen = eventually(SOON, || async {
            let read = patiently(&ada, message, |request| {
                let mut payments = self.payments.clone();
                async move { payments.get_payment(request).await }
            });
            let payment = read.await.payment.unwrap();
            if right(&payment) { Ok(payment) } else { Err(payment) }
        });
        seen.await.unwrap()
    }

    /// Puts in a card once the provider has the payment.
    async fn card(&self, payment: &Payment, card: &str) {
        let submitted = self.until(payment, |payment| !payment.next_url.is_empty()).await;
        let id = submitted.next_url.rsplit('/').next().unwrap();
        self.control(&format!("payments/{id}/pay"), json!({ "card": card })).await;
    }

    async fn control(&self, path: &str, body: Value) {
        let url = format!("{}/control/{path}", self.psp.url());
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// How often the provider was asked to charge.
    async fn at_provider(&self, payment: &Payment) -> usize {
        let url = format!("{}/control/payments?reference={}", self.psp.url(), payment.payment_id);
        let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        answer["data"].as_array().unwrap().len()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.services.request();
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

    let url = format!("{}/control/payments?reference={}", world.psp.url(), silent.payment_id);
    let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let id = answer["data"][0]["id"].as_str().unwrap().to_owned();
    world.control(&format!("payments/{id}/resolve"), json!({ "approve": true })).await;
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

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
