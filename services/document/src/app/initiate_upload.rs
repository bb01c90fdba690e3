use std::slice;
use std::sync::{Arc, OnceLock};

use auth::Caller;
use clock::Clock;
use envelope::Keys;
use idempotency::{KEEP, Key, Outcome};
use ids::{DocumentId, Subject, VersionId};
use pg::Tx;
use proto::Operation;
use proto::document::v1;
use time::OffsetDateTime;

use super::signature::{sign, sign_again};
use super::{AwaitedUpload, UPLOAD_EXPIRY, names};
use crate::domain::document::UPLOAD_WINDOW;
use crate::domain::policy::HandedInBy;
use crate::domain::{Changed, Declaration, Document, UploadPolicy};
use crate::{Error, State, db, events};

/// Declares a document and signs the upload of exactly these bytes.
///
/// Nobody seals for an erased citizen, so that their call is refused.
///
/// A replay answers the same document with a fresh signature, for as long as the upload is awaited.
pub async fn initiate_upload(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::InitiateUploadRequest,
) -> Result<Outcome<AwaitedUpload>, Error> {
    let keys = state.envelope.keys_to_seal(&state.db, &caller.tenant, slice::from_ref(&caller.subject));
    let initiation = Initiation {
        clock: state.clock.clone(),
        keys: keys.await?,
        id: DocumentId::mint(&state.clock),
        version_id: VersionId::mint(&state.clock),
        owner: caller.subject.clone(),
        by: super::hands_in(caller),
        now: state.clock.now(),
    };
    let made = Arc::new(OnceLock::new());

    let (declared, kept) = (request.clone(), Arc::clone(&made));
    let scope = super::scope(caller, Operation::DocumentInitiateUpload, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let document = initiation.write(tx, &declared).await?;
            Ok::<_, Error>(v1::Document::from(kept.get_or_init(|| document)))
        })
    })
    .await?;

    let upload = match made.get() {
        Some(document) if !outcome.replayed => sign(state, document).await?,
        _ => sign_again(state, caller, &outcome.value).await?,
    };
    // The key stands for this request alone: the name is the first one's, of which none is stored.
    let file_name = request.file_name.clone();
    Ok(outcome.map(|document| AwaitedUpload { document: v1::Document { file_name, ..document }, upload }))
}

/// What the transaction needs to know of the call.
struct Initiation {
    clock: Clock,
    keys: Keys,
    id: DocumentId,
    version_id: VersionId,
    owner: Subject,
    by: HandedInBy,
    now: OffsetDateTime,
}

impl Initiation {
    /// Holds the declaration to the policy in force, and writes the document.
    async fn write(self, tx: &mut Tx, request: &v1::InitiateUploadRequest) -> Result<Document, Error> {
        let policy = policy::current::<UploadPolicy>(tx).await?.policy;
        let (name, declaration) = Declaration::parse(
            &policy,
            self.by,
            &request.purpose,
            &request.file_name,
            &request.content_type,
            request.size_bytes,
            &request.sha256,
        )
        .map_err(Error::Declaration)?;
        let declaration = names::seal(tx, &self.keys, &self.owner, &name, declaration).await?;
        let tenant = tx.tenant().clone();
        let rules = policy.purposes.get(&declaration.purpose);
        let class = rules.map(|rules| rules.retention_class.clone()).ok_or(Error::NoClass)?;
        let Changed { document, event } =
            Document::initiate(self.id, self.version_id, tenant, self.owner, class, declaration, self.now);
        db::documents::insert(tx, &document).await?;
        due::schedule(tx, UPLOAD_EXPIRY, self.version_id.into(), self.now + UPLOAD_WINDOW).await?;
        events::append(tx, &self.clock, &document, event).await?;
        Ok(document)
    }
}
