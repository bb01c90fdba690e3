//! Who takes payments, and by which keys and secrets.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{Account, ApiKey};
use crate::error::Error;
use crate::http::Shared;
use crate::http::extract::{Body, Result};
use sandbox::WebhookSecret;

pub(crate) async fn list(State(app): State<Shared>) -> Result<Json<Value>> {
    let accounts = app.store.read(|world, _| json!({ "data": world.accounts().collect::<Vec<_>>() }))?;
    Ok(Json(accounts))
}

/// What is not named stays as it is, or as it is for a new account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    name: Option<String>,
    api_key: Option<ApiKey>,
    webhook_secrets: Option<Vec<WebhookSecret>>,
    #[serde(default, deserialize_with = "named")]
    notify_url: Option<Option<String>>,
    retry_seconds: Option<Vec<u32>>,
}

/// Tells `null` from nothing.
fn named<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

pub(crate) async fn put(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Account>> {
    Ok(Json(app.store.change(|draft| {
        let before = draft.world.account(&id).cloned().unwrap_or_else(|| Account::named(&id, &id));
        let account = Account {
            id: before.id,
            name: wanted.name.unwrap_or(before.name),
            api_key: wanted.api_key.unwrap_or(before.api_key),
            webhook_secrets: wanted.webhook_secrets.unwrap_or(before.webhook_secrets),
            notify_url: wanted.notify_url.unwrap_or(before.notify_url),
            retry_seconds: wanted.retry_seconds.unwrap_or(before.retry_seconds),
        };
        account.check()?;
        let mut others = draft.world.accounts().filter(|other| other.id != account.id);
        if others.any(|other| other.api_key == account.api_key) {
            return Err(Error::field("api_key", "is another account's"));
        }
        draft.change.accounts.push(account.clone());
        Ok(account)
    })?))
}
