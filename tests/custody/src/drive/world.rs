//! Database, topic, queue and buckets of a run, and what is made due in them instead of waiting for it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use blobs::Blobs;
use clock::Clock;
use sqlx::PgConnection;
use testkit::place::{self, Phase};
use testkit::{Issuer, TestDb, TestKafka, TestS3, TestSqs, free_port};
use tokio::process::Command;
use tokio::sync::watch;

use super::books::Books;
use super::record::Record;
use crate::role::Role;

/// How often what does not come to rest is helped.
const AGAIN: Duration = Duration::from_secs(15);

/// Everything that is a run's own.
pub(super) struct World {
    pub(super) dir: PathBuf,
    pub(super) phase: watch::Sender<Phase>,
    pub(super) books: Books,
    pub(super) blobs: Blobs,
    pub(super) s3: TestS3,
    pub(super) kafka: TestKafka,
    pub(super) issuer: Issuer,
    /// Where the replicas of `document` serve.
    pub(super) grpc: [String; 2],
    pub(super) clock: Clock,
    sqs: TestSqs,
    db: TestDb,
    admin: [u16; 3],
    record: Mutex<Record>,
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) role: Role,
    /// Which of the role's.
    pub(super) index: usize,
}

/// Two replicas of `document`, so that one goes on with what the other had begun. One worker: when it dies the leases of
/// its jobs are ended at once, which must not happen to another's.
pub(super) const PLACES: [Place; 3] = [
    Place { role: Role::Document, index: 0 },
    Place { role: Role::Document, index: 1 },
    Place { role: Role::Worker, index: 0 },
];

impl Place {
    fn number(self) -> usize {
        PLACES.iter().position(|place| *place == self).unwrap_or_default()
    }

    pub(super) fn name(self) -> String {
        format!("{}-{}", self.role, self.index)
    }
}

/// What a pass of the reconciler has said.
pub(super) struct Pass {
    pub(super) table: String,
    pub(super) clean: bool,
}

impl World {
    pub(super) async fn make(dir: &Path) -> Result<Self> {
        let db = testkit::database("document", document::MIGRATORS).await;
        let (s3, kafka, issuer) = (testkit::s3().await, testkit::kafka().await, testkit::tokens().await);
        // A message that was received by a process that died comes back soon, any number of times.
        let sqs =
            testkit::sqs_with(|queue| (queue.visibility_seconds, queue.max_receive_count) = (10, 1_000));
        let (sqs, clock) = (sqs.await, Clock::system());
        let blobs = Blobs::new(&s3.settings, clock.clone()).await;
        Ok(Self {
            dir: dir.to_owned(),
            phase: watch::Sender::new(Phase::Killing),
            books: Books::default(),
            blobs,
            s3,
            kafka,
            issuer,
            grpc: [format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port())],
            clock,
            sqs,
            db,
            admin: [free_port(), free_port(), free_port()],
            record: Mutex::new(Record {
                deaths: Role::ALL.map(|role| (role, place::Deaths::default())).into(),
                ..Record::default()
            }),
        })
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn did(&self, what: &'static str) {
        self.record().did(what);
    }

    pub(super) fn fault(&self, what: String) {
        self.record().faults.push(what);
    }

    /// The variables of a process.
    pub(super) fn settings(&self, place: Place) -> Vec<(String, String)> {
        let Place { role, index } = place;
        let prefix = role.name().to_uppercase();
        let mut settings = vec![
            ("ADMIN__ADDR", format!("127.0.0.1:{}", self.admin[place.number()])),
            ("AUTH__ISSUER", self.issuer.url().to_owned()),
        ];
        settings.extend(self.sqs.variables());
        settings.extend(self.s3.variables());
        match role {
            Role::Document => {
                settings.extend(self.db.variables());
                settings.extend(self.kafka.variables());
                settings.extend(self.s3.audit_variables());
                settings.extend([
                    ("KMS__KEY_FILE", testkit::key_file().to_string_lossy().into_owned()),
                    ("GRPC__ADDR", self.grpc[index].clone()),
                    // Passes without end, which spare nothing because it is young.
                    ("REJECTED__KEEP_DAYS", "0".to_owned()),
                    ("RECONCILE__EVERY_SECONDS", "1".to_owned()),
                    ("RECONCILE__HORIZON_SECONDS", "0".to_owned()),
                    ("RECONCILE__PAUSE_MS", "0".to_owned()),
                ]);
            }
            Role::Worker => settings.extend([
                ("AUTH__CLIENT_ID", "svc-worker".to_owned()),
                ("AUTH__CLIENT_SECRET", "test-secret".to_owned()),
                ("ROLES", "scan".to_owned()),
                ("DOCUMENT__URL", format!("http://{}", self.grpc[0])),
                ("CLAMD__ADDR", testkit::env().clamd_addr()),
            ]),
        }
        settings.into_iter().map(|(name, value)| (format!("{prefix}__{name}"), value)).collect()
    }

    /// Where a process is kept running.
    pub(super) fn place(&self, place: Place) -> place::Place {
        place::Place {
            name: place.name(),
            command: ["role".to_owned(), place.role.name().to_owned()],
            settings: self.settings(place),
            admin: self.admin[place.number()],
            log: self.dir.join(format!("{}.log", place.name())),
            deaths: self.record().deaths(place.role),
            running: Arc::default(),
        }
    }

    /// A connection that sees every row.
    pub(super) async fn rows(&self) -> PgConnection {
        self.db.admin().await
    }

    /// What a process had and nobody has any more is free now, and not when its lease ends. A row that is locked is somebody's,
    /// and waiting for several of them would deadlock with those who lock them in another order.
    pub(super) async fn died(&self, role: Role) -> Result<()> {
        let statements: &[&'static str] = match role {
            Role::Document => &[
                "update due d set at = now(), claim = null
                   from (select tenant, kind, subject from due where claim is not null for update skip locked) free
                  where (d.tenant, d.kind, d.subject) = (free.tenant, free.kind, free.subject)",
                "update due d set at = now()
                   from (select tenant, kind, subject from due
                          where at > now() and at < now() + interval '2 minutes'
                            and kind in ('object_locks', 'intake_cleanup', 'evidence_cleanup')
                            for update skip locked) free
                  where (d.tenant, d.kind, d.subject) = (free.tenant, free.kind, free.subject)",
            ],
            Role::Worker => &[
                "update scan_jobs j set lease_expires_at = now()
                   from (select tenant, id from scan_jobs where reported_at is null and claims > 0
                          for update skip locked) free
                  where (j.tenant, j.id) = (free.tenant, free.id)",
                "update due d set at = now(), due_at = now(), claim = null
                   from (select tenant, kind, subject from due where kind = 'scan_unreported'
                          for update skip locked) free
                  where (d.tenant, d.kind, d.subject) = (free.tenant, free.kind, free.subject)",
            ],
        };
        let mut rows = self.rows().await;
        for statement in statements {
            sqlx::query(*statement).execute(&mut rows).await?;
        }
        Ok(())
    }

    /// Has the retention of what can be read of a document end now.
    pub(super) async fn end_retention(&self, document: &str) -> Result<()> {
        let end = "with locked as (select tenant, id from documents where id = $1::uuid for no key update),
                 ended as (update document_versions v set retain_until = now() from locked d
                           where v.tenant = d.tenant and v.document_id = d.id and v.status = 'ready'
                           returning v.tenant, v.id)
             insert into due (tenant, kind, subject, due_at, at) select tenant, 'retention', id, now(), now() from ended
             on conflict (tenant, kind, subject) do update
                 set due_at = excluded.due_at, at = excluded.at, attempts = 0, claim = null";
        sqlx::query(end).bind(document).execute(&mut self.rows().await).await?;
        Ok(())
    }

    /// Has the wait for uploads end now: of one document, or of all.
    pub(super) async fn end_upload(&self, document: Option<&str>) -> Result<()> {
        let end = "with locked as (select tenant, id from documents where id = coalesce($1::uuid, id)
                                   for no key update),
                 ended as (update document_versions v set upload_expires_at = now() from locked d
                           where v.tenant = d.tenant and v.document_id = d.id and v.status = 'pending_upload'
                           returning v.tenant, v.id)
             insert into due (tenant, kind, subject, due_at, at) select tenant, 'upload_expiry', id, now(), now() from ended
             on conflict (tenant, kind, subject) do update
                 set due_at = excluded.due_at, at = excluded.at, attempts = 0, claim = null";
        sqlx::query(end).bind(document).execute(&mut self.rows().await).await?;
        Ok(())
    }

    /// Ends the waits of all that was begun, and waits until nothing is on its way. Says whether it came to that.
    pub(super) async fn rest(&self, patience: Duration) -> Result<bool> {
        let waiting = "select (select count(*) from document_versions
                                where status in ('pending_upload', 'uploaded', 'scanning')),
                              (select count(*) from outbox),
                              (select count(*) from due d left join document_versions v on v.id = d.subject
                                where d.kind in ('object_locks', 'scan_unreported', 'upload_expiry')
                                   or d.kind = 'retention' and d.due_at <= now()
                                   or d.kind = 'intake_cleanup' and d.at < v.updated_at + interval '14 minutes'
                                   or d.kind = 'evidence_cleanup' and d.at < v.updated_at + interval '59 minutes')";
        self.end_upload(None).await?;
        let (end, mut next) = (Instant::now() + patience, Instant::now() + AGAIN);
        let mut rows = self.rows().await;
        loop {
            let left: (i64, i64, i64) = sqlx::query_as(waiting).fetch_one(&mut rows).await?;
            if left == (0, 0, 0) {
                return Ok(true);
            }
            if Instant::now() >= next {
                next += AGAIN;
                let (versions, outbox, due) = left;
                println!("         versions on their way {versions}, outbox {outbox}, due {due}");
                // A claim whose answer was lost is nobody's.
                self.died(Role::Worker).await?;
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Runs `document reconcile` with a horizon of nothing.
    pub(super) async fn reconcile(&self) -> Result<Pass> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["role", "reconcile"]).envs(self.settings(PLACES[0])).stdin(Stdio::null());
        let output = command.stderr(File::create(self.dir.join("reconcile.log"))?).output().await?;
        let table = String::from_utf8(output.stdout)?;
        ensure!(!table.is_empty(), "it did not get to an end; see reconcile.log in {}", self.dir.display());
        Ok(Pass { table, clean: output.status.success() })
    }
}
