//! `ReviewService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::verification::v1;
use proto::verification::v1::review_service_server::ReviewService;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::cases::{decided, document_kind, pending, verdict as told_verdict};
use super::{Api, key, timestamp};
use crate::app;
use crate::domain::{AskReason, Asked, Case, DecisionReason, Verdict};

#[tonic::async_trait]
impl ReviewService for Api {
    async fn list_reviews(
        &self,
        request: Request<v1::ListReviewsRequest>,
    ) -> Result<Response<v1::ListReviewsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (cases, next) = app::list_reviews(&self.state, caller, request.get_ref()).await?;
        let now = self.state.clock.now();
        Ok(Response::new(v1::ListReviewsResponse {
            reviews: cases.iter().map(|case| review(case, now)).collect(),
            next_page_token: next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn claim_review(
        &self,
        request: Request<v1::ClaimReviewRequest>,
    ) -> Result<Response<v1::ClaimReviewResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let claimed = app::claim_review(&self.state, caller, key, request.get_ref()).await?;
        Ok(claimed.map(|review| v1::ClaimReviewResponse { review: Some(review) }).into_response())
    }

    async fn reassign_review(
        &self,
        request: Request<v1::ReassignReviewRequest>,
    ) -> Result<Response<v1::ReassignReviewResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let given = app::reassign_review(&self.state, caller, key, request.get_ref()).await?;
        Ok(given.map(|review| v1::ReassignReviewResponse { review: Some(review) }).into_response())
    }

    async fn decide_case(
        &self,
        request: Request<v1::DecideCaseRequest>,
    ) -> Result<Response<v1::DecideCaseResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let decided = app::decide_case(&self.state, caller, key, request.get_ref()).await?;
        Ok(decided.map(|case| v1::DecideCaseResponse { case: Some(case) }).into_response())
    }

    async fn list_decisions(
        &self,
        request: Request<v1::ListDecisionsRequest>,
    ) -> Result<Response<v1::ListDecisionsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let decisions = app::list_decisions(&self.state, caller, &request.get_ref().case_id).await?;
        let decisions = decisions.iter().map(decided).collect();
        Ok(Response::new(v1::ListDecisionsResponse { decisions }))
    }

    async fn add_note(
        &self,
        request: Request<v1::AddNoteRequest>,
    ) -> Result<Response<v1::AddNoteResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let noted = app::add_note(&self.state, caller, key, request.get_ref()).await?;
        Ok(noted.map(|note| v1::AddNoteResponse { note: Some(note) }).into_response())
    }

    async fn list_notes(
        &self,
        request: Request<v1::ListNotesRequest>,
    ) -> Result<Response<v1::ListNotesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let notes = app::list_notes(&self.state, caller, &request.get_ref().case_id).await?;
        Ok(Response::new(v1::ListNotesResponse { notes }))
    }
}

/// A case as it waits.
pub(crate) fn review(case: &Case, now: OffsetDateTime) -> v1::Review {
    let claim = case.claim.as_ref().filter(|claim| now < claim.until);
    let proposal = case.proposal.as_ref();
    v1::Review {
        case_id: case.id.to_string(),
        purpose: case.purpose.clone(),
        pending: case.pending.iter().map(|reason| pending(*reason).into()).collect(),
        waiting_since: Some(timestamp(case.status_since)),
        due_at: case.due_at.map(timestamp),
        escalated: case.escalated,
        claimed_by: claim.map(|claim| claim.by.to_string()).unwrap_or_default(),
        claimed_until: claim.map(|claim| timestamp(claim.until)),
        first_decided_by: proposal.map(|proposal| proposal.by.to_string()).unwrap_or_default(),
        first_verdict: proposal
            .map_or(v1::Verdict::Unspecified, |proposal| told_verdict(proposal.verdict))
            .into(),
    }
}

pub(crate) fn verdict(verdict: v1::Verdict) -> Option<Verdict> {
    match verdict {
        v1::Verdict::Unspecified => None,
        v1::Verdict::Approve => Some(Verdict::Approve),
        v1::Verdict::Reject => Some(Verdict::Reject),
        v1::Verdict::AskAgain => Some(Verdict::AskAgain),
    }
}

pub(crate) fn decision_reason(reason: v1::DecisionReason) -> Option<DecisionReason> {
    match reason {
        v1::DecisionReason::Unspecified => None,
        v1::DecisionReason::DocumentsInsufficient => Some(DecisionReason::DocumentsInsufficient),
        v1::DecisionReason::DocumentNotGenuine => Some(DecisionReason::DocumentNotGenuine),
        v1::DecisionReason::DetailsDiffer => Some(DecisionReason::DetailsDiffer),
        v1::DecisionReason::AddressNotConfirmed => Some(DecisionReason::AddressNotConfirmed),
        v1::DecisionReason::FaceDiffers => Some(DecisionReason::FaceDiffers),
        v1::DecisionReason::Legal => Some(DecisionReason::Legal),
        v1::DecisionReason::ConfirmedByOffice => Some(DecisionReason::ConfirmedByOffice),
    }
}

/// What is asked for, as far as it says that; a document's id that is none is nobody's.
pub(crate) fn asked(asked: &v1::Asked) -> Option<Asked> {
    let reason = match asked.reason() {
        v1::AskReason::Unspecified => return None,
        v1::AskReason::Unreadable => AskReason::Unreadable,
        v1::AskReason::Expired => AskReason::Expired,
        v1::AskReason::WrongDocument => AskReason::WrongDocument,
        v1::AskReason::Incomplete => AskReason::Incomplete,
        v1::AskReason::Differs => AskReason::Differs,
        v1::AskReason::Missing => AskReason::Missing,
    };
    let document_id = match asked.document_id.as_str() {
        "" => None,
        id => Some(id.parse().ok()?),
    };
    Some(Asked { document_id, kind: document_kind(asked.kind())?, reason })
}
