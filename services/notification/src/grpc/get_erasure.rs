use ids::ErasureId;
use proto::notification::v1::{GetErasureRequest, GetErasureResponse};
use rpc_error::Error;
use tonic::{Request, Response};

use super::erasure;
use crate::{State, app, error};

pub(super) async fn call(
    state: &State,
    request: Request<GetErasureRequest>,
) -> Result<Response<GetErasureResponse>, Error> {
    let tenant = auth::caller(&request)?.tenant.clone();
    // What is no id is nobody's.
    let id = request.into_inner().erasure_id.parse::<ErasureId>();
    let id = id.map_err(|_| error::Error::ErasureNotFound)?;
    let found = app::erasure::get(state, &tenant, id).await?;
    Ok(Response::new(GetErasureResponse { erasure: Some(erasure(found)) }))
}
