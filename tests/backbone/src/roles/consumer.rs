//! Applies steps.

use std::sync::Arc;

use anyhow::Result;
use clock::Clock;
use consumer::{CloudEvent, Failure};
use pg::Tx;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Said, step};
use crate::place::{Place, TOPIC, TYPE};

pub(super) async fn run(place: &Place, instance: &str, shutdown: CancellationToken) -> Result<()> {
    let db = place.db(instance)?;
    let committed = Arc::new(Notify::new());
    let first = Arc::clone(&committed);
    tokio::spawn(async move {
        first.notified().await;
        Said::Works.say();
    });
    let consumer = consumer::inbox(&db, &place.kafka(instance), &Clock::system(), "backbone", &[TOPIC])?;
    let consumer = consumer.on(TYPE, move |tx, event| {
        tx.on_commit(Arc::clone(&committed));
        Box::pin(apply(tx, event))
    });
    consumer.run(shutdown).await;
    db.close().await;
    Ok(())
}

/// Notes the step, and its place among its key's: under the lock of the key's row, so that places are the order of the
/// commits.
async fn apply(tx: &mut Tx, event: &CloudEvent) -> Result<(), Failure> {
    let (key, n) = step(&event.payload).map_err(|error| Failure::poison("NO_STEP", error))?;
    sqlx::query(
        "with before as (select tenant, key from progress where tenant = $1 and key = $2 for update),
              moved as (update progress set n = greatest(n, $3) where tenant = $1 and key = $2)
         insert into applied (tenant, key, n, event_id) select tenant, key, $3, $4 from before",
    )
    .bind(event.tenant.as_str())
    .bind(key)
    .bind(n)
    .bind(event.id.as_uuid())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
