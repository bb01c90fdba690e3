//! The document service, asked about what people hand in.

use std::fmt;

use auth::{Caller, TokenSource};
use ids::{CaseId, DocumentId, Tenant};
use proto::document::v1::case_service_client::CaseServiceClient;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::{AttachToCaseRequest, CreateDownloadRequest, DocumentStatus, GetDocumentRequest};
use rpc_error::{Code, reason};
use service::channel::Channel;
use tonic::{Request, Status};
use url::Url;

use crate::Error;
use crate::domain::CaseDocument;

/// Why providers may fetch documents: the case that they are in is worked on.
const PURPOSE: &str = "casework";

/// The document service, called as this service in the tenant of the case. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    documents: DocumentServiceClient<Channel>,
    cases: CaseServiceClient<Channel>,
    tokens: TokenSource,
}

/// Why no address of a document can be given to a provider.
#[derive(Debug)]
pub enum NotHandedOut {
    /// It cannot be read any more.
    Gone,
    /// The document service cannot be asked now.
    Away(rpc_error::Error),
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Documents(..)")
    }
}

impl Documents {
    /// Calls through `channel` with this service's own token.
    #[must_use]
    pub fn new(channel: Channel, tokens: TokenSource) -> Self {
        Self {
            documents: DocumentServiceClient::new(channel.clone()),
            cases: CaseServiceClient::new(channel),
            tokens,
        }
    }

    /// SHA-256 of a document that is the caller's own, and ready.
    ///
    /// # Errors
    /// [`Error::DocumentNotFound`], [`Error::DocumentNotReady`], and [`Error::Documents`] where it cannot be had now.
    pub async fn ready(&self, caller: &Caller, id: DocumentId) -> Result<Vec<u8>, Error> {
        let message = GetDocumentRequest { document_id: id.to_string(), version: 0 };
        let request = self.request(&caller.tenant, message).await.map_err(Error::Documents)?;
        let answer = self.documents.clone().get_document(request).await;
        let answer = answer.map_err(rpc_error::Error::from_status).map_err(|error| match error.reason() {
            reason::DOCUMENT_NOT_FOUND => Error::DocumentNotFound,
            _ => Error::Documents(error),
        })?;
        let document = answer.into_inner().document.unwrap_or_default();
        let owner = document.owner.parse().map_err(|_| Error::DocumentNotFound)?;
        if !caller.is(&owner) {
            return Err(Error::DocumentNotFound);
        }
        match document.status() {
            DocumentStatus::Ready if document.sha256.len() == 32 => Ok(document.sha256),
            _ => Err(Error::DocumentNotReady),
        }
    }

    /// Attaches documents to a case, so that what holds for it holds for them. Again it changes nothing.
    ///
    /// # Errors
    /// What the document service says.
    pub async fn attach(
        &self,
        tenant: &Tenant,
        case: CaseId,
        documents: &[CaseDocument],
    ) -> Result<(), rpc_error::Error> {
        for document in documents {
            let message =
                AttachToCaseRequest { case_ref: case.to_string(), document_id: document.id.to_string() };
            let request = self.request(tenant, message).await?;
            match self.cases.clone().attach_to_case(request).await.map_err(rpc_error::Error::from_status) {
                Ok(_) => {}
                // It is gone since: its check will say so.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Where a document can be fetched, for some minutes; it is logged that it may be.
    ///
    /// # Errors
    /// [`NotHandedOut`].
    pub async fn hand_out(&self, tenant: &Tenant, id: DocumentId) -> Result<Url, NotHandedOut> {
        let purpose = PURPOSE.to_owned();
        let message = CreateDownloadRequest { document_id: id.to_string(), version: 0, purpose };
        let request = self.request(tenant, message).await.map_err(NotHandedOut::Away)?;
        let answer = self.documents.clone().create_download(request).await;
        let answer = answer
            .map_err(rpc_error::Error::from_status)
            .map_err(|error| if is_gone(&error) { NotHandedOut::Gone } else { NotHandedOut::Away(error) })?;
        answer.into_inner().url.parse().map_err(|_| {
            NotHandedOut::Away(rpc_error::Error::unavailable(Status::internal("the address is no URL")))
        })
    }

    async fn request<T>(&self, tenant: &Tenant, message: T) -> Result<Request<T>, rpc_error::Error> {
        let token = self.tokens.token().await?;
        let mut request = Request::new(message);
        auth::client::authorize(&mut request, &token, Some(tenant));
        Ok(request)
    }
}

fn is_gone(error: &rpc_error::Error) -> bool {
    matches!(
        error.code(),
        Code::NotFound | Code::Gone | Code::Conflict | Code::Locked | Code::PreconditionFailed
    )
}
