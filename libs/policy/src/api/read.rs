//! What reads.

use proto::operations::v1;
use rpc_error::Error;
use serde_json::Value;
use tonic::{Request, Response};

use super::{Api, changes, failed, page, told, version};
use crate::{diff as compare, store};

pub(crate) async fn list(
    api: &Api,
    request: &Request<v1::ListPoliciesRequest>,
) -> Result<Response<v1::ListPoliciesResponse>, Error> {
    let (caller, kinds) = (auth::caller(request)?, api.kinds.clone());
    let policies = api.read(caller, move |tx| {
        Box::pin(async move {
            let tenant = tx.tenant().clone();
            let mut newest = store::newest_of_all(tx, tenant.as_str()).await.map_err(failed)?;
            kinds.iter().map(|kind| told(kind, newest.remove(kind.name))).collect::<Result<Vec<_>, _>>()
        })
    });
    Ok(Response::new(v1::ListPoliciesResponse { policies: policies.await? }))
}

pub(crate) async fn get(
    api: &Api,
    request: &Request<v1::GetPolicyRequest>,
) -> Result<Response<v1::GetPolicyResponse>, Error> {
    let (caller, wanted) = (auth::caller(request)?, request.get_ref().version);
    let kind = api.kind(&request.get_ref().kind)?;
    let policy = api.read(caller, move |tx| Box::pin(async move { version(tx, kind, wanted).await })).await?;
    Ok(Response::new(v1::GetPolicyResponse { policy: Some(policy) }))
}

pub(crate) async fn versions(
    api: &Api,
    request: &Request<v1::ListPolicyVersionsRequest>,
) -> Result<Response<v1::ListPolicyVersionsResponse>, Error> {
    let caller = auth::caller(request)?;
    let kind = api.kind(&request.get_ref().kind)?;
    let limit = page::limit(request.get_ref().page_size)?;
    let before = page::before(&request.get_ref().page_token)?;
    let stored = api.read(caller, move |tx| {
        Box::pin(async move {
            let tenant = tx.tenant().clone();
            store::list(tx, tenant.as_str(), kind.name, before, limit).await.map_err(failed)
        })
    });
    let stored = stored.await?;
    let full = i64::try_from(stored.len()).is_ok_and(|count| count == limit);
    let next = stored.last().filter(|last| full && last.version > 1).map(|last| page::token(last.version));
    let policies = stored.into_iter().map(|stored| told(kind, Some(stored)));
    let policies = policies.map(|told| told.map(|told| v1::Policy { body_json: String::new(), ..told }));
    Ok(Response::new(v1::ListPolicyVersionsResponse {
        policies: policies.collect::<Result<_, _>>()?,
        next_page_token: next.unwrap_or_default(),
    }))
}

pub(crate) async fn diff(
    api: &Api,
    request: &Request<v1::DiffPolicyRequest>,
) -> Result<Response<v1::DiffPolicyResponse>, Error> {
    let caller = auth::caller(request)?;
    let v1::DiffPolicyRequest { from_version, to_version, .. } = *request.get_ref();
    let kind = api.kind(&request.get_ref().kind)?;
    let pair = api.read(caller, move |tx| {
        Box::pin(async move {
            let before = version(tx, kind, Some(from_version)).await?;
            Ok((before.body_json, version(tx, kind, to_version).await?.body_json))
        })
    });
    let (before, after) = pair.await?;
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(Error::internal);
    let changes = changes(compare::diff(&json(&before)?, &json(&after)?));
    Ok(Response::new(v1::DiffPolicyResponse { changes }))
}
