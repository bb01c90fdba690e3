//! What the service tells the world, in protobuf: topic `guildhall.document.v1`, queues `guildhall-scan`,
//! `guildhall-preview` and `guildhall-integrity`. Everything
//! is appended while the document's row is locked, so that a document's events are in order.

use clock::Clock;
use ids::{EventId, GrantId, JobId, Subject};
use pg::Tx;
use prost::Name;
use proto::document::v1;
use queue::Job;
use topology::{queues, topics};

use crate::app::Cause;
use crate::db::subject_erasures::{Report, SubjectErasure};
use crate::domain::{AccessPurpose, Archive, Document, Event, Export, Grant, Grantee, Hold, Target, Version};
use crate::grpc::timestamp;

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
        Event::Quarantined => event_of(
            document,
            "quarantined",
            &v1::DocumentQuarantined { document_id, owner, purpose, version },
        ),
        Event::Ready => {
            event_of(document, "ready", &v1::DocumentReady { document_id, owner, purpose, version })
        }
        Event::Stored => {
            event_of(document, "stored", &v1::DocumentStored { document_id, owner, purpose, version })
        }
        Event::Rejected(reason) => {
            let reason = v1::RejectionReason::from(reason).into();
            event_of(
                document,
                "rejected",
                &v1::DocumentRejected { document_id, owner, purpose, reason, version },
            )
        }
        Event::Expired | Event::GivenUp => {
            let given_up = event == Event::GivenUp;
            event_of(
                document,
                "expired",
                &v1::DocumentExpired { document_id, owner, purpose, version, given_up },
            )
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
    purpose: &AccessPurpose,
    grant: Option<GrantId>,
) -> Result<EventId, pg::Error> {
    let accessed = v1::DocumentAccessed {
        document_id: document.id.to_string(),
        owner: document.owner.to_string(),
        accessor: accessor.to_string(),
        version: document.version.number(),
        purpose: purpose.to_string(),
        grant_id: grant.map(|id| id.to_string()).unwrap_or_default(),
    };
    outbox::append(tx, clock, event_of(document, "accessed", &accessed)).await
}

/// Appends that a document, whose row is locked, or a case is shared.
pub async fn append_granted(
    tx: &mut Tx,
    clock: &Clock,
    grant: &Grant,
    document: Option<&Document>,
) -> Result<EventId, pg::Error> {
    let Parties { document_id, owner, case_ref, grantee_subject, grantee_client } = parties(grant, document);
    let granted = v1::DocumentGranted {
        grant_id: grant.id.to_string(),
        document_id,
        owner,
        case_ref,
        grantee_subject,
        grantee_client,
        purpose: grant.purpose.to_string(),
        until: Some(timestamp(grant.until)),
    };
    outbox::append(tx, clock, event_of_grant(grant, document, "granted", &granted)).await
}

/// Appends that a grant, whose row is locked, is revoked; so is the row of the document, where one was shared.
pub async fn append_revoked(
    tx: &mut Tx,
    clock: &Clock,
    grant: &Grant,
    document: Option<&Document>,
) -> Result<EventId, pg::Error> {
    let Parties { document_id, owner, case_ref, grantee_subject, grantee_client } = parties(grant, document);
    let grant_id = grant.id.to_string();
    let revoked =
        v1::DocumentRevoked { grant_id, document_id, owner, case_ref, grantee_subject, grantee_client };
    outbox::append(tx, clock, event_of_grant(grant, document, "revoked", &revoked)).await
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

/// Appends that a copy of what is known of a case can be fetched; the export's row is locked.
pub async fn append_case_exported(
    tx: &mut Tx,
    clock: &Clock,
    export: &Export,
    archive: &Archive,
) -> Result<EventId, pg::Error> {
    let exported = v1::CaseExported {
        case_ref: export.case_ref.to_string(),
        export_id: export.id.to_string(),
        exported_by: export.by().to_string(),
        manifest_sha256: archive.manifest_sha256.as_bytes().to_vec(),
    };
    let (type_, case) = ("guildhall.document.case_exported.v1", export.case_ref.to_string());
    outbox::append(tx, clock, outbox::Event::new(topics::DOCUMENT, type_, case.clone(), case, &exported))
        .await
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

/// Appends what was done about the erasure of a subject, whose row is locked.
pub async fn append_subject_erased(
    tx: &mut Tx,
    clock: &Clock,
    erasure: &SubjectErasure,
    report: &Report,
) -> Result<EventId, pg::Error> {
    let subject = erasure.subject.to_string();
    let done = v1::DocumentSubjectErased {
        erasure_id: erasure.id.to_string(),
        subject: subject.clone(),
        erased: report.erased,
        kept: report.kept,
        kept_reasons: report.kept_reasons.clone(),
    };
    let type_ = "guildhall.document.subject_erased.v1";
    outbox::append(tx, clock, outbox::Event::new(topics::DOCUMENT, type_, subject, erasure.id, &done)).await
}

/// What a worker is asked to do with a version.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// Look whether it is what it was declared to be, and harmless.
    Scan,
    /// Draw its pages and read its text.
    Preview,
    /// Read its object again.
    Integrity,
}

/// Appends the message of a job about a version.
pub async fn append_job(
    tx: &mut Tx,
    clock: &Clock,
    work: Work,
    document: &Document,
    job: JobId,
) -> Result<(), pg::Error> {
    let (queue, kind) = match work {
        Work::Scan => (queues::SCAN, "scan"),
        Work::Preview => (queues::PREVIEW, "preview"),
        Work::Integrity => (queues::INTEGRITY, "integrity"),
    };
    let job = Job::new(job, document.tenant.clone(), kind).about("document_id", document.id);
    outbox::append_job(tx, clock, queue, &job).await
}

fn event_of<M: Name>(document: &Document, name: &str, message: &M) -> outbox::Event {
    let type_ = format!("guildhall.document.{name}.v1");
    outbox::Event::new(topics::DOCUMENT, &type_, document.id, document.id, message)
}

/// Keyed by the document; a case's grant, which is about no single one, by itself, so that its two events are in order.
fn event_of_grant<M: Name>(
    grant: &Grant,
    document: Option<&Document>,
    name: &str,
    message: &M,
) -> outbox::Event {
    match document {
        Some(document) => event_of(document, name, message),
        None => {
            let type_ = format!("guildhall.document.{name}.v1");
            outbox::Event::new(topics::DOCUMENT, &type_, grant.id, grant.id, message)
        }
    }
}

/// Whom a grant is about; what does not apply is empty.
#[derive(Default)]
struct Parties {
    document_id: String,
    owner: String,
    case_ref: String,
    grantee_subject: String,
    grantee_client: String,
}

fn parties(grant: &Grant, document: Option<&Document>) -> Parties {
    let mut parties = Parties::default();
    match &grant.target {
        Target::Document(id) => parties.document_id = id.to_string(),
        Target::Case(case_ref) => parties.case_ref = case_ref.to_string(),
    }
    match &grant.grantee {
        Grantee::Person(subject) => parties.grantee_subject = subject.to_string(),
        Grantee::Client(client) => parties.grantee_client = client.to_string(),
    }
    parties.owner = document.map(|document| document.owner.to_string()).unwrap_or_default();
    parties
}
