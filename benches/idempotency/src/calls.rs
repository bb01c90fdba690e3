//! The units of work, with a key and without.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use clock::Clock;
use idempotency::{KEEP, Scope};
use ids::{DocumentId, Subject, Tenant};
use pg::{BoxFuture, Db, Tx};
use prost::{Message as _, Name as _};
use proto::Operation;
use proto::document::v1::{ConfirmUploadRequest, Document, DocumentInitiated};

/// What the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// One row: the least that an effect can be.
    Row,
    /// A row, its event and a reminder: the least that a call of a service does, such as beginning an upload.
    Upload,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    First,
    Replayed,
    InFlight,
}

/// What a service's error would be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    #[error(transparent)]
    Database(#[from] pg::Error),
}

/// A service with one operation.
#[derive(Clone)]
pub(crate) struct Service {
    db: Db,
    clock: Clock,
    tenant: Tenant,
    principal: Subject,
    effects: Arc<AtomicI64>,
}

impl Service {
    pub(crate) fn new(db: Db) -> anyhow::Result<Self> {
        let (tenant, principal) = ("riverton".parse()?, "ada".parse()?);
        Ok(Self { db, clock: Clock::system(), tenant, principal, effects: Arc::default() })
    }

    /// The unit of work without a key.
    pub(crate) async fn plain(&self, unit: Unit, name: &str) -> Result<Answer, Error> {
        self.db.tenant(&self.tenant, self.effect(unit, name)).await?;
        Ok(Answer::First)
    }

    /// The unit of work under the key `name`.
    pub(crate) async fn keyed(&self, unit: Unit, name: &str) -> Result<Answer, Error> {
        let scope = Scope {
            tenant: self.tenant.clone(),
            principal: self.principal.clone(),
            operation: Operation::DocumentConfirmUpload,
            key: name.parse()?,
        };
        let request = ConfirmUploadRequest { document_id: name.to_owned() };
        let effect = self.effect(unit, name);
        match idempotency::run(&self.db, &self.clock, &scope, &request, KEEP, effect).await {
            Ok(outcome) if outcome.replayed => Ok(Answer::Replayed),
            Ok(_) => Ok(Answer::First),
            Err(Error::Key(idempotency::Error::InFlight)) => Ok(Answer::InFlight),
            Err(error) => Err(error),
        }
    }

    /// Nothing in the table keeps an effect from being made twice: each has a number of its own.
    fn effect(
        &self,
        unit: Unit,
        name: &str,
    ) -> impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<Document, Error>> + Send + 'static {
        let (name, clock) = (name.to_owned(), self.clock.clone());
        let number = self.effects.fetch_add(1, Ordering::Relaxed);
        move |tx| {
            Box::pin(async move {
                insert(tx, &name, number).await?;
                if unit == Unit::Upload {
                    announce(tx, &clock).await?;
                }
                Ok(Document { document_id: name, ..Document::default() })
            })
        }
    }
}

async fn insert(tx: &mut Tx, name: &str, number: i64) -> Result<(), pg::Error> {
    let tenant = tx.tenant().clone();
    sqlx::query("insert into effects (tenant, number, name) values ($1, $2, $3)")
        .bind(tenant.as_str())
        .bind(number)
        .bind(name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn announce(tx: &mut Tx, clock: &Clock) -> Result<(), pg::Error> {
    let id = DocumentId::mint(clock);
    let initiated = DocumentInitiated {
        document_id: id.to_string(),
        owner: "ada".to_owned(),
        purpose: "proof-of-address".to_owned(),
        version: 1,
    };
    let tenant = tx.tenant().clone();
    sqlx::query(
        "insert into events (tenant, event_id, topic, key, type, subject, schema, payload)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tenant.as_str())
    .bind(id.as_uuid())
    .bind("guildhall.document.v1")
    .bind(id.to_string())
    .bind("guildhall.document.initiated.v1")
    .bind(id.to_string())
    .bind(DocumentInitiated::full_name())
    .bind(initiated.encode_to_vec())
    .execute(&mut **tx)
    .await?;
    due::schedule(tx, "upload-expiry", id.into(), clock.now() + time::Duration::days(1)).await
}
