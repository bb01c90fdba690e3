//! What is shown: of veritas, of kompass, and to tests.

use serde_json::{Value, json};

use crate::callback::Callback;
use crate::check::{Answer, Check};
use crate::id::CallbackId;
use crate::provider::Provider;

/// A check as veritas shows it, by one of its answers.
pub(crate) fn veritas(check: &Check, answer: Option<&Answer>) -> Value {
    let said = answer.map(|answer| answer.finding.veritas());
    json!({
        "id": check.id,
        "object": "check",
        "type": Provider::Veritas.name_of(check.kind),
        "reference": check.reference,
        "result": said.map(|said| said.result),
        "reasons": said.and_then(|said| said.reason).into_iter().collect::<Vec<_>>(),
        "score": said.map(|said| said.score),
        "created_at": check.created_at,
        "completed_at": answer.map(|answer| answer.at),
    })
}

/// A verification as kompass shows it, by one of its answers; without one it is accepted.
pub(crate) fn kompass(check: &Check, answer: Option<&Answer>) -> Value {
    let said = answer.map(|answer| answer.finding.kompass());
    json!({
        "id": check.id,
        "client_ref": check.reference,
        "kind": Provider::Kompass.name_of(check.kind),
        "state": if answer.is_some() { "DONE" } else { "ACCEPTED" },
        "outcome": said.map(|said| said.outcome),
        "codes": said.and_then(|said| said.code).into_iter().collect::<Vec<_>>(),
        "confidence": said.map(|said| said.confidence),
        "received_at": check.created_at,
        "finished_at": answer.map(|answer| answer.at),
    })
}

/// A check as its own provider shows it now.
pub(crate) fn shown(check: &Check) -> Value {
    let last = check.answers.last();
    match check.provider {
        Provider::Veritas => veritas(check, last),
        Provider::Kompass => kompass(check, last),
    }
}

/// The body of a callback about the last answer.
pub(crate) fn callback(id: &CallbackId, check: &Check) -> Value {
    json!({
        "event": "verification.finished",
        "event_id": id,
        "revision": check.answers.len(),
        "verification": kompass(check, check.answers.last()),
    })
}

/// A check as tests see it: every answer, and how often it was asked for.
pub(crate) fn book(check: &Check) -> Value {
    let answers: Vec<Value> = check
        .answers
        .iter()
        .map(|answer| match check.provider {
            Provider::Veritas => {
                let said = answer.finding.veritas();
                json!({ "result": said.result, "reasons": said.reason.into_iter().collect::<Vec<_>>(), "at": answer.at })
            }
            Provider::Kompass => {
                let said = answer.finding.kompass();
                json!({ "outcome": said.outcome, "codes": said.code.into_iter().collect::<Vec<_>>(), "at": answer.at })
            }
        })
        .collect();
    json!({
        "id": check.id,
        "provider": check.provider,
        "account": check.account,
        "type": check.kind,
        "reference": check.reference,
        "asked": check.asked,
        "created_at": check.created_at,
        "due": check.deadline(),
        "answers": answers,
    })
}

/// A callback and how its delivery goes, for tests.
pub(crate) fn delivery(callback: &Callback) -> Value {
    json!({
        "id": callback.id,
        "account": callback.account,
        "check_id": callback.check,
        "reference": callback.reference,
        "outcome": callback.body["verification"]["outcome"],
        "url": callback.url,
        "delivery": callback.delivery.name(),
        "sent": callback.sent,
        "attempts": callback.attempts,
    })
}
