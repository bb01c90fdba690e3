//! Who asks for checks, and by which keys and secrets.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{Account, ApiKey};
use crate::error::Error;
use crate::http::Shared;
use crate::http::extract::{Body, Result};
use crate::provider::Provider;
use sandbox::WebhookSecret;

/// Accounts that are kept.
const MOST: usize = 1_000;

pub(crate) async fn list(State(app): State<Shared>) -> Result<Json<Value>> {
    let accounts = app.store.read(|world, _| json!({ "data": world.accounts().collect::<Vec<_>>() }))?;
    Ok(Json(accounts))
}

/// What is not named stays as it is, or as it is for a new account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Of a new account.
    provider: Option<Provider>,
    api_key: Option<ApiKey>,
    webhook_secrets: Option<Vec<WebhookSecret>>,
    #[serde(default, deserialize_with = "named")]
    callback_url: Option<Option<String>>,
    retry_seconds: Option<Vec<u32>>,
    delay_ms: Option<u32>,
    fetch_files: Option<bool>,
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
        let before = match (draft.world.account(&id).cloned(), wanted.provider) {
            (Some(before), None) => before,
            (Some(before), Some(provider)) if before.provider == provider => before,
            (Some(_), Some(_)) => return Err(Error::field("provider", "is another one's")),
            (None, Some(provider)) => Account::named(provider, &id),
            (None, None) => return Err(Error::field("provider", "is needed for a new account")),
        };
        if draft.world.account(&id).is_none() && draft.world.accounts().count() >= MOST {
            return Err(Error::Full);
        }
        let account = Account {
            id: before.id,
            provider: before.provider,
            api_key: wanted.api_key.unwrap_or(before.api_key),
            webhook_secrets: wanted.webhook_secrets.unwrap_or(before.webhook_secrets),
            callback_url: wanted.callback_url.unwrap_or(before.callback_url),
            retry_seconds: wanted.retry_seconds.unwrap_or(before.retry_seconds),
            delay_ms: wanted.delay_ms.unwrap_or(before.delay_ms),
            fetch_files: wanted.fetch_files.unwrap_or(before.fetch_files),
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
