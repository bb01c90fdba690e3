//! `GET /v1/documents/{id}/preview`

use axum::Json;
use axum::extract::State;
use proto::document::v1::{GetPreviewRequest, PreviewFailure, PreviewPage, PreviewState};
use serde::Serialize;
use utoipa::ToSchema;

use super::download::Wanted;
use crate::App;
use crate::http::extract::{DocumentPath, Query};
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What can be seen of a document without opening its file.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewView {
    /// Which version of the document it is.
    version: i32,
    /// `pending` while it is being made, `ready`, `failed`, or `none` where files of this type have none. More may come.
    status: &'static str,
    /// Why it failed: `FILE_TOO_LARGE`, `MALFORMED`, `ENCRYPTED`, `TOO_MANY_PIXELS`, `MEMORY_EXCEEDED`, `TIME_EXCEEDED`,
    /// `CRASHED`, `FORBIDDEN_CALL`, `GARBAGE` or `ABANDONED`; else `null`. More may come.
    failure: Option<&'static str>,
    /// How many pages the file has; `null` unless it is ready.
    total_pages: Option<i32>,
    /// The first pages, at most 20.
    pages: Vec<PageView>,
    /// A plain `GET` returns the text of these pages; `null` where there is none.
    text_url: Option<String>,
    /// Until when the URLs can be used: RFC 3339, UTC; at most one minute from now.
    expires_at: Option<String>,
}

/// An image of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageView {
    /// Its number in the file, from 1.
    number: i32,
    /// Pixels.
    width: i32,
    /// Pixels.
    height: i32,
    /// A plain `GET` returns a PNG.
    url: String,
}

impl From<PreviewPage> for PageView {
    fn from(page: PreviewPage) -> Self {
        Self { number: page.number, width: page.width, height: page.height, url: page.url }
    }
}

/// Signs reads of a preview and, where there is one, writes the access log: of the newest version that is ready, unless one
/// is named. For whom may download it, and as a download: staff say what for. 423 before the verdict.
#[utoipa::path(get, path = "/v1/documents/{id}/preview", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."), Wanted),
    responses((status = 200, body = PreviewView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem), (status = 422, body = Problem), (status = 423, body = Problem)))]
pub async fn preview(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    Query(wanted): Query<Wanted>,
) -> Result<Json<PreviewView>> {
    let message = GetPreviewRequest {
        document_id: id.to_string(),
        version: wanted.version.unwrap_or_default(),
        purpose: wanted.purpose.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.previews.clone().get_preview(request).await?.into_inner();
    Ok(Json(PreviewView {
        version: answer.version,
        status: match answer.state() {
            PreviewState::Unspecified => "unknown",
            PreviewState::Pending => "pending",
            PreviewState::Ready => "ready",
            PreviewState::Failed => "failed",
            PreviewState::None => "none",
        },
        failure: failure_name(answer.failure()),
        total_pages: Some(answer.total_pages).filter(|pages| *pages > 0),
        pages: answer.pages.into_iter().map(Into::into).collect(),
        text_url: Some(answer.text_url).filter(|url| !url.is_empty()),
        expires_at: answer.expires_at.and_then(rfc3339),
    }))
}

fn failure_name(failure: PreviewFailure) -> Option<&'static str> {
    match failure {
        PreviewFailure::Unspecified => None,
        failure => failure.as_str_name().strip_prefix("PREVIEW_FAILURE_"),
    }
}
