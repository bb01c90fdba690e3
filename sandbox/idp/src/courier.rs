//! Delivers callbacks: each check's one after the other, those of different checks side by side.

use std::time::Duration;

use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{App, TICK};
use crate::callback::{Callback, Trick, TrickKind};
use crate::error::Error;
use sandbox::WebhookSecret;

/// Deliveries at a time.
const MOST: usize = 32;

/// Delivers until dropped.
///
/// # Errors
/// When the state can no longer be kept.
pub(crate) async fn run(app: &App) -> Result<(), Error> {
    let mut changes = app.store.watch();
    let mut deliveries = JoinSet::new();
    loop {
        changes.mark_unchanged();
        for callback in app.store.take_callbacks(MOST - deliveries.len())? {
            let client = app.client.clone();
            let secrets = secrets(app, &callback)?;
            let now = app.store.signing_time().unix_timestamp();
            deliveries.spawn(async move {
                let sent = send(&client, &callback, &secrets, now).await;
                (callback, sent)
            });
        }
        tokio::select! {
            Some(delivery) = deliveries.join_next() => match delivery {
                Ok((callback, sent)) => app.store.tried(&callback, sent)?,
                Err(error) => {
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            },
            _ = changes.changed() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Who sends: no redirects, and no patience.
pub(crate) fn client(patience: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().redirect(Policy::none()).timeout(patience).no_proxy().build()
}

fn secrets(app: &App, callback: &Callback) -> Result<Vec<WebhookSecret>, Error> {
    app.store.read(|world, _| {
        world.account(&callback.account).map_or_else(Vec::new, |account| account.webhook_secrets.clone())
    })
}

/// One attempt: the status of the answer, or why there was none.
async fn send(
    client: &reqwest::Client,
    callback: &Callback,
    secrets: &[WebhookSecret],
    now: i64,
) -> Result<u16, String> {
    let url = callback.url.as_deref().unwrap_or_default();
    let trick = callback.trick.map(|Trick { kind, .. }| kind);
    let timestamp = match trick {
        Some(TrickKind::OldTimestamp { seconds }) => now - i64::from(seconds),
        _ => now,
    };
    let mut body = match trick {
        Some(TrickKind::Garbage) => b"<html>this is no outcome".to_vec(),
        _ => callback.body.to_string().into_bytes(),
    };
    let id = callback.id.to_string();
    let strangers = [WebhookSecret::of("nobody")];
    let signers = if trick == Some(TrickKind::BadSignature) { &strangers[..] } else { secrets };
    let signatures: Vec<String> = signers.iter().map(|secret| secret.sign(&id, timestamp, &body)).collect();
    if trick == Some(TrickKind::ChangedBody) {
        body = forged(&callback.body).to_string().into_bytes();
    }
    let mut request = client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp);
    if trick != Some(TrickKind::NoSignature) {
        request = request.header("webhook-signature", signatures.join(" "));
    }
    let answer =
        request.body(body).send().await.map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
    Ok(answer.status().as_u16())
}

/// What somebody would make of it who wants another outcome.
fn forged(body: &Value) -> Value {
    let mut forged = body.clone();
    let outcome = &mut forged["verification"]["outcome"];
    *outcome = if *outcome == "MATCH" { json!("NO_MATCH") } else { json!("MATCH") };
    forged
}
