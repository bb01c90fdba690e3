//! What is a run's own: databases, topics, queues, buckets, the provider, and the processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use proto::payment::v1::billing_service_client::BillingServiceClient;
use proto::payment::v1::payment_service_client::PaymentServiceClient;
use sqlx::PgConnection;
use testkit::place::{Deaths, Phase, Place};
use testkit::{Issuer, TestDb, TestKafka, TestS3, TestSqs, free_port};
use tokio::process::Command;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};

use super::provider::{ACCOUNT, Provider};
use super::record::Record;
use crate::found::Acknowledged;
use crate::role::Role;

/// The only one.
pub(super) const TENANT: &str = "riverton";

/// What a run is about, and so which services it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Everything that a payment comes to, callbacks and mails included.
    Payments,
    /// A run of bills, from a file that is scanned.
    Bills,
    /// Payments alone: nobody is told.
    Workflows,
}

impl About {
    fn roles(self) -> &'static [Role] {
        match self {
            Self::Payments => &[Role::Payment, Role::Worker, Role::Notification, Role::Document, Role::Bff],
            Self::Bills | Self::Workflows => &[Role::Payment, Role::Worker, Role::Document],
        }
    }

    fn of_worker(self) -> &'static str {
        match self {
            Self::Payments => "mail,workflows",
            Self::Bills => "scan,workflows",
            Self::Workflows => "workflows",
        }
    }
}

/// Everything that is a run's own.
pub(super) struct World {
    pub(super) about: About,
    pub(super) dir: PathBuf,
    pub(super) phase: watch::Sender<Phase>,
    pub(super) kafka: TestKafka,
    pub(super) issuer: Issuer,
    pub(super) provider: Provider,
    pub(super) acknowledged: Mutex<Acknowledged>,
    deaths: BTreeMap<Role, Deaths>,
    ports: BTreeMap<Role, u16>,
    admin: BTreeMap<Role, u16>,
    payments: TestDb,
    notifications: TestDb,
    documents: TestDb,
    sqs: TestSqs,
    s3: TestS3,
    record: Mutex<Record>,
}

impl World {
    pub(super) async fn make(about: About, dir: &Path) -> Result<Self> {
        let _ = fs::remove_dir_all(dir);
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let migrators = notification::migrators();
        let (payments, notifications, documents) = tokio::join!(
            testkit::database("payment", payment::MIGRATORS),
            testkit::database("notification", &migrators),
            testkit::database("document", document::MIGRATORS),
        );
        // A message that was received by a process that died comes back soon, any number of times.
        let sqs =
            testkit::sqs_with(|queue| (queue.visibility_seconds, queue.max_receive_count) = (10, 1_000));
        let (s3, kafka, issuer, sqs) = tokio::join!(testkit::s3(), testkit::kafka(), testkit::tokens(), sqs);
        let ports: BTreeMap<_, _> = about.roles().iter().map(|role| (*role, free_port())).collect();
        let provider = Provider::start().await?;
        let callbacks = ports.get(&Role::Bff).copied().unwrap_or_else(free_port);
        let callbacks = format!("http://127.0.0.1:{callbacks}/webhooks/payments/{ACCOUNT}");
        fs::write(dir.join("providers.json"), provider.accounts(&callbacks))?;
        Ok(Self {
            about,
            dir: dir.to_owned(),
            phase: watch::Sender::new(Phase::Killing),
            kafka,
            issuer,
            provider,
            acknowledged: Mutex::default(),
            deaths: about.roles().iter().map(|role| (*role, Deaths::default())).collect(),
            admin: about.roles().iter().map(|role| (*role, free_port())).collect(),
            ports,
            payments,
            notifications,
            documents,
            sqs,
            s3,
            record: Mutex::default(),
        })
    }

    pub(super) fn roles(&self) -> &'static [Role] {
        self.about.roles()
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn acknowledged(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn deaths(&self, role: Role) -> Deaths {
        self.deaths.get(&role).cloned().unwrap_or_default()
    }

    pub(super) fn is_killing(&self) -> bool {
        *self.phase.borrow() == Phase::Killing
    }

    pub(super) fn channel(&self, role: Role) -> Result<Channel> {
        let port = self.ports.get(&role).context("a service that this run has")?;
        Ok(Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(10))
            .connect_lazy())
    }

    pub(super) fn billing(&self) -> Result<BillingServiceClient<Channel>> {
        Ok(BillingServiceClient::new(self.channel(Role::Payment)?))
    }

    pub(super) fn paying(&self) -> Result<PaymentServiceClient<Channel>> {
        Ok(PaymentServiceClient::new(self.channel(Role::Payment)?))
    }

    pub(super) fn telling(&self) -> Result<NotificationServiceClient<Channel>> {
        Ok(NotificationServiceClient::new(self.channel(Role::Notification)?))
    }

    /// A connection that sees every row of a service.
    pub(super) async fn rows(&self, role: Role) -> PgConnection {
        match role {
            Role::Notification => self.notifications.admin().await,
            Role::Document => self.documents.admin().await,
            Role::Payment | Role::Worker | Role::Bff => self.payments.admin().await,
        }
    }

    pub(super) fn place(&self, role: Role) -> Place {
        Place {
            name: role.name().to_owned(),
            command: ["role".to_owned(), role.name().to_owned()],
            settings: self.settings(role),
            admin: self.admin.get(&role).copied().unwrap_or_default(),
            log: self.dir.join(format!("{role}.log")),
            deaths: self.deaths(role),
            running: Arc::default(),
        }
    }

    fn url(&self, role: Role) -> String {
        // Of who is not there nothing is wanted.
        format!("http://127.0.0.1:{}", self.ports.get(&role).copied().unwrap_or(9))
    }

    /// The variables of a process.
    fn settings(&self, role: Role) -> Vec<(String, String)> {
        let servers = testkit::env();
        let address = |ports: &BTreeMap<Role, u16>| {
            format!("127.0.0.1:{}", ports.get(&role).copied().unwrap_or_default())
        };
        let mut settings =
            vec![("ADMIN__ADDR", address(&self.admin)), ("AUTH__ISSUER", self.issuer.url().to_owned())];
        settings.extend(self.kafka.variables());
        // Under the same name the next process has the partitions at once.
        settings.push(("KAFKA__INSTANCE_ID", role.name().to_owned()));
        if !matches!(role, Role::Payment | Role::Document) {
            settings.push(("AUTH__CLIENT_ID", format!("svc-{role}")));
            settings.push(("AUTH__CLIENT_SECRET", "test-secret".to_owned()));
        }
        if role != Role::Bff {
            settings.extend(self.sqs.variables());
        }
        if matches!(role, Role::Payment | Role::Document | Role::Notification) {
            let database = match role {
                Role::Notification => &self.notifications,
                Role::Document => &self.documents,
                _ => &self.payments,
            };
            settings.extend(database.variables());
            // What is left under way by those who were killed is done beside what people ask for.
            settings.push(("DB__MAX_CONNECTIONS", "6".to_owned()));
            settings.push(("KMS__KEY_FILE", testkit::key_file().to_string_lossy().into_owned()));
            settings.push(("GRPC__ADDR", address(&self.ports)));
        }
        if matches!(role, Role::Payment | Role::Document | Role::Worker) {
            settings.extend(self.s3.variables());
        }
        match role {
            Role::Payment => {
                settings.extend(self.s3.audit_variables());
                settings.extend([
                    ("PROVIDERS__FILE", self.dir.join("providers.json").to_string_lossy().into_owned()),
                    // What is unknown becomes so while somebody still looks.
                    ("PROVIDERS__PATIENCE_SECONDS", "3".to_owned()),
                ]);
            }
            Role::Document => settings.extend(self.s3.audit_variables()),
            Role::Notification => settings.push(("DOCUMENT__URL", self.url(Role::Document))),
            Role::Worker => settings.extend([
                ("ROLES", self.about.of_worker().to_owned()),
                ("DOCUMENT__URL", self.url(Role::Document)),
                ("PAYMENT__URL", self.url(Role::Payment)),
                ("NOTIFICATION__URL", self.url(Role::Notification)),
                ("TEMPORAL__URL", servers.temporal_url()),
                ("TEMPORAL__TASK_QUEUE", format!("{}till", self.kafka.settings.topic_prefix)),
                ("CLAMD__ADDR", servers.find("GUILDHALL_CLAMD_ADDR").unwrap_or_default()),
                ("SMTP__URL", servers.find("GUILDHALL_SMTP_URL").unwrap_or_default()),
                ("SMTP__FROM", "Guildhall <noreply@guildhall.local>".to_owned()),
            ]),
            Role::Bff => settings.extend([
                ("HTTP__ADDR", address(&self.ports)),
                ("HTTP__PUBLIC_URL", format!("{}/", self.url(Role::Bff))),
                ("HTTP__UPLOAD_ORIGIN", self.s3.settings.public_endpoint.to_string()),
                ("OIDC__CLIENT_ID", "portal".to_owned()),
                ("OIDC__CLIENT_SECRET", "test-secret".to_owned()),
                ("REDIS__URL", servers.redis_url()),
                ("DOCUMENT__URL", self.url(Role::Document)),
                ("PAYMENT__URL", self.url(Role::Payment)),
                ("NOTIFICATION__URL", self.url(Role::Notification)),
            ]),
        }
        let prefix = role.name().to_uppercase();
        settings.into_iter().map(|(name, value)| (format!("{prefix}__{name}"), value)).collect()
    }

    /// What a process had and nobody has any more is free now, and not when its lease ends. A row that is locked is somebody's, and
    /// waiting for several of them would deadlock with those who lock them in another order.
    pub(super) async fn died(&self, role: Role) -> Result<()> {
        let (owner, statement) = match role {
            Role::Payment => (
                Role::Payment,
                "update due d set at = now(), claim = null
                   from (select tenant, kind, subject from due where claim is not null for update skip locked) free
                  where (d.tenant, d.kind, d.subject) = (free.tenant, free.kind, free.subject)",
            ),
            Role::Worker => (
                Role::Notification,
                "update delivery_jobs j set leased_until = now()
                   from (select id from delivery_jobs where reported_at is null and leased_until > now()
                          for update skip locked) free
                  where j.id = free.id",
            ),
            Role::Notification | Role::Document | Role::Bff => return Ok(()),
        };
        sqlx::query(statement).execute(&mut self.rows(owner).await).await?;
        Ok(())
    }

    /// What the provider calls a payment that it has charged.
    pub(super) async fn provider_id(&self, payment: &str) -> Result<String> {
        let known = "select provider_id from payments where id = $1::uuid";
        let known: Option<String> =
            sqlx::query_scalar(known).bind(payment).fetch_one(&mut self.rows(Role::Payment).await).await?;
        known.with_context(|| format!("{payment} was charged by nobody"))
    }

    /// What an operator's command of `payment` prints, and whether it found nothing wrong.
    pub(super) async fn operate(&self, args: &[&str]) -> Result<(bool, String)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("role").args(args).envs(self.settings(Role::Payment)).stdin(Stdio::null());
        command.stderr(fs::File::options().create(true).append(true).open(self.dir.join("operator.log"))?);
        let output = command.output().await?;
        let said = String::from_utf8(output.stdout)?;
        ensure!(!said.is_empty(), "{args:?} said nothing; see operator.log in {}", self.dir.display());
        Ok((output.status.success(), said))
    }
}
