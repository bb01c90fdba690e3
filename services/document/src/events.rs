//! What the service tells the world, in protobuf: topic `guildhall.document.v1`, queue `guildhall-scan`. Everything
//! is appended while the document's row is locked, so that a document's events are in order.

use clock::Clock;
use ids::{EventId, JobId, Subject};
use pg::Tx;
use prost::Name;
use proto::document::v1;
use queue::Job;
use topology::{queues, topics};

use crate::app::Cause;
use crate::domain::{Document, Event, Hold, Version};

/// Appends the event of an edge.
pub async fn append(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    event: Event,
) -> Result<EventId, pg::Error> {
    let document_id = document.id.to_string();
    let owner = document.owner.to_string();
    let purpose = document.declaration.purpose.to_string();
    let version = document.version.number();
    let event = match event {
        Event::Initiated => {
            event_of(document, "initiated", &v1::DocumentInitiated { document_id, owner, purpose, version })
        }
        Event::Uploaded => {
            event_of(document, "uploaded", &v1::DocumentUploaded { document_id, owner, purpose, version })
        }
        Event::Scanning => {
            event_of(document, "scanning", &v1::DocumentScanning { document_id, owner, purpose, version })
        }
        Event::Ready => {
            event_of(document, "ready", &v1::DocumentReady { document_id, owner, purpose, version })
        }
        Event::Rejected(reason) => {
            let reason = v1::RejectionReason::from(reason).into();
            event_of(
                document,
                "rejected",
                &v1::DocumentRejected { document_id, owner, purpose, reason, version },
            )
        }
        Event::Expired => {
            event_of(document, "expired", &v1::DocumentExpired { document_id, owner, purpose, version })
        }
    };
    outbox::append(tx, clock, event).await
}

/// Appends that somebody may download this version of the document.
pub async fn append_accessed(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    accessor: &Subject,
) -> Result<EventId, pg::Error> {
    let accessed = v1::DocumentAccessed {
        document_id: document.id.to_string(),
        owner: document.owner.to_string(),
        accessor: accessor.to_string(),
        version: document.version.number(),
    };
    outbox::append(tx, clock, event_of(document, "accessed", &accessed)).await
}

/// Appends that a case holds the document.
pub async fn append_held(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    hold: &Hold,
) -> Result<EventId, pg::Error> {
    let held = v1::DocumentHeld {
        document_id: document.id.to_string(),
        owner: document.owner.to_string(),
        version: hold.version.map(Version::number).unwrap_or_default(),
        hold_id: hold.id.to_string(),
        case_ref: hold.case_ref.to_string(),
    };
    outbox::append(tx, clock, event_of(document, "held", &held)).await
}

/// Appends that a hold on the document is over.
pub async fn append_released(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    hold: &Hold,
) -> Result<EventId, pg::Error> {
    let released = v1::DocumentReleased {
        document_id: document.id.to_string(),
        owner: document.owner.to_string(),
        version: hold.version.map(Version::number).unwrap_or_default(),
        hold_id: hold.id.to_string(),
        case_ref: hold.case_ref.to_string(),
    };
    outbox::append(tx, clock, event_of(document, "released", &released)).await
}

/// Appends that versions of the document are erased; `whole` where nothing is left of it.
pub async fn append_erased(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    versions: Vec<i32>,
    whole: bool,
    cause: Cause,
) -> Result<EventId, pg::Error> {
    let erased = v1::DocumentErased {
        document_id: document.id.to_string(),
        owner: document.owner.to_string(),
        purpose: document.declaration.purpose.to_string(),
        versions,
        whole,
        cause: v1::ErasureCause::from(cause).into(),
    };
    outbox::append(tx, clock, event_of(document, "erased", &erased)).await
}

/// Appends the message of a scan job.
pub async fn append_scan(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    job: JobId,
) -> Result<(), pg::Error> {
    let job = Job::new(job, document.tenant.clone(), "scan").about("document_id", document.id);
    outbox::append_job(tx, clock, queues::SCAN, &job).await
}

fn event_of<M: Name>(document: &Document, name: &str, message: &M) -> outbox::Event {
    let type_ = format!("guildhall.document.{name}.v1");
    outbox::Event::new(topics::DOCUMENT, &type_, document.id, document.id, message)
}
