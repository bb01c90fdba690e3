//! A batch's own database, topic and queue, and what is in them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use queue::{Consumer, Received, Sqs};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;
use testkit::{TestDb, TestKafka, TestSqs};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use super::servers::{Server, Servers};
use crate::ledger;
use crate::place::{Place, QUEUE, TOPIC};
use crate::roles::key;
use crate::verdict::Found;

/// As many as two consumers have work with, and few enough to be assigned quickly.
const PARTITIONS: u32 = 6;

/// Everything that is a batch's own; gone with it.
pub(super) struct World {
    pub(super) place: Place,
    db: TestDb,
    _kafka: TestKafka,
    _sqs: TestSqs,
    received: Arc<Mutex<BTreeSet<Uuid>>>,
    receiving: JoinHandle<()>,
    stop: CancellationToken,
}

/// How far things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) committed: i64,
    pub(super) applied: i64,
    pub(super) outbox: i64,
    pub(super) jobs: i64,
    pub(super) received: i64,
    /// Rows of the table `outbox` that are deleted and not vacuumed away, as the server estimates them.
    pub(super) dead: i64,
    /// What the table and its indexes take of the disk.
    pub(super) kib: i64,
}

impl Progress {
    pub(super) fn at_rest(self) -> bool {
        self.committed == self.applied && self.outbox == 0 && self.jobs == self.received
    }
}

impl World {
    pub(super) async fn make(servers: &Servers, keys: u32) -> Result<Self> {
        let migrators = [&outbox::MIGRATOR, &consumer::MIGRATOR, &crate::MIGRATOR];
        let db = testkit::database("backbone", &migrators).await;
        let kafka = testkit::kafka().await;
        kafka.create(&[(TOPIC, PARTITIONS)]).await;
        let sqs = testkit::sqs().await;
        let place = Place {
            app_url: through(&db.urls.app, servers)?,
            system_url: through(&db.urls.system, servers)?,
            brokers: servers.proxy(Server::Kafka).to_owned(),
            topic_prefix: kafka.settings.topic_prefix.clone(),
            sqs: format!("http://{}", servers.proxy(Server::Sqs)),
            queue_prefix: sqs.settings.queue_prefix.clone(),
        };
        let mut admin = db.admin().await;
        for number in 0..keys {
            let (tenant, key) = key(number)?;
            for table in ["counters", "progress"] {
                let insert = format!("insert into {table} (tenant, key) values ($1, $2)");
                let insert = sqlx::query(sqlx::AssertSqlSafe(insert)).bind(tenant.as_str()).bind(&key);
                insert.execute(&mut admin).await?;
            }
        }
        let (received, stop) = (Arc::default(), CancellationToken::new());
        let receiving = tokio::spawn(receive(sqs.sqs.clone(), Arc::clone(&received), stop.clone()));
        Ok(Self { place, db, _kafka: kafka, _sqs: sqs, received, receiving, stop })
    }

    /// How far things are; an error while the database is away.
    pub(super) async fn progress(&self) -> Result<Progress> {
        // A row of each: planning them together costs more than asking twice.
        let mut admin = self.admin().await?;
        let sums = "select (select coalesce(sum(n), 0)::bigint from counters), (select coalesce(sum(n), 0)::bigint from progress),
                           (select count(*) from outbox), (select count(*) from jobs),
                           (select n_dead_tup from pg_stat_user_tables where relname = 'outbox'),
                           pg_total_relation_size('outbox') / 1024";
        let (committed, applied, outbox, jobs, dead, kib) =
            sqlx::query_as(sums).fetch_one(&mut admin).await?;
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner).len();
        Ok(Progress {
            committed,
            applied,
            outbox,
            jobs,
            received: i64::try_from(received).unwrap_or(i64::MAX),
            dead,
            kib,
        })
    }

    /// Everything that the batch has left, beside what was acknowledged.
    pub(super) async fn found(self, acknowledged: ledger::Entries) -> Result<Found> {
        self.stop.cancel();
        self.receiving.await?;
        let mut admin = self.db.admin().await;
        let committed: Vec<(String, i64)> =
            sqlx::query_as("select key, n from counters").fetch_all(&mut admin).await?;
        let applied: Vec<(String, i64)> =
            sqlx::query_as("select key, n from applied order by place").fetch_all(&mut admin).await?;
        let jobs: Vec<Uuid> = sqlx::query_scalar("select id from jobs").fetch_all(&mut admin).await?;
        let parked: i64 = sqlx::query_scalar("select count(*) from parked").fetch_one(&mut admin).await?;
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Found {
            acknowledged,
            committed: committed.into_iter().map(|(key, n)| (key, n.unsigned_abs())).collect(),
            applied: applied.into_iter().map(|(key, n)| (key, n.unsigned_abs())).collect(),
            jobs: jobs.into_iter().collect(),
            received,
            parked: parked.unsigned_abs(),
        })
    }

    async fn admin(&self) -> Result<PgConnection> {
        use sqlx::Connection as _;
        let mut url = Url::parse(&testkit::env().pg_admin_url())?;
        url.set_path(&self.db.name);
        Ok(PgConnection::connect(url.as_str()).await?)
    }
}

/// The same login by the proxy.
fn through(url: &SecretString, servers: &Servers) -> Result<String> {
    let mut url = Url::parse(url.expose_secret())?;
    let proxy = Url::parse(&format!("http://{}", servers.proxy(Server::Postgres)))?;
    url.set_host(proxy.host_str())?;
    let set = url.set_port(proxy.port());
    anyhow::ensure!(set.is_ok(), "the database's URL takes no port");
    Ok(url.into())
}

/// Receives jobs, straight from SQS, and notes them. A job may come twice, by SQS's own contract.
async fn receive(sqs: Sqs, received: Arc<Mutex<BTreeSet<Uuid>>>, stop: CancellationToken) {
    let note = move |job: Received| {
        received.lock().unwrap_or_else(PoisonError::into_inner).insert(job.job.job_id.as_uuid());
        std::future::ready(Ok(()))
    };
    Consumer::new(sqs, QUEUE).concurrency(10).run(note, stop).await;
}
