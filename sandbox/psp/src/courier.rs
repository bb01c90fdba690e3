//! Delivers webhooks: each payment's one after the other, those of different payments side by side.

use std::time::Duration;

use reqwest::redirect::Policy;
use tokio::task::JoinSet;

use crate::app::App;
use crate::error::Error;
use crate::event::{Event, Trick, TrickKind};
use sandbox::WebhookSecret;

/// Deliveries at a time.
const MOST: usize = 32;
/// How often the clock is looked at: a test may have moved it.
const TICK: Duration = Duration::from_millis(50);

/// Delivers until dropped.
///
/// # Errors
/// When the state can no longer be kept.
pub(crate) async fn run(app: &App) -> Result<(), Error> {
    let mut changes = app.store.watch();
    let mut deliveries = JoinSet::new();
    loop {
        changes.mark_unchanged();
        for event in app.store.take_events(MOST - deliveries.len())? {
            let client = app.client.clone();
            let secrets = secrets(app, &event)?;
            let now = app.store.signing_time().unix_timestamp();
            deliveries.spawn(async move {
                let sent = send(&client, &event, &secrets, now).await;
                (event, sent)
            });
        }
        tokio::select! {
            Some(delivery) = deliveries.join_next() => match delivery {
                Ok((event, sent)) => app.store.tried(&event, sent)?,
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

fn secrets(app: &App, event: &Event) -> Result<Vec<WebhookSecret>, Error> {
    app.store.read(|world, _| {
        world.account(&event.account).map_or_else(Vec::new, |account| account.webhook_secrets.clone())
    })
}

/// One attempt: the status of the answer, or why there was none.
async fn send(
    client: &reqwest::Client,
    event: &Event,
    secrets: &[WebhookSecret],
    now: i64,
) -> Result<u16, String> {
    let url = event.url.as_deref().unwrap_or_default();
    let trick = event.trick.map(|Trick { kind, .. }| kind);
    let timestamp = match trick {
        Some(TrickKind::OldTimestamp { seconds }) => now - i64::from(seconds),
        _ => now,
    };
    let mut body = match trick {
        Some(TrickKind::Garbage) => b"<html>this is no event".to_vec(),
        _ => event.body.to_string().into_bytes(),
    };
    let id = event.id.to_string();
    let strangers = [WebhookSecret::of("nobody")];
    let signers = if trick == Some(TrickKind::BadSignature) { &strangers[..] } else { secrets };
    let signatures: Vec<String> = signers.iter().map(|secret| secret.sign(&id, timestamp, &body)).collect();
    if trick == Some(TrickKind::ChangedBody) {
        change_amount(&mut body);
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

/// One byte of what was signed, such that it is another event.
fn change_amount(body: &mut [u8]) {
    const FIELD: &[u8] = b"\"amount\":";
    let at = body.windows(FIELD.len()).position(|window| window == FIELD).map_or(0, |at| at + FIELD.len());
    body[at] = if body[at] == b'9' { b'8' } else { b'9' };
}
