//! What was asked for, what was answered, and what is answered after all.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::calls::Call;
use crate::error::Error;
use crate::finding::{Finding, Reason};
use crate::http::Shared;
use crate::http::extract::{Body, Result, query};
use crate::id::CheckId;
use crate::script::Operation;
use crate::view;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    pub(crate) reference: Option<String>,
    pub(crate) operation: Option<Operation>,
}

/// Everybody's checks, those of a reference where one is named.
pub(crate) async fn list(State(app): State<Shared>, uri: Uri) -> Result<Json<Value>> {
    let which: Which = query(&uri)?;
    Ok(Json(app.store.read(|world, _| {
        let checks = world.checks(which.reference.as_deref());
        json!({ "data": checks.map(view::book).collect::<Vec<_>>() })
    })?))
}

/// The last 1,000 calls, how many there are of each operation among those that are listed, and how many there were
/// since the program was started.
pub(crate) async fn calls(State(app): State<Shared>, uri: Uri) -> Result<Json<Value>> {
    let which: Which = query(&uri)?;
    let wanted = |call: &Call| {
        which.operation.is_none_or(|of| call.operation == of)
            && which.reference.as_ref().is_none_or(|of| call.reference.as_ref() == Some(of))
    };
    let calls: Vec<Call> = app.calls.list().into_iter().filter(wanted).collect();
    let mut counts = BTreeMap::<Operation, u64>::new();
    for call in &calls {
        *counts.entry(call.operation).or_default() += 1;
    }
    Ok(Json(json!({ "data": calls, "counts": counts, "totals": app.calls.totals() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    /// `clear`, `refused` for what usually speaks against such a check, or a reason.
    finding: String,
}

/// The provider comes to an outcome, or to another one.
pub(crate) async fn answer(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(said): Body<Said>,
) -> Result<Json<Value>> {
    app.store.change(|draft| {
        let check = draft.world.check(&CheckId::from(id))?.clone();
        let finding = match said.finding.as_str() {
            "clear" => Finding::Clear,
            "refused" => Finding::Found(Reason::usual(check.kind)),
            reason => Finding::Found(
                serde_json::from_value(json!(reason))
                    .map_err(|_| Error::field("finding", "must be clear, refused or a reason"))?,
            ),
        };
        draft.answer(check, finding).map(|check| Json(view::book(&check)))
    })
}
