//! Commits steps with their events, and tells the driver of each commit that was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Result;
use clock::Clock;
use ids::{EventId, JobId, Tenant};
use outbox::Event;
use pg::{Db, Tx};
use queue::Job;
use rand::Rng as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Said, Start, key, payload};
use crate::ledger::Acknowledged;
use crate::place::{Place, QUEUE, TOPIC, TYPE};

/// How hard a producer works.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Transactions at once.
    #[arg(long, default_value_t = 3)]
    pub writers: u32,
    /// Keys to choose from.
    #[arg(long, default_value_t = 64)]
    pub keys: u32,
    /// Steps of one transaction, at most.
    #[arg(long, default_value_t = 3)]
    pub steps: i64,
    /// Longest pause between two transactions of a writer.
    #[arg(long, default_value_t = 60)]
    pub pause_ms: u64,
    /// Longest pause between the last append and the commit.
    #[arg(long, default_value_t = 10)]
    pub hold_ms: u64,
    /// One transaction of so many also sends a job.
    #[arg(long, default_value_t = 4)]
    pub job_every: u32,
    /// Ends by itself after so many steps.
    #[arg(long)]
    pub limit: Option<i64>,
}

impl Default for Load {
    fn default() -> Self {
        Self { writers: 3, keys: 64, steps: 3, pause_ms: 60, hold_ms: 10, job_every: 4, limit: None }
    }
}

impl Load {
    /// As arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        let numbers = [
            ("--writers", i64::from(self.writers)),
            ("--keys", i64::from(self.keys)),
            ("--steps", self.steps),
            ("--pause-ms", i64::try_from(self.pause_ms).unwrap_or(i64::MAX)),
            ("--hold-ms", i64::try_from(self.hold_ms).unwrap_or(i64::MAX)),
            ("--job-every", i64::from(self.job_every)),
        ];
        let limit = self.limit.map(|limit| ("--limit", limit));
        for (name, number) in numbers.into_iter().chain(limit) {
            words.extend([name.to_owned(), number.to_string()]);
        }
        words
    }
}

pub(super) async fn run(place: &Place, start: &Start, shutdown: CancellationToken) -> Result<()> {
    let db = place.db(&start.instance)?;
    let producer = Producer {
        db: db.clone(),
        clock: Clock::system(),
        load: start.load.clone(),
        left: Arc::new(AtomicI64::new(start.load.limit.unwrap_or(i64::MAX))),
        works: Arc::default(),
    };
    let mut writers = JoinSet::new();
    for _ in 0..start.load.writers {
        writers.spawn(producer.clone().write(shutdown.clone()));
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    db.close().await;
    Ok(())
}

#[derive(Clone)]
struct Producer {
    db: Db,
    clock: Clock,
    load: Load,
    left: Arc<AtomicI64>,
    works: Arc<AtomicBool>,
}

/// What one transaction is to do.
struct Plan {
    tenant: Tenant,
    key: String,
    steps: i64,
    hold: Duration,
    job: Option<Job>,
    /// Everything is done, and then rolled back.
    gives_up: bool,
}

/// What came of a transaction that did not commit, as far as its caller knows.
#[derive(Debug)]
enum Undone {
    GaveUp,
    Failed(pg::Error),
}

impl From<pg::Error> for Undone {
    fn from(error: pg::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for Undone {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Producer {
    async fn write(self, shutdown: CancellationToken) -> Result<()> {
        while !shutdown.is_cancelled() {
            let plan = self.plan()?;
            let steps = plan.steps;
            if self.left.fetch_sub(steps, Ordering::SeqCst) <= 0 {
                return Ok(());
            }
            let (key, job) = (plan.key.clone(), plan.job.as_ref().map(|job| job.job_id));
            let clock = self.clock.clone();
            let tenant = plan.tenant.clone();
            let done =
                self.db.tenant(&tenant, move |tx| Box::pin(async move { commit(tx, &clock, &plan).await }));
            let mut pause = Duration::from_millis(rand::rng().random_range(0..=self.load.pause_ms));
            match done.await {
                Ok((last, event)) => self.tell(key, last - steps + 1, last, event, job),
                Err(undone) => {
                    // What was not done leaves its steps to others.
                    self.left.fetch_add(steps, Ordering::SeqCst);
                    if let Undone::Failed(error) = undone {
                        tracing::debug!(%error, "not committed, or not known to be");
                        pause = pause.max(Duration::from_millis(50));
                    }
                }
            }
            shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        Ok(())
    }

    fn plan(&self) -> Result<Plan> {
        let mut random = rand::rng();
        let (tenant, key) = key(random.random_range(0..self.load.keys))?;
        let job = (random.random_range(0..self.load.job_every) == 0)
            .then(|| Job::new(JobId::mint(&self.clock), tenant.clone(), "step"));
        Ok(Plan {
            tenant,
            key,
            steps: random.random_range(1..=self.load.steps),
            hold: Duration::from_millis(random.random_range(0..=self.load.hold_ms)),
            job,
            gives_up: random.random_range(0..16) == 0,
        })
    }

    fn tell(&self, key: String, first: i64, last: i64, event: EventId, job: Option<JobId>) {
        let (first, last) = (first.unsigned_abs(), last.unsigned_abs());
        Said::Acknowledged(Acknowledged::Steps { key, first, last, event: event.as_uuid() }).say();
        if let Some(job) = job {
            Said::Acknowledged(Acknowledged::Job(job.as_uuid())).say();
        }
        if !self.works.swap(true, Ordering::SeqCst) {
            Said::Works.say();
        }
    }
}

/// The use case: counts the key up under its row's lock and says so, step by step. Gives the last step and the first
/// event.
async fn commit(tx: &mut Tx, clock: &Clock, plan: &Plan) -> Result<(i64, EventId), Undone> {
    let (mut last, mut first_event) = (0, None);
    for _ in 0..plan.steps {
        let count = "update counters set n = n + 1 where tenant = $1 and key = $2 returning n";
        let count = sqlx::query_scalar(count).bind(plan.tenant.as_str()).bind(&plan.key);
        last = count.fetch_one(&mut **tx).await?;
        let event = Event {
            topic: TOPIC.to_owned(),
            type_: TYPE.to_owned(),
            subject: plan.key.clone(),
            key: plan.key.clone(),
            dataschema: "text:step".to_owned(),
            payload: payload(&plan.key, last),
        };
        let event = outbox::append(tx, clock, event).await?;
        first_event.get_or_insert(event);
    }
    if let Some(job) = &plan.job {
        let insert = sqlx::query("insert into jobs (tenant, id) values ($1, $2)");
        insert.bind(plan.tenant.as_str()).bind(job.job_id.as_uuid()).execute(&mut **tx).await?;
        outbox::append_job(tx, clock, QUEUE, job).await?;
    }
    if !plan.hold.is_zero() {
        tokio::time::sleep(plan.hold).await;
    }
    match first_event {
        Some(event) if !plan.gives_up => Ok((last, event)),
        _ => Err(Undone::GaveUp),
    }
}
