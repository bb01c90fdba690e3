//! The payment service has done what it may about an erasure.

use consumer::{CloudEvent, Failure};
use ids::ErasureId;
use pg::{BoxFuture, Tx};
use proto::payment::v1::PaymentSubjectErased;

use crate::app::erasure::{Report, report};
use crate::{Error, State};

pub(super) const TYPE: &str = "guildhall.payment.subject_erased.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: PaymentSubjectErased = event.decode()?;
            let unreadable = |error: ids::Error| Failure::poison("ID_UNREADABLE", error);
            let erasure: ErasureId = message.erasure_id.parse().map_err(unreadable)?;
            let done = Report {
                service: "payment".to_owned(),
                reported_at: Some(event.time),
                erased: message.erased,
                kept: message.kept,
                kept_reasons: message.kept_reasons,
            };
            report(tx, &state, erasure, &done).await.map_err(|error| match error {
                Error::ErasureNotFound => Failure::poison("ERASURE_UNKNOWN", error),
                other => other.into(),
            })
        })
    }
}
