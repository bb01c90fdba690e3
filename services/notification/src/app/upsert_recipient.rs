//! Keeps how to reach a person, at each sign-in.

use ids::{RecipientId, Subject, Tenant};

use crate::db::recipients::Contact;
use crate::domain::email::Email;
use crate::domain::locale::Locale;
use crate::error::Error;
use crate::{State, db};

/// Creates the subject's recipient or replaces its address and language. Returns its id, which never changes.
///
/// # Errors
/// [`Error::Envelope`] for a subject that was erased, and while the key-management service is away; the database's.
pub async fn upsert_recipient(
    state: &State,
    tenant: &Tenant,
    subject: Subject,
    email: Option<Email>,
    locale: Option<Locale>,
    person: Option<Subject>,
) -> Result<RecipientId, Error> {
    let new = RecipientId::mint(&state.clock);
    let now = state.clock.now();
    let keys = state.envelope.keys_to_seal(&state.db, tenant, std::slice::from_ref(&subject)).await?;
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant().clone();
                let keys = keys.lock(tx).await?;
                let seal =
                    |email: Email| keys.seal(&subject, db::recipients::EMAIL, email.as_str().as_bytes());
                let email = email.map(seal).transpose()?;
                let contact =
                    Contact { email: email.as_deref(), locale: locale.as_ref(), person: person.as_ref() };
                Ok(db::recipients::upsert(tx, &tenant, new, &subject, &contact, now).await?)
            })
        })
        .await
}
