//! Gives a job to a worker: takes the lease, and writes the e-mail.

use ids::{DeliveryId, DocumentId, JobId, Tenant};
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
/// The e-mail is written before the lease is taken, so that a document service that is away costs no lease: the worker
/// may try again at once. Between the two nothing is locked.
///
/// # Errors
/// [`Error::JobNotFound`], [`Error::JobLeased`], [`Error::JobFinished`], and [`Error::Document`] while the document
/// cannot be read.
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
    let clock = state.clock.clone();
    let (attempt, lease_expires_at) = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let now = clock.now();
                let (attempt, until) = claimable(tx, job, now).await?;
                if attempt.email.is_some() {
                    let tenant = tx.tenant().clone();
                    let sending = attempt.delivery.claim().map_err(|_| Error::JobFinished)?;
                    db::deliveries::lease_job(tx, &tenant, job, until).await?;
                    db::deliveries::set_state(tx, &tenant, attempt.delivery_id, sending, now).await?;
                }
                Ok::<_, Error>((attempt, until))
            })
        })
        .await?;
    let Some(to) = attempt.email else {
        return Err(abandon(state, tenant, job, NO_ADDRESS).await?);
    };
    Ok(Claimed { delivery_id: attempt.delivery_id, to, mail, lease_expires_at })
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
    let document = DocumentId::try_from(attempt.subject_id).map_err(|_| Error::JobNotFound)?;
    let Some(facts) = state.documents.facts(tenant, document).await? else { return Ok(None) };
    let locale = Locale::stored(attempt.locale.as_deref());
    let mail = state.templates.mail(status, attempt.template_version, &locale, &attempt.code, &facts)?;
    Ok(Some(mail))
}

/// Ends a delivery that cannot be written or addressed. Returns what the worker is told.
async fn abandon(state: &State, tenant: &Tenant, job: JobId, code: &'static str) -> Result<Error, Error> {
    let shared = state.clone();
    state.db.tenant(tenant, move |tx| Box::pin(async move { give_up(tx, &shared, job, code).await })).await?;
    tracing::warn!(job.id = %job, reason = code, "delivery given up");
    Ok(Error::JobFinished)
}
