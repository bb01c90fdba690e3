//! Takes in how an attempt went: moves the delivery on, tells the recipient, or plans another attempt.

use ids::{JobId, Tenant};
use pg::Tx;

use super::ask_for_delivery::{self, MAIL_UNREPORTED};
use super::feed::{self, Entry};
use crate::db::deliveries::Attempt;
use crate::domain::delivery::{Delivery, Retry};
use crate::domain::job::{Job, Outcome, Report};
use crate::domain::status::FeedStatus;
use crate::error::Error;
use crate::{State, db};

/// Code of a delivery that the provider refuses for good.
const PERMANENT_FAILURE: &str = "PERMANENT_FAILURE";
/// Code of a delivery that was tried too often.
const TECHNICAL_FAILURE: &str = "TECHNICAL_FAILURE";

/// Stores a worker's report. The first report of a job stands; a second one changes nothing.
///
/// # Errors
/// [`Error::JobNotFound`], and [`Error::NeverClaimed`] for a job that nobody has claimed.
pub async fn report_delivery(
    state: &State,
    tenant: &Tenant,
    job: JobId,
    outcome: Outcome,
    provider_code: String,
) -> Result<(), Error> {
    let shared = state.clone();
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant().clone();
                let found = db::deliveries::lock_attempt(tx, &tenant, job).await?;
                let attempt = found.ok_or(Error::JobNotFound)?;
                if attempt.job.report(outcome)? == Report::Known {
                    return Ok(());
                }
                store(tx, &shared, &attempt, outcome, &provider_code).await?;
                // Another job of the delivery may have ended it already; then there is nothing left to tell.
                if attempt.delivery.is_final() {
                    return Ok(());
                }
                match outcome {
                    Outcome::Sent => finish(tx, &shared, &attempt, attempt.delivery.sent()?, "").await,
                    Outcome::PermanentFailure => {
                        finish(tx, &shared, &attempt, attempt.delivery.refused()?, PERMANENT_FAILURE).await
                    }
                    Outcome::Unrenderable => {
                        finish(tx, &shared, &attempt, attempt.delivery.unrenderable()?, TECHNICAL_FAILURE)
                            .await
                    }
                    Outcome::TemporaryFailure => match attempt.delivery.failed(attempt.attempt)? {
                        (waiting, Some(retry)) => try_again(tx, &shared, &attempt, waiting, retry).await,
                        (failed, None) => finish(tx, &shared, &attempt, failed, TECHNICAL_FAILURE).await,
                    },
                }
            })
        })
        .await
}

/// Ends a delivery that cannot be written or addressed, unless a worker has its job or has reported it meanwhile.
///
/// # Errors
/// The database's.
pub(crate) async fn give_up(tx: &mut Tx, state: &State, job: JobId, code: &str) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let Some(attempt) = db::deliveries::lock_attempt(tx, &tenant, job).await? else { return Ok(()) };
    let claimable = attempt.job.claim(state.clock.now()).is_ok();
    let Ok(failed) = attempt.delivery.unrenderable() else { return Ok(()) };
    if !claimable {
        return Ok(());
    }
    store(tx, state, &attempt, Outcome::Unrenderable, "").await?;
    finish(tx, state, &attempt, failed, code).await
}

/// Notes the job's outcome; nobody needs to ask for it again.
async fn store(
    tx: &mut Tx,
    state: &State,
    attempt: &Attempt,
    outcome: Outcome,
    provider_code: &str,
) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    db::deliveries::report_job(tx, &tenant, attempt.job_id, outcome, provider_code, state.clock.now())
        .await?;
    if !matches!(attempt.job, Job::Reported(_)) {
        due::cancel(tx, MAIL_UNREPORTED, attempt.job_id.into()).await?;
    }
    Ok(())
}

/// The delivery has come to its end: tells the recipient.
async fn finish(
    tx: &mut Tx,
    state: &State,
    attempt: &Attempt,
    end: Delivery,
    code: &str,
) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    db::deliveries::set_state(tx, &tenant, attempt.delivery_id, end, state.clock.now()).await?;
    let status = if end == Delivery::Sent { FeedStatus::DeliverySent } else { FeedStatus::DeliveryFailed };
    let entry = Entry {
        recipient_id: attempt.recipient_id,
        notification_id: attempt.notification_id,
        status,
        code,
        category: &attempt.category,
        subject_type: &attempt.subject_type,
        subject_id: attempt.subject_id,
    };
    feed::append(tx, state, &entry).await?;
    Ok(())
}

/// Plans the next attempt, as a job of its own: each job is reported once.
async fn try_again(
    tx: &mut Tx,
    state: &State,
    attempt: &Attempt,
    waiting: Delivery,
    retry: Retry,
) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let now = state.clock.now();
    let job = JobId::mint(&state.clock);
    db::deliveries::set_state(tx, &tenant, attempt.delivery_id, waiting, now).await?;
    db::deliveries::insert_job(tx, &tenant, job, attempt.delivery_id, retry.attempt, now).await?;
    ask_for_delivery::ask_later(tx, state, job, retry.wait).await
}
