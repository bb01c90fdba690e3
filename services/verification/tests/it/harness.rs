//! A running service, the document service beside it, identity providers, and people who use them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State as Extracted};
use axum::http::{HeaderMap, StatusCode};
use clock::Clock;
use idp::Idp;
use ids::{JobId, Tenant};
use kafka::{CloudEvent, Record};
use proto::document::v1::case_service_client::CaseServiceClient;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::{ListCaseDocumentsRequest, StoreDocumentRequest};
use proto::operations::v1::policy_service_client::PolicyServiceClient;
use proto::operations::v1::{GetPolicyRequest, PublishPolicyRequest};
use proto::verification::v1;
use proto::verification::v1::provider_service_client::ProviderServiceClient;
use proto::verification::v1::review_service_client::ReviewServiceClient;
use proto::verification::v1::verification_service_client::VerificationServiceClient;
use rpc_error::{Code, Error};
use serde_json::{Value, json};
use service::Shutdown;
use testkit::{Issuer, TestDb, TestKafka, TestSqs, eventually};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};
use verification::Config;
use verification::provider::Accounts;

/// How long anything that happens by itself may take.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The service with servers of its own, and providers of the same time.
pub(crate) struct TestApp {
    pub(crate) clock: Clock,
    pub(crate) trail: audit::Trail,
    pub(crate) channel: Channel,
    documents: Channel,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) db: TestDb,
    pub(crate) kafka: TestKafka,
    pub(crate) idp: Idp,
    pub(crate) inbox: Arc<Callbacks>,
    _documents: (TestDb, TestKafka, TestSqs),
    shutdown: Shutdown,
    receiver: AbortHandle,
    ticker: AbortHandle,
}

/// Where the provider calls: what `bff` does with it.
pub(crate) struct Callbacks {
    issuer: Arc<Issuer>,
    channel: Channel,
    /// What came, as it came, and why it was refused.
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
    /// Both of riverton's providers, veritas first.
    pub(crate) async fn start() -> Self {
        let clock = frozen();
        let (db, s3, sqs, kafka, issuer, idp, listener) = tokio::join!(
            testkit::database("verification", verification::MIGRATORS),
            testkit::s3(),
            testkit::sqs(),
            testkit::kafka(),
            testkit::tokens_at(clock.clone()),
            idp::start(clock.clone()),
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
        );
        let (idp, listener) = (idp.expect("the providers start"), listener.expect("a port"));
        let shutdown = Shutdown::manual(Duration::from_secs(5));
        let (documents, beside) = document_service(&clock, &s3, &issuer, &shutdown).await;
        let callbacks = format!("http://{}", listener.local_addr().expect("an address"));
        let accounts = accounts(&idp, &callbacks);
        let config = Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            s3: s3.settings.clone(),
            audit: testkit::audit(),
            auth: issuer.settings("svc-verification"),
            telemetry: telemetry::Settings::default(),
            grpc: service::grpc::Settings { addr: any_port(), max_concurrency: 512 },
            admin: service::admin::Settings { addr: any_port() },
            document: format!("http://{documents}").parse().expect("a target"),
            accounts: Accounts::read(accounts.to_string().as_bytes()).expect("accounts"),
        };
        let running =
            verification::start(&config, clock.clone(), &shutdown).await.expect("the service starts");
        running.admin.started();
        let (channel, issuer) = (connect(running.grpc), Arc::new(issuer));
        let inbox =
            Arc::new(Callbacks { issuer: issuer.clone(), channel: channel.clone(), seen: Mutex::default() });
        let router = Router::new()
            .route("/webhooks/identity/{account}", axum::routing::post(received))
            .with_state(inbox.clone());
        let receiver = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("callbacks are taken");
        })
        .abort_handle();
        let ticker = tokio::spawn(tick(clock.clone())).abort_handle();
        let verification::Running { trail, .. } = running;
        let documents = connect(documents);
        let _documents = (beside.0, beside.1, sqs);
        Self {
            clock,
            trail,
            channel,
            documents,
            issuer,
            db,
            kafka,
            idp,
            inbox,
            _documents,
            shutdown,
            receiver,
            ticker,
        }
    }

    /// From now on time stands still but for what the test does.
    pub(crate) fn stand_still(&self) {
        self.ticker.abort();
    }

    pub(crate) fn ada(&self) -> Actor {
        self.person("ada", "riverton", "citizen")
    }

    pub(crate) fn bob(&self) -> Actor {
        self.person("bob", "riverton", "citizen")
    }

    /// Decides cases.
    pub(crate) fn rita(&self) -> Actor {
        self.person("rita", "riverton", "reviewer")
    }

    /// So does he.
    pub(crate) fn ron(&self) -> Actor {
        self.person("ron", "riverton", "reviewer")
    }

    pub(crate) fn admin(&self) -> Actor {
        self.person("alma", "riverton", "admin")
    }

    pub(crate) fn person(&self, subject: &str, tenant: &str, role: &'static str) -> Actor {
        let who = Who::Person { subject: subject.to_owned(), tenant: tenant.to_owned(), role };
        Actor { who, issuer: self.issuer.clone(), tenant: None, channel: self.channel.clone() }
    }

    pub(crate) fn service(&self, name: &str, tenant: Option<&str>) -> Actor {
        let who = Who::Service { name: name.to_owned() };
        let tenant = tenant.map(|tenant| tenant.parse().expect("a tenant"));
        Actor { who, issuer: self.issuer.clone(), tenant, channel: self.channel.clone() }
    }

    /// A document of hers that is ready.
    pub(crate) async fn document(&self, owner: &str) -> String {
        let worker = self.service("svc-worker", Some("riverton"));
        let message = StoreDocumentRequest {
            job_id: JobId::mint(&self.clock).to_string(),
            owner: owner.to_owned(),
            purpose: "bill".to_owned(),
            file_name: "passport.pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            content: format!("%PDF-1.7\n{owner} {}", JobId::mint(&self.clock)).into_bytes(),
        };
        let mut client = DocumentServiceClient::new(self.documents.clone());
        let stored = client.store_document(worker.request(message)).await.expect("stored").into_inner();
        stored.document.expect("a document").document_id
    }

    /// What somebody of this family name hands in for a purpose, with a passport of this country and a proof of address.
    pub(crate) async fn request(
        &self,
        owner: &str,
        family_name: &str,
        purpose: &str,
    ) -> v1::SubmitCaseRequest {
        let (passport, proof) = (self.document(owner).await, self.document(owner).await);
        v1::SubmitCaseRequest {
            purpose: purpose.to_owned(),
            applicant: Some(applicant(family_name)),
            documents: vec![
                document(&passport, v1::DocumentKind::Passport, "DE"),
                document(&proof, v1::DocumentKind::ProofOfAddress, ""),
            ],
        }
    }

    /// Ada's case for residency, under this family name.
    pub(crate) async fn submitted(&self, family_name: &str) -> v1::Case {
        let request = self.request("ada", family_name, "residency").await;
        self.ada().submit(request).await.expect("taken")
    }

    /// A case once it is as it should be, as staff see it.
    pub(crate) async fn until(&self, id: &str, right: impl Fn(&v1::Case) -> bool) -> v1::Case {
        let rita = self.rita();
        let seen = eventually(SOON, || async {
            let case = rita.case(id).await.expect("the case");
            if right(&case) { Ok(case) } else { Err(case) }
        });
        seen.await.expect("it comes to that")
    }

    /// A case once its checks are over and it is decided, or comes to a person.
    pub(crate) async fn settled(&self, id: &str) -> v1::Case {
        self.until(id, |case| !matches!(case.status(), v1::CaseStatus::Submitted | v1::CaseStatus::Checking))
            .await
    }

    /// Has the providers behave.
    pub(crate) async fn control(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/control/{path}", self.base());
        let answer = reqwest::Client::new().post(url).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// Every check that the providers have of a reference which begins so.
    pub(crate) async fn books(&self) -> Vec<Value> {
        let url = format!("{}/control/books", self.base());
        let answer: Value = reqwest::get(url).await.expect("an answer").json().await.expect("JSON");
        answer["data"].as_array().expect("a list").clone()
    }

    /// From now on the providers fetch what they are handed, and hold it to its digest.
    pub(crate) async fn fetch_files(&self) {
        for name in [idp::VERITAS_TOWN, idp::KOMPASS_TOWN] {
            let mut account = serde_json::to_value(self.idp.account(name)).expect("JSON");
            account["fetch_files"] = json!(true);
            if let Some(account) = account.as_object_mut() {
                account.remove("id");
            }
            let url = format!("{}/control/accounts/{name}", self.base());
            let answer = reqwest::Client::new().put(url).json(&account).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{:?}", answer.text().await);
        }
    }

    /// Documents that are attached to a case.
    pub(crate) async fn attached(&self, case_id: &str) -> Vec<String> {
        let verification = self.service("svc-verification", Some("riverton"));
        let message = ListCaseDocumentsRequest { case_ref: case_id.to_owned(), ..Default::default() };
        let mut client = CaseServiceClient::new(self.documents.clone());
        let listed = client.list_case_documents(verification.keyless(message)).await.expect("a list");
        listed.into_inner().documents.into_iter().map(|document| document.document_id).collect()
    }

    fn base(&self) -> String {
        self.idp.veritas_url().trim_end_matches("/veritas").to_owned()
    }

    /// Publishes a policy that differs from the one in force by this.
    pub(crate) async fn publish(&self, change: impl FnOnce(&mut Value)) {
        let admin = self.admin();
        let mut client = PolicyServiceClient::new(self.channel.clone());
        let kind = "verification".to_owned();
        let request = GetPolicyRequest { kind: kind.clone(), ..GetPolicyRequest::default() };
        let policy = client.get_policy(admin.keyless(request)).await.expect("a policy").into_inner();
        let policy = policy.policy.expect("a policy");
        let mut body: Value = serde_json::from_str(&policy.body_json).expect("JSON");
        change(&mut body);
        let request = PublishPolicyRequest {
            kind,
            body_json: body.to_string(),
            expected_version: policy.version,
            note: "TICKET-1".to_owned(),
        };
        client.publish_policy(admin.request(request)).await.expect("published");
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
    pub(crate) async fn records(&self, key: &str) -> Vec<Record> {
        let empty = eventually(SOON, || async {
            match self.count("select count(*) from outbox").await {
                0 => Ok(()),
                waiting => Err(format!("{waiting} rows wait in the outbox")),
            }
        });
        empty.await.expect("the relay publishes");
        let all = self.kafka.records("guildhall.verification.v1").await;
        all.into_iter().filter(|record| record.key.as_deref() == Some(key.as_bytes())).collect()
    }

    /// The events' names, without what is common to all.
    pub(crate) async fn event_names(&self, key: &str) -> Vec<String> {
        let records = self.records(key).await;
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
        self.ticker.abort();
    }
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

    pub(crate) fn cases(&self) -> VerificationServiceClient<Channel> {
        VerificationServiceClient::new(self.channel.clone())
    }

    pub(crate) fn reviews(&self) -> ReviewServiceClient<Channel> {
        ReviewServiceClient::new(self.channel.clone())
    }

    pub(crate) fn providers(&self) -> ProviderServiceClient<Channel> {
        ProviderServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn submit(&self, request: v1::SubmitCaseRequest) -> Result<v1::Case> {
        let taken = self.cases().submit_case(self.request(request)).await?.into_inner();
        Ok(taken.case.expect("a case"))
    }

    pub(crate) async fn case(&self, id: &str) -> Result<v1::Case> {
        let message = v1::GetCaseRequest { case_id: id.to_owned() };
        Ok(self.cases().get_case(self.keyless(message)).await?.into_inner().case.expect("a case"))
    }

    pub(crate) async fn list(&self) -> Result<Vec<v1::Case>> {
        let message = v1::ListCasesRequest::default();
        Ok(self.cases().list_cases(self.keyless(message)).await?.into_inner().cases)
    }

    pub(crate) async fn entries(&self, id: &str) -> Result<Vec<v1::CaseEntry>> {
        let message = v1::ListCaseEntriesRequest { case_id: id.to_owned() };
        Ok(self.cases().list_case_entries(self.keyless(message)).await?.into_inner().entries)
    }

    pub(crate) async fn withdraw(&self, id: &str) -> Result<v1::Case> {
        let message = v1::WithdrawCaseRequest { case_id: id.to_owned() };
        Ok(self.cases().withdraw_case(self.request(message)).await?.into_inner().case.expect("a case"))
    }

    pub(crate) async fn resubmit(&self, id: &str, documents: Vec<v1::CaseDocument>) -> Result<v1::Case> {
        let message = v1::ResubmitCaseRequest { case_id: id.to_owned(), documents };
        Ok(self.cases().resubmit_case(self.request(message)).await?.into_inner().case.expect("a case"))
    }

    pub(crate) async fn callback(&self, message: v1::ReceiveCallbackRequest) -> Result<()> {
        self.cases().receive_callback(self.keyless(message)).await?;
        Ok(())
    }

    pub(crate) async fn queue(&self, available: bool) -> Result<Vec<v1::Review>> {
        let message = v1::ListReviewsRequest { available, ..v1::ListReviewsRequest::default() };
        Ok(self.reviews().list_reviews(self.keyless(message)).await?.into_inner().reviews)
    }

    /// Takes a case; the first that there is for an empty id.
    pub(crate) async fn claim(&self, id: &str) -> Result<v1::Review> {
        let message = v1::ClaimReviewRequest { case_id: id.to_owned() };
        Ok(self.reviews().claim_review(self.request(message)).await?.into_inner().review.expect("a review"))
    }

    pub(crate) async fn reassign(&self, id: &str, to: &str) -> Result<v1::Review> {
        let message = v1::ReassignReviewRequest { case_id: id.to_owned(), to: to.to_owned() };
        let given = self.reviews().reassign_review(self.request(message)).await?.into_inner();
        Ok(given.review.expect("a review"))
    }

    pub(crate) async fn decide(&self, message: v1::DecideCaseRequest) -> Result<v1::Case> {
        Ok(self.reviews().decide_case(self.request(message)).await?.into_inner().case.expect("a case"))
    }

    pub(crate) async fn decisions(&self, id: &str) -> Result<Vec<v1::Decision>> {
        let message = v1::ListDecisionsRequest { case_id: id.to_owned() };
        Ok(self.reviews().list_decisions(self.keyless(message)).await?.into_inner().decisions)
    }

    pub(crate) async fn note(&self, id: &str, text: &str) -> Result<v1::Note> {
        let message = v1::AddNoteRequest { case_id: id.to_owned(), text: text.to_owned() };
        Ok(self.reviews().add_note(self.request(message)).await?.into_inner().note.expect("a note"))
    }

    pub(crate) async fn notes(&self, id: &str) -> Result<Vec<v1::Note>> {
        let message = v1::ListNotesRequest { case_id: id.to_owned() };
        Ok(self.reviews().list_notes(self.keyless(message)).await?.into_inner().notes)
    }

    pub(crate) async fn list_providers(&self) -> Result<Vec<v1::Provider>> {
        let message = v1::ListProvidersRequest {};
        Ok(self.providers().list_providers(self.keyless(message)).await?.into_inner().providers)
    }

    pub(crate) async fn force(&self, name: &str, force: v1::ProviderForce) -> Result<v1::Provider> {
        let message = v1::ForceProviderRequest {
            name: name.to_owned(),
            force: force.into(),
            reason: "maintenance".to_owned(),
        };
        let forced = self.providers().force_provider(self.request(message)).await?.into_inner();
        Ok(forced.provider.expect("a provider"))
    }
}

/// A verdict with its reason.
pub(crate) fn verdict(id: &str, verdict: v1::Verdict, reason: v1::DecisionReason) -> v1::DecideCaseRequest {
    v1::DecideCaseRequest {
        case_id: id.to_owned(),
        verdict: verdict.into(),
        reasons: vec![reason.into()],
        asked: Vec::new(),
    }
}

pub(crate) fn document(id: &str, kind: v1::DocumentKind, country: &str) -> v1::CaseDocument {
    v1::CaseDocument { document_id: id.to_owned(), kind: kind.into(), country: country.to_owned() }
}

/// What somebody of this family name says of themselves.
pub(crate) fn applicant(family_name: &str) -> v1::Applicant {
    v1::Applicant {
        given_names: "Adelheid".to_owned(),
        family_name: family_name.to_owned(),
        birth_date: "1990-12-31".to_owned(),
        address: Some(v1::Address {
            line1: "Quellgasse 17".to_owned(),
            line2: String::new(),
            city: "Flussstadt".to_owned(),
            postal_code: "80331".to_owned(),
            country: "DE".to_owned(),
        }),
    }
}

#[track_caller]
pub(crate) fn assert_refused<T>(result: Result<T>, code: Code, reason: &str) -> Error {
    let error = result.err().expect("refused");
    assert_eq!((error.code(), error.reason()), (code, reason), "{error:?}");
    error
}

pub(crate) fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn connect(addr: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{addr}")).expect("an address").connect_lazy()
}

/// A clock that begins now, and goes on by itself only as far as a test has it.
fn frozen() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "object stores compare signatures with the real time")]
    Clock::frozen(OffsetDateTime::now_utc())
}

/// Lets time pass as it does, so that what waits for seconds comes.
async fn tick(clock: Clock) {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        ticks.tick().await;
        clock.advance(Duration::from_millis(100));
    }
}

fn accounts(idp: &Idp, callbacks: &str) -> Value {
    let (veritas, kompass) = (idp.account(idp::VERITAS_TOWN), idp.account(idp::KOMPASS_TOWN));
    let secrets: Vec<_> = kompass.webhook_secrets.iter().map(ToString::to_string).collect();
    json!({"accounts": [
        {"name": "veritas_town", "tenant": "riverton", "provider": "veritas", "url": idp.veritas_url(),
         "api_key": veritas.api_key.0},
        {"name": "kompass_town", "tenant": "riverton", "provider": "kompass", "url": idp.kompass_url(),
         "api_key": kompass.api_key.0, "webhook_secrets": secrets,
         "callback_url": format!("{callbacks}/webhooks/identity/kompass_town")},
    ]})
}

/// The document service, with a database and topics of its own.
async fn document_service(
    clock: &Clock,
    s3: &testkit::TestS3,
    issuer: &Issuer,
    shutdown: &Shutdown,
) -> (SocketAddr, (TestDb, TestKafka)) {
    let (db, kafka, sqs) =
        tokio::join!(testkit::database("document", document::MIGRATORS), testkit::kafka(), testkit::sqs());
    let config = document::Config {
        db: db.settings(),
        kafka: kafka.settings.clone(),
        sqs: sqs.settings.clone(),
        kms: testkit::kms(),
        s3: s3.settings.clone(),
        keep_rejected: time::Duration::ZERO,
        keep_exports: time::Duration::days(7),
        audit: testkit::audit(),
        tsa: None,
        auth: issuer.settings("svc-document"),
        telemetry: telemetry::Settings::default(),
        grpc: service::grpc::Settings { addr: any_port(), max_concurrency: 512 },
        admin: service::admin::Settings { addr: any_port() },
        reconcile: document::config::Reconcile {
            every: None,
            horizon: time::Duration::hours(48),
            pause: Duration::ZERO,
        },
        integrity_every: time::Duration::days(30),
    };
    let running =
        document::start(&config, clock.clone(), shutdown).await.expect("the document service starts");
    running.admin.started();
    (running.grpc, (db, kafka))
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
