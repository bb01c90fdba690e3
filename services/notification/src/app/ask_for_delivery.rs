//! Asks a worker to send an e-mail, and asks again until the outcome is reported: a queue that loses or parks a message
//! loses nothing.

use std::time::Duration;

use ids::{DeliveryId, JobId};
use pg::Tx;
use time::OffsetDateTime;
use topology::queues;

use crate::domain::job::{self, Ask};
use crate::error::Error;
use crate::{State, db};

/// Kind of the due rows of jobs that were not reported yet.
pub const MAIL_UNREPORTED: &str = "mail_unreported";

/// Sends a new job to the queue, and plans to ask again.
///
/// # Errors
/// The database's.
pub async fn ask(tx: &mut Tx, state: &State, job: JobId, delivery: DeliveryId) -> Result<(), Error> {
    append(tx, state, job, delivery).await?;
    let again = state.clock.now() + job::FIRST_REPEAT;
    due::schedule(tx, MAIL_UNREPORTED, job.into(), again).await?;
    Ok(())
}

/// Plans a job that is sent to the queue only after `wait`.
///
/// # Errors
/// The database's.
pub async fn ask_later(tx: &mut Tx, state: &State, job: JobId, wait: Duration) -> Result<(), Error> {
    due::schedule(tx, MAIL_UNREPORTED, job.into(), state.clock.now() + wait).await?;
    Ok(())
}

/// Sends a job to the queue, unless a worker has it or has reported it. Returns when to look again; `None` when there
/// is nothing left to ask for.
///
/// # Errors
/// The database's.
pub async fn ask_again(tx: &mut Tx, state: &State, job: JobId) -> Result<Option<OffsetDateTime>, Error> {
    let tenant = tx.tenant().clone();
    let Some(attempt) = db::deliveries::lock_attempt(tx, &tenant, job).await? else { return Ok(None) };
    if attempt.delivery.is_final() {
        return Ok(None);
    }
    match attempt.job.ask_again(attempt.created_at, state.clock.now()) {
        None => Ok(None),
        Some(Ask::Later(at)) => Ok(Some(at)),
        Some(Ask::Now { next }) => {
            append(tx, state, job, attempt.delivery_id).await?;
            Ok(Some(next))
        }
    }
}

/// The message carries ids only; what is said, and to which address, the worker gets when it claims the job.
async fn append(tx: &mut Tx, state: &State, job: JobId, delivery: DeliveryId) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let body = queue::Job::new(job, tenant, "mail").about("delivery_id", delivery);
    outbox::append_job(tx, &state.clock, queues::MAIL, &body).await?;
    Ok(())
}
