//! A running service, and people who use it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use audit::Trail;
use blobs::Bucket;
use clock::Clock;
use document::config::Reconcile;
use document::{Config, State};
use ids::{DocumentId, JobId, Tenant};
use kafka::{CloudEvent, Record};
use proto::document::v1;
use proto::document::v1::document_service_client::DocumentServiceClient;
use queue::Job;
use rpc_error::{Code, Error};
use service::{Shutdown, admin};
use sha2::{Digest as _, Sha256};
use testkit::{Issuer, TestDb, TestKafka, TestS3, TestSqs, eventually};
use time::OffsetDateTime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response};

/// How long anything that happens by itself may take.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The service with servers of its own. The clock stands at the time of the start: the object store compares
/// signatures with the real one.
pub(crate) struct TestApp {
    pub(crate) clock: Clock,
    pub(crate) state: State,
    pub(crate) trail: Trail,
    pub(crate) admin: admin::Admin,
    pub(crate) channel: Channel,
    issuer: Arc<Issuer>,
    pub(crate) db: TestDb,
    pub(crate) s3: TestS3,
    pub(crate) sqs: TestSqs,
    pub(crate) kafka: TestKafka,
    shutdown: Shutdown,
}

/// A file of a citizen.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// Whose token a call carries. It is minted for each call, since the clock may have moved.
#[derive(Clone, Debug)]
enum Who {
    Citizen { subject: String, tenant: String },
    Staff { subject: String, tenant: String },
    Admin { subject: String, tenant: String },
    Service { name: String },
    Client { name: String, tenant: String },
    Nobody,
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    who: Who,
    issuer: Arc<Issuer>,
    tenant: Option<Tenant>,
    pub(crate) channel: Channel,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the object store compares signatures with the real time"
        )]
        let clock = Clock::frozen(OffsetDateTime::now_utc());
        let (db, s3, sqs, kafka, issuer) = tokio::join!(
            testkit::database("document", document::MIGRATORS),
            testkit::s3(),
            testkit::sqs(),
            testkit::kafka(),
            testkit::tokens_at(clock.clone()),
        );
        let mut config = Config {
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
            // Tests make passes themselves.
            reconcile: Reconcile { every: None, horizon: time::Duration::hours(48), pause: Duration::ZERO },
            integrity_every: time::Duration::days(30),
        };
        change(&mut config);
        let shutdown = Shutdown::manual(Duration::from_secs(5));
        let running = document::start(&config, clock.clone(), &shutdown).await.expect("the service starts");
        running.admin.started();
        let endpoint = Endpoint::from_shared(format!("http://{}", running.grpc)).expect("an address");
        let channel = endpoint.connect_lazy();
        let document::Running { admin, state, trail, .. } = running;
        Self { clock, state, trail, admin, channel, issuer: Arc::new(issuer), db, s3, sqs, kafka, shutdown }
    }

    pub(crate) fn ada(&self) -> Actor {
        self.citizen("ada", "riverton")
    }

    pub(crate) fn citizen(&self, subject: &str, tenant: &str) -> Actor {
        self.actor(Who::Citizen { subject: subject.to_owned(), tenant: tenant.to_owned() }, None)
    }

    pub(crate) fn staff(&self, subject: &str, tenant: &str) -> Actor {
        self.actor(Who::Staff { subject: subject.to_owned(), tenant: tenant.to_owned() }, None)
    }

    pub(crate) fn admin(&self, subject: &str, tenant: &str) -> Actor {
        self.actor(Who::Admin { subject: subject.to_owned(), tenant: tenant.to_owned() }, None)
    }

    /// A partner's client that calls with its own credentials.
    pub(crate) fn client(&self, name: &str, tenant: &str) -> Actor {
        self.actor(Who::Client { name: name.to_owned(), tenant: tenant.to_owned() }, None)
    }

    /// Somebody without a token.
    pub(crate) fn nobody(&self) -> Actor {
        self.actor(Who::Nobody, None)
    }

    pub(crate) fn worker(&self) -> Actor {
        self.service("svc-worker", "riverton")
    }

    pub(crate) fn service(&self, name: &str, tenant: &str) -> Actor {
        let tenant = tenant.parse().expect("a tenant");
        self.actor(Who::Service { name: name.to_owned() }, Some(tenant))
    }

    /// A service that does not say in which tenant it acts.
    pub(crate) fn tenantless(&self, name: &str) -> Actor {
        self.actor(Who::Service { name: name.to_owned() }, None)
    }

    fn actor(&self, who: Who, tenant: Option<Tenant>) -> Actor {
        Actor { who, issuer: self.issuer.clone(), tenant, channel: self.channel.clone() }
    }

    /// A document whose bytes are in the intake bucket, not confirmed.
    pub(crate) async fn sent(&self, owner: &Actor, file: &File) -> String {
        let initiated = owner.initiate(file).await.expect("initiated");
        let status = put(&initiated.upload.expect("an upload"), &file.bytes).await;
        assert_eq!(status, 200, "the object store takes the declared bytes");
        initiated.document.expect("a document").document_id
    }

    /// A confirmed document, and its scan job.
    pub(crate) async fn uploaded(&self, owner: &Actor, file: &File) -> (String, String) {
        let id = self.sent(owner, file).await;
        owner.confirm(&id).await.expect("confirmed");
        let job = self.job_of(&id).await;
        (id, job)
    }

    /// A document that a scanner has taken, and its scan job.
    pub(crate) async fn scanning(&self, owner: &Actor, file: &File) -> (String, String) {
        let (id, job) = self.uploaded(owner, file).await;
        self.worker().claim(&job).await.expect("claimed");
        (id, job)
    }

    /// A document that can be read, and its scan job.
    pub(crate) async fn ready(&self, owner: &Actor, file: &File) -> (String, String) {
        let (id, job) = self.scanning(owner, file).await;
        self.copy(&id).await;
        let status = self.worker().report_clean(&job, &file.content_type).await.expect("reported");
        assert_eq!(status, v1::DocumentStatus::Ready);
        (id, job)
    }

    /// A document that was refused as infected, and its scan job.
    pub(crate) async fn rejected(&self, owner: &Actor, file: &File) -> (String, String) {
        let (id, job) = self.scanning(owner, file).await;
        let reason = v1::RejectionReason::Infected;
        self.worker().report(&job, "", reason).await.expect("reported");
        (id, job)
    }

    /// A document that no scanner could look into and that waits for a review, and its scan job.
    pub(crate) async fn quarantined(&self, owner: &Actor, file: &File) -> (String, String) {
        let (id, job) = self.scanning(owner, file).await;
        self.copy(&id).await;
        let status = self.worker().report_unscannable(&job, &file.content_type).await.expect("reported");
        assert_eq!(status, v1::DocumentStatus::Quarantined);
        (id, job)
    }

    /// What the scan role does with an object that is to be kept.
    pub(crate) async fn copy(&self, id: &str) {
        let blobs = &self.state.blobs;
        blobs.copy_to_evidence(&intake_key(id), &evidence_key(id), 1).await.expect("copied");
    }

    pub(crate) async fn is_stored(&self, bucket: Bucket, key: &str) -> bool {
        self.state.blobs.head(bucket, key).await.expect("the object store answers").is_some()
    }

    /// Puts any bytes into the intake bucket, past every signature. `sha256` gives the store a digest to keep.
    pub(crate) async fn smuggle(&self, id: &str, bytes: &[u8], sha256: bool) {
        let bucket = &self.s3.settings.intake_bucket;
        let put = self.s3.client.put_object().bucket(bucket).key(intake_key(id)).body(bytes.to_vec().into());
        let put =
            if sha256 { put.checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Sha256) } else { put };
        put.send().await.expect("stored");
    }

    /// The job that a document's scan has, from the table.
    pub(crate) async fn job_of(&self, id: &str) -> String {
        let id: DocumentId = id.parse().expect("an id");
        let job: JobId = sqlx::query_scalar("select id from scan_jobs where document_id = $1")
            .bind(id)
            .fetch_one(&mut self.db.admin().await)
            .await
            .expect("a job");
        job.to_string()
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

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.db.admin().await).await.expect("a number")
    }

    /// Waits until everything that was appended has been acknowledged by Kafka and SQS.
    pub(crate) async fn relayed(&self) {
        let empty = eventually(SOON, || async {
            match self.count("select count(*) from outbox").await {
                0 => Ok(()),
                waiting => Err(format!("{waiting} rows wait in the outbox")),
            }
        });
        empty.await.expect("the relay publishes");
    }

    /// Every event of a document on the real topic, in the order of the topic.
    pub(crate) async fn records(&self, id: &str) -> Vec<Record> {
        self.relayed().await;
        let all = self.kafka.records(topology::topics::DOCUMENT).await;
        all.into_iter().filter(|record| record.key.as_deref() == Some(id.as_bytes())).collect()
    }

    /// Every event on the real topic by its key, each key's in the order of the topic.
    pub(crate) async fn all_events(&self) -> BTreeMap<String, Vec<CloudEvent>> {
        self.relayed().await;
        let all = self.kafka.records(topology::topics::DOCUMENT).await;
        let mut events: BTreeMap<String, Vec<CloudEvent>> = BTreeMap::new();
        for record in &all {
            let event = CloudEvent::parse(record).expect("an event");
            events.entry(event.key.clone()).or_default().push(event);
        }
        events
    }

    pub(crate) async fn events(&self, id: &str) -> Vec<CloudEvent> {
        let records = self.records(id).await;
        records.iter().map(|record| CloudEvent::parse(record).expect("an event")).collect()
    }

    /// The events' names, without what is common to all.
    pub(crate) async fn event_names(&self, id: &str) -> Vec<String> {
        let events = self.events(id).await;
        let name = |event: &CloudEvent| {
            let name =
                event.type_.strip_prefix("guildhall.document.").and_then(|name| name.strip_suffix(".v1"));
            name.expect("a type of ours").to_owned()
        };
        events.iter().map(name).collect()
    }

    /// Takes every scan job that is in the queue now.
    pub(crate) async fn take_jobs(&self) -> Vec<Job> {
        self.relayed().await;
        let url =
            self.sqs.client.get_queue_url().queue_name(self.sqs.name(topology::queues::SCAN)).send().await;
        let url = url.expect("the queue").queue_url.expect("a URL");
        let mut jobs = Vec::new();
        while self.sqs.sqs.depth(topology::queues::SCAN).await.expect("the depth").waiting > 0 {
            let received =
                self.sqs.client.receive_message().queue_url(&url).max_number_of_messages(10).send().await;
            for message in received.expect("messages").messages.unwrap_or_default() {
                jobs.push(Job::parse(message.body().expect("a body")).expect("a job"));
                let handle = message.receipt_handle().expect("a handle");
                self.sqs
                    .client
                    .delete_message()
                    .queue_url(&url)
                    .receipt_handle(handle)
                    .send()
                    .await
                    .expect("deleted");
            }
        }
        jobs
    }

    pub(crate) async fn status(&self, owner: &Actor, id: &str) -> v1::DocumentStatus {
        owner.get(id).await.expect("the document").status()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

impl File {
    pub(crate) fn pdf(text: &str) -> Self {
        Self {
            name: "passport.pdf".to_owned(),
            purpose: "identity".to_owned(),
            content_type: "application/pdf".to_owned(),
            bytes: format!("%PDF-1.7\n{text}").into_bytes(),
        }
    }

    pub(crate) fn size(&self) -> i64 {
        i64::try_from(self.bytes.len()).expect("a small file")
    }

    pub(crate) fn sha256(&self) -> Vec<u8> {
        Sha256::digest(&self.bytes).to_vec()
    }

    pub(crate) fn declaration(&self) -> v1::InitiateUploadRequest {
        v1::InitiateUploadRequest {
            purpose: self.purpose.clone(),
            file_name: self.name.clone(),
            content_type: self.content_type.clone(),
            size_bytes: self.size(),
            sha256: self.sha256(),
        }
    }
}

impl Actor {
    /// A call with this caller's token, and a key nobody else uses.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        self.keyed(&format!("{:032x}", rand::random::<u128>()), message)
    }

    pub(crate) fn keyed<T>(&self, key: &str, message: T) -> Request<T> {
        let mut request = self.keyless(message);
        request.metadata_mut().insert(idempotency::METADATA, key.parse().expect("a key"));
        request
    }

    pub(crate) fn keyless<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let token = match &self.who {
            Who::Citizen { subject, tenant } => self.issuer.citizen(subject, tenant),
            Who::Staff { subject, tenant } => self.issuer.staff(subject, tenant),
            Who::Admin { subject, tenant } => self.issuer.person(subject, tenant, "admin"),
            Who::Service { name } => self.issuer.service(name),
            Who::Client { name, tenant } => self.issuer.mint(serde_json::json!({
                "sub": format!("service-account-{name}"), "tenant": tenant, "roles": ["citizen"], "azp": name,
                "client_id": name,
            })),
            Who::Nobody => return request,
        };
        let token = auth::Token::parse(&token).expect("a token");
        auth::client::authorize(&mut request, &token, self.tenant.as_ref());
        request
    }

    pub(crate) fn client(&self) -> DocumentServiceClient<Channel> {
        DocumentServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn initiate(&self, file: &File) -> Result<v1::InitiateUploadResponse> {
        self.declare(file.declaration()).await
    }

    pub(crate) async fn declare(
        &self,
        declaration: v1::InitiateUploadRequest,
    ) -> Result<v1::InitiateUploadResponse> {
        Ok(self.client().initiate_upload(self.request(declaration)).await?.into_inner())
    }

    pub(crate) async fn refresh(&self, id: &str) -> Result<v1::RefreshUploadResponse> {
        let message = v1::RefreshUploadRequest { document_id: id.to_owned() };
        Ok(self.client().refresh_upload(self.request(message)).await?.into_inner())
    }

    pub(crate) async fn confirm(&self, id: &str) -> Result<v1::Document> {
        let message = v1::ConfirmUploadRequest { document_id: id.to_owned() };
        let confirmed = self.client().confirm_upload(self.request(message)).await?;
        Ok(confirmed.into_inner().document.expect("a document"))
    }

    pub(crate) async fn get(&self, id: &str) -> Result<v1::Document> {
        let message = v1::GetDocumentRequest { document_id: id.to_owned(), version: 0 };
        let read = self.client().get_document(self.keyless(message)).await?;
        Ok(read.into_inner().document.expect("a document"))
    }

    pub(crate) async fn list(&self, page_size: i32, page_token: &str) -> Result<v1::ListDocumentsResponse> {
        let message = v1::ListDocumentsRequest { page_size, page_token: page_token.to_owned() };
        Ok(self.client().list_documents(self.keyless(message)).await?.into_inner())
    }

    /// Downloads for a purpose that nobody refuses: staff have to name one.
    pub(crate) async fn download(&self, id: &str) -> Result<v1::CreateDownloadResponse> {
        self.download_for(id, 0, self.purpose()).await
    }

    /// What this caller may name when downloading.
    pub(crate) fn purpose(&self) -> &'static str {
        let staff = matches!(self.who, Who::Staff { .. } | Who::Admin { .. });
        if staff { "casework" } else { "" }
    }

    pub(crate) async fn download_for(
        &self,
        id: &str,
        version: i32,
        purpose: &str,
    ) -> Result<v1::CreateDownloadResponse> {
        let (document_id, purpose) = (id.to_owned(), purpose.to_owned());
        let message = v1::CreateDownloadRequest { document_id, version, purpose };
        Ok(self.client().create_download(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn open(&self, id: &str) -> Result<v1::OpenDocumentResponse> {
        let message = v1::OpenDocumentRequest { document_id: id.to_owned() };
        Ok(self.client().open_document(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn store(&self, message: v1::StoreDocumentRequest) -> Result<v1::Document> {
        let stored = self.client().store_document(self.keyless(message)).await?;
        Ok(stored.into_inner().document.expect("a document"))
    }

    pub(crate) async fn claim(&self, job: &str) -> Result<v1::ClaimScanResponse> {
        let message = v1::ClaimScanRequest { job_id: job.to_owned() };
        Ok(self.client().claim_scan(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn report_clean(&self, job: &str, detected: &str) -> Result<v1::DocumentStatus> {
        self.report(job, detected, v1::RejectionReason::Unspecified).await
    }

    pub(crate) async fn report_unscannable(&self, job: &str, detected: &str) -> Result<v1::DocumentStatus> {
        self.report(job, detected, v1::RejectionReason::Unscannable).await
    }

    pub(crate) async fn report(
        &self,
        job: &str,
        detected: &str,
        reason: v1::RejectionReason,
    ) -> Result<v1::DocumentStatus> {
        let message = v1::ReportScanRequest {
            job_id: job.to_owned(),
            detected_content_type: detected.to_owned(),
            rejection_reason: reason.into(),
        };
        Ok(self.client().report_scan(self.keyless(message)).await?.into_inner().status())
    }
}

/// Sends bytes as a browser would. Returns the store's status.
pub(crate) async fn put(upload: &v1::SignedUpload, bytes: &[u8]) -> u16 {
    assert_eq!(upload.method, "PUT");
    let mut request = reqwest::Client::new().put(&upload.url).body(bytes.to_vec());
    // `content-length` is the client's own, as in a browser.
    for (name, value) in upload.headers.iter().filter(|(name, _)| *name != "content-length") {
        request = request.header(name, value);
    }
    request.send().await.expect("the object store answers").status().as_u16()
}

/// Follows a signed download. Returns status, headers and bytes.
pub(crate) async fn fetch(url: &str) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let answer = reqwest::get(url).await.expect("the object store answers");
    let headers = answer.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    let (status, headers) = (answer.status().as_u16(), headers.collect());
    (status, headers, answer.bytes().await.expect("bytes").to_vec())
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

pub(crate) fn intake_key(id: &str) -> String {
    format!("intake/{id}/1")
}

pub(crate) fn evidence_key(id: &str) -> String {
    format!("evidence/{id}/1")
}

pub(crate) fn at(timestamp: Option<prost_types::Timestamp>) -> OffsetDateTime {
    let prost_types::Timestamp { seconds, nanos } = timestamp.expect("a time");
    OffsetDateTime::from_unix_timestamp(seconds).expect("a time") + time::Duration::nanoseconds(nanos.into())
}

pub(crate) fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
