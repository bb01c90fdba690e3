//! A database with the tables, key files, and the verbs of these tests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use clock::Clock;
use envelope::{Envelope, Error, Kms, Settings};
use ids::{Subject, Tenant};
use pg::Db;
use tempfile::TempDir;
use testkit::TestDb;

pub(crate) const COLUMN: &str = "recipients.email";

pub(crate) struct World {
    pub(crate) database: TestDb,
    pub(crate) db: Db,
    pub(crate) tenant: Tenant,
    files: TempDir,
    replicas: AtomicU32,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = testkit::database("envelope", &[&envelope::MIGRATOR]).await;
        let (db, files) = (database.connect(), tempfile::tempdir().unwrap());
        Self { db, database, tenant: "riverton".parse().unwrap(), files, replicas: AtomicU32::new(0) }
    }

    /// A replica whose key file has these keys, the last of them the newest.
    pub(crate) async fn replica(&self, keys: &[&str]) -> Envelope {
        let entry = |id: &&str| {
            let key = base64::engine::general_purpose::STANDARD.encode([id.as_bytes()[0]; 32]);
            format!(r#"{{"id":"{id}","key":"{key}"}}"#)
        };
        let keys: Vec<_> = keys.iter().map(entry).collect();
        let number = self.replicas.fetch_add(1, Ordering::Relaxed);
        let path: PathBuf = self.files.path().join(number.to_string());
        std::fs::write(&path, format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap();
        Envelope::new(Kms::open(&Settings::File(path)).await.unwrap(), &Clock::system())
    }

    pub(crate) async fn seal(&self, replica: &Envelope, whose: &str, text: &str) -> Result<Vec<u8>, Error> {
        let (subject, text) = (subject(whose), text.to_owned());
        let keys = replica.keys_to_seal(&self.db, &self.tenant, std::slice::from_ref(&subject)).await?;
        let seal = self.db.tenant(&self.tenant, move |tx| {
            Box::pin(async move { keys.lock(tx).await?.seal(&subject, COLUMN, text.as_bytes()) })
        });
        seal.await
    }

    pub(crate) async fn open(
        &self,
        replica: &Envelope,
        whose: &str,
        sealed: &[u8],
    ) -> Result<Option<String>, Error> {
        let (subject, sealed) = (subject(whose), sealed.to_vec());
        let keys = replica.keys(&self.db, &self.tenant, std::slice::from_ref(&subject)).await?;
        let open = self.db.tenant(&self.tenant, move |tx| {
            Box::pin(async move { keys.read(tx).await?.open_text(&subject, COLUMN, &sealed) })
        });
        open.await
    }

    pub(crate) async fn erase(&self, whose: &str) -> bool {
        let subject = subject(whose);
        let erase = self.db.tenant(&self.tenant, move |tx| {
            Box::pin(async move { envelope::erase(tx, &Clock::system(), &subject).await })
        });
        erase.await.unwrap()
    }

    pub(crate) async fn bury(&self, whose: &str) -> bool {
        let subject = subject(whose);
        let bury = self.db.tenant(&self.tenant, move |tx| {
            Box::pin(async move { envelope::bury(tx, &Clock::system(), &subject).await })
        });
        bury.await.unwrap()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.database.admin().await).await.unwrap()
    }
}

pub(crate) fn subject(name: &str) -> Subject {
    name.parse().unwrap()
}
