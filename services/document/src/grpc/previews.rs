//! `PreviewService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::document::v1;
use proto::document::v1::preview_service_server::PreviewService;
use tonic::{Request, Response, Status};

use super::Api;
use super::translate::timestamp;
use crate::app::{ClaimedPreview, Preview};
use crate::domain::{PreviewFailure, PreviewObject, PreviewOutcome, PreviewState, Sha256, preview};
use crate::{Error, app};

#[tonic::async_trait]
impl PreviewService for Api {
    async fn get_preview(
        &self,
        request: Request<v1::GetPreviewRequest>,
    ) -> Result<Response<v1::GetPreviewResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::GetPreviewRequest { document_id, version, purpose } = request.get_ref();
        let preview = app::get_preview(&self.state, caller, document_id, *version, purpose).await?;
        Ok(Response::new(preview.into()))
    }

    async fn claim_preview(
        &self,
        request: Request<v1::ClaimPreviewRequest>,
    ) -> Result<Response<v1::ClaimPreviewResponse>, Status> {
        let caller = auth::caller(&request)?;
        let claimed = app::claim_preview(&self.state, caller, &request.get_ref().job_id).await?;
        Ok(Response::new(claimed.into()))
    }

    async fn report_preview(
        &self,
        request: Request<v1::ReportPreviewRequest>,
    ) -> Result<Response<v1::ReportPreviewResponse>, Status> {
        let caller = auth::caller(&request)?;
        let outcome = outcome(request.get_ref())?;
        let state = app::report_preview(&self.state, caller, &request.get_ref().job_id, outcome).await?;
        Ok(Response::new(v1::ReportPreviewResponse { state: told(Some(state)).0.into() }))
    }
}

impl From<Preview> for v1::GetPreviewResponse {
    fn from(preview: Preview) -> Self {
        let (state, failure) = told(preview.state);
        let total_pages = match preview.state {
            Some(PreviewState::Ready { total_pages }) => total_pages,
            _ => 0,
        };
        let mut answer = Self {
            version: preview.version.number(),
            state: state.into(),
            failure: failure.into(),
            total_pages,
            expires_at: preview.expires_at.map(timestamp),
            ..Self::default()
        };
        for (object, signed) in preview.objects {
            match object.pixels {
                Some((width, height)) => {
                    let page = v1::PreviewPage { number: object.number, width, height, url: signed.url };
                    answer.pages.push(page);
                }
                None => answer.text_url = signed.url,
            }
        }
        answer
    }
}

impl From<ClaimedPreview> for v1::ClaimPreviewResponse {
    fn from(ClaimedPreview { document, lease_expires_at }: ClaimedPreview) -> Self {
        let pages = i32::try_from(preview::MAX_PAGES).unwrap_or_default();
        Self {
            document_id: document.id.to_string(),
            version: document.version.number(),
            evidence_key: document.evidence_key(),
            content_type: document.detected().map(ToString::to_string).unwrap_or_default(),
            size_bytes: document.declaration.size.bytes(),
            sha256: document.declaration.sha256.as_bytes().to_vec(),
            page_keys: (1..=pages).map(|page| document.preview_key(page)).collect(),
            text_key: document.preview_key(0),
            lease_expires_at: Some(timestamp(lease_expires_at)),
        }
    }
}

/// What callers are told of a state. What was erased has no preview, and nobody failed.
fn told(state: Option<PreviewState>) -> (v1::PreviewState, v1::PreviewFailure) {
    let failed = |failure| (v1::PreviewState::Failed, failure);
    match state {
        Some(PreviewState::Pending) => (v1::PreviewState::Pending, v1::PreviewFailure::Unspecified),
        Some(PreviewState::Ready { .. }) => (v1::PreviewState::Ready, v1::PreviewFailure::Unspecified),
        None | Some(PreviewState::Failed(PreviewFailure::Erased)) => {
            (v1::PreviewState::None, v1::PreviewFailure::Unspecified)
        }
        Some(PreviewState::Failed(failure)) => failed(match failure {
            PreviewFailure::FileTooLarge => v1::PreviewFailure::FileTooLarge,
            PreviewFailure::Malformed => v1::PreviewFailure::Malformed,
            PreviewFailure::Encrypted => v1::PreviewFailure::Encrypted,
            PreviewFailure::TooManyPixels => v1::PreviewFailure::TooManyPixels,
            PreviewFailure::MemoryExceeded => v1::PreviewFailure::MemoryExceeded,
            PreviewFailure::TimeExceeded => v1::PreviewFailure::TimeExceeded,
            PreviewFailure::Crashed => v1::PreviewFailure::Crashed,
            PreviewFailure::ForbiddenCall => v1::PreviewFailure::ForbiddenCall,
            PreviewFailure::Garbage => v1::PreviewFailure::Garbage,
            PreviewFailure::Abandoned | PreviewFailure::Erased => v1::PreviewFailure::Abandoned,
        }),
    }
}

/// What a report says; a failure of a newer worker is refused, so that it comes again.
fn outcome(request: &v1::ReportPreviewRequest) -> Result<PreviewOutcome, Error> {
    let broken = |field, rule| Error::Report { field, rule };
    let failure = v1::PreviewFailure::try_from(request.failure);
    let failure = match failure
        .map_err(|_| broken("failure", "must be one of guildhall.document.v1.PreviewFailure"))?
    {
        v1::PreviewFailure::Unspecified => {
            let objects = request.objects.iter().map(object).collect::<Result<_, _>>()?;
            let made = PreviewOutcome::made(request.total_pages, objects);
            return made.map_err(|rule| broken("objects", rule));
        }
        v1::PreviewFailure::FileTooLarge => PreviewFailure::FileTooLarge,
        v1::PreviewFailure::Malformed => PreviewFailure::Malformed,
        v1::PreviewFailure::Encrypted => PreviewFailure::Encrypted,
        v1::PreviewFailure::TooManyPixels => PreviewFailure::TooManyPixels,
        v1::PreviewFailure::MemoryExceeded => PreviewFailure::MemoryExceeded,
        v1::PreviewFailure::TimeExceeded => PreviewFailure::TimeExceeded,
        v1::PreviewFailure::Crashed => PreviewFailure::Crashed,
        v1::PreviewFailure::ForbiddenCall => PreviewFailure::ForbiddenCall,
        v1::PreviewFailure::Garbage => PreviewFailure::Garbage,
        v1::PreviewFailure::Abandoned => PreviewFailure::Abandoned,
    };
    if request.objects.is_empty() {
        Ok(PreviewOutcome::Failed(failure))
    } else {
        Err(broken("objects", "must be empty where there is a failure"))
    }
}

fn object(stored: &v1::StoredPreview) -> Result<PreviewObject, Error> {
    let rule = "must be a SHA-256, 32 bytes";
    let sha256 =
        Sha256::try_from(&stored.sha256[..]).map_err(|_| Error::Report { field: "objects", rule })?;
    let pixels = (stored.number != 0).then_some((stored.width, stored.height));
    Ok(PreviewObject { number: stored.number, size: stored.size_bytes, sha256, pixels })
}
