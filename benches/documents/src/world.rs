//! The two services of a document's way, as processes, over a database, topics, queues and buckets of their own.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bench_report::{Cpu, Process};
use pg::Bootstrap;
use secrecy::{ExposeSecret as _, SecretString};
use testkit::{Issuer, Otlp, TestKafka, TestS3, TestSqs};
use tokio::process::{Child, Command};

/// How long a service may take from start to ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// What their work is shared out to.
const SERVERS: [&str; 5] = ["postgres", "kafka", "elasticmq", "versitygw", "clamd"];

/// The services, and what is theirs. They end with it.
pub(crate) struct World {
    /// The document service's gRPC.
    pub(crate) document: String,
    /// Whom they trust.
    pub(crate) issuer: Issuer,
    /// Takes their spans.
    pub(crate) spans: Otlp,
    _kafka: TestKafka,
    _sqs: TestSqs,
    _s3: TestS3,
    processes: [Child; 2],
    servers: Vec<Process>,
}

impl World {
    /// Makes what is theirs and starts them.
    pub(crate) async fn start() -> Result<Self> {
        let (kafka, sqs, s3, issuer, spans) =
            tokio::join!(testkit::kafka(), testkit::sqs(), testkit::s3(), testkit::tokens(), testkit::otlp());
        let grpc = format!("127.0.0.1:{}", free_port()?);
        let bootstrap = Bootstrap {
            service: "document".to_owned(),
            database: format!("document_{}", kafka.settings.topic_prefix.trim_end_matches('-')),
            owner_password: SecretString::from("document_owner"),
            app_password: SecretString::from("document_app"),
            system_password: SecretString::from("document_system"),
        };
        let admin = SecretString::from(testkit::env().pg_admin_url());
        pg::bootstrap(&admin, &bootstrap).await?;
        let urls = bootstrap.urls(&admin)?;

        let both = |prefix: &str| {
            let servers = testkit::env();
            [
                ("AUTH__ISSUER", issuer.url().to_owned()),
                ("TELEMETRY__OTLP_ENDPOINT", spans.endpoint()),
                ("TELEMETRY__LOG", "warn".to_owned()),
                ("KAFKA__BROKERS", kafka.settings.brokers.clone()),
                ("KAFKA__TOPIC_PREFIX", kafka.settings.topic_prefix.clone()),
                ("SQS__ENDPOINT", servers.get("GUILDHALL_SQS_ENDPOINT")),
                ("SQS__REGION", sqs.settings.region.clone()),
                ("SQS__ACCESS_KEY_ID", "local".to_owned()),
                ("SQS__SECRET_ACCESS_KEY", "local".to_owned()),
                ("SQS__QUEUE_PREFIX", sqs.settings.queue_prefix.clone()),
                ("S3__ENDPOINT", s3.settings.endpoint.to_string()),
                ("S3__PUBLIC_ENDPOINT", s3.settings.public_endpoint.to_string()),
                ("S3__REGION", s3.settings.region.clone()),
                ("S3__ACCESS_KEY_ID", servers.get("GUILDHALL_S3_ACCESS_KEY")),
                ("S3__SECRET_ACCESS_KEY", servers.get("GUILDHALL_S3_SECRET_KEY")),
                ("S3__INTAKE_BUCKET", s3.settings.intake_bucket.clone()),
                ("S3__EVIDENCE_BUCKET", s3.settings.evidence_bucket.clone()),
            ]
            .map(|(name, value)| (format!("{prefix}__{name}"), value))
        };
        let key_file = testkit::key_file().to_string_lossy().into_owned();
        let document_admin = format!("127.0.0.1:{}", free_port()?);
        let document = both("DOCUMENT").into_iter().chain(own([
            ("DOCUMENT__ADMIN__ADDR", &document_admin),
            ("DOCUMENT__GRPC__ADDR", &grpc),
            ("DOCUMENT__DB__URL", urls.app.expose_secret()),
            ("DOCUMENT__DB__SYSTEM_URL", urls.system.expose_secret()),
            ("DOCUMENT__DB__OWNER_URL", urls.owner.expose_secret()),
            ("DOCUMENT__KMS__KEY_FILE", &key_file),
            ("DOCUMENT__S3__AUDIT_BUCKET", &s3.settings.audit_bucket),
            ("DOCUMENT__AUDIT__SIGNING_KEY", testkit::SIGNING_KEY),
        ]));
        let document: Vec<_> = document.collect();
        let worker_admin = format!("127.0.0.1:{}", free_port()?);
        let worker = both("WORKER").into_iter().chain(own([
            ("WORKER__ADMIN__ADDR", &worker_admin),
            ("WORKER__ROLES", "scan"),
            ("WORKER__AUTH__CLIENT_ID", "svc-worker"),
            ("WORKER__AUTH__CLIENT_SECRET", "test-secret"),
            ("WORKER__DOCUMENT__URL", &format!("http://{grpc}")),
            ("WORKER__CLAMD__ADDR", &testkit::env().clamd_addr()),
        ]));
        let worker: Vec<_> = worker.collect();

        let migrated = program("document", "migrate", &document)?.status().await?;
        ensure!(migrated.success(), "document migrate: {migrated}");
        let document = program("document", "serve", &document)?.spawn()?;
        let worker = program("worker", "serve", &worker)?.spawn()?;
        for (name, addr) in [("document", document_admin), ("worker", worker_admin)] {
            let url = format!("http://{addr}/ready");
            testkit::eventually(READY_WITHIN, || async {
                reqwest::get(&url).await?.error_for_status()?;
                anyhow::Ok(())
            })
            .await
            .with_context(|| format!("{name} is not ready; see {}", log_path(name).display()))?;
        }
        Ok(Self {
            document: format!("http://{grpc}"),
            issuer,
            spans,
            _kafka: kafka,
            _sqs: sqs,
            _s3: s3,
            processes: [document, worker],
            servers: SERVERS.map(bench_report::server).into_iter().collect::<Result<_>>()?,
        })
    }

    /// `document` and `worker`.
    pub(crate) fn services(&self) -> Result<[Process; 2]> {
        let pids: Vec<u32> = self.processes.iter().filter_map(Child::id).collect();
        let [document, worker] = pids[..] else {
            anyhow::bail!("a service has died; see {}", log_path("*").display())
        };
        Ok([Process::of(document), Process::of(worker)])
    }

    /// CPU of both services, and of the servers, so far.
    pub(crate) fn cpu(&self) -> Result<(Cpu, Cpu)> {
        let sum = |all: &[Process]| Cpu(all.iter().map(|process| process.tree_cpu().0).sum());
        Ok((sum(&self.services()?), sum(&self.servers)))
    }
}

fn own<const N: usize>(settings: [(&str, &str); N]) -> [(String, String); N] {
    settings.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Programs are built beside this one.
fn program(name: &str, subcommand: &str, settings: &[(String, String)]) -> Result<Command> {
    let own = std::env::current_exe()?;
    let log = File::options().create(true).append(true).open(log_path(name))?;
    let mut command = Command::new(own.with_file_name(name));
    command
        .arg(subcommand)
        .envs(settings.iter().cloned())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    Ok(command)
}

fn log_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("bench-documents-{}-{name}.log", std::process::id()))
}

/// One that is free now, below those that the system gives to outgoing connections.
fn free_port() -> Result<u16> {
    use rand::Rng as _;
    (0..100)
        .map(|_| rand::rng().random_range(20_000..32_000))
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .context("no port is free between 20000 and 32000")
}
