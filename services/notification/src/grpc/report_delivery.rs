use ids::JobId;
use proto::notification::v1::{DeliveryOutcome, ReportDeliveryRequest, ReportDeliveryResponse};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use crate::domain::job::Outcome;
use crate::{State, app, error};

/// Longest code of a provider, in bytes.
const MAX_CODE: usize = 32;

pub(super) async fn call(
    state: &State,
    request: Request<ReportDeliveryRequest>,
) -> Result<Response<ReportDeliveryResponse>, Error> {
    let tenant = auth::caller(&request)?.tenant.clone();
    let request = request.into_inner();
    let outcome = match request.outcome() {
        DeliveryOutcome::Sent => Outcome::Sent,
        DeliveryOutcome::TemporaryFailure => Outcome::TemporaryFailure,
        DeliveryOutcome::PermanentFailure => Outcome::PermanentFailure,
        DeliveryOutcome::Unspecified => {
            return Err(invalid("outcome", "must be SENT, TEMPORARY_FAILURE or PERMANENT_FAILURE"));
        }
    };
    // A provider's sentence may quote an address; a code cannot.
    let code = request.provider_code;
    let plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if code.len() > MAX_CODE || !plain {
        return Err(invalid("provider_code", "must be at most 32 of A-Z, a-z, 0-9, '.', '_' and '-'"));
    }
    // What is no id is nobody's.
    let job = request.job_id.parse::<JobId>().map_err(|_| error::Error::JobNotFound)?;
    app::report_delivery::report_delivery(state, &tenant, job, outcome, code).await?;
    Ok(Response::new(ReportDeliveryResponse {}))
}

fn invalid(field: &str, rule: &str) -> Error {
    Error::new(Code::InvalidArgument, reason::OUTCOME_INVALID, "the report cannot be taken")
        .violation(field, rule)
}
