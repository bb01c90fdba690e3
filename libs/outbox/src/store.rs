//! The relay's statements. They run as the system role, across tenants.

use ids::EventId;
use kafka::CloudEvent;
use pg::Db;
use time::OffsetDateTime;

/// An event that waits, and its place in the table.
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    pub(crate) topic: String,
    pub(crate) event: CloudEvent,
}

/// A job that waits, and its place in the table.
pub(crate) struct JobRow {
    pub(crate) seq: i64,
    pub(crate) queue: String,
    pub(crate) body: String,
    pub(crate) traceparent: Option<String>,
}

/// Rows that wait in one lane, and when the first of them was appended.
pub(crate) struct Backlog {
    pub(crate) rows: i64,
    pub(crate) oldest: Option<OffsetDateTime>,
}

/// The first events that are not in `under_way`, in the order of appending.
pub(crate) async fn events(db: &Db, under_way: Vec<i64>, limit: i64) -> Result<Vec<EventRow>, pg::Error> {
    let rows = db
        .system(move |tx| {
            Box::pin(async move {
                let rows = sqlx::query!(
                    "select seq, id, tenant, destination, key, type, subject, time, dataschema, traceparent, payload
                       from outbox
                      where lane = 'topic' and seq <> all ($1)
                      order by seq
                      limit $2",
                    &under_way,
                    limit,
                );
                Ok::<_, pg::Error>(rows.fetch_all(&mut **tx).await?)
            })
        })
        .await?;
    let rows = rows.into_iter().map(|row| {
        let unreadable = |_| pg::Error::Invalid("an outbox row has an id or a tenant that is none");
        let event = CloudEvent {
            id: EventId::try_from(row.id).map_err(unreadable)?,
            source: source(&row.destination),
            type_: row.r#type,
            subject: row.subject,
            time: row.time,
            tenant: row.tenant.parse().map_err(unreadable)?,
            dataschema: row.dataschema,
            traceparent: row.traceparent,
            key: row.key,
            payload: row.payload,
        };
        Ok(EventRow { seq: row.seq, topic: row.destination, event })
    });
    rows.collect()
}

/// The first jobs that are neither in `under_way` nor for one of `resting` queues, in the order of appending.
pub(crate) async fn jobs(
    db: &Db,
    under_way: Vec<i64>,
    resting: Vec<String>,
    limit: i64,
) -> Result<Vec<JobRow>, pg::Error> {
    let rows = db
        .system(move |tx| {
            Box::pin(async move {
                let rows = sqlx::query!(
                    "select seq, destination, traceparent, payload
                       from outbox
                      where lane = 'queue' and seq <> all ($1) and destination <> all ($2)
                      order by seq
                      limit $3",
                    &under_way,
                    &resting,
                    limit,
                );
                Ok::<_, pg::Error>(rows.fetch_all(&mut **tx).await?)
            })
        })
        .await?;
    let rows = rows.into_iter().map(|row| JobRow {
        seq: row.seq,
        queue: row.destination,
        // Appended as JSON, which is UTF-8.
        body: String::from_utf8_lossy(&row.payload).into_owned(),
        traceparent: row.traceparent,
    });
    Ok(rows.collect())
}

/// Removes what was acknowledged. Safe to repeat.
pub(crate) async fn delete(db: &Db, lane: &'static str, acknowledged: Vec<i64>) -> Result<(), pg::Error> {
    db.system(move |tx| {
        Box::pin(async move {
            let delete =
                sqlx::query!("delete from outbox where lane = $1 and seq = any ($2)", lane, &acknowledged);
            delete.execute(&mut **tx).await?;
            Ok(())
        })
    })
    .await
}

/// A backlog is counted up to here: more would cost more than it tells.
const COUNTED: i64 = 100_000;

/// What waits in a lane, counted up to 100 000.
pub(crate) async fn backlog(db: &Db, lane: &'static str) -> Result<Backlog, pg::Error> {
    db.system(move |tx| {
        Box::pin(async move {
            let row = sqlx::query!(
                r#"select (select count(*) from (select from outbox where lane = $1 limit $2) first) as "rows!",
                          (select time from outbox where lane = $1 order by seq limit 1) as oldest"#,
                lane,
                COUNTED,
            );
            let row = row.fetch_one(&mut **tx).await?;
            Ok(Backlog { rows: row.rows, oldest: row.oldest })
        })
    })
    .await
}

/// `ce_source` of a topic's events: `/guildhall/document` for `guildhall.document.v1`.
fn source(topic: &str) -> String {
    let (name, version) = topic.rsplit_once('.').unwrap_or((topic, "v"));
    let name = if version.starts_with('v') { name } else { topic };
    format!("/{}", name.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_source_is_the_topic_without_its_version() {
        assert_eq!(super::source("guildhall.document.v1"), "/guildhall/document");
        assert_eq!(super::source("guildhall.document"), "/guildhall/document");
        assert_eq!(super::source("orders"), "/orders");
    }
}
