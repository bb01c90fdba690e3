//! Keeps how to reach a person, at each sign-in.

use ids::{RecipientId, Subject, Tenant};

use crate::domain::email::Email;
use crate::domain::locale::Locale;
use crate::error::Error;
use crate::{State, db};

/// Creates the subject's recipient or replaces its address and language. Returns its id, which never changes.
///
/// # Errors
/// The database's.
pub async fn upsert_recipient(
    state: &State,
    tenant: &Tenant,
    subject: Subject,
    email: Option<Email>,
    locale: Option<Locale>,
) -> Result<RecipientId, Error> {
    let new = RecipientId::mint(&state.clock);
    let now = state.clock.now();
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant().clone();
                let id =
                    db::recipients::upsert(tx, &tenant, new, &subject, email.as_ref(), locale.as_ref(), now);
                Ok(id.await?)
            })
        })
        .await
}
