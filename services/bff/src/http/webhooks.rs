//! `POST /webhooks/payments/{account_id}`: what providers call us with. The service that owns the account stores it before this answers.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::payment::v1::ReceiveCallbackRequest;
use rpc_error::{Code, Error, reason};
use serde_json::{Value, json};

use super::extract::MAX_BODY;
use crate::App;
use crate::problem::Result;

/// What signatures are made of, by the standard and by providers of their own mind.
const SIGNATURE_HEADERS: [&str; 4] =
    ["webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature"];

/// Takes a payment provider's callback. Nobody signs in: the signature is all there is, and `payment` checks it.
pub async fn payments(
    State(app): State<App>,
    Path(account_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    let body = to_bytes(body, MAX_BODY).await.map_err(|error| {
        Error::new(Code::TooLarge, reason::BODY_TOO_LARGE, format!("the body is over {MAX_BODY} bytes"))
            .because(error)
    })?;
    let headers: BTreeMap<String, String> = SIGNATURE_HEADERS
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned())))
        .collect();
    let message = ReceiveCallbackRequest { account_id, body: body.to_vec(), headers };
    app.services.receive_callback(message).await?;
    Ok(Json(json!({})))
}
