//! Handing out: the one way by which what citizens handed in leaves the service.
//!
//! Who may have a version and why ([`reading`]) is looked at twice: before its URL is signed, and again under the locks
//! that whoever erases, decides or revokes needs as well, in the transaction that writes the access log. Signing may
//! take a call for credentials and is in no transaction; a URL that cannot be logged is thrown away. So each URL that
//! somebody gets has exactly one row in `access_log`, and none is given after an erasure, a decision or a revocation
//! has committed.
//!
//! Nothing else calls `Blobs::presign_get` for what is in the evidence bucket; the copies of a case that staff get leave by
//! `download_case_export`, which logs each version in them, and the worker reads what staff hand in by `open_document`. Another way out is another [`What`]: it says
//! in [`What::check`] for whom and when it can be had, in [`What::purpose`] and [`What::is_sensitive`] what for and for
//! how long. All that one call signs is under one row.

use std::time::Duration;

use auth::Caller;
use blobs::{Bucket, SignedGet};
use ids::DocumentId;
use pg::Tx;
use time::OffsetDateTime;

use super::log_access::{Signed, log_access};
use super::names::Found;
use super::quarantine;
use super::reading::{self, Basis};
use crate::db::previews;
use crate::domain::{
    AccessPolicy, AccessPurpose, Document, Lifecycle, PreviewObject, PreviewState, UploadClosed,
    UploadPolicy, Version,
};
use crate::{Error, State, db};

/// How long a signature is good for.
const SIGNATURE: Duration = Duration::from_secs(5 * 60);
/// The same for what is sensitive.
const SENSITIVE_SIGNATURE: Duration = Duration::from_secs(60);

/// A signed download and what it is of.
#[derive(Debug)]
pub struct Download {
    /// The signature.
    pub signed: SignedGet,
    /// Which version the URL reads.
    pub version: Version,
}

/// A version's preview, signed.
#[derive(Debug)]
pub struct Preview {
    /// Which version it is of.
    pub version: Version,
    /// Where it stands; `None` where files of its type have none.
    pub state: Option<PreviewState>,
    /// What can be seen, each with its signature; the text first. Empty unless the state is ready.
    pub objects: Vec<(PreviewObject, SignedGet)>,
    /// When the first of the signatures ends.
    pub expires_at: Option<OffsetDateTime>,
}

/// What of a version is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Its file, once it is ready; for version 0 that of the newest that is.
    Ready,
    /// Images of its pages and their text, for whoever may have the file: they say as much.
    Preview,
    /// Its file while it waits for a decision, for whoever may take it.
    Quarantined,
}

/// What may be handed out, why, and for how long it is signed.
#[derive(Clone)]
struct Allowed {
    document: Document,
    basis: Basis,
    purpose: AccessPurpose,
    ttl: Duration,
}

/// Signs what the caller may have of a version, and logs who may use the signature and what for. For 0 it is the newest
/// version.
pub(super) async fn hand_out(
    state: &State,
    caller: &Caller,
    what: What,
    document_id: &str,
    version: i32,
    purpose: &str,
) -> Result<Download, Error> {
    let id = super::document_id(document_id)?;
    let (reader, named, at) = (caller.clone(), purpose.to_owned(), state.clock.now());
    let (allowed, found) = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let allowed = allowed(tx, &reader, what, id, version, &named, at).await?;
                let found = Found::new(tx, vec![allowed.document.clone()]).await?;
                Ok::<_, Error>((allowed, found))
            })
        })
        .await?;
    let (document, file_name) = found.named(state).await?;
    let version = document.version;
    // What is not erased has its name still, unless it is erased at this moment.
    let file_name = file_name.ok_or(Error::Erased)?;
    let key = document.evidence_key();
    let signed = state.blobs.presign_get(Bucket::Evidence, &key, &file_name, allowed.ttl).await?;
    log(state, caller, what, allowed, at, signed.expires_at).await?;
    Ok(Download { signed, version })
}

/// The same for a version's preview. Where there is none to see, nothing is signed and nothing is logged.
pub(super) async fn hand_out_preview(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
    purpose: &str,
) -> Result<Preview, Error> {
    let id = super::document_id(document_id)?;
    let (reader, named, at) = (caller.clone(), purpose.to_owned(), state.clock.now());
    let (allowed, found, stored) = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let allowed = allowed(tx, &reader, What::Preview, id, version, &named, at).await?;
                let (tenant, version) = (tx.tenant().clone(), allowed.document.version);
                let found = previews::of_version(tx, &tenant, id, version).await?;
                let stored = previews::objects(tx, &tenant, id, version).await?;
                Ok::<_, Error>((allowed, found.map(|preview| preview.state), stored))
            })
        })
        .await?;
    let version = allowed.document.version;
    let mut preview = Preview { version, state: found, objects: Vec::new(), expires_at: None };
    if !matches!(found, Some(PreviewState::Ready { .. })) {
        return Ok(preview);
    }
    for object in stored {
        let name = match object.number {
            0 => "preview.txt".to_owned(),
            page => format!("preview-{page:02}.png"),
        };
        let key = allowed.document.preview_key(object.number);
        let signed = state.blobs.presign_get(Bucket::Evidence, &key, &name, allowed.ttl).await?;
        preview.objects.push((object, signed));
    }
    preview.expires_at = preview.objects.iter().map(|(_, signed)| signed.expires_at).min();
    // The log says until when any of them can be used.
    if let Some(end) = preview.objects.iter().map(|(_, signed)| signed.expires_at).max() {
        log(state, caller, What::Preview, allowed, at, end).await?;
    }
    Ok(preview)
}

/// Looks again whether the caller may have it until `expires_at`, and logs that they do.
async fn log(
    state: &State,
    caller: &Caller,
    what: What,
    allowed: Allowed,
    at: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<(), Error> {
    let (reader, clock) = (caller.clone(), state.clock.clone());
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let Allowed { document, basis, purpose, .. } = allowed;
                let (id, version) = (document.id, document.version);
                let (tenant, viewer) = (tx.tenant().clone(), basis.viewer(&reader));
                let locked = db::documents::lock(tx, &tenant, &viewer, id, Some(version)).await?;
                let document = locked.ok_or(Error::DocumentNotFound)?;
                basis.confirm(tx, &document, clock.now(), expires_at).await?;
                what.check(&document, &basis, &reader)?;
                let grant_id = basis.grant_id();
                let signed = Signed { purpose, grant_id, at, expires_at };
                log_access(tx, &clock, &reader, &document, signed).await
            })
        })
        .await
}

/// Reads what the caller may have, and holds it to the policies in force. An upload's purpose that is not in them any
/// longer is taken for a sensitive one.
async fn allowed(
    tx: &mut Tx,
    caller: &Caller,
    what: What,
    id: DocumentId,
    number: i32,
    named: &str,
    now: OffsetDateTime,
) -> Result<Allowed, Error> {
    let (mut document, basis) = reading::read(tx, caller, id, super::version(number), named, now).await?;
    let newest = document.latest_ready.filter(|_| what != What::Quarantined && number == 0);
    if let Some(ready) = newest.filter(|ready| *ready != document.version) {
        let tenant = tx.tenant().clone();
        let found = db::documents::find(tx, &tenant, &basis.viewer(caller), id, Some(ready)).await?;
        document = found.ok_or(Error::DocumentNotFound)?;
    }
    let access = policy::current::<AccessPolicy>(tx).await?.policy;
    let purpose = what.purpose(&basis, &access, named)?;
    what.check(&document, &basis, caller)?;

    let uploads = policy::current::<UploadPolicy>(tx).await?.policy;
    let rules = uploads.purposes.get(&document.declaration.purpose);
    let sensitive =
        what.is_sensitive() || rules.is_none_or(|rules| rules.sensitive) || access.is_sensitive(&purpose);
    let ttl = if sensitive { SENSITIVE_SIGNATURE } else { SIGNATURE };
    let ttl = match &basis {
        Basis::Grant(grant) => ttl.min(left(grant.until - now).ok_or(Error::GrantEnded)?),
        Basis::Own | Basis::Office => ttl,
    };
    Ok(Allowed { document, basis, purpose, ttl })
}

impl What {
    /// Whether it can be had of this version as it is now, by this right.
    fn check(self, document: &Document, basis: &Basis, caller: &Caller) -> Result<(), Error> {
        match (self, basis) {
            (Self::Ready | Self::Preview, _) => readable(document),
            (Self::Quarantined, Basis::Own | Basis::Office) => quarantine::reviewable(document, caller),
            (Self::Quarantined, Basis::Grant(_)) => Err(Error::DocumentNotFound),
        }
    }

    /// What for: as named, where there is a choice.
    fn purpose(self, basis: &Basis, policy: &AccessPolicy, named: &str) -> Result<AccessPurpose, Error> {
        match self {
            Self::Ready | Self::Preview => basis.purpose(policy, named),
            Self::Quarantined => Ok(AccessPurpose::review()),
        }
    }

    /// Whether it is signed for a minute, whatever the policies say.
    fn is_sensitive(self) -> bool {
        self != Self::Ready
    }
}

/// How long a signature may be good for that must not outlive a grant. Signatures count whole seconds, and one of none
/// is refused by the store; the last second is for the signing itself.
fn left(of_grant: time::Duration) -> Option<Duration> {
    let seconds = u64::try_from(of_grant.whole_seconds() - 1).ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

pub(super) fn readable(document: &Document) -> Result<(), Error> {
    match document.lifecycle {
        Lifecycle::Ready { .. } => Ok(()),
        Lifecycle::PendingUpload { .. } | Lifecycle::Uploaded | Lifecycle::Scanning => Err(Error::NotScanned),
        Lifecycle::Quarantined { .. } => Err(Error::Quarantined),
        Lifecycle::Rejected { .. } => Err(Error::Rejected),
        Lifecycle::Expired => Err(UploadClosed::Expired.into()),
        Lifecycle::Erased => Err(Error::Erased),
    }
}
