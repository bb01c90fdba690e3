//! `CheckPolicy`.

use proto::operations::v1;
use rpc_error::Error;
use serde_json::Value;
use tonic::{Request, Response};

use super::{Api, changes, in_force, parse};
use crate::Violation;
use crate::diff::diff;

pub(crate) async fn call(
    api: &Api,
    request: &Request<v1::CheckPolicyRequest>,
) -> Result<Response<v1::CheckPolicyResponse>, Error> {
    let (caller, kinds) = (auth::caller(request)?, api.kinds.clone());
    let kind = api.kind(&request.get_ref().kind)?;
    let body = parse(&request.get_ref().body_json)?;
    let (set, current_version) =
        api.read(caller, move |tx| Box::pin(async move { in_force(tx, &kinds, kind).await })).await?;
    let before = set.0.get(kind.name).cloned().unwrap_or(Value::Null);
    let (violations, changes) = match api.kinds.check(kind, &body, set) {
        Ok(body) => (Vec::new(), changes(diff(&before, &body))),
        Err(violations) => (violations, Vec::new()),
    };
    let violations = violations.into_iter();
    let violations =
        violations.map(|Violation { pointer, rule }| v1::PolicyViolation { pointer, rule }).collect();
    Ok(Response::new(v1::CheckPolicyResponse { current_version, violations, changes }))
}
