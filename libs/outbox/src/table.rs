//! A lane's statements, on a connection of its own: each is a transaction of its own, in one round trip.

use std::collections::HashSet;
use std::time::Duration;

use kafka::CloudEvent;
use pg::Db;
use sqlx::{Connection as _, PgConnection};

use crate::flight::{Horizon, Look};

/// No answer for this long: the server's own limit of a statement is 5 s.
const PATIENCE: Duration = Duration::from_secs(8);

/// An event that waits, and its place in the table.
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    pub(crate) topic: String,
    pub(crate) key: String,
    /// `None` when its id or tenant is none: not written by [`crate::append`].
    pub(crate) event: Option<CloudEvent>,
}

impl EventRow {
    pub(crate) fn bytes(&self) -> usize {
        self.event.as_ref().map_or(0, |event| event.payload.len() + event.key.len())
    }
}

/// A job that waits, and its place in the table.
pub(crate) struct JobRow {
    pub(crate) seq: i64,
    pub(crate) queue: String,
    pub(crate) body: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) time: time::OffsetDateTime,
}

/// The answer to a look.
pub(crate) struct Found {
    pub(crate) horizon: Horizon,
    /// Destination and key of rows parked for a reason of their own, see [`crate::flight::place`].
    pub(crate) parked: HashSet<String>,
    pub(crate) rows: Vec<EventRow>,
}

/// The table, as a lane sees it.
pub(crate) struct Table {
    db: Db,
    connection: Option<PgConnection>,
}

impl Table {
    pub(crate) fn new(db: &Db) -> Self {
        Self { db: db.clone(), connection: None }
    }

    /// Deletes what was acknowledged and reads what is next.
    pub(crate) async fn events(&mut self, look: &Look) -> Result<Found, pg::Error> {
        // A lost delete only repeats a publication, so that it need not wait for the disk; what is read was waited for
        // by whoever committed it. Reads see the table as it was before the deletion: `except` names those rows too.
        // Both lists are ascending, so that a row finds itself by bisection: `= any` would be a walk over the list for each
        // row, and, to a planner that last saw the table empty, a walk over the index for the list. A row that another
        // relay parked meanwhile stays, because others may be parked behind it.
        let mut connection = self.connected().await?;
        let rows = sqlx::query!(
            r#"with gone as (delete from outbox where lane = 'topic' and seq between ($1::bigint[])[1]
                                          and ($1::bigint[])[cardinality($1::bigint[])]
                                          and ($1::bigint[])[width_bucket(seq, $1::bigint[])] = seq
                                          and parked_reason is null)
                       select null::bigint as seq, null::uuid as id, null::text as tenant, null::text as destination,
                              null::text as key, null::text as type, null::text as subject, null::timestamptz as time,
                              null::text as dataschema, null::text as traceparent, null::bytea as payload,
                              pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
                              case when $5 then pg_current_xact_id()::text::bigint end as own,
                              (select array_agg(distinct destination || ' ' || key)
                                 from outbox where lane = 'topic' and parked_reason <> 'BEHIND_PARKED') as parked
                       union all
                       (select seq, id, tenant, destination, key, type, subject, time, dataschema, traceparent, payload,
                               null, null, null
                          from outbox
                         where lane = 'topic' and seq > $2 and parked_reason is null
                           and ($3::bigint[])[width_bucket(seq, $3::bigint[])] is distinct from seq
                         order by seq
                         limit $4)"#,
            &look.delete,
            look.after,
            &look.except,
            i64::try_from(look.limit).unwrap_or(i64::MAX),
            look.probe,
        );
        let rows = in_time(async { Ok(rows.fetch_all(&mut connection).await?) }).await?;
        self.connection = Some(connection);
        let strange = || pg::Error::Invalid("an outbox row lacks a column");
        let mut found = Found {
            horizon: Horizon { xmin: 0, own: None },
            parked: HashSet::new(),
            rows: Vec::with_capacity(rows.len()),
        };
        for row in rows {
            let Some(seq) = row.seq else {
                found.horizon = Horizon { xmin: row.xmin.ok_or_else(strange)?, own: row.own };
                found.parked = row.parked.unwrap_or_default().into_iter().collect();
                continue;
            };
            let topic = row.destination.ok_or_else(strange)?;
            let key = row.key.ok_or_else(strange)?;
            let ids = (row.id.ok_or_else(strange)?.try_into().ok())
                .zip(row.tenant.ok_or_else(strange)?.parse().ok());
            let (type_, subject) = (row.r#type.ok_or_else(strange)?, row.subject.ok_or_else(strange)?);
            let (time, dataschema) = (row.time.ok_or_else(strange)?, row.dataschema.ok_or_else(strange)?);
            let payload = row.payload.ok_or_else(strange)?;
            let event = ids.map(|(id, tenant)| CloudEvent {
                id,
                source: source(&topic),
                type_,
                subject,
                time,
                tenant,
                dataschema,
                traceparent: row.traceparent,
                key: key.clone(),
                payload,
            });
            found.rows.push(EventRow { seq, topic, key, event });
        }
        Ok(found)
    }

    /// Deletes what was sent, ascending, and reads the first jobs that are neither in `resting` nor for one of `queues`.
    pub(crate) async fn jobs(
        &mut self,
        sent: &[i64],
        resting: &[i64],
        queues: &[String],
        limit: i64,
    ) -> Result<Vec<JobRow>, pg::Error> {
        let mut connection = self.connected().await?;
        let rows = sqlx::query!(
            "with gone as (delete from outbox where lane = 'queue' and seq between ($1::bigint[])[1]
                                          and ($1::bigint[])[cardinality($1::bigint[])]
                                          and ($1::bigint[])[width_bucket(seq, $1::bigint[])] = seq)
                     select seq, destination, time, traceparent, payload
                       from outbox
                      where lane = 'queue' and parked_reason is null
                        and seq <> all ($1) and seq <> all ($2) and destination <> all ($3)
                      order by seq
                      limit $4",
            sent,
            resting,
            queues,
            limit,
        );
        let rows = in_time(async { Ok(rows.fetch_all(&mut connection).await?) }).await?;
        self.connection = Some(connection);
        let rows = rows.into_iter().map(|row| JobRow {
            seq: row.seq,
            queue: row.destination,
            // Appended as JSON, which is UTF-8.
            body: String::from_utf8_lossy(&row.payload).into_owned(),
            traceparent: row.traceparent,
            time: row.time,
        });
        Ok(rows.collect())
    }

    /// Deletes what was acknowledged and is not parked, at the end of a term. Safe to repeat.
    pub(crate) async fn delete(&mut self, lane: &str, acknowledged: &[i64]) -> Result<(), pg::Error> {
        let mut connection = self.connected().await?;
        let delete = sqlx::query!(
            "delete from outbox where lane = $1 and seq = any ($2) and parked_reason is null",
            lane,
            acknowledged
        );
        in_time(async { Ok(delete.execute(&mut connection).await?) }).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// The connection, for one statement; it is put back only when that was answered: dropped in the middle, or failed,
    /// it is closed.
    async fn connected(&mut self) -> Result<PgConnection, pg::Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => in_time(connect(&self.db)).await,
        }
    }

    /// Closes the connection.
    pub(crate) async fn close(mut self) {
        let Some(connection) = self.connection.take() else { return };
        if let Err(error) = connection.close().await {
            tracing::debug!(%error, "outbox lane's connection did not close cleanly");
        }
    }
}

async fn connect(db: &Db) -> Result<PgConnection, pg::Error> {
    let mut connection = db.direct().await?;
    // The plan is made once and used for ever, while the table is now empty and now holds a million rows: only the walk
    // along the index, which stops at the limit, is good for both.
    let settings =
        "set synchronous_commit = off; set plan_cache_mode = force_generic_plan; set enable_seqscan = off;
                    set enable_bitmapscan = off; set enable_sort = off; set jit = off";
    sqlx::raw_sql(settings).execute(&mut connection).await?;
    Ok(connection)
}

async fn in_time<T>(answer: impl Future<Output = Result<T, pg::Error>>) -> Result<T, pg::Error> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => {
            let timeout =
                std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer on a lane's connection");
            Err(sqlx::Error::Io(timeout).into())
        }
    }
}

/// `ce_source` of a topic's events: `/guildhall/document` for `guildhall.document.v1`.
pub(crate) fn source(topic: &str) -> String {
    let (name, version) = topic.rsplit_once('.').unwrap_or((topic, "v"));
    let name = if version.starts_with('v') { name } else { topic };
    format!("/{}", name.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::{Look, Table};

    #[tokio::test]
    async fn what_another_relay_parked_meanwhile_is_not_deleted_though_acknowledged() {
        let database = testkit::database("outbox", &[&crate::MIGRATOR]).await;
        let mut admin = database.admin().await;
        let rows = "insert into outbox (lane, destination, key, id, tenant, type, subject, time, dataschema, payload, parked_at, parked_reason)
                    select 'topic', 'guildhall.document.v1', 'k', gen_random_uuid(), 'riverton', 'guildhall.document.ready.v1', 'k', now(), 'schema', '',
                           case when n = 1 then now() end, case when n = 1 then 'EVENT_TOO_LARGE' end
                      from generate_series(1, 3) n
                 returning seq";
        let seqs: Vec<i64> = sqlx::query_scalar(rows).fetch_all(&mut admin).await.unwrap();
        let mut table = Table::new(&database.connect());
        let look = Look { delete: seqs[..2].to_vec(), after: 0, except: seqs.clone(), limit: 9, probe: true };
        let found = table.events(&look).await.unwrap();
        assert!(found.rows.is_empty() && found.parked.contains("guildhall.document.v1 k"));
        table.delete("topic", &seqs).await.unwrap();
        let left: Vec<i64> =
            sqlx::query_scalar("select seq from outbox").fetch_all(&mut admin).await.unwrap();
        assert_eq!(left, seqs[..1]);
    }

    #[test]
    fn a_source_is_the_topic_without_its_version() {
        assert_eq!(super::source("guildhall.document.v1"), "/guildhall/document");
        assert_eq!(super::source("guildhall.document"), "/guildhall/document");
        assert_eq!(super::source("orders"), "/orders");
    }
}
