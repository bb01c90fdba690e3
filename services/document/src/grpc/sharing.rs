//! `SharingService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::document::v1;
use proto::document::v1::sharing_service_server::SharingService;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::{Api, key, timestamp};
use crate::app;
use crate::db::access_log::Access;
use crate::domain::{Act, Grant, Grantee, Target};

#[tonic::async_trait]
impl SharingService for Api {
    async fn create_grant(
        &self,
        request: Request<v1::CreateGrantRequest>,
    ) -> Result<Response<v1::CreateGrantResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let given = app::create_grant(&self.state, caller, key, request.get_ref()).await?;
        Ok(given.map(|grant| v1::CreateGrantResponse { grant: Some(grant) }).into_response())
    }

    async fn revoke_grant(
        &self,
        request: Request<v1::RevokeGrantRequest>,
    ) -> Result<Response<v1::RevokeGrantResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let revoked = app::revoke_grant(&self.state, caller, key, request.get_ref()).await?;
        Ok(revoked.map(|grant| v1::RevokeGrantResponse { grant: Some(grant) }).into_response())
    }

    async fn list_grants(
        &self,
        request: Request<v1::ListGrantsRequest>,
    ) -> Result<Response<v1::ListGrantsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let page = app::list_grants(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::ListGrantsResponse {
            grants: page.grants.iter().map(|shown| grant(shown, page.at)).collect(),
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn list_shared(
        &self,
        request: Request<v1::ListSharedRequest>,
    ) -> Result<Response<v1::ListSharedResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::ListSharedRequest { page_size, page_token } = request.get_ref();
        let page = app::list_shared(&self.state, caller, *page_size, page_token).await?;
        let shared = page.shared.into_iter().map(|(document, covered)| v1::Shared {
            document: Some(document),
            grant_id: covered.grant_id.to_string(),
            purpose: covered.purpose,
            until: Some(timestamp(covered.until)),
        });
        Ok(Response::new(v1::ListSharedResponse {
            shared: shared.collect(),
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn list_accesses(
        &self,
        request: Request<v1::ListAccessesRequest>,
    ) -> Result<Response<v1::ListAccessesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let page = app::list_accesses(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::ListAccessesResponse {
            accesses: page.accesses.into_iter().map(Into::into).collect(),
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }
}

/// A grant as it is at this time.
pub(crate) fn grant(grant: &Grant, at: OffsetDateTime) -> v1::Grant {
    let mut shown = v1::Grant {
        grant_id: grant.id.to_string(),
        purpose: grant.purpose.to_string(),
        until: Some(timestamp(grant.until)),
        given: Some((&grant.given).into()),
        revoked: grant.revoked.as_ref().map(Into::into),
        stands: grant.stands(at),
        ..Default::default()
    };
    match &grant.target {
        Target::Document(id) => shown.document_id = id.to_string(),
        Target::Case(case_ref) => shown.case_ref = case_ref.to_string(),
    }
    match &grant.grantee {
        Grantee::Person(subject) => shown.grantee_subject = subject.to_string(),
        Grantee::Client(client) => shown.grantee_client = client.to_string(),
    }
    shown
}

impl From<&Act> for v1::GrantAct {
    fn from(act: &Act) -> Self {
        let reason = act.grounds.as_ref().map(|grounds| grounds.as_str().to_owned()).unwrap_or_default();
        Self { by: act.by.to_string(), at: Some(timestamp(act.at)), reason }
    }
}

impl From<Access> for v1::Access {
    fn from(access: Access) -> Self {
        Self {
            access_id: access.event_id.to_string(),
            document_id: access.document_id.to_string(),
            version: access.version.number(),
            accessor: access.accessor.to_string(),
            client_id: access.client_id,
            accessed_at: Some(timestamp(access.accessed_at)),
            expires_at: Some(timestamp(access.expires_at)),
            purpose: access.purpose.to_string(),
            grant_id: access.grant_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}
