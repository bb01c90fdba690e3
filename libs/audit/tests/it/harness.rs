//! A database and a bucket of one's own, and events that have happened.

use audit::{Report, Trail};
use blobs::Blobs;
use clock::Clock;
use consumer::{CloudEvent, Failure};
use ids::{EventId, Tenant};
use pg::Db;
use testkit::{TestDb, TestS3};
use time::OffsetDateTime;

pub(crate) const SERVICE: &str = "document";

pub(crate) struct World {
    pub(crate) database: TestDb,
    /// Its buckets last as long as this.
    _s3: TestS3,
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Clock,
    pub(crate) trail: Trail,
}

pub(crate) async fn world() -> World {
    let migrators = [&consumer::MIGRATOR, &audit::MIGRATOR];
    let (database, s3) =
        tokio::join!(Box::pin(testkit::database("audit", &migrators)), Box::pin(testkit::s3()));
    #[expect(clippy::disallowed_methods, reason = "the object store compares retentions with the real time")]
    let clock = Clock::frozen(OffsetDateTime::now_utc());
    let db = database.connect();
    let blobs = Blobs::new(&s3.settings, clock.clone()).await;
    let trail = Trail::new(&db, &blobs, &clock, &testkit::audit(), SERVICE);
    World { database, _s3: s3, db, blobs, clock, trail }
}

pub(crate) fn tenant(name: &str) -> Tenant {
    name.parse().unwrap()
}

impl World {
    /// Something that has happened to a subject.
    pub(crate) fn event(&self, of: &Tenant, subject: &str) -> CloudEvent {
        CloudEvent {
            id: EventId::mint(&self.clock),
            type_: "guildhall.document.ready.v1".to_owned(),
            source: "/guildhall/document".to_owned(),
            subject: subject.to_owned(),
            time: self.clock.now(),
            tenant: of.clone(),
            dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
            traceparent: None,
            key: subject.to_owned(),
            payload: format!("what happened to {subject}").into_bytes(),
        }
    }

    /// Appends so many events to a tenant's chain in one transaction; returns their ids.
    pub(crate) async fn happen(&self, of: &Tenant, count: usize) -> Vec<uuid::Uuid> {
        let events: Vec<_> = (0..count).map(|n| self.event(of, &format!("d-{}", n % 7))).collect();
        let ids = events.iter().map(|event| event.id.as_uuid()).collect();
        self.append(of, events).await.unwrap();
        ids
    }

    pub(crate) async fn append(&self, of: &Tenant, events: Vec<CloudEvent>) -> Result<(), Failure> {
        let work = self.db.tenant(of, move |tx| {
            Box::pin(async move {
                let events: Vec<_> = events.iter().collect();
                audit::append(tx, SERVICE, &events).await
            })
        });
        work.await
    }

    pub(crate) async fn verify(&self, of: &Tenant) -> Report {
        self.trail.books.verify(of, |_| {}).await.unwrap()
    }

    /// What somebody does who can write to the database.
    pub(crate) async fn tamper(&self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.database.admin().await)
            .await
            .unwrap();
    }
}
