use ids::JobId;
use proto::notification::v1::{ClaimDeliveryRequest, ClaimDeliveryResponse};
use rpc_error::Error;
use tonic::{Request, Response};

use super::timestamp;
use crate::{State, app, error};

pub(super) async fn call(
    state: &State,
    request: Request<ClaimDeliveryRequest>,
) -> Result<Response<ClaimDeliveryResponse>, Error> {
    let tenant = auth::caller(&request)?.tenant.clone();
    // What is no id is nobody's.
    let job = request.into_inner().job_id.parse::<JobId>().map_err(|_| error::Error::JobNotFound)?;
    let claimed = app::claim_delivery::claim_delivery(state, &tenant, job).await?;
    Ok(Response::new(ClaimDeliveryResponse {
        delivery_id: claimed.delivery_id.to_string(),
        to_address: claimed.to.as_str().to_owned(),
        subject: claimed.mail.subject,
        text_body: claimed.mail.text,
        html_body: claimed.mail.html,
        lease_expires_at: Some(timestamp(claimed.lease_expires_at)),
    }))
}
