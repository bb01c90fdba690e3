//! The erasure of a subject: asked for here, obeyed by every service, reported by each.
//!
//! Whoever seals for a subject takes its key first and its recipient then; erasing goes in the same order.

use ids::{ErasureId, Subject, Tenant};
use outbox::Event;
use pg::Tx;
use proto::subject::v1::{ErasureFinished, ErasureRequested};
use time::{Duration, OffsetDateTime};
use topology::topics;

pub use crate::db::erasures::{Erasure, Report};
use crate::error::Error;
use crate::{State, db};

/// Kind of the due row that asks again for what services have not reported.
pub const ERASURE_UNREPORTED: &str = "erasure_unreported";
/// Services that keep something of subjects, beside this one, which has erased when the request is answered.
const SERVICES: [&str; 2] = ["document", "payment"];
const ASK_AGAIN: Duration = Duration::days(1);

/// Erases the subject here, and asks the others to, in the transaction of the idempotency key. A subject is erased once:
/// later requests find the first.
///
/// # Errors
/// The database's.
pub async fn request(
    tx: &mut Tx,
    state: &State,
    subject: Subject,
    requested_by: &Subject,
) -> Result<(Erasure, Vec<Report>), Error> {
    let tenant = tx.tenant().clone();
    let now = state.clock.now();
    let erasure =
        Erasure { id: ErasureId::mint(&state.clock), subject, requested_at: now, finished_at: None };
    if !db::erasures::insert(tx, &tenant, &erasure, requested_by).await? {
        let found = db::erasures::find_by_subject(tx, &tenant, &erasure.subject).await?;
        return with_reports(tx, found).await;
    }
    envelope::erase(tx, &state.clock, &erasure.subject).await?;
    db::recipients::forget(tx, &tenant, &erasure.subject, now).await?;
    db::erasures::await_reports(tx, &tenant, erasure.id, &SERVICES).await?;
    ask(tx, state, &erasure).await?;
    due::schedule(tx, ERASURE_UNREPORTED, erasure.id.into(), now + ASK_AGAIN).await?;
    tracing::info!(erasure.id = %erasure.id, "erasure requested");
    with_reports(tx, Some(erasure)).await
}

/// An erasure, and what was reported of it.
///
/// # Errors
/// [`Error::ErasureNotFound`], also for another tenant's; the database's.
pub async fn get(state: &State, tenant: &Tenant, id: ErasureId) -> Result<(Erasure, Vec<Report>), Error> {
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant().clone();
                // Whoever reports holds the row: an erasure and its reports are read as of one moment.
                let found = db::erasures::lock(tx, &tenant, id).await?;
                with_reports(tx, found).await
            })
        })
        .await
}

/// Asks again for what was not reported. Returns when to look again; `None` when everything was.
///
/// # Errors
/// The database's.
pub async fn ask_again(tx: &mut Tx, state: &State, id: ErasureId) -> Result<Option<OffsetDateTime>, Error> {
    let tenant = tx.tenant().clone();
    let Some(erasure) = db::erasures::lock(tx, &tenant, id).await? else { return Ok(None) };
    if erasure.finished_at.is_some() {
        return Ok(None);
    }
    tracing::warn!(erasure.id = %id, "erasure not reported by every service, asking again");
    ask(tx, state, &erasure).await?;
    Ok(Some(state.clock.now() + ASK_AGAIN))
}

/// Stores a service's report. The last one that is awaited finishes the erasure; later ones only correct the numbers.
///
/// # Errors
/// [`Error::ErasureNotFound`]; the database's.
pub async fn report(tx: &mut Tx, state: &State, id: ErasureId, report: &Report) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let erasure = db::erasures::lock(tx, &tenant, id).await?.ok_or(Error::ErasureNotFound)?;
    db::erasures::report(tx, &tenant, id, report).await?;
    let reports = db::erasures::reports(tx, &tenant, id).await?;
    if erasure.finished_at.is_some() || reports.iter().any(|report| report.reported_at.is_none()) {
        return Ok(());
    }
    db::erasures::finish(tx, &tenant, id, state.clock.now()).await?;
    let subject = erasure.subject.to_string();
    let message = ErasureFinished { erasure_id: id.to_string(), subject: subject.clone() };
    let type_ = "guildhall.subject.erasure_finished.v1";
    outbox::append(tx, &state.clock, Event::new(topics::SUBJECT, type_, subject, id, &message)).await?;
    due::cancel(tx, ERASURE_UNREPORTED, id.into()).await?;
    tracing::info!(erasure.id = %id, "erasure finished");
    Ok(())
}

/// The event that every service obeys.
async fn ask(tx: &mut Tx, state: &State, erasure: &Erasure) -> Result<(), Error> {
    let subject = erasure.subject.to_string();
    let message = ErasureRequested { erasure_id: erasure.id.to_string(), subject: subject.clone() };
    let type_ = "guildhall.subject.erasure_requested.v1";
    outbox::append(tx, &state.clock, Event::new(topics::SUBJECT, type_, subject, erasure.id, &message))
        .await?;
    Ok(())
}

async fn with_reports(tx: &mut Tx, erasure: Option<Erasure>) -> Result<(Erasure, Vec<Report>), Error> {
    let tenant = tx.tenant().clone();
    let erasure = erasure.ok_or(Error::ErasureNotFound)?;
    let reports = db::erasures::reports(tx, &tenant, erasure.id).await?;
    Ok((erasure, reports))
}
