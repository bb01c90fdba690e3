//! A running service, a provider, and people who use both.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State as Extracted};
use axum::http::{HeaderMap, StatusCode};
use clock::Clock;
use ids::Tenant;
use kafka::{CloudEvent, Record};
use payment::provider::Accounts;
use payment::{Config, State};
use proto::common::v1::Money;
use proto::payment::v1;
use proto::payment::v1::billing_service_client::BillingServiceClient;
use proto::payment::v1::ledger_service_client::LedgerServiceClient;
use proto::payment::v1::payment_service_client::PaymentServiceClient;
use psp::Psp;
use rpc_error::{Code, Error};
use serde_json::{Value, json};
use service::Shutdown;
use testkit::{Issuer, TestDb, TestKafka, eventually};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response};

/// How long anything that happens by itself may take.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The service with servers of its own, and a provider of the same time.
pub(crate) struct TestApp {
    pub(crate) clock: Clock,
    pub(crate) state: State,
    pub(crate) channel: Channel,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) db: TestDb,
    pub(crate) kafka: TestKafka,
    pub(crate) psp: Psp,
    pub(crate) inbox: Arc<Callbacks>,
    shutdown: Shutdown,
    receiver: AbortHandle,
    worker: AbortHandle,
}

/// Where the provider calls: what `bff` does with it.
pub(crate) struct Callbacks {
    issuer: Arc<Issuer>,
    channel: Channel,
    /// What came, as it came, and what was answered.
    pub(crate) seen: Mutex<Vec<(v1::ReceiveCallbackRequest, Option<String>)>>,
}

/// Whose token a call carries. It is minted for each call, since the clock may have moved.
#[derive(Clone, Debug)]
enum Who {
    Person { subject: String, tenant: String, role: &'static str },
    Service { name: String },
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    who: Who,
    issuer: Arc<Issuer>,
    tenant: Option<Tenant>,
    channel: Channel,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_beside(frozen(), Vec::new()).await
    }

    /// Without anybody who has payments advanced but the test.
    pub(crate) async fn start_alone() -> Self {
        let app = Self::start().await;
        app.alone();
        app
    }

    /// From now on nobody has payments advanced but the test.
    pub(crate) fn alone(&self) {
        self.worker.abort();
    }

    /// With these accounts beside those at the provider.
    pub(crate) async fn start_beside(clock: Clock, others: Vec<Value>) -> Self {
        let (db, s3, sqs, kafka, issuer, psp, listener) = tokio::join!(
            testkit::database("payment", payment::MIGRATORS),
            testkit::s3(),
            testkit::sqs(),
            testkit::kafka(),
            testkit::tokens_at(clock.clone()),
            psp::start(clock.clone()),
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
        );
        let (psp, listener) = (psp.expect("the provider starts"), listener.expect("a port"));
        let callbacks = format!("http://{}", listener.local_addr().expect("an address"));
        let account = |name: &str, tenant: &str| {
            let account = psp.account(name);
            json!({
                "name": name, "tenant": tenant, "provider": "sandbox", "url": psp.url(), "api_key": account.api_key.0,
                "webhook_secrets": account.webhook_secrets.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "callback_url": format!("{callbacks}/webhooks/payments/{name}"),
            })
        };
        let ours = [account("acct_town", "riverton"), account("acct_water", "lakeside")];
        let accounts: Vec<_> = ours.into_iter().chain(others).collect();
        let accounts = json!({ "accounts": accounts });
        let config = Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            s3: s3.settings.clone(),
            audit: testkit::audit(),
            auth: issuer.settings("svc-payment"),
            telemetry: telemetry::Settings::default(),
            grpc: service::grpc::Settings { addr: any_port(), max_concurrency: 512 },
            admin: service::admin::Settings { addr: any_port() },
            providers: Accounts::read(accounts.to_string().as_bytes()).expect("accounts"),
            patience: time::Duration::minutes(2),
        };
        let shutdown = Shutdown::manual(Duration::from_secs(5));
        let running = payment::start(&config, clock.clone(), &shutdown).await.expect("the service starts");
        running.admin.started();
        let endpoint = Endpoint::from_shared(format!("http://{}", running.grpc)).expect("an address");
        let (channel, issuer) = (endpoint.connect_lazy(), Arc::new(issuer));
        let inbox =
            Arc::new(Callbacks { issuer: issuer.clone(), channel: channel.clone(), seen: Mutex::default() });
        let router = Router::new()
            .route("/webhooks/payments/{account}", axum::routing::post(received))
            .with_state(inbox.clone());
        let receiver = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("callbacks are taken");
        })
        .abort_handle();
        let state = running.state;
        let worker = tokio::spawn(work(db.admin().await, issuer.clone(), channel.clone())).abort_handle();
        Self { clock, state, channel, issuer, db, kafka, psp, inbox, shutdown, receiver, worker }
    }

    pub(crate) fn ada(&self) -> Actor {
        self.citizen("ada", "riverton")
    }

    pub(crate) fn sam(&self) -> Actor {
        self.staff("sam", "riverton")
    }

    /// Answers for money.
    pub(crate) fn fin(&self) -> Actor {
        self.person("fin", "riverton", "finance")
    }

    pub(crate) fn citizen(&self, subject: &str, tenant: &str) -> Actor {
        self.person(subject, tenant, "citizen")
    }

    pub(crate) fn staff(&self, subject: &str, tenant: &str) -> Actor {
        self.person(subject, tenant, "staff")
    }

    pub(crate) fn person(&self, subject: &str, tenant: &str, role: &'static str) -> Actor {
        let who = Who::Person { subject: subject.to_owned(), tenant: tenant.to_owned(), role };
        self.actor(who, None)
    }

    /// A service that does not say in which tenant it acts.
    pub(crate) fn tenantless(&self, name: &str) -> Actor {
        self.actor(Who::Service { name: name.to_owned() }, None)
    }

    fn actor(&self, who: Who, tenant: Option<Tenant>) -> Actor {
        Actor { who, issuer: self.issuer.clone(), tenant, channel: self.channel.clone() }
    }

    /// A bill of 100.00 euros that ada owes.
    pub(crate) async fn issued(&self) -> v1::Bill {
        self.sam().create(bill(10_000)).await.expect("issued")
    }

    /// A payment that ada has begun and the provider has.
    pub(crate) async fn submitted(&self, bill_id: &str) -> v1::Payment {
        let begun = self.ada().pay(bill_id).await.expect("begun");
        self.until(&begun.payment_id, |payment| !payment.next_url.is_empty()).await
    }

    /// A payment of a bill of 100.00 euros, charged.
    pub(crate) async fn paid(&self) -> (v1::Bill, v1::Payment) {
        let bill = self.issued().await;
        // Ids of one millisecond have no order.
        self.clock.advance(Duration::from_millis(1));
        let payment = self.submitted(&bill.bill_id).await;
        self.card(&payment, psp::cards::APPROVE).await;
        let payment = self.finished(&payment.payment_id).await;
        assert_eq!(payment.status(), v1::PaymentStatus::Completed);
        (bill, payment)
    }

    /// What a workflow does with a payment in each of its steps. Tells how long it would wait.
    pub(crate) async fn advance(&self, id: &str) -> v1::AdvancePaymentResponse {
        self.worker("riverton").advance(id).await.expect("advanced")
    }

    /// The worker, for this tenant.
    pub(crate) fn worker(&self, tenant: &str) -> Actor {
        let tenant = tenant.parse().expect("a tenant");
        self.actor(Who::Service { name: "svc-worker".to_owned() }, Some(tenant))
    }

    /// What ada sees of a payment once it is as it should be. Meanwhile it is advanced, without the waits of a workflow.
    pub(crate) async fn until(&self, id: &str, right: impl Fn(&v1::Payment) -> bool) -> v1::Payment {
        let ada = self.ada();
        let seen = eventually(SOON, || async {
            self.advance(id).await;
            let payment = ada.payment(id).await.expect("her payment");
            if right(&payment) { Ok(payment) } else { Err(payment) }
        });
        seen.await.expect("it comes to that")
    }

    pub(crate) async fn finished(&self, id: &str) -> v1::Payment {
        self.until(id, |payment| payment.finished_at.is_some()).await
    }

    /// A refund of a payment once it is over.
    pub(crate) async fn refunded(&self, payment_id: &str, refund_id: &str) -> v1::Refund {
        let fin = self.fin();
        let seen = eventually(SOON, || async {
            self.advance(payment_id).await;
            let refunds = fin.refunds(payment_id).await.expect("refunds");
            let refund =
                refunds.into_iter().find(|refund| refund.refund_id == refund_id).expect("it is there");
            if refund.finished_at.is_some() { Ok(refund) } else { Err(refund) }
        });
        seen.await.expect("it ends")
    }

    /// Ada puts in this card at the checkout.
    pub(crate) async fn card(&self, payment: &v1::Payment, card: &str) {
        let id = self.at_provider(&payment.payment_id).await["id"].as_str().expect("an id").to_owned();
        self.control(&format!("payments/{id}/pay"), &json!({ "card": card })).await;
    }

    /// What the provider has of a payment.
    pub(crate) async fn at_provider(&self, payment_id: &str) -> Value {
        let all = self.all_at_provider(payment_id).await;
        assert_eq!(all.len(), 1, "the provider has it once: {all:?}");
        all.into_iter().next().expect("one")
    }

    pub(crate) async fn all_at_provider(&self, payment_id: &str) -> Vec<Value> {
        let url = format!("{}/control/payments?reference={payment_id}", self.psp.url());
        let answer: Value = reqwest::get(url).await.expect("an answer").json().await.expect("JSON");
        answer["data"].as_array().expect("a list").clone()
    }

    /// What the provider was asked for.
    pub(crate) async fn requests_at_provider(&self) -> Vec<Value> {
        let url = format!("{}/control/requests", self.psp.url());
        let answer: Value = reqwest::get(url).await.expect("an answer").json().await.expect("JSON");
        answer["data"].as_array().expect("a list").clone()
    }

    pub(crate) async fn control(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/control/{path}", self.psp.url());
        let answer = reqwest::Client::new().post(url).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// Nothing of the ledger is wrong.
    pub(crate) async fn assert_books(&self) {
        let mut out = Vec::new();
        let tenant = "riverton".parse().expect("a tenant");
        let proven = payment::books::verify(&self.state.db, &tenant, &mut out).await;
        assert!(proven.is_ok(), "{}", String::from_utf8_lossy(&out));
    }

    /// The balance of an account, by kind and owner: debits less credits.
    pub(crate) async fn balance(&self, kind: v1::AccountKind, owner: &str) -> i64 {
        let all = self.sam().balances().await.expect("balances");
        let of = |balance: &&v1::Balance| {
            balance.account.as_ref().is_some_and(|account| account.kind() == kind && account.owner == owner)
        };
        all.iter().filter(of).map(|balance| balance.debits - balance.credits).sum()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.db.admin().await).await.expect("a number")
    }

    /// Every table with all its rows as text, bytes in hex.
    pub(crate) async fn tables(&self) -> Vec<(String, String)> {
        let mut admin = self.db.admin().await;
        let names: Vec<String> = sqlx::query_scalar(
            "select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
        )
        .fetch_all(&mut admin)
        .await
        .expect("tables");
        let mut tables = Vec::new();
        for name in names {
            let dump = format!("select coalesce(string_agg(t::text, ' '), '') from {name} t");
            let dump =
                sqlx::query_scalar(sqlx::AssertSqlSafe(dump)).fetch_one(&mut admin).await.expect("rows");
            tables.push((name, dump));
        }
        tables
    }

    /// Every event of a key on the real topic, in its order.
    pub(crate) async fn records(&self, topic: &str, key: &str) -> Vec<Record> {
        let empty = eventually(SOON, || async {
            match self.count("select count(*) from outbox").await {
                0 => Ok(()),
                waiting => Err(format!("{waiting} rows wait in the outbox")),
            }
        });
        empty.await.expect("the relay publishes");
        let all = self.kafka.records(topic).await;
        all.into_iter().filter(|record| record.key.as_deref() == Some(key.as_bytes())).collect()
    }

    /// The events' names, without what is common to all.
    pub(crate) async fn event_names(&self, topic: &str, key: &str) -> Vec<String> {
        let records = self.records(topic, key).await;
        let name = |record: &Record| {
            let event = CloudEvent::parse(record).expect("an event");
            let name = event.type_.strip_suffix(".v1").and_then(|name| name.splitn(3, '.').nth(2));
            name.expect("a type of ours").to_owned()
        };
        records.iter().map(name).collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.request();
        self.receiver.abort();
        self.worker.abort();
    }
}

/// A clock that stands still now.
pub(crate) fn frozen() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "audit checkpoints are stored in a store of the real time")]
    Clock::frozen(OffsetDateTime::now_utc())
}

/// Has advanced what is to be, as the worker's workflows do, but without their waits: the clock stands still.
async fn work(mut admin: sqlx::PgConnection, issuer: Arc<Issuer>, channel: Channel) {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        ticks.tick().await;
        let waiting: Vec<(String, uuid::Uuid)> =
            sqlx::query_as("select tenant, subject from due where kind = 'payment_step'")
                .fetch_all(&mut admin)
                .await
                .expect("rows");
        let advances = waiting.into_iter().map(|(tenant, id)| {
            let worker = Actor {
                who: Who::Service { name: "svc-worker".to_owned() },
                issuer: issuer.clone(),
                tenant: Some(tenant.parse().expect("a tenant")),
                channel: channel.clone(),
            };
            // What fails is tried again with the next tick.
            async move { worker.advance(&id.to_string()).await.ok() }
        });
        futures::future::join_all(advances).await;
    }
}

async fn received(
    Extracted(inbox): Extracted<Arc<Callbacks>>,
    Path(account_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let headers = headers.iter();
    let headers: BTreeMap<String, String> = headers
        .filter(|(name, _)| name.as_str().starts_with("webhook-"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let message = v1::ReceiveCallbackRequest { account_id, body: body.to_vec(), headers };
    let bff = Actor {
        who: Who::Service { name: "svc-bff".to_owned() },
        issuer: inbox.issuer.clone(),
        tenant: None,
        channel: inbox.channel.clone(),
    };
    let refused = bff.callback(message.clone()).await.err().map(|error| error.reason().to_owned());
    let status = if refused.is_none() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    inbox.seen.lock().expect("not poisoned").push((message, refused));
    status
}

impl Actor {
    /// A call with this caller's token, and a key nobody else uses.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        self.keyed(&ids::EventId::mint(&Clock::system()).to_string(), message)
    }

    pub(crate) fn keyed<T>(&self, key: &str, message: T) -> Request<T> {
        let mut request = self.keyless(message);
        request.metadata_mut().insert(idempotency::METADATA, key.parse().expect("a key"));
        request
    }

    pub(crate) fn keyless<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let token = match &self.who {
            Who::Person { subject, tenant, role } => self.issuer.person(subject, tenant, role),
            Who::Service { name } => self.issuer.service(name),
        };
        let token = auth::Token::parse(&token).expect("a token");
        auth::client::authorize(&mut request, &token, self.tenant.as_ref());
        request
    }

    pub(crate) fn billing(&self) -> BillingServiceClient<Channel> {
        BillingServiceClient::new(self.channel.clone())
    }

    pub(crate) fn payments(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.channel.clone())
    }

    pub(crate) fn ledger(&self) -> LedgerServiceClient<Channel> {
        LedgerServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn create(&self, bill: v1::CreateBillRequest) -> Result<v1::Bill> {
        let created = self.billing().create_bill(self.request(bill)).await?.into_inner();
        Ok(created.bill.expect("a bill"))
    }

    pub(crate) async fn issue(&self, id: &str) -> Result<v1::Bill> {
        let message = v1::IssueBillRequest { bill_id: id.to_owned() };
        Ok(self.billing().issue_bill(self.request(message)).await?.into_inner().bill.expect("a bill"))
    }

    pub(crate) async fn cancel_bill(&self, id: &str) -> Result<v1::Bill> {
        let message = v1::CancelBillRequest { bill_id: id.to_owned(), reason: "a mistake".to_owned() };
        Ok(self.billing().cancel_bill(self.request(message)).await?.into_inner().bill.expect("a bill"))
    }

    pub(crate) async fn credit(&self, id: &str, amount: i64) -> Result<v1::Bill> {
        let (bill_id, reason) = (id.to_owned(), "too much".to_owned());
        let message = v1::CreditBillRequest { bill_id, amount: Some(eur(amount)), reason };
        Ok(self.billing().credit_bill(self.request(message)).await?.into_inner().bill.expect("a bill"))
    }

    pub(crate) async fn write_off(&self, id: &str) -> Result<v1::Bill> {
        let message = v1::WriteOffBillRequest { bill_id: id.to_owned(), reason: "hopeless".to_owned() };
        Ok(self.billing().write_off_bill(self.request(message)).await?.into_inner().bill.expect("a bill"))
    }

    pub(crate) async fn bill(&self, id: &str) -> Result<v1::Bill> {
        let message = v1::GetBillRequest { bill_id: id.to_owned() };
        Ok(self.billing().get_bill(self.keyless(message)).await?.into_inner().bill.expect("a bill"))
    }

    pub(crate) async fn bills(&self, request: v1::ListBillsRequest) -> Result<v1::ListBillsResponse> {
        Ok(self.billing().list_bills(self.keyless(request)).await?.into_inner())
    }

    /// Begins to pay all of a bill.
    pub(crate) async fn pay(&self, bill_id: &str) -> Result<v1::Payment> {
        self.initiate(initiation(bill_id)).await
    }

    pub(crate) async fn initiate(&self, message: v1::InitiatePaymentRequest) -> Result<v1::Payment> {
        let begun = self.payments().initiate_payment(self.request(message)).await?.into_inner();
        Ok(begun.payment.expect("a payment"))
    }

    pub(crate) async fn payment(&self, id: &str) -> Result<v1::Payment> {
        let message = v1::GetPaymentRequest { payment_id: id.to_owned() };
        Ok(self.payments().get_payment(self.keyless(message)).await?.into_inner().payment.expect("a payment"))
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<v1::Payment> {
        let message = v1::CancelPaymentRequest { payment_id: id.to_owned() };
        let asked = self.payments().cancel_payment(self.request(message)).await?.into_inner();
        Ok(asked.payment.expect("a payment"))
    }

    pub(crate) async fn refund(&self, payment_id: &str, amount: i64, available: i64) -> Result<v1::Refund> {
        let message = v1::CreateRefundRequest {
            payment_id: payment_id.to_owned(),
            amount: Some(eur(amount)),
            amount_available: Some(eur(available)),
            reason: "paid too much".to_owned(),
        };
        let begun = self.payments().create_refund(self.request(message)).await?.into_inner();
        Ok(begun.refund.expect("a refund"))
    }

    pub(crate) async fn refunds(&self, payment_id: &str) -> Result<Vec<v1::Refund>> {
        let message = v1::ListRefundsRequest { payment_id: payment_id.to_owned() };
        Ok(self.payments().list_refunds(self.keyless(message)).await?.into_inner().refunds)
    }

    pub(crate) async fn history(&self, payment_id: &str) -> Result<Vec<String>> {
        let message = v1::ListPaymentEventsRequest { payment_id: payment_id.to_owned() };
        let entries = self.payments().list_payment_events(self.keyless(message)).await?.into_inner().entries;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }

    pub(crate) async fn advance(&self, payment_id: &str) -> Result<v1::AdvancePaymentResponse> {
        let message = v1::AdvancePaymentRequest { payment_id: payment_id.to_owned() };
        let answer = self.payments().advance_payment(self.keyless(message)).await;
        answer.map(Response::into_inner).map_err(Error::from_status)
    }

    pub(crate) async fn claim_pdf(&self, job_id: &str) -> Result<v1::ClaimPdfResponse> {
        let message = v1::ClaimPdfRequest { job_id: job_id.to_owned() };
        Ok(self.billing().claim_pdf(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn report_pdf(&self, job_id: &str) -> Result<()> {
        let message = v1::ReportPdfRequest { job_id: job_id.to_owned() };
        Ok(self.billing().report_pdf(self.keyless(message)).await.map(drop)?)
    }

    pub(crate) async fn callback(&self, message: v1::ReceiveCallbackRequest) -> Result<()> {
        self.payments().receive_callback(self.keyless(message)).await?;
        Ok(())
    }

    pub(crate) async fn unknown_callbacks(
        &self,
        page_size: i32,
        page_token: &str,
    ) -> Result<v1::ListUnknownCallbacksResponse> {
        let message = v1::ListUnknownCallbacksRequest { page_size, page_token: page_token.to_owned() };
        Ok(self.payments().list_unknown_callbacks(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn balances(&self) -> Result<Vec<v1::Balance>> {
        let message = v1::ListBalancesRequest { page_size: 200, ..Default::default() };
        Ok(self.ledger().list_balances(self.keyless(message)).await?.into_inner().balances)
    }

    pub(crate) async fn proof(&self) -> Result<v1::LedgerProof> {
        let proven =
            self.ledger().verify_ledger(self.keyless(v1::VerifyLedgerRequest {})).await?.into_inner();
        Ok(proven.proof.expect("a proof"))
    }
}

/// A bill that ada owes, of one line without tax, issued at once.
pub(crate) fn bill(amount: i64) -> v1::CreateBillRequest {
    v1::CreateBillRequest {
        reference: format!("R-{}", ids::EventId::mint(&Clock::system())),
        payer: "ada".to_owned(),
        payer_name: "Ada Lovelace".to_owned(),
        lines: vec![line("Dog licence", "dogs", 1, amount, 0)],
        due_on: "2035-01-31".to_owned(),
        issue: true,
    }
}

pub(crate) fn line(
    description: &str,
    fund: &str,
    quantity: i32,
    price: i64,
    tax_rate_bp: i32,
) -> v1::BillLine {
    v1::BillLine {
        description: description.to_owned(),
        fund: fund.to_owned(),
        quantity,
        unit_price: Some(eur(price)),
        tax_rate_bp,
        tax: None,
    }
}

pub(crate) fn initiation(bill_id: &str) -> v1::InitiatePaymentRequest {
    v1::InitiatePaymentRequest {
        bill_id: bill_id.to_owned(),
        amount: None,
        return_url: "https://town.example/bills".to_owned(),
    }
}

pub(crate) fn eur(minor_units: i64) -> Money {
    Money { minor_units, currency: "EUR".to_owned() }
}

/// What is in a field that every answer has.
#[track_caller]
pub(crate) fn units(money: Option<&Money>) -> i64 {
    money.expect("an amount").minor_units
}

#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: Result<T>, code: Code, reason: &str) {
    let error = result.expect_err("it is refused");
    assert_eq!((error.code(), error.reason()), (code, reason), "{error}");
}

/// Whether an answer says that it was given before.
pub(crate) fn is_replayed<T>(response: &Response<T>) -> bool {
    response.metadata().get(idempotency::REPLAYED).is_some_and(|value| value == "true")
}

pub(crate) fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
