//! A database with a table of effects, and the verbs of these tests.

use std::borrow::Cow;
use std::time::Duration;

use clock::Clock;
use idempotency::{KEEP, Outcome, Scope};
use pg::{BoxFuture, Db, Tx};
use proto::Operation;
use proto::document::v1::{ConfirmUploadRequest, Document};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use testkit::TestDb;
use time::OffsetDateTime;
use time::macros::datetime;

const EFFECT: &str = "
create table effect (tenant text not null, name text not null, primary key (tenant, name));
alter table effect enable row level security;
alter table effect force row level security;
create policy tenant on effect to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
grant select, insert on effect to guildhall_app;
";

pub(crate) const NOON: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// What a service would have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    #[error(transparent)]
    Database(#[from] pg::Error),
    #[error("refused")]
    Refused,
}

pub(crate) type Result = std::result::Result<Outcome<Document>, Error>;

pub(crate) struct Setup {
    pub(crate) database: TestDb,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
}

pub(crate) async fn setup() -> Setup {
    let migration =
        Migration::new(1, Cow::Borrowed("effect"), MigrationType::Simple, EFFECT.into_sql_str(), false);
    let mut effect = Migrator::with_migrations(vec![migration]);
    effect.table_name = "_migrations_effect".into();
    let database = testkit::database("idempotency", &[&idempotency::MIGRATOR, &effect]).await;
    let db = database.connect();
    Setup { database, db, clock: Clock::frozen(NOON) }
}

pub(crate) fn scope(key: &str) -> Scope {
    Scope {
        tenant: "riverton".parse().unwrap(),
        principal: "ada".parse().unwrap(),
        operation: Operation::DocumentConfirmUpload,
        key: key.parse().unwrap(),
    }
}

pub(crate) fn request(id: &str) -> ConfirmUploadRequest {
    ConfirmUploadRequest { document_id: id.to_owned() }
}

pub(crate) fn document(id: &str) -> Document {
    Document { document_id: id.to_owned(), ..Document::default() }
}

/// Writes the effect `name`, which can be there once, and answers with it.
pub(crate) fn effect(
    name: &str,
) -> impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, std::result::Result<Document, Error>> + Send + 'static {
    let name = name.to_owned();
    move |tx| {
        Box::pin(async move {
            let insert = sqlx::query("insert into effect (tenant, name) values ($1, $2)")
                .bind(tx.tenant().to_string())
                .bind(&name);
            insert.execute(&mut **tx).await.map_err(pg::Error::from)?;
            Ok(document(&name))
        })
    }
}

impl Setup {
    /// A call with this key whose request and effect are of this name.
    pub(crate) async fn call(&self, key: &str, name: &str) -> Result {
        self.call_in(&scope(key), name).await
    }

    pub(crate) async fn call_in(&self, scope: &Scope, name: &str) -> Result {
        idempotency::run(&self.db, &self.clock, scope, &request(name), KEEP, effect(name)).await
    }

    pub(crate) async fn effects(&self) -> Vec<String> {
        sqlx::query_scalar("select tenant || '/' || name from effect order by 1")
            .fetch_all(&mut self.database.admin().await)
            .await
            .unwrap()
    }

    pub(crate) async fn stored(&self) -> i64 {
        let count = sqlx::query_scalar("select count(*) from idempotency");
        count.fetch_one(&mut self.database.admin().await).await.unwrap()
    }
}

pub(crate) fn first(name: &str) -> Outcome<Document> {
    Outcome { value: document(name), replayed: false }
}

pub(crate) fn replayed(name: &str) -> Outcome<Document> {
    Outcome { value: document(name), replayed: true }
}
