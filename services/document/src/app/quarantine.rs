//! Terms of the quarantine: which purposes have one, and who may look.

use auth::Caller;
use pg::Tx;

use crate::Error;
use crate::domain::policy::Unscannable;
use crate::domain::{Document, Lifecycle, Purpose, UploadPolicy};

/// What becomes of a file of that purpose which the scanner cannot look into. A purpose that is not in the policy any
/// longer has nobody who reviews.
pub(super) async fn unscannable(tx: &mut Tx, purpose: &Purpose) -> Result<Unscannable, Error> {
    let policy = policy::current::<UploadPolicy>(tx).await?.policy;
    Ok(policy.purposes.get(purpose).map_or(Unscannable::Refuse, |rules| rules.unscannable))
}

/// A version that the caller may review: it waits for a decision, and is not their own.
pub(super) fn reviewable(document: &Document, caller: &Caller) -> Result<(), Error> {
    if caller.is(&document.owner) {
        return Err(Error::OwnReview);
    }
    match document.lifecycle {
        Lifecycle::Quarantined { .. } => Ok(()),
        Lifecycle::Erased => Err(Error::Erased),
        _ => Err(Error::NotQuarantined),
    }
}
