//! What every call passes: keys, outages, faults, and the log of calls.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::callback::Delivery;
use crate::calls::{Call, Note, Outcome};
use crate::error::Error;
use crate::id::CheckId;
use crate::moment::Moment;
use crate::provider::Provider;
use crate::script::{Fault, Operation, OutageMode, Reply, When};

use super::connection::Cut;
use super::extract::{Result, refusal};
use super::make::Told;
use super::spoil::spoil;
use super::{LARGEST_BODY, Shared};

/// What a caller at veritas repeats a call by.
pub(crate) const KEY: &str = "idempotency-key";
/// Where a caller at kompass puts its key.
const API_KEY: &str = "x-api-key";

/// The account that calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) String);

#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) app: Shared,
    pub(crate) operation: Operation,
}

pub(crate) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let passed = gate.pass(request, next).await;
    passed.unwrap_or_else(|error| refusal(&error, Some(gate.operation.provider())))
}

/// The one thing of a body that is not about a person, and which calls are told apart by.
#[derive(Deserialize)]
struct Named {
    #[serde(alias = "client_ref")]
    reference: String,
}

impl Gate {
    async fn pass(&self, request: Request, next: Next) -> Result<Response> {
        let account = self.caller(request.headers())?;
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| Error::Unreadable)?;
        let named = serde_json::from_slice::<Named>(&bytes).ok().map(|named| named.reference);
        let reference = named.filter(|reference| reference.chars().count() <= 200);
        let note = self.note(&parts.headers, &account, reference.clone())?;
        let mut request = Request::from_parts(parts, Body::from(bytes));
        request.extensions_mut().insert(Caller(account.clone()));
        let response = self.respond(&note, &account, reference.as_deref(), request, next).await;
        let response = response.unwrap_or_else(|error| refusal(&error, Some(self.operation.provider())));
        if response.extensions().get::<Cut>().is_some() {
            note.ends(Outcome::Cut, None);
        } else {
            note.ends(Outcome::Answered, Some(response.status().as_u16()));
        }
        Ok(response)
    }

    /// Whose key a call brings: an account of this provider.
    fn caller(&self, headers: &HeaderMap) -> Result<String> {
        let provider = self.operation.provider();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let key = match provider {
            Provider::Veritas => {
                header(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "))
            }
            Provider::Kompass => header(API_KEY),
        };
        let key = key.ok_or(Error::Unauthenticated)?;
        let account = self.app.store.read(|world, _| {
            let mut of_provider = world.accounts().filter(|account| account.provider == provider);
            of_provider.find(|account| account.api_key.0 == key).map(|account| account.id.clone())
        })?;
        account.ok_or(Error::Unauthenticated)
    }

    fn note(&self, headers: &HeaderMap, account: &str, reference: Option<String>) -> Result<Note> {
        let key = headers.get(KEY).map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
        Ok(self.app.calls.note(Call {
            number: 0,
            at: Moment(self.app.store.read(|_, now| now)?),
            operation: self.operation,
            account: account.to_owned(),
            reference,
            idempotency_key: key,
            fault: false,
            outcome: Outcome::Working,
            status: None,
        }))
    }

    async fn respond(
        &self,
        note: &Note,
        account: &str,
        reference: Option<&str>,
        request: Request,
        next: Next,
    ) -> Result<Response> {
        self.weather(note).await?;
        let fault = self.take_fault(account, reference)?;
        if fault.is_some() {
            note.has_fault();
        }
        if let Some(fault) = fault.as_ref().filter(|fault| fault.when == When::Before) {
            pause(fault.delay_ms).await;
            match fault.answer {
                Reply::Normal => {}
                Reply::Hang => self.hang(note).await,
                _ => return Ok(spoil(self.operation.provider(), fault, None).await),
            }
        }
        let mut response = next.run(request).await;
        self.call_back_first(&mut response).await?;
        let by_name = response.extensions_mut().remove::<Fault>();
        for fault in by_name.into_iter().chain(fault.filter(|fault| fault.when == When::After)) {
            response = self.bend(note, &fault, response).await;
        }
        Ok(response)
    }

    /// Outages and flapping.
    async fn weather(&self, note: &Note) -> Result<()> {
        let provider = self.operation.provider();
        let outage = self.app.store.read(|world, now| world.script.outage(provider, now))?;
        match outage.map(|outage| (outage.mode, outage.delay_ms)) {
            Some((OutageMode::Refuse, _)) => return Err(Error::Outage),
            Some((OutageMode::Hang, _)) => {
                let over = self
                    .app
                    .until_ever(|| self.app.store.read(|world, now| !world.script.is_away(provider, now)));
                note.hangs();
                tokio::select! {
                    over = over => over?,
                    () = self.released() => {}
                }
                note.goes_on();
            }
            Some((OutageMode::Slow, delay_ms)) => pause(delay_ms).await,
            None => {}
        }
        let flapping = self.app.store.read(|world, _| world.script.flapping.contains_key(&provider))?;
        if flapping && self.app.store.change(|draft| Ok(draft.flaps(provider)))? {
            return Err(Error::Outage);
        }
        Ok(())
    }

    /// Uses up the fault that waits for this call, if one does.
    fn take_fault(&self, account: &str, reference: Option<&str>) -> Result<Option<Fault>> {
        self.app.store.change(|draft| {
            let at = draft.world.script.find_fault(self.operation, account, reference);
            Ok(at.map(|at| draft.script().take_fault(at)))
        })
    }

    /// Waits for callbacks that are to come before the answer. The others of the check go once it is answered.
    async fn call_back_first(&self, response: &mut Response) -> Result<()> {
        let Some(told) = response.extensions().get::<Told>() else { return Ok(()) };
        let check = told.check().clone();
        if !self.app.store.read(|world, _| world.callbacks_of(&check).any(|one| one.before_answer))? {
            return Ok(());
        }
        self.app.until(|| delivered_first(&self.app, &check)).await
    }

    async fn bend(&self, note: &Note, fault: &Fault, mut response: Response) -> Response {
        pause(fault.delay_ms).await;
        if fault.answer == Reply::Hang {
            // Whoever gets no answer is called back all the same.
            response.extensions_mut().remove::<Told>();
            self.hang(note).await;
            return response;
        }
        spoil(self.operation.provider(), fault, Some(response)).await
    }

    async fn hang(&self, note: &Note) {
        note.hangs();
        self.released().await;
        note.goes_on();
    }

    async fn released(&self) {
        // The sender is the application's, which outlives its calls.
        let _ = self.app.released.subscribe().changed().await;
    }
}

/// Whether what is to come before the answer was tried, or cannot be.
fn delivered_first(app: &App, check: &CheckId) -> Result<bool> {
    app.store.read(|world, now| {
        let waits = world.callbacks_of(check).any(|callback| {
            callback.before_answer
                && callback.sent == 0
                && matches!(callback.delivery, Delivery::Waiting { at } if at.0 <= now)
        });
        // Nothing leaves while the provider is away.
        !waits || world.script.is_away(Provider::Kompass, now)
    })
}

async fn pause(millis: u32) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis.into())).await;
    }
}
