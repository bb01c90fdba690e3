//! What the document service says about documents, asked when a mail is written.

use auth::TokenSource;
use ids::{DocumentId, Tenant};
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::{DocumentStatus, GetDocumentRequest};
use rpc_error::{Code, reason};
use service::channel::Channel;
use tonic::Request;

use crate::error::Error;
use crate::templates::DocumentFacts;

/// The document service, called as this service in the tenant of the mail. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Documents {
    client: DocumentServiceClient<Channel>,
    tokens: TokenSource,
}

impl Documents {
    /// Calls through `channel` with this service's own token.
    #[must_use]
    pub fn new(channel: Channel, tokens: TokenSource) -> Self {
        Self { client: DocumentServiceClient::new(channel), tokens }
    }

    /// Name and purpose of a document; `None` when its owner does not know it any more.
    ///
    /// # Errors
    /// [`Error::Document`] when the answer cannot be had now, for whatever reason.
    pub async fn facts(&self, tenant: &Tenant, id: DocumentId) -> Result<Option<DocumentFacts>, Error> {
        let token = self.tokens.token().await.map_err(|error| Error::Document(error.into()))?;
        let mut request = Request::new(GetDocumentRequest { document_id: id.to_string(), version: 0 });
        auth::client::authorize(&mut request, &token, Some(tenant));
        match self.client.clone().get_document(request).await {
            Ok(answer) => {
                let document = answer.into_inner().document.unwrap_or_default();
                if document.status() == DocumentStatus::Erased {
                    return Ok(None);
                }
                Ok(Some(DocumentFacts { file_name: document.file_name, purpose: document.purpose }))
            }
            Err(status) => {
                let error = rpc_error::Error::from_status(status);
                if error.code() == Code::NotFound && error.reason() == reason::DOCUMENT_NOT_FOUND {
                    return Ok(None);
                }
                Err(Error::Document(error))
            }
        }
    }
}
