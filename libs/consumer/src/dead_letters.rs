//! What operators see and do of parked records.

use std::sync::Arc;

use clock::Clock;
use ids::{EventId, Tenant};
use kafka::Record;
use pg::{BoxFuture, Db};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::handlers::Handlers;
use crate::parked;

/// What one consumer group has parked. Cheap to clone.
#[derive(Clone)]
pub struct DeadLetters {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) group: Arc<str>,
    pub(crate) handlers: Handlers,
}

/// Whose records are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of a tenant.
    Tenant(Tenant),
    /// Those that do not say whose they are.
    Nobody,
}

/// Which records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These, and what is parked with their keys.
    Ids(Vec<i64>),
    /// One key's.
    Key(Vec<u8>),
    /// All.
    All,
}

/// A parked record without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Number in the order of parking.
    pub id: i64,
    /// Group that parked it.
    pub group: Arc<str>,
    /// Whose it is, where the record says so.
    pub tenant: Option<Tenant>,
    /// Topic it came from, with the environment's prefix.
    pub topic: String,
    /// Partition it came from.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Id of the event; a record that is no event has none.
    pub event_id: Option<EventId>,
    /// `ce_type`, if it is text.
    pub type_: Option<String>,
    /// Key of the record.
    pub key: Option<Vec<u8>>,
    /// Size of the payload in bytes; 0 where there is none.
    pub payload_bytes: i32,
    /// Why, `UPPER_SNAKE_CASE`; `BEHIND_PARKED` for those that only wait for an earlier one of their key.
    pub reason: String,
    /// Which rule was broken, never by which value.
    pub detail: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was parked.
    pub parked_at: OffsetDateTime,
}

impl DeadLetters {
    pub(crate) fn new(db: Db, clock: Clock, group: Arc<str>, handlers: Handlers) -> Self {
        Self { db, clock, group, handlers }
    }

    /// Name of the group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Up to `limit` records with a number above `after`, of one key or of all, in the order of parking.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(
        &self,
        whose: &Whose,
        key: Option<Vec<u8>>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<DeadLetter>, pg::Error> {
        let group = Arc::clone(&self.group);
        self.read(whose, move |connection, tenant| {
            Box::pin(async move { parked::list(connection, &group, &tenant, key, after, limit).await })
        })
        .await
    }

    /// A record with its contents.
    ///
    /// # Errors
    /// What the database says.
    pub async fn show(&self, whose: &Whose, id: i64) -> Result<Option<(DeadLetter, Record)>, pg::Error> {
        let group = Arc::clone(&self.group);
        self.read(whose, move |connection, tenant| {
            Box::pin(async move {
                let found = parked::find(connection, &group, &tenant, id).await?;
                let Some(record) = found else { return Ok(None) };
                let letter = parked::list(connection, &group, &tenant, None, id - 1, 1).await?;
                // A redrive may have taken it in between.
                Ok(letter.into_iter().find(|letter| letter.id == id).map(|letter| (letter, record)))
            })
        })
        .await
    }

    /// Removes a record without applying it; says what it was, `None` where there is none. Later ones of its key stay
    /// parked until they are redriven. The event is lost for this group: only for what can never be applied.
    ///
    /// # Errors
    /// What the database says.
    pub async fn discard(&self, whose: &Whose, id: i64) -> Result<Option<DeadLetter>, pg::Error> {
        let group = Arc::clone(&self.group);
        self.read(whose, move |connection, tenant| {
            Box::pin(async move {
                let letter = parked::list(connection, &group, &tenant, None, id - 1, 1).await?;
                let Some(letter) = letter.into_iter().find(|letter| letter.id == id) else { return Ok(None) };
                Ok(parked::remove(connection, &tenant, id).await?.then_some(letter))
            })
        })
        .await
    }

    /// Runs `work` as the role that may see these records, with the tenant as the table spells it.
    pub(crate) async fn read<T, F>(&self, whose: &Whose, work: F) -> Result<T, pg::Error>
    where
        F: for<'t> FnOnce(&'t mut PgConnection, String) -> BoxFuture<'t, Result<T, pg::Error>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        let name = parked::tenant(whose).to_owned();
        match whose {
            Whose::Tenant(tenant) => self.db.tenant(tenant, move |tx| work(&mut *tx, name)).await,
            Whose::Nobody => self.db.system(move |tx| work(&mut *tx, name)).await,
        }
    }
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters").field("group", &self.group).finish_non_exhaustive()
    }
}
