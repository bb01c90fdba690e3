//! A running service, events that reach it, and those who call it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clock::Clock;
use futures::future::BoxFuture;
use ids::{DocumentId, EventId, Tenant};
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::{CloudEvent, Record, Tracing};
use notification::app::notify::{Notice, notify};
use notification::domain::status::FeedStatus;
use notification::{Config, Running, State};
use prost::Name;
use proto::document::v1::{
    DocumentExpired, DocumentQuarantined, DocumentReady, DocumentRejected, DocumentScanning,
    DocumentUploaded, RejectionReason,
};
use proto::notification::v1;
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use queue::Job;
use rpc_error::{Code, Error};
use service::{Shutdown, admin};
use testkit::{Issuer, TestDb, TestKafka, TestSqs, eventually};
use time::macros::datetime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response};
use topology::{queues, topics};

use crate::documents::Documents;

/// How long anything that happens by itself may take.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) const RIVERTON: &str = "riverton";
pub(crate) const LAKESIDE: &str = "lakeside";

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The service with servers of its own. The clock stands until it is moved.
pub(crate) struct TestApp {
    pub(crate) clock: Clock,
    pub(crate) state: State,
    pub(crate) admin: admin::Admin,
    pub(crate) channel: Channel,
    pub(crate) documents: Documents,
    pub(crate) config: Config,
    pub(crate) issuer: Issuer,
    pub(crate) db: TestDb,
    pub(crate) sqs: TestSqs,
    pub(crate) kafka: TestKafka,
    producer: FutureProducer,
    shutdown: Shutdown,
}

impl TestApp {
    /// Boxed, because every test holds it.
    pub(crate) fn start() -> BoxFuture<'static, Self> {
        Box::pin(Self::start_on_servers())
    }

    async fn start_on_servers() -> Self {
        let clock = Clock::frozen(datetime!(2030-01-01 12:00 UTC));
        let migrators = notification::migrators();
        let (db, sqs, kafka, issuer) = tokio::join!(
            testkit::database("notification", &migrators),
            testkit::sqs(),
            testkit::kafka(),
            testkit::tokens_at(clock.clone()),
        );
        let documents = Documents::start(&issuer, &clock).await;
        let config = Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            auth: issuer.settings("svc-notification"),
            telemetry: telemetry::Settings::default(),
            grpc: service::grpc::Settings { addr: any_port(), max_concurrency: 512 },
            admin: service::admin::Settings { addr: any_port() },
            document: format!("http://{}", documents.addr).parse().expect("a target"),
        };
        let shutdown = Shutdown::manual(Duration::from_secs(5));
        let running =
            notification::start(&config, clock.clone(), &shutdown).await.expect("the service starts");
        running.admin.started();
        let Running { grpc, admin, state } = running;
        let channel = Endpoint::from_shared(format!("http://{grpc}")).expect("an address").connect_lazy();
        let producer = kafka.settings.client().create().expect("a producer");
        Self { clock, state, admin, channel, documents, config, issuer, db, sqs, kafka, producer, shutdown }
    }

    /// Starts another replica on the same servers; it stops with the first.
    pub(crate) async fn replica(&self) -> State {
        let running = notification::start(&self.config, self.clock.clone(), &self.shutdown).await;
        running.expect("a second replica starts").state
    }

    pub(crate) fn citizen(&self, subject: &str, tenant: &str) -> Actor {
        self.actor(self.issuer.citizen(subject, tenant), None)
    }

    pub(crate) fn ada(&self) -> Actor {
        self.citizen("ada", RIVERTON)
    }

    pub(crate) fn bff(&self) -> Actor {
        self.service("svc-bff", RIVERTON)
    }

    pub(crate) fn worker(&self) -> Actor {
        self.service("svc-worker", RIVERTON)
    }

    pub(crate) fn service(&self, name: &str, tenant: &str) -> Actor {
        self.actor(self.issuer.service(name), Some(tenant))
    }

    pub(crate) fn staff(&self, subject: &str, tenant: &str) -> Actor {
        self.actor(self.issuer.staff(subject, tenant), None)
    }

    fn actor(&self, token: String, tenant: Option<&str>) -> Actor {
        let tenant = tenant.map(|tenant| tenant.parse().expect("a tenant"));
        Actor { token, tenant, client: NotificationServiceClient::new(self.channel.clone()) }
    }

    /// Signs ada of riverton in, with an address.
    pub(crate) async fn ada_signs_in(&self) -> String {
        self.bff().upsert("ada", "ada@example.org", "en").await.expect("a recipient")
    }

    /// A document of the document service.
    pub(crate) fn document(&self) -> DocumentId {
        self.documents.add(&self.clock, RIVERTON, "passport.pdf", "identity")
    }

    /// Tells the owner of a document what happened to it, past Kafka. Returns the event's id.
    pub(crate) async fn tell(&self, owner: &str, status: FeedStatus, code: &'static str) -> EventId {
        let notice = self.notice(owner, status, code);
        tell(&self.state, RIVERTON, &notice).await;
        notice.event_id
    }

    pub(crate) fn notice(&self, owner: &str, status: FeedStatus, code: &'static str) -> Notice {
        Notice {
            event_id: EventId::mint(&self.clock),
            owner: owner.parse().expect("a subject"),
            status,
            code,
            category: "document",
            subject_type: "document",
            subject_id: self.document().into(),
        }
    }

    /// A mail that waits for a worker, to ada, about a document that is ready. Returns the job's id.
    pub(crate) async fn queued(&self) -> String {
        self.ada_signs_in().await;
        self.tell("ada", FeedStatus::DocumentReady, "").await;
        let [job] = &*self.jobs_in_table().await else { panic!("one job") };
        job.clone()
    }

    /// The same, with a worker that has taken it.
    pub(crate) async fn claimed(&self) -> String {
        let job = self.queued().await;
        self.worker().claim(&job).await.expect("claimed");
        job
    }

    /// Ids of all jobs, oldest first.
    pub(crate) async fn jobs_in_table(&self) -> Vec<String> {
        sqlx::query_scalar("select id::text from delivery_jobs order by attempt, created_at")
            .fetch_all(&mut self.db.admin().await)
            .await
            .expect("jobs")
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.db.admin().await).await.expect("a number")
    }

    pub(crate) async fn eventually_count(&self, sql: &'static str, wanted: i64) {
        let reached = eventually(SOON, || async {
            let found = self.count(sql).await;
            if found == wanted { Ok(()) } else { Err(format!("{sql}: {found}, not {wanted}")) }
        });
        reached.await.expect("the number is reached");
    }

    /// An event of a document, as the document service would publish it.
    pub(crate) fn event(&self, id: DocumentId, owner: &str, what: What) -> CloudEvent {
        let (document_id, owner, purpose) = (id.to_string(), owner.to_owned(), "identity".to_owned());
        match what {
            What::Uploaded => {
                self.cloud(id, "uploaded", &DocumentUploaded { document_id, owner, purpose, version: 1 })
            }
            What::Scanning => {
                self.cloud(id, "scanning", &DocumentScanning { document_id, owner, purpose, version: 1 })
            }
            What::Quarantined => {
                let quarantined = DocumentQuarantined { document_id, owner, purpose, version: 1 };
                self.cloud(id, "quarantined", &quarantined)
            }
            What::Ready => {
                self.cloud(id, "ready", &DocumentReady { document_id, owner, purpose, version: 1 })
            }
            What::Rejected(reason) => {
                let reason = reason.into();
                self.cloud(
                    id,
                    "rejected",
                    &DocumentRejected { document_id, owner, purpose, reason, version: 1 },
                )
            }
            What::Expired => {
                let given_up = false;
                self.cloud(
                    id,
                    "expired",
                    &DocumentExpired { document_id, owner, purpose, version: 1, given_up },
                )
            }
        }
    }

    pub(crate) fn cloud<M: Name>(&self, id: DocumentId, name: &str, message: &M) -> CloudEvent {
        CloudEvent {
            id: EventId::mint(&self.clock),
            type_: format!("guildhall.document.{name}.v1"),
            source: "/guildhall/document".to_owned(),
            subject: id.to_string(),
            time: self.clock.now(),
            tenant: RIVERTON.parse().expect("a tenant"),
            dataschema: kafka::dataschema::<M>(),
            traceparent: None,
            key: id.to_string(),
            payload: message.encode_to_vec(),
        }
    }

    /// Puts an event on the real topic.
    pub(crate) async fn publish(&self, event: &CloudEvent) {
        let topic = match event.type_.split('.').nth(1) {
            Some("billing") => topics::BILLING,
            Some("payment") => topics::PAYMENT,
            _ => topics::DOCUMENT,
        };
        let topic = self.kafka.topic(topic);
        let record = FutureRecord::to(&topic)
            .key(&event.key)
            .payload(&event.payload)
            .headers(event.headers(Tracing::AsIs));
        self.producer.send(record, SOON).await.map_err(|(error, _)| error).expect("acknowledged");
    }

    /// Waits until everything that was appended has been acknowledged by Kafka and SQS.
    pub(crate) async fn relayed(&self) {
        self.eventually_count("select count(*) from outbox", 0).await;
    }

    /// Every event about feeds on the real topic; a recipient's in the order of the topic.
    pub(crate) async fn feed_events(&self) -> Vec<(CloudEvent, v1::FeedEvent)> {
        let records = self.records(topics::NOTIFICATION).await;
        let parsed = records.iter().map(|record| {
            let event = CloudEvent::parse(record).expect("an event");
            let message = event.decode().expect("a feed event");
            (event, message)
        });
        parsed.collect()
    }

    pub(crate) async fn records(&self, topic: &str) -> Vec<Record> {
        self.relayed().await;
        self.kafka.records(topic).await
    }

    /// Takes every mail job that is in the queue now: what it says, and the message's body.
    pub(crate) async fn take_jobs(&self) -> Vec<(Job, String)> {
        self.relayed().await;
        let url = self.sqs.client.get_queue_url().queue_name(self.sqs.name(queues::MAIL)).send().await;
        let url = url.expect("the queue").queue_url.expect("a URL");
        let mut jobs = Vec::new();
        while self.sqs.sqs.depth(queues::MAIL).await.expect("the depth").waiting > 0 {
            let received =
                self.sqs.client.receive_message().queue_url(&url).max_number_of_messages(10).send().await;
            for message in received.expect("messages").messages.unwrap_or_default() {
                let body = message.body().expect("a body").to_owned();
                jobs.push((Job::parse(&body).expect("a job"), body));
                let handle = message.receipt_handle().expect("a handle");
                let deleted = self.sqs.client.delete_message().queue_url(&url).receipt_handle(handle).send();
                deleted.await.expect("deleted");
            }
        }
        jobs
    }

    /// Waits for the next mail job in the queue and takes it.
    pub(crate) async fn next_job(&self) -> String {
        let next = eventually(SOON, || async {
            self.take_jobs().await.pop().map(|(job, _)| job.job_id.to_string()).ok_or("no job in the queue")
        });
        next.await.expect("a job")
    }

    /// Ada's feed: number, status, code.
    pub(crate) async fn adas_feed(&self) -> Vec<(i64, String, String)> {
        let items = self.ada().all_rows("").await;
        items.into_iter().map(|item| (item.seq, item.status, item.code)).collect()
    }

    pub(crate) async fn adas_statuses(&self) -> Vec<String> {
        self.adas_feed().await.into_iter().map(|(_, status, _)| status).collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

/// What happened to a document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Uploaded,
    Scanning,
    Quarantined,
    Ready,
    Rejected(RejectionReason),
    Expired,
}

/// Tells somebody something through one replica, past Kafka. As the consumer does, it tries again what failed for want
/// of a connection: the machine that runs the tests may be busy.
pub(crate) async fn tell(state: &State, tenant: &str, notice: &Notice) {
    let tenant: Tenant = tenant.parse().expect("a tenant");
    let told = eventually(SOON, || {
        let (shared, notice) = (state.clone(), notice.clone());
        state.db.tenant(&tenant, move |tx| Box::pin(async move { notify(tx, &shared, &notice).await }))
    });
    told.await.expect("told");
}

/// Calls again while the answer is that the service is too busy, as clients do.
pub(crate) async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let answered = eventually(SOON, || async {
        match call().await {
            Err(busy) if matches!(busy.code(), Code::Unavailable | Code::DeadlineExceeded) => Err(busy),
            answer => Ok(answer),
        }
    });
    answered.await.expect("an answer in time")
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    token: String,
    tenant: Option<Tenant>,
    client: NotificationServiceClient<Channel>,
}

impl Actor {
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let token = auth::Token::parse(&self.token).expect("a token");
        auth::client::authorize(&mut request, &token, self.tenant.as_ref());
        request
    }

    pub(crate) fn keyed<T>(&self, key: &str, message: T) -> Request<T> {
        let mut request = self.request(message);
        request.metadata_mut().insert(idempotency::METADATA, key.parse().expect("a key"));
        request
    }

    pub(crate) fn client(&self) -> NotificationServiceClient<Channel> {
        self.client.clone()
    }

    pub(crate) async fn upsert(&self, subject: &str, email: &str, locale: &str) -> Result<String> {
        self.upsert_as(subject, email, locale, "").await
    }

    /// The same for somebody whom the office knows.
    pub(crate) async fn upsert_as(
        &self,
        subject: &str,
        email: &str,
        locale: &str,
        person: &str,
    ) -> Result<String> {
        let message = v1::UpsertRecipientRequest {
            subject: subject.to_owned(),
            email: email.to_owned(),
            locale: locale.to_owned(),
            person: person.to_owned(),
        };
        Ok(self.client().upsert_recipient(self.request(message)).await?.into_inner().recipient_id)
    }

    pub(crate) async fn list(&self, recipient: &str, after: i64, size: i32) -> Result<v1::ListFeedResponse> {
        let message =
            v1::ListFeedRequest { recipient_id: recipient.to_owned(), after_seq: after, page_size: size };
        Ok(self.client().list_feed(self.request(message)).await?.into_inner())
    }

    /// A whole feed, page by page.
    pub(crate) async fn all_rows(&self, recipient: &str) -> Vec<v1::FeedItem> {
        let mut items: Vec<v1::FeedItem> = Vec::new();
        loop {
            let after = items.last().map_or(0, |item| item.seq);
            let page = self.list(recipient, after, 200).await.expect("a page");
            let more = page.items.last().is_some_and(|item| item.seq < page.head_seq);
            items.extend(page.items);
            if !more {
                return items;
            }
        }
    }

    pub(crate) async fn heads(&self, recipients: Vec<String>) -> Result<Vec<v1::FeedHead>> {
        let message = v1::FeedHeadsRequest { recipient_ids: recipients };
        Ok(self.client().feed_heads(self.request(message)).await?.into_inner().heads)
    }

    pub(crate) async fn read(&self, key: &str, notification: &str) -> Result<Response<v1::MarkReadResponse>> {
        let message = v1::MarkReadRequest { notification_id: notification.to_owned() };
        Ok(self.client().mark_read(self.keyed(key, message)).await?)
    }

    pub(crate) async fn claim(&self, job: &str) -> Result<v1::ClaimDeliveryResponse> {
        let message = v1::ClaimDeliveryRequest { job_id: job.to_owned() };
        Ok(self.client().claim_delivery(self.request(message)).await?.into_inner())
    }

    pub(crate) async fn report(&self, job: &str, outcome: v1::DeliveryOutcome) -> Result<()> {
        self.report_with(job, outcome, "").await
    }

    pub(crate) async fn report_with(
        &self,
        job: &str,
        outcome: v1::DeliveryOutcome,
        code: &str,
    ) -> Result<()> {
        let message = v1::ReportDeliveryRequest {
            job_id: job.to_owned(),
            outcome: outcome.into(),
            provider_code: code.to_owned(),
        };
        self.client().report_delivery(self.request(message)).await?;
        Ok(())
    }
}

#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: Result<T>, code: Code, reason: &str) -> Error {
    let error = result.expect_err("it is refused");
    assert_eq!((error.code(), error.reason()), (code, reason), "{error}");
    error
}

/// Numbers from 1 to `count`.
pub(crate) fn numbers(count: usize) -> Vec<i64> {
    (1..=i64::try_from(count).expect("a small number")).collect()
}

pub(crate) fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
