//! Activities: thin calls to the owners. What an owner is asked for twice it does once: each call names what it is about, and the owner
//! keeps what became of it.

mod bill_run;
mod payment;

pub use bill_run::{BillRunActivities, Progress};
pub use payment::{PaymentActivities, Step};

use std::time::Duration;

use blobs::Blobs;
use rpc_error::Code;
use temporalio_common::error::ApplicationFailure;
use temporalio_common::{RetryPolicy, data_converters::PayloadConversionError};
use temporalio_sdk::ActivityOptions;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::Instant;

use crate::owners::{Deliveries, Documents, Payments};

/// An activity whose worker has not been heard of for so long is begun anew by another.
const SOON_AGAIN: Duration = Duration::from_secs(10);
/// How often a worker is heard of.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// All of them, over what they call.
#[derive(Clone)]
pub struct Activities {
    pub(crate) payment: PaymentActivities,
    pub(crate) bill_run: BillRunActivities,
}

impl Activities {
    /// Over these.
    #[must_use]
    pub fn new(payments: Payments, documents: Documents, recipients: Deliveries, blobs: Blobs) -> Self {
        let payment = PaymentActivities { payments: payments.clone() };
        Self { payment, bill_run: BillRunActivities { payments, documents, recipients, blobs } }
    }
}

/// Of an activity that takes up to `takes`. Whether its worker lives is heard of meanwhile; what is away is asked again without end: that is
/// what the workflow is there for.
#[must_use]
pub fn options(takes: Duration) -> ActivityOptions {
    let retry = RetryPolicy::builder()
        .initial_interval(Duration::from_secs(1))
        .maximum_interval(Duration::from_secs(30))
        .build();
    ActivityOptions::with_start_to_close_timeout(takes)
        .heartbeat_timeout(SOON_AGAIN)
        .retry_policy(retry)
        .build()
}

/// Does `call`, and lets Temporal hear of this worker meanwhile.
pub(crate) async fn heard<T>(
    ctx: &ActivityContext,
    call: impl Future<Output = Result<T, rpc_error::Error>>,
) -> Result<T, ActivityError> {
    // The beginning of an activity is heard of without it; most have ended before the first beat.
    let mut ticks = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let mut call = std::pin::pin!(call);
    loop {
        tokio::select! {
            answer = &mut call => return answer.map_err(|error| failed(&error)),
            _ = ticks.tick() => beat(ctx, ()).await?,
        }
    }
}

/// Lets Temporal hear of this worker, and how far it is.
pub(crate) async fn beat<T>(ctx: &ActivityContext, progress: T) -> Result<(), ActivityError>
where
    T: serde::Serialize + Send + Sync + 'static,
{
    if ctx.is_cancelled() {
        return Err(ActivityError::cancelled());
    }
    let beaten: Result<(), PayloadConversionError> = ctx.record_heartbeat(progress).await;
    beaten.map_err(|error| ActivityError::application(ApplicationFailure::non_retryable(error)))
}

/// An id of a workflow's input. Nothing else writes these: what is none will not become one.
pub(crate) fn parsed<T>(text: &str) -> Result<T, ActivityError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| ActivityError::application(ApplicationFailure::non_retryable(error)))
}

/// What a failed call means: again, or never. The reason is what Temporal shows; the owner's message may not leave it.
pub(crate) fn failed(error: &rpc_error::Error) -> ActivityError {
    let never = matches!(
        error.code(),
        Code::Malformed | Code::InvalidArgument | Code::NotFound | Code::Gone | Code::PermissionDenied
    );
    let reason = error.reason().to_owned();
    let failure = ApplicationFailure::builder(reason.clone()).type_name(reason).non_retryable(never).build();
    ActivityError::application(failure)
}
