//! The services, as processes of their own, over the shared servers, and a payment provider.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use clock::Clock;
use pg::{Bootstrap, Urls};
use psp::Psp;
use secrecy::{ExposeSecret, SecretString};
use testkit::{Otlp, TestKafka, TestS3, TestSqs, free_port};
use tokio::process::{Child, Command};
use url::Url;

/// How long a service may take from start to ready on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// `document`
    Document,
    /// `payment`
    Payment,
    /// `notification`
    Notification,
    /// `worker`
    Worker,
    /// `bff`
    Bff,
}

impl Service {
    /// All of them, in the order in which they start.
    pub const ALL: [Self; 5] = [Self::Document, Self::Payment, Self::Notification, Self::Worker, Self::Bff];

    /// The program's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Payment => "payment",
            Self::Notification => "notification",
            Self::Worker => "worker",
            Self::Bff => "bff",
        }
    }

    fn has_database(self) -> bool {
        matches!(self, Self::Document | Self::Payment | Self::Notification)
    }
}

/// A set of services with databases, topics, queues and buckets of its own. Dropping it kills them.
#[derive(Debug)]
pub struct World {
    /// Where `bff` is.
    pub bff: Url,
    /// Where the document service's gRPC is, `host:port`.
    pub document: String,
    /// Where the payment service's gRPC is, `host:port`.
    pub payment: String,
    /// Takes the payments.
    pub psp: Psp,
    /// Where the notification service's gRPC is, `host:port`.
    pub notification: String,
    /// Takes the spans of all services.
    pub spans: Otlp,
    /// Their topics.
    pub kafka: TestKafka,
    /// Their queues.
    pub sqs: TestSqs,
    /// Their buckets.
    pub s3: TestS3,
    dir: PathBuf,
    settings: BTreeMap<Service, Vec<(String, String)>>,
    admin: BTreeMap<Service, u16>,
    running: BTreeMap<Service, Running>,
    /// Other addresses than those of the test servers, by variable.
    overrides: BTreeMap<String, String>,
}

/// Where cargo puts programs: this one is there too, or one folder below.
fn programs() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("no folder")?;
    Ok(if folder.ends_with("deps") {
        folder.parent().context("no folder")?.to_owned()
    } else {
        folder.to_owned()
    })
}

/// A service's process, which ends with this one however it ends: a world that tests share is never dropped, and a process
/// that is killed drops nothing.
#[derive(Debug)]
struct Running {
    /// Dropped, and so killed, before the service is.
    keeper: Child,
    child: Child,
}

impl Running {
    fn keep(child: Child) -> Result<Self> {
        let id = child.id().context("it has ended already")?;
        // Reads until the other end of its input is closed, which the system does when this process is gone.
        let mut keeper = Command::new("sh");
        keeper.args(["-c", "read -r _; kill -9 \"$1\"", "keeper", &id.to_string()]);
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let keeper = keeper.kill_on_drop(true).process_group(0).spawn().context("no shell")?;
        Ok(Self { keeper, child })
    }
}

impl World {
    /// Makes databases, topics, queues and buckets, and starts the services.
    ///
    /// # Errors
    ///
    /// When one of them does not become ready; the log's path is in the error.
    pub async fn start() -> Result<Self> {
        let world = Self::start_unready(&[]).await?;
        for service in Service::ALL {
            world.ready(service).await?;
        }
        Ok(world)
    }

    /// The same with other settings than usual (full variable names and values), and without waiting for the worker,
    /// which may lack what a test keeps from it.
    ///
    /// # Errors
    ///
    /// As [`World::start`].
    pub async fn start_unready(overrides: &[(&str, &str)]) -> Result<Self> {
        let (kafka, sqs, s3) = tokio::join!(testkit::kafka(), testkit::sqs(), testkit::s3());
        let dir = programs()?.join("../e2e").join(kafka.settings.topic_prefix.trim_end_matches('-'));
        fs::create_dir_all(&dir)?;
        let mut admin = BTreeMap::new();
        for service in Service::ALL {
            admin.insert(service, free_port());
        }
        let (bff, document, payment, notification) = (free_port(), free_port(), free_port(), free_port());
        let mut world = Self {
            bff: format!("http://localhost:{bff}/").parse()?,
            document: format!("127.0.0.1:{document}"),
            payment: format!("127.0.0.1:{payment}"),
            psp: psp::start(Clock::system()).await?,
            notification: format!("127.0.0.1:{notification}"),
            spans: testkit::otlp().await,
            kafka,
            sqs,
            s3,
            dir,
            settings: BTreeMap::new(),
            admin,
            running: BTreeMap::new(),
            overrides: overrides
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        world.allow_browsers().await?;
        for service in Service::ALL {
            let mut settings = world.settings(service)?;
            for (name, value) in &mut settings {
                if let Some(other) = world.overrides.get(name) {
                    value.clone_from(other);
                }
            }
            world.settings.insert(service, settings);
            if service.has_database() {
                world.migrate(service).await?;
            }
        }
        for service in Service::ALL {
            world.spawn(service)?;
        }
        for service in [Service::Document, Service::Payment, Service::Notification, Service::Bff] {
            world.ready(service).await?;
        }
        Ok(world)
    }

    /// Lets pages of this world's `bff` put to and get from its buckets.
    async fn allow_browsers(&self) -> Result<()> {
        let rule = CorsRule::builder()
            .allowed_origins(self.bff.origin().ascii_serialization())
            .allowed_methods("PUT")
            .allowed_methods("GET")
            .allowed_headers("*")
            .build()?;
        let rules = CorsConfiguration::builder().cors_rules(rule).build()?;
        for bucket in [&self.s3.settings.intake_bucket, &self.s3.settings.evidence_bucket] {
            self.s3.client.put_bucket_cors().bucket(bucket).cors_configuration(rules.clone()).send().await?;
        }
        Ok(())
    }

    fn settings(&self, service: Service) -> Result<Vec<(String, String)>> {
        let servers = testkit::env();
        let prefix = service.name().to_uppercase();
        let mut settings = Vec::new();
        let mut set =
            |name: &str, value: &str| settings.push((format!("{prefix}__{name}"), value.to_owned()));
        set("ADMIN__ADDR", &format!("127.0.0.1:{}", self.admin[&service]));
        set("AUTH__ISSUER", &servers.oidc_issuer());
        set("TELEMETRY__OTLP_ENDPOINT", &self.spans.endpoint());
        if !matches!(service, Service::Document | Service::Payment) {
            set("AUTH__CLIENT_ID", &format!("svc-{}", service.name()));
            set("AUTH__CLIENT_SECRET", &format!("svc-{}-secret", service.name()));
        }
        set("KAFKA__BROKERS", &self.kafka.settings.brokers);
        set("KAFKA__TOPIC_PREFIX", &self.kafka.settings.topic_prefix);
        if service != Service::Bff {
            set("SQS__ENDPOINT", &servers.get("GUILDHALL_SQS_ENDPOINT"));
            set("SQS__REGION", &self.sqs.settings.region);
            set("SQS__ACCESS_KEY_ID", "local");
            set("SQS__SECRET_ACCESS_KEY", "local");
            set("SQS__QUEUE_PREFIX", &self.sqs.settings.queue_prefix);
        }
        if matches!(service, Service::Document | Service::Payment | Service::Worker) {
            set("S3__ENDPOINT", self.s3.settings.endpoint.as_str());
            set("S3__PUBLIC_ENDPOINT", self.s3.settings.public_endpoint.as_str());
            set("S3__REGION", &self.s3.settings.region);
            set("S3__ACCESS_KEY_ID", &servers.get("GUILDHALL_S3_ACCESS_KEY"));
            set("S3__SECRET_ACCESS_KEY", &servers.get("GUILDHALL_S3_SECRET_KEY"));
            set("S3__INTAKE_BUCKET", &self.s3.settings.intake_bucket);
            set("S3__EVIDENCE_BUCKET", &self.s3.settings.evidence_bucket);
            if let Some(replica) = &self.s3.settings.replica_bucket {
                set("S3__REPLICA_BUCKET", replica);
            }
        }
        if service.has_database() {
            let urls = self.database(service)?;
            set("DB__URL", urls.app.expose_secret());
            set("DB__SYSTEM_URL", urls.system.expose_secret());
            set("DB__OWNER_URL", urls.owner.expose_secret());
            set("KMS__KEY_FILE", &testkit::key_file().to_string_lossy());
        }
        let document = format!("http://{}", self.document);
        let payment = format!("http://{}", self.payment);
        let notification = format!("http://{}", self.notification);
        match service {
            Service::Document => {
                set("GRPC__ADDR", &self.document);
                set("S3__AUDIT_BUCKET", &self.s3.settings.audit_bucket);
                set("S3__EXPORTS_BUCKET", &self.s3.settings.exports_bucket);
                set("AUDIT__SIGNING_KEY", testkit::SIGNING_KEY);
            }
            Service::Payment => {
                set("GRPC__ADDR", &self.payment);
                set("S3__AUDIT_BUCKET", &self.s3.settings.audit_bucket);
                set("S3__EXPORTS_BUCKET", &self.s3.settings.exports_bucket);
                set("AUDIT__SIGNING_KEY", testkit::SIGNING_KEY);
                set("PROVIDERS__FILE", &self.providers()?.to_string_lossy());
            }
            Service::Notification => {
                set("GRPC__ADDR", &self.notification);
                set("DOCUMENT__URL", &document);
            }
            Service::Worker => {
                set("ROLES", "scan,mail,preview,integrity,pdf,workflows");
                set("DOCUMENT__URL", &document);
                set("PAYMENT__URL", &payment);
                set("TEMPORAL__URL", &servers.temporal_url());
                // Worlds share the server; a queue of its own keeps each one's workflows with its worker.
                set("TEMPORAL__TASK_QUEUE", &format!("{}guildhall", self.kafka.settings.topic_prefix));
                set("NOTIFICATION__URL", &notification);
                set("CLAMD__ADDR", &servers.clamd_addr());
                set("SMTP__URL", &servers.smtp_url());
                set("SMTP__FROM", "Guildhall <noreply@guildhall.local>");
            }
            Service::Bff => {
                let port = self.bff.port().context("no port")?;
                set("HTTP__ADDR", &format!("127.0.0.1:{port}"));
                set("HTTP__PUBLIC_URL", self.bff.as_str());
                set("HTTP__UPLOAD_ORIGIN", self.s3.settings.public_endpoint.as_str());
                set("OIDC__CLIENT_ID", "portal");
                set("OIDC__CLIENT_SECRET", "portal-secret");
                set("REDIS__URL", &servers.redis_url());
                set("DOCUMENT__URL", &document);
                set("PAYMENT__URL", &payment);
                set("NOTIFICATION__URL", &notification);
            }
        }
        Ok(settings)
    }

    /// A file with the account at the payment provider, whose callbacks come to `bff`.
    fn providers(&self) -> Result<PathBuf> {
        let account = self.psp.account("acct_town");
        let port = self.bff.port().context("no port")?;
        let file = self.dir.join("providers.json");
        let accounts = serde_json::json!({ "accounts": [{
            "name": account.id, "tenant": "riverton", "provider": "sandbox", "url": self.psp.url(), "api_key": account.api_key.0,
            "webhook_secrets": account.webhook_secrets.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "callback_url": format!("http://127.0.0.1:{port}/webhooks/payments/{}", account.id),
        }] });
        fs::write(&file, accounts.to_string())?;
        Ok(file)
    }

    fn bootstrap(&self, service: Service) -> Bootstrap {
        // The logins are the server's own, shared with everything that runs on it, so their passwords must be too.
        let password = |role: &str| SecretString::from(format!("{}_{role}", service.name()));
        let suffix = self.kafka.settings.topic_prefix.trim_end_matches('-');
        Bootstrap {
            service: service.name().to_owned(),
            database: format!("{}_{suffix}", service.name()),
            owner_password: password("owner"),
            app_password: password("app"),
            system_password: password("system"),
        }
    }

    /// The logins of a service's database.
    ///
    /// # Errors
    ///
    /// When the administrator's URL is none.
    pub fn database(&self, service: Service) -> Result<Urls> {
        Ok(self.bootstrap(service).urls(&SecretString::from(testkit::env().pg_admin_url()))?)
    }

    /// Name of a service's database; `None` where it has none.
    #[must_use]
    pub fn database_name(&self, service: Service) -> Option<String> {
        service.has_database().then(|| self.bootstrap(service).database)
    }

    async fn migrate(&self, service: Service) -> Result<()> {
        let admin = SecretString::from(testkit::env().pg_admin_url());
        pg::bootstrap(&admin, &self.bootstrap(service)).await?;
        let log = self.log(service)?;
        let status = self.command(service, "migrate")?.stdout(log.try_clone()?).stderr(log).status().await?;
        ensure!(
            status.success(),
            "{} migrate: {status}; see {}",
            service.name(),
            self.log_path(service).display()
        );
        Ok(())
    }

    /// What a service's program prints when an operator runs it, with the service's own settings.
    ///
    /// # Errors
    ///
    /// When it does not succeed.
    pub async fn operate(&self, service: Service, subcommand: &str, args: &[&str]) -> Result<String> {
        let output = self.command(service, subcommand)?.args(args).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} {subcommand}: {}: {said}", service.name(), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    fn command(&self, service: Service, subcommand: &str) -> Result<Command> {
        let mut command = Command::new(programs()?.join(service.name()));
        command
            .arg(subcommand)
            .envs(self.settings[&service].iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }

    /// Where a service logs to.
    #[must_use]
    pub fn log_path(&self, service: Service) -> PathBuf {
        self.dir.join(format!("{}.log", service.name()))
    }

    /// Folder of this world's logs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn log(&self, service: Service) -> Result<File> {
        Ok(File::options().create(true).append(true).open(self.log_path(service))?)
    }

    /// Starts a service that does not run.
    ///
    /// # Errors
    ///
    /// When its program is not there.
    pub fn spawn(&mut self, service: Service) -> Result<()> {
        let log = self.log(service)?;
        let child = self.command(service, "serve")?.stdout(log.try_clone()?).stderr(log).spawn();
        let child =
            child.with_context(|| format!("{} is not built: cargo build --workspace", service.name()))?;
        self.running.insert(service, Running::keep(child)?);
        Ok(())
    }

    /// The most memory that a service has had resident since its start, in KiB.
    ///
    /// # Errors
    ///
    /// When it does not run, or the system does not say.
    pub fn peak_memory(&self, service: Service) -> Result<u64> {
        let running = self.running.get(&service).and_then(|running| running.child.id());
        let id = running.with_context(|| format!("{} does not run", service.name()))?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.split_whitespace().next()).context("no peak is told")?;
        Ok(peak.parse()?)
    }

    /// Ends a service by SIGKILL, at whatever instruction it is.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub async fn kill(&mut self, service: Service) -> Result<()> {
        let running = self.running.remove(&service);
        let Running { mut keeper, mut child } =
            running.with_context(|| format!("{} does not run", service.name()))?;
        // First, so that it never ends another process of the same id.
        keeper.kill().await?;
        child.kill().await?;
        Ok(())
    }

    /// Waits until a service says that it is ready.
    ///
    /// # Errors
    ///
    /// When it does not in a minute.
    pub async fn ready(&self, service: Service) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/ready", self.admin[&service]);
        testkit::eventually(READY_WITHIN, || async {
            reqwest::get(&url).await?.error_for_status()?;
            anyhow::Ok(())
        })
        .await
        .with_context(|| format!("{} is not ready; see {}", service.name(), self.log_path(service).display()))
    }

    /// What a service says of its readiness.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn report(&self, service: Service) -> Result<String> {
        Ok(reqwest::get(format!("http://127.0.0.1:{}/ready", self.admin[&service])).await?.text().await?)
    }
}
