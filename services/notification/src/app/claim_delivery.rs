//! Gives a job to a worker: takes the lease, and writes the e-mail.

use envelope::Living;
use ids::{DeliveryId, DocumentId, JobId, Subject, Tenant};
use pg::Tx;
use time::OffsetDateTime;

use super::notify::NO_ADDRESS;
use super::report_delivery::give_up;
use crate::db::deliveries::Attempt;
use crate::domain::email::Email;
use crate::domain::locale::Locale;
use crate::domain::status::FeedStatus;
use crate::error::Error;
use crate::templates::MailText;
use crate::{State, db};

/// Code of a delivery whose document its owner does not know any more.
const DOCUMENT_GONE: &str = "DOCUMENT_GONE";

/// An e-mail to send. It is written for this answer and kept nowhere.
pub struct Claimed {
    /// The delivery's id, the same on every attempt.
    pub delivery_id: DeliveryId,
    /// Address to send to.
    pub to: Email,
    /// What to send.
    pub mail: MailText,
    /// Until when nobody else can claim the job.
    pub lease_expires_at: OffsetDateTime,
}

/// Claims a job.
///
/// The e-mail is written, and the address's key fetched, before the lease is taken, so that a document or key-management
/// service that is away costs no lease: the worker may try again at once. Between the two nothing is locked.
///
/// # Errors
/// [`Error::JobNotFound`], [`Error::JobLeased`], [`Error::JobFinished`], and [`Error::Document`] or
/// [`Error::Envelope`] while the document or the address cannot be read.
pub async fn claim_delivery(state: &State, tenant: &Tenant, job: JobId) -> Result<Claimed, Error> {
    let (clock, id) = (state.clock.clone(), job);
    let attempt = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move { claimable(tx, id, clock.now()).await.map(|(attempt, _)| attempt) })
        })
        .await?;
    let Some(mail) = write(state, tenant, &attempt).await? else {
        return Err(abandon(state, tenant, job, DOCUMENT_GONE).await?);
    };
    let keys = state.envelope.keys(&state.db, tenant, std::slice::from_ref(&attempt.owner)).await?;
    let clock = state.clock.clone();
    let (delivery_id, to, lease_expires_at) = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let now = clock.now();
                let (attempt, until) = claimable(tx, job, now).await?;
                let to = match &attempt.email {
                    Some(sealed) => address(&keys.read(tx).await?, &attempt.owner, sealed)?,
                    None => None,
                };
                if to.is_some() {
                    let tenant = tx.tenant().clone();
                    let sending = attempt.delivery.claim().map_err(|_| Error::JobFinished)?;
                    db::deliveries::lease_job(tx, &tenant, job, until).await?;
                    db::deliveries::set_state(tx, &tenant, attempt.delivery_id, sending, now).await?;
                }
                Ok::<_, Error>((attempt.delivery_id, to, until))
            })
        })
        .await?;
    let Some(to) = to else {
        return Err(abandon(state, tenant, job, NO_ADDRESS).await?);
    };
    Ok(Claimed { delivery_id, to, mail, lease_expires_at })
}

/// Opens an address; `None` when its subject was erased.
fn address(keys: &Living<'_>, owner: &Subject, sealed: &[u8]) -> Result<Option<Email>, Error> {
    let text = keys.open_text(owner, db::recipients::EMAIL, sealed)?;
    Ok(text.and_then(|text| Email::parse(&text).ok()))
}

/// Locks a job and checks that it can be claimed now; returns it with the end of the lease it would have.
async fn claimable(tx: &mut Tx, job: JobId, now: OffsetDateTime) -> Result<(Attempt, OffsetDateTime), Error> {
    let tenant = tx.tenant().clone();
    let attempt = db::deliveries::lock_attempt(tx, &tenant, job).await?.ok_or(Error::JobNotFound)?;
    // A delivery may have come to its end by an earlier job that was reported late.
    attempt.delivery.claim().map_err(|_| Error::JobFinished)?;
    let until = attempt.job.claim(now).map_err(|refused| Error::from_refused(refused, now))?;
    Ok((attempt, until))
}

/// Writes the e-mail in the recipient's language; `None` when its document is gone.
async fn write(state: &State, tenant: &Tenant, attempt: &Attempt) -> Result<Option<MailText>, Error> {
    let status: FeedStatus = attempt.status.parse()?;
    let facts = if status.names_document() {
        let document = DocumentId::try_from(attempt.subject_id).map_err(|_| Error::JobNotFound)?;
        let Some(facts) = state.documents.facts(tenant, document).await? else { return Ok(None) };
        Some(facts)
    } else {
        None
    };
    let locale = Locale::stored(attempt.locale.as_deref());
    let mail =
        state.templates.mail(status, attempt.template_version, &locale, &attempt.code, facts.as_ref())?;
    Ok(Some(mail))
}

/// Ends a delivery that cannot be written or addressed. Returns what the worker is told.
async fn abandon(state: &State, tenant: &Tenant, job: JobId, code: &'static str) -> Result<Error, Error> {
    let shared = state.clone();
    state.db.tenant(tenant, move |tx| Box::pin(async move { give_up(tx, &shared, job, code).await })).await?;
    tracing::warn!(job.id = %job, reason = code, "delivery given up");
    Ok(Error::JobFinished)
}
