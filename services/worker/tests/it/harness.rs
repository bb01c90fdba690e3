//! Document and notification service, a worker, and people.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clock::Clock;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::preview_service_client::PreviewServiceClient;
use proto::document::v1::{
    ConfirmUploadRequest, Document, DocumentStatus, GetDocumentRequest, InitiateUploadRequest,
};
use proto::document::v1::{GetPreviewRequest, GetPreviewResponse, PreviewState};
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use proto::notification::v1::{FeedItem, ListFeedRequest, UpsertRecipientRequest};
use proto::operations::v1::policy_service_client::PolicyServiceClient;
use proto::operations::v1::{GetPolicyRequest, PublishPolicyRequest};
use service::channel::{Channel, Target, balanced};
use service::{Shutdown, admin};
use sha2::{Digest, Sha256};
use testkit::canary::Canary;
use testkit::{Issuer, TestDb, TestKafka, TestS3, TestSqs, eventually};
use tonic::{Code, Request, Response, Status};
use worker::{Config, config, smtp};

/// How long anything that happens by itself may take.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) const EICAR: &[u8] = br"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";

/// The servers and services around a worker, and at first no worker.
pub(crate) struct TestApp {
    pub(crate) sqs: TestSqs,
    pub(crate) s3: TestS3,
    pub(crate) document: Target,
    pub(crate) document_addr: SocketAddr,
    pub(crate) notification: Target,
    pub(crate) issuer: Issuer,
    pub(crate) documents: DocumentServiceClient<Channel>,
    previews: PreviewServiceClient<Channel>,
    notifications: NotificationServiceClient<Channel>,
    services: Shutdown,
    pub(crate) databases: (TestDb, TestDb),
    pub(crate) kafka: TestKafka,
}

/// A worker of this process.
pub(crate) struct Worker {
    pub(crate) admin: admin::Admin,
    shutdown: Shutdown,
}

/// A citizen nobody else is.
pub(crate) struct Citizen {
    pub(crate) canary: Canary,
    subject: String,
    pub(crate) token: String,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        let clock = Clock::system();
        let notification_migrators = notification::migrators();
        let (documents, notifications, sqs, s3, kafka, issuer) = tokio::join!(
            testkit::database("document", document::MIGRATORS),
            testkit::database("notification", &notification_migrators),
            // Poison shall not take its time.
            testkit::sqs_with(|queue| queue.max_receive_count = 3),
            testkit::s3(),
            testkit::kafka(),
            testkit::tokens(),
        );
        let services = Shutdown::manual(Duration::from_secs(5));
        let config = document::Config {
            db: documents.settings(),
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
            grpc: grpc(),
            admin: admin::Settings { addr: any_port() },
            reconcile: document::config::Reconcile {
                every: None,
                horizon: time::Duration::hours(48),
                pause: Duration::ZERO,
            },
            integrity_every: time::Duration::days(30),
        };
        let running = Box::pin(document::start(&config, clock.clone(), &services)).await.unwrap();
        running.admin.started();
        let (document, document_addr) = (target(running.grpc), running.grpc);
        let config = notification::Config {
            db: notifications.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            auth: issuer.settings("svc-notification"),
            telemetry: telemetry::Settings::default(),
            grpc: grpc(),
            admin: admin::Settings { addr: any_port() },
            document: document.clone(),
        };
        let running = Box::pin(notification::start(&config, clock, &services)).await.unwrap();
        running.admin.started();
        let notification = target(running.grpc);
        Self {
            documents: DocumentServiceClient::new(balanced(&document)),
            previews: PreviewServiceClient::new(balanced(&document)),
            notifications: NotificationServiceClient::new(balanced(&notification)),
            sqs,
            s3,
            document,
            document_addr,
            notification,
            issuer,
            services,
            databases: (documents, notifications),
            kafka,
        }
    }

    /// Token of somebody who publishes policies.
    pub(crate) fn admin(&self) -> String {
        self.issuer.person("max", "riverton", "admin")
    }

    /// Settings of a worker with every role, on the real clamd and the real mail catcher.
    pub(crate) fn config(&self) -> Config {
        Config {
            scan: Some(config::Scan {
                document: self.document.clone(),
                clamd: testkit::env().clamd_addr(),
                s3: self.s3.settings.clone(),
                concurrency: 4,
            }),
            mail: Some(config::Mail {
                notification: self.notification.clone(),
                smtp: smtp_at(&testkit::env().smtp_url()),
                concurrency: 4,
            }),
            preview: Some(config::Preview {
                document: self.document.clone(),
                s3: self.s3.settings.clone(),
                concurrency: 2,
                limits: super::sandbox::patient(),
                program: env!("CARGO_BIN_EXE_worker").into(),
            }),
            integrity: Some(config::Integrity {
                document: self.document.clone(),
                s3: self.s3.settings.clone(),
                concurrency: 2,
                bytes_per_second: 100_000_000,
            }),
            pdf: None,
            workflows: None,
            sqs: self.sqs.settings.clone(),
            auth: self.issuer.settings("svc-worker"),
            telemetry: telemetry::Settings::default(),
            admin: admin::Settings { addr: any_port() },
        }
    }

    pub(crate) async fn work(&self, config: &Config) -> Worker {
        let shutdown = Shutdown::manual(Duration::from_secs(5));
        let running = Box::pin(worker::start(config, Clock::system(), &shutdown)).await.unwrap();
        running.admin.started();
        Worker { admin: running.admin, shutdown }
    }

    /// A citizen with an address, as after signing in.
    pub(crate) async fn citizen(&self) -> Citizen {
        let canary = Canary::new();
        let subject = format!("{:016x}", rand::random::<u64>());
        let token = self.issuer.citizen(&subject, "riverton");
        let message = UpsertRecipientRequest {
            subject: subject.clone(),
            email: canary.email(),
            locale: "en".to_owned(),
            person: String::new(),
        };
        let (portal, client) = (self.issuer.service("svc-bff"), &self.notifications);
        patiently(&portal, &message, |request| {
            let mut client = client.clone();
            async move { client.upsert_recipient(request).await }
        })
        .await;
        Citizen { canary, subject, token }
    }

    /// Has the tenant's staff publish that `income` may be handed in as these media types.
    pub(crate) async fn allow(&self, content_types: &[&str]) {
        let admin = self.issuer.person("max", "riverton", "admin");
        let client = PolicyServiceClient::new(balanced(&self.document));
        let message = GetPolicyRequest { kind: "upload".to_owned(), version: None };
        let in_force = patiently(&admin, &message, |request| {
            let mut client = client.clone();
            async move { client.get_policy(request).await }
        });
        let in_force = in_force.await.policy.unwrap();
        let mut body: serde_json::Value = serde_json::from_str(&in_force.body_json).unwrap();
        body["purposes"]["income"]["content_types"] = content_types.into();
        let message = PublishPolicyRequest {
            kind: in_force.kind,
            body_json: body.to_string(),
            expected_version: in_force.version,
            note: "OPS-1".to_owned(),
        };
        patiently(&admin, &message, |request| {
            let mut client = client.clone();
            async move { client.publish_policy(request).await }
        })
        .await;
    }

    /// Declares, uploads and confirms. Returns the document's id.
    pub(crate) async fn hand_in(&self, citizen: &Citizen, content_type: &str, bytes: &[u8]) -> String {
        let message = InitiateUploadRequest {
            purpose: "income".to_owned(),
            file_name: citizen.canary.file_name(),
            content_type: content_type.to_owned(),
            size_bytes: i64::try_from(bytes.len()).unwrap(),
            sha256: Sha256::digest(bytes).to_vec(),
        };
        let client = &self.documents;
        let initiated = patiently(&citizen.token, &message, |request| {
            let mut client = client.clone();
            async move { client.initiate_upload(request).await }
        });
        let initiated = initiated.await;
        let upload = initiated.upload.unwrap();
        let mut put = reqwest::Client::new().put(&upload.url).body(bytes.to_vec());
        for (name, value) in upload.headers.iter().filter(|(name, _)| *name != "content-length") {
            put = put.header(name, value);
        }
        put.send().await.unwrap().error_for_status().unwrap();
        let document_id = initiated.document.unwrap().document_id;
        let message = ConfirmUploadRequest { document_id: document_id.clone() };
        patiently(&citizen.token, &message, |request| {
            let mut client = client.clone();
            async move { client.confirm_upload(request).await }
        })
        .await;
        document_id
    }

    pub(crate) async fn document(&self, citizen: &Citizen, id: &str) -> Document {
        let message = GetDocumentRequest { document_id: id.to_owned(), version: 0 };
        let client = &self.documents;
        let read = patiently(&citizen.token, &message, |request| {
            let mut client = client.clone();
            async move { client.get_document(request).await }
        });
        read.await.document.unwrap()
    }

    /// Waits until a document has this status.
    pub(crate) async fn becomes(&self, citizen: &Citizen, id: &str, status: DocumentStatus) -> Document {
        let reached = eventually(SOON, || async {
            let document = self.document(citizen, id).await;
            if document.status() == status { Ok(document) } else { Err(document) }
        });
        reached.await.unwrap()
    }

    /// Waits until there is a preview of a document, or will be none.
    pub(crate) async fn previewed(&self, citizen: &Citizen, id: &str) -> GetPreviewResponse {
        let message = GetPreviewRequest { document_id: id.to_owned(), version: 0, purpose: String::new() };
        let client = &self.previews;
        let decided = eventually(SOON, || async {
            let shown = patiently(&citizen.token, &message, |request| {
                let mut client = client.clone();
                async move { client.get_preview(request).await }
            });
            let shown = shown.await;
            if shown.state() == PreviewState::Pending { Err(shown) } else { Ok(shown) }
        });
        decided.await.unwrap()
    }

    /// Waits until the citizen's feed has a row of this status, and returns all of it.
    pub(crate) async fn told(&self, citizen: &Citizen, status: &str) -> Vec<FeedItem> {
        let told = eventually(SOON, || async {
            let message = ListFeedRequest { recipient_id: String::new(), after_seq: 0, page_size: 200 };
            let client = &self.notifications;
            let listed = patiently(&citizen.token, &message, |request| {
                let mut client = client.clone();
                async move { client.list_feed(request).await }
            });
            let items = listed.await.items;
            if items.iter().any(|item| item.status == status) { Ok(items) } else { Err(items) }
        });
        told.await.unwrap_or_else(|items| panic!("no {status} for {}: {items:?}", citizen.subject))
    }

    /// Waits until a queue holds nothing, received messages included.
    pub(crate) async fn empty(&self, queue: &str) {
        let empty = eventually(SOON, || async {
            let depth = self.sqs.sqs.depth(queue).await.unwrap();
            if depth.total() == 0 { Ok(()) } else { Err(depth) }
        });
        empty.await.unwrap();
    }
}

/// Calls as a sensible client does: what is unavailable, as on a crowded machine, is tried again under the same key.
pub(crate) async fn patiently<M: Clone, T, F>(token: &str, message: &M, call: impl Fn(Request<M>) -> F) -> T
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let key = format!("{:032x}", rand::random::<u128>());
    let answer = eventually(SOON, || {
        let mut request = Request::new(message.clone());
        let token = auth::Token::parse(token).unwrap();
        auth::client::authorize(&mut request, &token, Some(&"riverton".parse().unwrap()));
        request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
        let answer = call(request);
        async {
            match answer.await {
                Err(status) if status.code() == Code::Unavailable => Err(status),
                answer => Ok(answer),
            }
        }
    });
    answer.await.unwrap().unwrap().into_inner()
}

impl Citizen {
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.services.request();
    }
}

impl Worker {
    pub(crate) async fn stop(self) {
        self.shutdown.request();
        self.shutdown.finished().await.unwrap();
    }
}

pub(crate) fn smtp_at(url: &str) -> smtp::Settings {
    smtp::Settings {
        url: url.into(),
        from: "Riverton <noreply@guildhall.local>".parse().unwrap(),
        message_id_domain: "guildhall.local".to_owned(),
    }
}

fn grpc() -> service::grpc::Settings {
    service::grpc::Settings { addr: any_port(), max_concurrency: 512 }
}

pub(crate) fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn target(addr: SocketAddr) -> Target {
    format!("http://{addr}").parse().unwrap()
}
