//! What every call passes: outages, keys, faults, and the log of calls.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use futures::stream;
use serde_json::json;

use crate::app::App;
use crate::error::Error;
use crate::event::Delivery;
use crate::id::EventId;
use crate::moment::Moment;
use crate::requests::{Call, Note, Outcome};
use crate::script::{Answer, Fault, Operation, Outage, When};

use super::connection::Cut;
use super::extract::{Refused, Result};
use super::idempotent::{KEY, Told};
use super::{Shared, checkout};

/// More than anybody reads.
const OVERSIZE: usize = 8 * 1024 * 1024;
/// So that what came before it is on its way when a connection ends.
const BREATH: Duration = Duration::from_millis(50);

/// The account that calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) String);

/// Of a response that its caller does not get, unless hangs are released.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unanswered;

#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) app: Shared,
    pub(crate) operation: Operation,
}

pub(crate) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    gate.pass(request, next).await.unwrap_or_else(IntoResponse::into_response)
}

impl Gate {
    async fn pass(&self, mut request: Request, next: Next) -> Result<Response> {
        if let Some(outage) = self.app.store.read(|world, now| world.script.outage(now))? {
            return away(outage);
        }
        let account = if self.is_for_payers() { None } else { Some(caller(&self.app, request.headers())?) };
        let fault = self.app.store.take_fault(self.operation, account.as_deref())?;
        let note = self.note(&request, account.as_deref(), fault.is_some())?;
        if let Some(account) = account {
            request.extensions_mut().insert(Caller(account));
        }
        let response = self.respond(&note, fault.as_ref(), request, next).await;
        let response = response.unwrap_or_else(IntoResponse::into_response);
        if response.extensions().get::<Cut>().is_some() {
            note.ends(Outcome::Cut, None);
        } else {
            note.ends(Outcome::Answered, Some(response.status().as_u16()));
        }
        Ok(response)
    }

    fn is_for_payers(&self) -> bool {
        matches!(self.operation, Operation::ShowCheckout | Operation::SubmitCheckout)
    }

    fn note(&self, request: &Request, account: Option<&str>, fault: bool) -> Result<Note> {
        let key = request.headers().get(KEY).map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
        Ok(self.app.requests.note(Call {
            number: 0,
            at: Moment(self.app.store.read(|_, now| now)?),
            operation: self.operation,
            path: request.uri().to_string(),
            account: account.map(str::to_owned),
            idempotency_key: key,
            fault,
            outcome: Outcome::Working,
            status: None,
        }))
    }

    async fn respond(
        &self,
        note: &Note,
        fault: Option<&Fault>,
        request: Request,
        next: Next,
    ) -> Result<Response> {
        if let Some(fault) = fault.filter(|fault| fault.when == When::Before) {
            delay(fault).await;
            match fault.answer {
                Answer::Normal => {}
                Answer::Hang => self.hang(note).await,
                _ => return spoil(fault, None).await,
            }
        }
        let response = next.run(request).await;
        let told = response.extensions().get::<Told>().cloned().unwrap_or_default();
        self.go_first(&told, fault).await?;
        if response.extensions().get::<Unanswered>().is_some() {
            self.hang(note).await;
        }
        let Some(fault) = fault.filter(|fault| fault.when == When::After) else { return Ok(response) };
        delay(fault).await;
        match fault.answer {
            Answer::Normal => Ok(response),
            Answer::Hang => {
                self.hang(note).await;
                Ok(response)
            }
            _ => spoil(fault, Some(response)).await,
        }
    }

    /// What is to happen before the answer: a payer who is faster, webhooks that are.
    async fn go_first(&self, told: &Told, fault: Option<&Fault>) -> Result<()> {
        deliver_first(&self.app, &told.events).await?;
        let card = fault.and_then(|fault| fault.pay.as_deref());
        if let (Some(card), Some(payment)) = (card, &told.made) {
            let paid = checkout::pay(&self.app, payment, card)?;
            deliver(&self.app, &paid.events, |_| true).await?;
        }
        Ok(())
    }

    async fn hang(&self, note: &Note) {
        note.hangs();
        // The sender is the application's, which outlives its calls.
        let _ = self.app.released.subscribe().changed().await;
    }
}

/// Waits for the webhooks that are to come before the answer.
pub(crate) async fn deliver_first(app: &App, events: &[EventId]) -> Result<(), Error> {
    deliver(app, events, |before_answer| before_answer).await
}

async fn deliver(app: &App, events: &[EventId], which: impl Fn(bool) -> bool) -> Result<(), Error> {
    for id in events {
        app.until(|| {
            let event = app.event(id)?;
            let waits = matches!(event.delivery, Delivery::Waiting { .. }) && event.sent == 0;
            // Nothing leaves while the provider is away.
            let away = app.store.read(|world, now| world.script.outage(now).is_some())?;
            Ok(away || !waits || !which(event.before_answer))
        })
        .await?;
    }
    Ok(())
}

/// Whose key a call brings.
fn caller(app: &App, headers: &HeaderMap) -> Result<String> {
    let key =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let key = key.ok_or(Error::Unauthenticated)?;
    let account = app.store.read(|world, _| {
        world.accounts().find(|account| account.api_key.0 == key).map(|account| account.id.clone())
    })?;
    Ok(account.ok_or(Error::Unauthenticated)?)
}

fn away(outage: Outage) -> Result<Response> {
    if outage.cut { Ok(Cut::response()) } else { Err(Refused::Error(Error::Outage)) }
}

async fn delay(fault: &Fault) {
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms.into())).await;
    }
}

/// Another answer than the one there is, or would be.
async fn spoil(fault: &Fault, response: Option<Response>) -> Result<Response> {
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok(match fault.answer {
        Answer::Normal | Answer::Hang => response.unwrap_or_default(),
        Answer::Status => {
            let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let made_up =
                json!({ "error": { "code": "scripted", "message": "as was asked for" } }).to_string();
            let mut response = (status, json, fault.body.clone().unwrap_or(made_up)).into_response();
            if let Some(seconds) = fault.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        Answer::Garbage => (json, "<html><h1>It works!</h1>").into_response(),
        Answer::Empty => json.into_response(),
        Answer::Oversize => (json, format!("\"{}\"", "a".repeat(OVERSIZE))).into_response(),
        Answer::Cut => Cut::response(),
        Answer::Truncate => {
            let whole = response.unwrap_or_else(|| Json(json!({ "id": "of nothing" })).into_response());
            truncate(whole).await
        }
    })
}

/// Half of a response, after which the connection ends.
async fn truncate(whole: Response) -> Response {
    let (mut parts, body) = whole.into_parts();
    let bytes = to_bytes(body, OVERSIZE).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = stream::iter([Ok(bytes.slice(..bytes.len() / 2))]);
    let end = stream::once(async {
        tokio::time::sleep(BREATH).await;
        Err(Cut)
    });
    Response::from_parts(parts, Body::from_stream(half.chain(end)))
}
