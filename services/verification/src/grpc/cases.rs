//! `VerificationService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::verification::v1;
use proto::verification::v1::verification_service_server::VerificationService;
use tonic::{Request, Response, Status};

use super::{Api, key, timestamp};
use crate::app;
use crate::db::entries::Entry;
use crate::domain::{
    AskReason, Asked, Attempt, Case, CaseDocument, Check, CheckKind, Decision, DecisionReason, DocumentKind,
    Outcome, Pending, Reason, Status as CaseStatus, Verdict,
};

#[tonic::async_trait]
impl VerificationService for Api {
    async fn submit_case(
        &self,
        request: Request<v1::SubmitCaseRequest>,
    ) -> Result<Response<v1::SubmitCaseResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let taken = app::submit_case(&self.state, caller, key, request.get_ref()).await?;
        Ok(taken.map(|case| v1::SubmitCaseResponse { case: Some(case) }).into_response())
    }

    async fn get_case(
        &self,
        request: Request<v1::GetCaseRequest>,
    ) -> Result<Response<v1::GetCaseResponse>, Status> {
        let caller = auth::caller(&request)?;
        let case = app::get_case(&self.state, caller, &request.get_ref().case_id).await?;
        Ok(Response::new(v1::GetCaseResponse { case: Some(case) }))
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let wanted = wanted_status(request.get_ref().status());
        let (cases, next) = app::list_cases(&self.state, caller, request.get_ref(), wanted).await?;
        Ok(Response::new(v1::ListCasesResponse {
            cases: cases.iter().map(|case| shown(case, &[], &[], None)).collect(),
            next_page_token: next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn list_case_entries(
        &self,
        request: Request<v1::ListCaseEntriesRequest>,
    ) -> Result<Response<v1::ListCaseEntriesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let entries = app::list_entries(&self.state, caller, &request.get_ref().case_id).await?;
        let entries = entries.into_iter().map(entry).collect();
        Ok(Response::new(v1::ListCaseEntriesResponse { entries }))
    }

    async fn resubmit_case(
        &self,
        request: Request<v1::ResubmitCaseRequest>,
    ) -> Result<Response<v1::ResubmitCaseResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let taken = app::resubmit_case(&self.state, caller, key, request.get_ref()).await?;
        Ok(taken.map(|case| v1::ResubmitCaseResponse { case: Some(case) }).into_response())
    }

    async fn withdraw_case(
        &self,
        request: Request<v1::WithdrawCaseRequest>,
    ) -> Result<Response<v1::WithdrawCaseResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let over = app::withdraw_case(&self.state, caller, key, request.get_ref()).await?;
        Ok(over.map(|case| v1::WithdrawCaseResponse { case: Some(case) }).into_response())
    }

    async fn receive_callback(
        &self,
        request: Request<v1::ReceiveCallbackRequest>,
    ) -> Result<Response<v1::ReceiveCallbackResponse>, Status> {
        let v1::ReceiveCallbackRequest { account_id, body, headers } = request.get_ref();
        app::receive_callback(&self.state, account_id, body, headers).await?;
        Ok(Response::new(v1::ReceiveCallbackResponse {}))
    }
}

/// A case without what they said of themselves: what may be stored as an answer.
pub(crate) fn shown(
    case: &Case,
    documents: &[CaseDocument],
    checks: &[Check],
    decision: Option<&Decision>,
) -> v1::Case {
    v1::Case {
        case_id: case.id.to_string(),
        subject: case.subject.to_string(),
        purpose: case.purpose.clone(),
        policy_version: case.policy_version,
        status: status(case.status).into(),
        pending: case.pending.iter().map(|reason| pending(*reason).into()).collect(),
        documents: documents.iter().map(document).collect(),
        asked: case.asked.iter().map(asked).collect(),
        checks: checks.iter().map(check).collect(),
        round: case.round,
        decision: decision.map(decided),
        created_at: Some(timestamp(case.created_at)),
        updated_at: Some(timestamp(case.updated_at)),
        due_at: case.due_at.map(timestamp),
        applicant: None,
    }
}

/// A case as whom it is about sees it: who of the office did what, and which providers were asked, is the office's.
pub(crate) fn for_person(mut case: v1::Case) -> v1::Case {
    if let Some(decision) = &mut case.decision {
        decision.decided_by = String::new();
        decision.agreed_by = String::new();
    }
    for check in &mut case.checks {
        check.attempts.clear();
    }
    case
}

fn document(document: &CaseDocument) -> v1::CaseDocument {
    v1::CaseDocument {
        document_id: document.id.to_string(),
        kind: told_document_kind(document.kind).into(),
        country: document.country.map(|country| country.to_string()).unwrap_or_default(),
    }
}

fn asked(asked: &Asked) -> v1::Asked {
    v1::Asked {
        document_id: asked.document_id.map(|id| id.to_string()).unwrap_or_default(),
        kind: told_document_kind(asked.kind).into(),
        reason: ask_reason(asked.reason).into(),
    }
}

fn check(check: &Check) -> v1::Check {
    v1::Check {
        check_id: check.id.to_string(),
        kind: check_kind(check.kind).into(),
        outcome: check.outcome().map_or(v1::CheckOutcome::Unspecified, check_outcome).into(),
        reason: check_reason(check.outcome()).into(),
        attempts: check.attempts.iter().map(attempt).collect(),
        finished_at: check.over.map(|(_, at)| timestamp(at)),
    }
}

fn attempt(attempt: &Attempt) -> v1::Attempt {
    let outcome = attempt.over.map(|(outcome, _)| outcome);
    v1::Attempt {
        number: attempt.number,
        provider: attempt.account.to_string(),
        outcome: outcome.map_or(v1::CheckOutcome::Unspecified, check_outcome).into(),
        reason: check_reason(outcome).into(),
        started_at: Some(timestamp(attempt.started_at)),
        ended_at: attempt.over.map(|(_, at)| timestamp(at)),
        late_answer: attempt.late_answer,
    }
}

/// A decision, with who has taken it.
pub(crate) fn decided(decision: &Decision) -> v1::Decision {
    v1::Decision {
        decision_id: decision.id.to_string(),
        number: decision.number,
        verdict: verdict(decision.verdict).into(),
        reasons: decision.reasons.iter().map(|reason| decision_reason(*reason).into()).collect(),
        automatic: decision.by.is_none(),
        decided_by: decision.by.as_ref().map(ToString::to_string).unwrap_or_default(),
        agreed_by: decision.agreed_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        decided_at: Some(timestamp(decision.at)),
    }
}

fn entry(entry: Entry) -> v1::CaseEntry {
    v1::CaseEntry {
        number: entry.number,
        event: entry.event,
        at: Some(timestamp(entry.at)),
        check: entry.check.map_or(v1::CheckKind::Unspecified, check_kind).into(),
        reason: entry.reason.map_or(v1::CheckReason::Unspecified, told_reason).into(),
        provider: entry.account.unwrap_or_default(),
        by: entry.by.unwrap_or_default(),
    }
}

pub(crate) fn status(status: CaseStatus) -> v1::CaseStatus {
    match status {
        CaseStatus::Submitted => v1::CaseStatus::Submitted,
        CaseStatus::Checking => v1::CaseStatus::Checking,
        CaseStatus::NeedsReview => v1::CaseStatus::NeedsReview,
        CaseStatus::MoreAsked => v1::CaseStatus::MoreAsked,
        CaseStatus::Approved => v1::CaseStatus::Approved,
        CaseStatus::Rejected => v1::CaseStatus::Rejected,
        CaseStatus::Withdrawn => v1::CaseStatus::Withdrawn,
    }
}

fn wanted_status(status: v1::CaseStatus) -> Option<CaseStatus> {
    match status {
        v1::CaseStatus::Unspecified => None,
        v1::CaseStatus::Submitted => Some(CaseStatus::Submitted),
        v1::CaseStatus::Checking => Some(CaseStatus::Checking),
        v1::CaseStatus::NeedsReview => Some(CaseStatus::NeedsReview),
        v1::CaseStatus::MoreAsked => Some(CaseStatus::MoreAsked),
        v1::CaseStatus::Approved => Some(CaseStatus::Approved),
        v1::CaseStatus::Rejected => Some(CaseStatus::Rejected),
        v1::CaseStatus::Withdrawn => Some(CaseStatus::Withdrawn),
    }
}

pub(crate) fn pending(pending: Pending) -> v1::PendingReason {
    match pending {
        Pending::Checks => v1::PendingReason::Checks,
        Pending::CheckFailed => v1::PendingReason::CheckFailed,
        Pending::CheckInconclusive => v1::PendingReason::CheckInconclusive,
        Pending::ProvidersUnavailable => v1::PendingReason::ProvidersUnavailable,
        Pending::Policy => v1::PendingReason::Policy,
        Pending::SecondPerson => v1::PendingReason::SecondPerson,
        Pending::MoreAsked => v1::PendingReason::MoreAsked,
    }
}

pub(crate) fn document_kind(kind: v1::DocumentKind) -> Option<DocumentKind> {
    match kind {
        v1::DocumentKind::Unspecified => None,
        v1::DocumentKind::Passport => Some(DocumentKind::Passport),
        v1::DocumentKind::IdentityCard => Some(DocumentKind::IdentityCard),
        v1::DocumentKind::DrivingLicence => Some(DocumentKind::DrivingLicence),
        v1::DocumentKind::ResidencePermit => Some(DocumentKind::ResidencePermit),
        v1::DocumentKind::ProofOfAddress => Some(DocumentKind::ProofOfAddress),
        v1::DocumentKind::Selfie => Some(DocumentKind::Selfie),
    }
}

fn told_document_kind(kind: DocumentKind) -> v1::DocumentKind {
    match kind {
        DocumentKind::Passport => v1::DocumentKind::Passport,
        DocumentKind::IdentityCard => v1::DocumentKind::IdentityCard,
        DocumentKind::DrivingLicence => v1::DocumentKind::DrivingLicence,
        DocumentKind::ResidencePermit => v1::DocumentKind::ResidencePermit,
        DocumentKind::ProofOfAddress => v1::DocumentKind::ProofOfAddress,
        DocumentKind::Selfie => v1::DocumentKind::Selfie,
    }
}

fn ask_reason(reason: AskReason) -> v1::AskReason {
    match reason {
        AskReason::Unreadable => v1::AskReason::Unreadable,
        AskReason::Expired => v1::AskReason::Expired,
        AskReason::WrongDocument => v1::AskReason::WrongDocument,
        AskReason::Incomplete => v1::AskReason::Incomplete,
        AskReason::Differs => v1::AskReason::Differs,
        AskReason::Missing => v1::AskReason::Missing,
    }
}

pub(crate) fn verdict(verdict: Verdict) -> v1::Verdict {
    match verdict {
        Verdict::Approve => v1::Verdict::Approve,
        Verdict::Reject => v1::Verdict::Reject,
        Verdict::AskAgain => v1::Verdict::AskAgain,
    }
}

pub(crate) fn decision_reason(reason: DecisionReason) -> v1::DecisionReason {
    match reason {
        DecisionReason::DocumentsInsufficient => v1::DecisionReason::DocumentsInsufficient,
        DecisionReason::DocumentNotGenuine => v1::DecisionReason::DocumentNotGenuine,
        DecisionReason::DetailsDiffer => v1::DecisionReason::DetailsDiffer,
        DecisionReason::AddressNotConfirmed => v1::DecisionReason::AddressNotConfirmed,
        DecisionReason::FaceDiffers => v1::DecisionReason::FaceDiffers,
        DecisionReason::Legal => v1::DecisionReason::Legal,
        DecisionReason::ConfirmedByOffice => v1::DecisionReason::ConfirmedByOffice,
    }
}

pub(crate) fn check_kind(kind: CheckKind) -> v1::CheckKind {
    match kind {
        CheckKind::Document => v1::CheckKind::Document,
        CheckKind::Identity => v1::CheckKind::Identity,
        CheckKind::Address => v1::CheckKind::Address,
        CheckKind::Liveness => v1::CheckKind::Liveness,
        CheckKind::Watchlist => v1::CheckKind::Watchlist,
    }
}

pub(crate) fn check_outcome(outcome: Outcome) -> v1::CheckOutcome {
    match outcome {
        Outcome::Passed => v1::CheckOutcome::Passed,
        Outcome::Failed(_) => v1::CheckOutcome::Failed,
        Outcome::Inconclusive(_) => v1::CheckOutcome::Inconclusive,
        Outcome::Unavailable(_) => v1::CheckOutcome::Unavailable,
    }
}

pub(crate) fn check_reason(outcome: Option<Outcome>) -> v1::CheckReason {
    outcome.and_then(Outcome::reason).map_or(v1::CheckReason::Unspecified, told_reason)
}

fn told_reason(reason: Reason) -> v1::CheckReason {
    match reason {
        Reason::DocumentExpired => v1::CheckReason::DocumentExpired,
        Reason::ImageUnreadable => v1::CheckReason::ImageUnreadable,
        Reason::DocumentForged => v1::CheckReason::DocumentForged,
        Reason::FileUnusable => v1::CheckReason::FileUnusable,
        Reason::NameMismatch => v1::CheckReason::NameMismatch,
        Reason::BirthDateMismatch => v1::CheckReason::BirthDateMismatch,
        Reason::NoRecord => v1::CheckReason::NoRecord,
        Reason::AddressMismatch => v1::CheckReason::AddressMismatch,
        Reason::AddressUnknown => v1::CheckReason::AddressUnknown,
        Reason::FaceMismatch => v1::CheckReason::FaceMismatch,
        Reason::SpoofSuspected => v1::CheckReason::SpoofSuspected,
        Reason::WatchlistHit => v1::CheckReason::WatchlistHit,
        Reason::PoliticallyExposed => v1::CheckReason::PoliticallyExposed,
        Reason::InsufficientData => v1::CheckReason::InsufficientData,
        Reason::UnknownAnswer => v1::CheckReason::UnknownAnswer,
        Reason::NotCovered => v1::CheckReason::NotCovered,
        Reason::NoAnswer => v1::CheckReason::NoAnswer,
    }
}
