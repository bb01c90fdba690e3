//! A partner's system: a bearer token by client credentials, no browser.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::World;
use crate::citizen::key;
use crate::files;

/// Declares a document as `partner-riverton` over HTTP with a bearer token; gives its id.
///
/// # Errors
///
/// When a step is refused.
pub async fn hand_in(world: &World) -> Result<String> {
    let http = reqwest::Client::new();
    let endpoint = format!("{}/protocol/openid-connect/token", testkit::env().oidc_issuer());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "partner-riverton"),
        ("client_secret", "partner-riverton-secret"),
    ];
    let token: Value = http.post(endpoint).form(&form).send().await?.error_for_status()?.json().await?;
    let file = files::pdf();
    let body = json!({
        "purpose": file.purpose, "file_name": file.name, "content_type": file.content_type,
        "size_bytes": file.bytes.len(), "sha256": file.sha256(),
    });
    let request = http
        .post(world.bff.join("v1/documents")?)
        .bearer_auth(token["access_token"].as_str().context("no token")?)
        .header("idempotency-key", key())
        .json(&body);
    let answer: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}
