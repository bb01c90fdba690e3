//! The table `inbox`: which events a group has applied or parked.

use std::collections::HashSet;
use std::sync::Arc;

use kafka::CloudEvent;
use pg::Tx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::parked;

/// What a transaction needs to know about its consumer.
pub(crate) struct Note {
    pub(crate) group: Arc<str>,
    pub(crate) now: OffsetDateTime,
}

/// What the notes of a batch said.
pub(crate) struct Noted {
    /// The ids that came for the first time; `None`: all of them did.
    first: Option<HashSet<Uuid>>,
    /// Keys of which an earlier event is parked.
    held: HashSet<Vec<u8>>,
}

impl Noted {
    /// Whether the event comes for the first time; only the first of two in one batch does.
    pub(crate) fn is_first(&mut self, event: &CloudEvent) -> bool {
        self.first.as_mut().is_none_or(|first| first.remove(&event.id.as_uuid()))
    }

    pub(crate) fn holds(&self, event: &CloudEvent) -> bool {
        !self.held.is_empty() && self.held.contains(event.key.as_bytes())
    }
}

impl Note {
    /// Notes events of the transaction's tenant as applied. Waits for other transactions that are applying them.
    #[tracing::instrument(name = "db.inbox.insert", skip_all)]
    pub(crate) async fn arrivals(&self, tx: &mut Tx, events: &[&CloudEvent]) -> Result<Noted, pg::Error> {
        let ids: Vec<Uuid> = events.iter().map(|event| event.id.as_uuid()).collect();
        let keys: Vec<&[u8]> = events.iter().map(|event| event.key.as_bytes()).collect();
        let tenant = tx.tenant().clone();
        // Keys are looked up only for tenants that have something parked.
        let row = sqlx::query!(
            r#"with noted as (
                   insert into inbox (consumer_group, event_id, tenant, applied_at)
                   select $1, event_id, $2, $3 from unnest($4::uuid[]) as event_id
                   on conflict do nothing
                   returning event_id
               )
               select array (select event_id from noted) as "noted!",
                      array (select distinct key from parked
                              where exists (select from parked where consumer_group = $1 and tenant = $2)
                                and consumer_group = $1 and tenant = $2 and key = any ($5::bytea[])) as "held!""#,
            &*self.group,
            tenant.as_str(),
            self.now,
            &ids,
            &keys as &[&[u8]],
        )
        .fetch_one(&mut **tx)
        .await?;
        let first = (row.noted.len() < events.len()).then(|| row.noted.into_iter().collect());
        let mut held = HashSet::new();
        for key in row.held {
            if parked::holds_key(tx, &self.group, &key).await? {
                held.insert(key);
            }
        }
        Ok(Noted { first, held })
    }
}
