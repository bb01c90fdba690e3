use auth::Caller;
use clock::Clock;
use idempotency::{KEEP, Key, Outcome};
use ids::JobId;
use pg::Tx;
use proto::Operation;
use proto::document::v1;

use super::{INTAKE_CLEANUP, SCAN_LEASE, SCAN_UNREPORTED, UPLOAD_EXPIRY, names, parts};
use crate::domain::{Changed, Document, Event, StoredObject, Version};
use crate::events::Work;
use crate::{Error, State, db, events};

/// Takes the citizen's word that the bytes were sent: puts them together where they came in parts, compares what is stored
/// with what was declared, and asks for a scan or rejects.
pub async fn confirm_upload(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ConfirmUploadRequest,
) -> Result<Outcome<v1::Document>, Error> {
    let id = super::document_id(&request.document_id)?;
    failpoint::pass("confirm::asking");
    let stored = look(state, caller, request).await?;
    failpoint::pass("confirm::asked");

    let (tenant, viewer, clock) = (caller.tenant.clone(), super::uploader(caller), state.clock.clone());
    let keep_rejected = state.keep_rejected;
    let scope = super::scope(caller, Operation::DocumentConfirmUpload, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let locked = db::documents::lock(tx, &tenant, &viewer, id, None).await?;
            let document = locked.ok_or(Error::DocumentNotFound)?;
            let now = clock.now();
            document.upload_window(now)?;
            let looked = stored.filter(|(version, _)| *version == document.version);
            let (_, stored) = looked.ok_or(Error::UploadMissing)?;

            let Changed { document, event } = document.confirm(&stored, now)?;
            db::documents::update(tx, &document).await?;
            events::append(tx, &clock, &document, event).await?;
            due::cancel(tx, UPLOAD_EXPIRY, document.version_id.into()).await?;
            match event {
                Event::Uploaded => ask_for_scan(tx, &clock, &document).await?,
                _ => {
                    due::schedule(tx, INTAKE_CLEANUP, document.version_id.into(), now + keep_rejected)
                        .await?;
                }
            }
            failpoint::pass("confirm::written");
            Ok::<_, Error>(v1::Document::from(&document))
        })
    })
    .await?;
    failpoint::pass("confirm::committed");
    names::answer(state, caller, outcome).await
}

/// What the store has for the upload that is awaited, and for which version. Nothing is asked for a document that is not the caller's, nor
/// for one that is past its upload: the transaction will say which.
async fn look(
    state: &State,
    caller: &Caller,
    request: &v1::ConfirmUploadRequest,
) -> Result<Option<(Version, StoredObject)>, Error> {
    let document = super::find_upload(state, caller, &request.document_id, 0).await?;
    if document.upload_window(state.clock.now()).is_err() {
        return Ok(None);
    }
    let stored = match document.parts() {
        Some(parts) => parts::assemble(state, &document, parts).await?,
        None => parts::object(state, &document).await?,
    };
    Ok(stored.map(|stored| (document.version, stored)))
}

/// Writes the job and its message, and the reminder that sends the message again until the scan is reported.
async fn ask_for_scan(tx: &mut Tx, clock: &Clock, document: &Document) -> Result<(), Error> {
    let job = JobId::mint(clock);
    db::scan_jobs::insert(tx, &document.tenant, job, document.id, document.version, document.updated_at)
        .await?;
    events::append_job(tx, clock, Work::Scan, document, job).await?;
    due::schedule(tx, SCAN_UNREPORTED, job.into(), document.updated_at + SCAN_LEASE).await?;
    Ok(())
}
