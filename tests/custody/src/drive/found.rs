//! Everything a run has left, read from where it is, past the services.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use blobs::{Blobs, Bucket};
use kafka::CloudEvent;
use proto::document::v1;
use time::OffsetDateTime;

use super::world::World;
use crate::verdict::{Event, Found, Named, Row, Stored, What};

/// Versions of objects read at once.
const PAGE: u16 = 500;

pub(super) async fn look(world: &World) -> Result<Found> {
    let mut found = Found {
        acknowledged: world.books.open().clone(),
        now: world.clock.now().unix_timestamp(),
        ..Found::default()
    };
    rows(world, &mut found).await?;
    holds(world, &mut found).await?;
    let (evidence, strays) = objects(&world.blobs, Bucket::Evidence, "evidence").await?;
    let (intake, more) = objects(&world.blobs, Bucket::Intake, "intake").await?;
    (found.evidence, found.intake, found.strays) = (evidence, intake, strays + more);
    for bucket in [Bucket::Intake, Bucket::Evidence] {
        let open = world.blobs.list_uploads(bucket, "").await?.len();
        found.strays += u64::try_from(open)?;
    }
    found.events = events(world).await?;
    Ok(found)
}

async fn rows(world: &World, found: &mut Found) -> Result<()> {
    type Columns = (String, i32, String, i64, Vec<u8>, Option<OffsetDateTime>);
    let all =
        "select document_id::text, version, status, size_bytes, sha256, retain_until from document_versions";
    let all: Vec<Columns> = sqlx::query_as(all).fetch_all(&mut world.rows().await).await?;
    for (document, version, status, size, sha256, retain_until) in all {
        let retain_until = retain_until.map(OffsetDateTime::unix_timestamp);
        let row = Row { status, size: size.unsigned_abs(), sha256, retain_until };
        found.rows.insert((document, version), row);
    }
    Ok(())
}

async fn holds(world: &World, found: &mut Found) -> Result<()> {
    let all = "select id::text, document_id::text, version, released_at is not null from legal_holds";
    let all: Vec<(String, String, Option<i32>, bool)> =
        sqlx::query_as(all).fetch_all(&mut world.rows().await).await?;
    for (hold, document, version, released) in all {
        if released {
            found.ended.insert(hold);
        } else {
            found.standing.insert(hold, (document, version));
        }
    }
    Ok(())
}

/// Everything in a bucket by version, and how many keys name none.
async fn objects(blobs: &Blobs, bucket: Bucket, prefix: &str) -> Result<(BTreeMap<Named, Vec<Stored>>, u64)> {
    let (mut found, mut strays, mut after) = (BTreeMap::<Named, Vec<Stored>>::new(), 0, None);
    loop {
        let kept = blobs.walk(bucket, "", after.as_deref(), PAGE).await?;
        let Some(last) = kept.last() else { return Ok((found, strays)) };
        after = Some(last.key.clone());
        for kept in kept {
            let Some(named) = named(&kept.key, prefix) else {
                strays += 1;
                continue;
            };
            let version = &kept.version;
            let read = version.latest && !version.deleted;
            let head = if read { blobs.head(bucket, &kept.key).await? } else { None };
            let locks = match bucket {
                Bucket::Evidence if !version.deleted => {
                    blobs.lock_state(bucket, &kept.key, &version.id).await?
                }
                _ => blobs::LockState::default(),
            };
            found.entry(named).or_default().push(Stored {
                size: version.size,
                sha256: head.and_then(|head| head.sha256).map(Vec::from),
                deleted: version.deleted,
                locked_until: locks.retention.map(|retention| retention.until.unix_timestamp()),
                held: locks.held,
            });
        }
    }
}

fn named(key: &str, prefix: &str) -> Option<Named> {
    let (document, version) = key.strip_prefix(prefix)?.strip_prefix('/')?.split_once('/')?;
    Some((document.to_owned(), version.parse().ok()?))
}

async fn events(world: &World) -> Result<Vec<Event>> {
    let records = world.kafka.records(topology::topics::DOCUMENT).await;
    records.iter().map(|record| event(&CloudEvent::parse(record)?)).collect()
}

fn event(event: &CloudEvent) -> Result<Event> {
    let name = event.type_.strip_prefix("guildhall.document.").and_then(|rest| rest.strip_suffix(".v1"));
    let name = name.with_context(|| format!("no event of ours: {}", event.type_))?;
    let all = |version: i32| (version > 0).then_some(version);
    let what = match name {
        "initiated" => What::Edge(event.decode::<v1::DocumentInitiated>()?.version, name.to_owned()),
        "uploaded" => What::Edge(event.decode::<v1::DocumentUploaded>()?.version, name.to_owned()),
        "scanning" => What::Edge(event.decode::<v1::DocumentScanning>()?.version, name.to_owned()),
        "ready" => What::Edge(event.decode::<v1::DocumentReady>()?.version, name.to_owned()),
        "rejected" => What::Edge(event.decode::<v1::DocumentRejected>()?.version, name.to_owned()),
        "expired" => What::Edge(event.decode::<v1::DocumentExpired>()?.version, name.to_owned()),
        "held" => {
            let held: v1::DocumentHeld = event.decode()?;
            What::Held(held.hold_id, all(held.version))
        }
        "released" => What::Released(event.decode::<v1::DocumentReleased>()?.hold_id),
        "erased" => What::Erased(event.decode::<v1::DocumentErased>()?.versions),
        _ => anyhow::bail!("an event that the books do not know: {name}"),
    };
    Ok(Event { id: event.id.to_string(), document: event.key.clone(), what, payload: event.payload.clone() })
}
