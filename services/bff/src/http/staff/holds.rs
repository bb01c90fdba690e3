//! Legal holds, as JSON.

pub mod list;
pub mod place;
pub mod release;

use proto::document::v1::{Hold, HoldAct, HoldState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;

/// A hold of a case on a document: while one stands, nothing of it is erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldView {
    /// UUIDv7.
    id: String,
    /// Reference of the case.
    #[serde(rename = "case")]
    case_ref: String,
    /// UUIDv7 of the document.
    document_id: String,
    /// Which version is held; `null` for all, those to come too.
    version: Option<i32>,
    /// `standing`, `release_asked` or `released`. More may come.
    state: &'static str,
    /// Who placed it.
    placed: Option<ActView>,
    /// Who asked for its release, where a second person has or had to agree; else `null`.
    release_asked: Option<ActView>,
    /// Who released it; `null` while it stands.
    released: Option<ActView>,
}

/// What somebody did about a hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActView {
    /// Subject of who did it.
    by: String,
    /// RFC 3339, UTC.
    at: Option<String>,
    /// Why, in their own words.
    reason: String,
}

impl From<Hold> for HoldView {
    fn from(hold: Hold) -> Self {
        Self {
            state: match hold.state() {
                HoldState::Unspecified => "unknown",
                HoldState::Standing => "standing",
                HoldState::ReleaseAsked => "release_asked",
                HoldState::Released => "released",
            },
            id: hold.hold_id,
            case_ref: hold.case_ref,
            document_id: hold.document_id,
            version: Some(hold.version).filter(|version| *version > 0),
            placed: hold.placed.map(ActView::from),
            release_asked: hold.release_asked.map(ActView::from),
            released: hold.released.map(ActView::from),
        }
    }
}

impl From<HoldAct> for ActView {
    fn from(act: HoldAct) -> Self {
        Self { by: act.by, at: act.at.and_then(rfc3339), reason: act.reason }
    }
}
