//! Grants, as JSON.

pub mod create;
pub mod list;
pub mod revoke;

use proto::document::v1::{Grant, GrantAct};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;

/// What lets somebody read a document, or the documents of a case, who could not otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    /// UUIDv7.
    id: String,
    /// UUIDv7 of the document; `null` where a case is shared.
    document_id: Option<String>,
    /// Reference of the case, whose documents are shared, those attached later too; `null` where a document is.
    case: Option<String>,
    /// Subject of the person who may read; `null` where it is a client.
    grantee_subject: Option<String>,
    /// The client that may read by its own credentials; `null` where it is a person.
    grantee_client: Option<String>,
    /// Purpose of the access policy.
    purpose: String,
    /// When it ends by itself; RFC 3339, UTC.
    until: Option<String>,
    /// Whether it lets anybody read now.
    stands: bool,
    /// Who gave it.
    given: Option<GrantActView>,
    /// Who revoked it; `null` where nobody has.
    revoked: Option<GrantActView>,
}

/// What somebody did about a grant.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantActView {
    /// Subject of who did it.
    by: String,
    /// RFC 3339, UTC.
    at: Option<String>,
    /// Why, in their own words.
    reason: String,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            id: grant.grant_id,
            document_id: given(grant.document_id),
            case: given(grant.case_ref),
            grantee_subject: given(grant.grantee_subject),
            grantee_client: given(grant.grantee_client),
            purpose: grant.purpose,
            until: grant.until.and_then(rfc3339),
            stands: grant.stands,
            given: grant.given.map(GrantActView::from),
            revoked: grant.revoked.map(GrantActView::from),
        }
    }
}

impl From<GrantAct> for GrantActView {
    fn from(act: GrantAct) -> Self {
        Self { by: act.by, at: act.at.and_then(rfc3339), reason: act.reason }
    }
}
