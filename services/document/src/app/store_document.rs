use auth::Caller;
use blobs::Bucket;
use bytes::Bytes;
use ids::{DocumentId, JobId, Subject, VersionId};
use proto::document::v1;
use sha2::{Digest, Sha256};

use super::names::{self, Found};
use super::{get_document, keeping};
use crate::domain::policy::{HandedInBy, Period};
use crate::domain::{Changed, Declaration, Document, Event, FileName, UploadPolicy, Viewer};
use crate::{Error, State, db, events};

/// Keeps what a service has made for a person. The object comes first, under a key that whoever calls again writes too; the row makes a
/// document of it.
pub async fn store_document(
    state: &State,
    caller: &Caller,
    request: &v1::StoreDocumentRequest,
) -> Result<v1::Document, Error> {
    let broken = |field, rule| Error::Report { field, rule };
    let job: JobId = request.job_id.parse().map_err(|_| broken("job_id", "must be a UUIDv7"))?;
    let owner: Subject =
        request.owner.parse().map_err(|_| broken("owner", "must be 1 to 255 visible ASCII characters"))?;
    if let Some(stored) = find(state, caller, job.into()).await? {
        return Ok(stored);
    }
    // Of who was erased nothing is sealed, and then nothing is stored either.
    let keys = state.envelope.keys_to_seal(&state.db, &caller.tenant, std::slice::from_ref(&owner)).await?;
    let Made { name, document, event, keep_for } = declare(state, caller, job.into(), owner, request).await?;
    let digest = *document.declaration.sha256.as_bytes();
    let (content, type_) =
        (Bytes::copy_from_slice(&request.content), document.declaration.media_type.as_str());
    state.blobs.put(Bucket::Evidence, &document.evidence_key(), content, type_, digest).await?;
    failpoint::pass("store::put");

    let clock = state.clock.clone();
    let stored = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let Document { owner, declaration, created_at, .. } = document.clone();
            let declaration = names::seal(tx, &keys, &owner, &name, declaration).await?;
            let document = Document { declaration, ..document };
            db::documents::insert(tx, &document).await?;
            events::append(tx, &clock, &document, event).await?;
            keeping::keep(tx, &clock, &document, keep_for, created_at).await?;
            failpoint::pass("store::written");
            Ok::<_, Error>(v1::Document { file_name: name.to_string(), ..v1::Document::from(&document) })
        })
    });
    stored.await
}

/// What was stored for the job before.
async fn find(state: &State, caller: &Caller, id: DocumentId) -> Result<Option<v1::Document>, Error> {
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            match get_document::find(tx, &Viewer::Office, id, Ok(None)).await {
                Ok(document) => Found::new(tx, vec![document]).await.map(Some),
                Err(Error::DocumentNotFound) => Ok(None),
                Err(error) => Err(error),
            }
        })
    });
    match found.await? {
        Some(found) => Ok(found.shown(state).await?.pop()),
        None => Ok(None),
    }
}

/// What is to be stored, and for how long.
struct Made {
    name: FileName,
    document: Document,
    event: Event,
    keep_for: Period,
}

/// Holds what is to be stored to the policies in force.
async fn declare(
    state: &State,
    caller: &Caller,
    id: DocumentId,
    owner: Subject,
    request: &v1::StoreDocumentRequest,
) -> Result<Made, Error> {
    let (version, now) = (VersionId::mint(&state.clock), state.clock.now());
    let (tenant, request) = (caller.tenant.clone(), request.clone());
    let read = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let policy = policy::current::<UploadPolicy>(tx).await?.policy.with_services();
            let (name, declaration) = Declaration::parse(
                &policy,
                HandedInBy::Services,
                &request.purpose,
                &request.file_name,
                &request.content_type,
                i64::try_from(request.content.len()).unwrap_or(i64::MAX),
                &Sha256::digest(&request.content),
            )
            .map_err(Error::Declaration)?;
            let rules = policy.purposes.get(&declaration.purpose);
            let class = rules.map(|rules| rules.retention_class.clone()).ok_or(Error::NoClass)?;
            let keep_for = keeping::class(tx, &class).await?.keep_for;
            let Changed { document, event } =
                Document::store(id, version, (tenant, owner), class, declaration, keep_for, now);
            Ok::<_, Error>(Made { name, document, event, keep_for })
        })
    });
    read.await
}
