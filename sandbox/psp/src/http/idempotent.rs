//! One answer to a call that is repeated under its key.

use aws_lc_rs::digest;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::error::Error;
use crate::id::{EventId, PaymentId};
use crate::script::Operation;
use crate::world::Draft;

use super::extract::{self, Result};

pub(crate) const KEY: &str = "idempotency-key";

/// Of a response: what was made before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<EventId>,
    /// The payment, of the call that makes one.
    pub(crate) made: Option<PaymentId>,
}

/// What a call is repeated by.
pub(crate) struct Key {
    key: String,
    fingerprint: String,
}

impl Key {
    /// The key of a call, and what it asks for: `object`, if it is about one, and the body.
    pub(crate) fn of(
        headers: &HeaderMap,
        operation: Operation,
        object: &str,
        body: &impl Serialize,
    ) -> Result<Self> {
        let key = headers.get(KEY).ok_or(Error::KeyMissing)?;
        let key = key.to_str().map_err(|_| Error::KeyInvalid)?;
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::KeyInvalid.into());
        }
        let asked = serde_json::to_vec(&(operation, object, body)).map_err(|_| Error::Malformed)?;
        let fingerprint = hex::encode(digest::digest(&digest::SHA256, &asked));
        Ok(Self { key: key.to_owned(), fingerprint })
    }

    /// Does `work` unless it was done under this key, and answers as it was answered then. Nothing is kept of work that
    /// refuses: it changed nothing, and may be asked for again.
    pub(crate) fn once(
        self,
        app: &App,
        account: &str,
        work: impl FnOnce(&mut Draft<'_>) -> Result<(u16, Value), Error>,
    ) -> Result<Response> {
        let Self { key, fingerprint } = self;
        let (status, body, told) = app.store.change(|draft| {
            if let Some(before) = draft.answered(account, &key, &fingerprint)? {
                return Ok((before.status, before.body.clone(), None));
            }
            let (status, body) = work(draft)?;
            draft.keep_answer(account, key, fingerprint, status, &body);
            let made =
                (status == 201).then(|| draft.change.payments.last().map(|payment| payment.id.clone()));
            Ok((status, body, Some(Told { events: draft.told(), made: made.flatten() })))
        })?;
        let mut response = extract::answer(status, &body);
        match told {
            Some(told) => {
                response.extensions_mut().insert(told);
            }
            None => {
                response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
            }
        }
        Ok(response)
    }
}
