//! `/v1/payments/{id}/disputes` and `/v1/disputes`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::id::DisputeId;
use crate::payment::Payment;
use crate::script::Operation;
use crate::view;
use crate::world::World;

use super::Shared;
use super::extract::{Body, Result};
use super::gate::Caller;
use super::idempotent::Key;
use super::payments::{list_of, of_account, step, text};

pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    list_of(&app, &account, id, |payment| {
        payment.disputes.iter().map(|dispute| view::dispute(dispute, payment)).collect()
    })
}

pub(crate) async fn get(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let id = DisputeId::from(id);
    let shown = app.store.read(|world, _| {
        let payment = disputed(world, &account, &id)?;
        payment.dispute(&id).map(|dispute| view::dispute(dispute, payment)).ok_or(Error::NotFound("dispute"))
    })?;
    Ok(Json(shown?))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    text: String,
}

pub(crate) async fn submit_evidence(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<Evidence>,
) -> Result<Response> {
    let key = Key::of(&headers, Operation::SubmitEvidence, &id, &body)?;
    text("text", &body.text, 1, 5_000)?;
    let id = DisputeId::from(id);
    key.once(&app, &account, |draft| {
        let payment = disputed(draft.world, &account, &id)?.id.clone();
        let (kept, _) =
            step(draft, &account, &payment, |payment, _| payment.submit_evidence(&id, body.text))?;
        let dispute = kept.dispute(&id).ok_or(Error::NotFound("dispute"))?;
        Ok((200, view::dispute(dispute, &kept)))
    })
}

/// The payment of a dispute, if it is the caller's.
fn disputed<'a>(world: &'a World, account: &str, id: &DisputeId) -> Result<&'a Payment, Error> {
    of_account(world.payment_of_dispute(id), account, "dispute")
}
