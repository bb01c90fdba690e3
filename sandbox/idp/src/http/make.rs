//! Checks are made once, at either provider.

use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::http::HeaderValue;
use axum::response::Response;
use serde::Serialize;

use crate::check::{Check, Wanted};
use crate::error::Error;
use crate::files::{self, File};
use crate::id::CheckId;
use crate::names::Behaviour;
use crate::provider::Provider;
use crate::script::{Fault, Reply};

use super::Shared;
use super::extract::Result;

/// Of a response: the check that was made before it. It ends when the response is on its way, or lost.
#[derive(Clone, Debug)]
pub(crate) struct Told(Arc<Answering>);

#[derive(Debug)]
struct Answering {
    app: Shared,
    check: CheckId,
}

impl Told {
    pub(crate) fn check(&self) -> &CheckId {
        &self.0.check
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.app.store.answered(&self.check);
    }
}

/// A check, and whether this call made it.
pub(crate) struct Made {
    pub(crate) check: Check,
    told: Option<Told>,
}

/// What was asked for under a key, so that another request can be told from the same. What it says of a person cannot
/// be guessed from it without the key.
pub(crate) fn fingerprint(key: &str, asked: &impl Serialize) -> Result<String> {
    let asked = serde_json::to_vec(asked).map_err(|_| Error::Malformed)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    Ok(hex::encode(hmac::sign(&key, &asked)))
}

/// Makes a check, unless it was made under this key.
pub(crate) async fn make(app: &Shared, mut wanted: Wanted, files: &[File]) -> Result<Made> {
    let before =
        app.store.change(|draft| draft.ask_again(&wanted.account, &wanted.key, &wanted.fingerprint))?;
    if let Some(check) = before {
        return Ok(Made { check, told: None });
    }
    if let Behaviour::Failing { times } = wanted.behaviour {
        let (account, reference) = (&wanted.account, &wanted.reference);
        if app.store.change(|draft| draft.fails(account, reference, times, app.limit))? {
            return Err(Error::Broken);
        }
    }
    let fetches = app
        .store
        .read(|world, _| world.account(&wanted.account).is_some_and(|account| account.fetch_files))?;
    if fetches {
        wanted.files = files::examine(&app.client, files).await;
    }
    let (check, new) = app.store.change(|draft| {
        // Somebody may have been faster.
        match draft.ask_again(&wanted.account, &wanted.key, &wanted.fingerprint)? {
            Some(check) => Ok((check, false)),
            None => Ok((draft.make(wanted, app.limit)?, true)),
        }
    })?;
    let told = new.then(|| Told(Arc::new(Answering { app: app.clone(), check: check.id.clone() })));
    Ok(Made { check, told })
}

impl Made {
    pub(crate) fn is_new(&self) -> bool {
        self.told.is_some()
    }

    /// The answer to the call, as the name has it given.
    pub(crate) fn answer(self, mut response: Response) -> Response {
        let veritas = self.check.provider == Provider::Veritas;
        let (reply, delay_ms) = match self.check.behaviour {
            Behaviour::Garbage => (Reply::Garbage, 0),
            Behaviour::Truncated => (Reply::Truncate, 0),
            Behaviour::WrongType => (Reply::WrongType, 0),
            Behaviour::NeverAnswers if veritas => (Reply::Hang, 0),
            Behaviour::Slow { millis } if veritas => (Reply::Normal, millis),
            _ => (Reply::Normal, 0),
        };
        if (reply, delay_ms) != (Reply::Normal, 0) {
            response.extensions_mut().insert(Fault::after(reply, delay_ms));
        }
        match self.told {
            Some(told) => {
                response.extensions_mut().insert(told);
            }
            None if veritas => {
                response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
            }
            None => {}
        }
        response
    }
}
