use pg::{Error, Tx};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::runner::Running;
use crate::{WAKER, store};

/// Has the handler of `kind` run for `subject` at `at` or soon after, in this transaction's tenant. There is one row
/// per tenant, kind and subject: scheduling again moves it and forgets earlier failures.
///
/// Inside the row's own handler it wins over what the handler returns.
///
/// # Errors
/// A [`pg::Error`]; [`Error::Fenced`] inside a handler that was overtaken.
pub async fn schedule(
    tx: &mut Tx,
    kind: &'static str,
    subject: Uuid,
    at: OffsetDateTime,
) -> Result<(), Error> {
    tx.wake_on_commit(WAKER);
    let tenant = tx.tenant().clone();
    if let Some(claim) = tx.note::<Running>().settle(kind, subject) {
        return fence(store::reschedule_claimed(tx, &tenant, kind, subject, claim, at).await?);
    }
    store::upsert(tx, &tenant, kind, subject, at).await
}

/// Forgets what was scheduled for `kind` and `subject`, if anything is.
///
/// A handler that is running now is not stopped: the lock on the subject's own row decides who is first, and a
/// handler looks at the subject's state under that lock.
///
/// # Errors
/// A [`pg::Error`]; [`Error::Fenced`] inside a handler that was overtaken.
pub async fn cancel(tx: &mut Tx, kind: &'static str, subject: Uuid) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    if let Some(claim) = tx.note::<Running>().settle(kind, subject) {
        return fence(store::delete_claimed(tx, &tenant, kind, subject, claim).await?);
    }
    store::delete(tx, &tenant, kind, subject).await
}

/// Whether anything is scheduled for `kind` and `subject`, or is being run.
///
/// # Errors
/// A [`pg::Error`].
pub async fn is_scheduled(tx: &mut Tx, kind: &str, subject: Uuid) -> Result<bool, Error> {
    let tenant = tx.tenant().clone();
    store::exists(tx, &tenant, kind, subject).await
}

pub(crate) fn fence(held: bool) -> Result<(), Error> {
    if held { Ok(()) } else { Err(Error::Fenced) }
}
