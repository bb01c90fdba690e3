//! Putting a check to a provider: outside of any transaction.

use ids::Tenant;
use prost::Message as _;
use proto::verification::v1;

use super::Work;
use crate::app::submit_case::given;
use crate::db::cases::APPLICANT;
use crate::documents::NotHandedOut;
use crate::domain::{Applicant, CheckKind, Outcome, Reason, Seen};
use crate::provider::{Question, Said};
use crate::{Error, State};

/// What was said; `None` where the provider could not be asked, through no fault of its own.
pub(super) async fn ask(state: &State, tenant: &Tenant, work: &Work) -> Result<Option<Said>, Error> {
    let Work { case, check, attempt, account, documents, .. } = work;
    let keys = state.envelope.unwrap(work.keys.clone()).await?;
    let said = keys.fetched().open(&case.subject, APPLICANT, &work.sealed)?;
    let Some(said) = said.and_then(|said| v1::Applicant::decode(said.as_slice()).ok()) else {
        return Ok(None);
    };
    // What was taken keeps to the rules.
    let Ok(applicant) = Applicant::read(given(&said), &[], state.clock.now().date()) else {
        tracing::error!(case.id = %case.id, "what is kept of an applicant cannot be read");
        return Ok(None);
    };
    if work.attach
        && let Err(error) = state.documents.attach(tenant, case.id, documents).await
    {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(case.id = %case.id, error, "documents are not attached to their case, will retry");
        return Ok(None);
    }
    let needs_files = matches!(check.kind, CheckKind::Document | CheckKind::Liveness);
    let mut handed_out = Vec::new();
    if needs_files && attempt.provider_id.is_none() {
        for document in documents {
            match state.documents.hand_out(tenant, document.id).await {
                Ok(url) => handed_out.push((document.clone(), url)),
                Err(NotHandedOut::Gone) => {
                    let outcome = Outcome::Inconclusive(Reason::FileUnusable);
                    let seen = Seen::Answer { provider_id: attempt.reference(check.id), outcome };
                    return Ok(Some(Said { seen, raw: None }));
                }
                Err(NotHandedOut::Away(error)) => {
                    tracing::warn!(check.id = %check.id, %error, "documents cannot be handed out, will retry");
                    return Ok(None);
                }
            }
        }
    }
    let question = Question {
        reference: attempt.reference(check.id),
        provider_id: attempt.provider_id.clone(),
        kind: check.kind,
        applicant,
        documents: handed_out,
    };
    let begun = std::time::Instant::now();
    let said = account.provider.ask(&question).await;
    state.metrics.call(&account.name, &said.seen, begun.elapsed());
    Ok(Some(said))
}
