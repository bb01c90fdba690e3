//! Faults of calls, outages, and the time.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration;

use crate::cards::Card;
use crate::error::Error;
use crate::http::Shared;
use crate::http::extract::{Body, Result};
use crate::moment::Moment;
use crate::requests::Outcome;
use crate::script::{Fault, Operation, Outage, Script};

/// Some three hundred years; a clock that is moved by more is a mistake.
const FARTHEST: i64 = 10_000_000_000;
const LONGEST_DELAY_MS: u32 = 600_000;

/// What still waits to go wrong, and calls that hang.
pub(crate) async fn get(State(app): State<Shared>) -> Result<Json<Value>> {
    let hanging = app.requests.list().iter().filter(|call| call.outcome == Outcome::Hanging).count();
    let (script, outage) = app.store.read(|world, now| (world.script.clone(), world.script.outage(now)))?;
    Ok(Json(json!({
        "faults": script.faults,
        "rules": script.rules,
        "outage": outage,
        "offset_seconds": script.offset_seconds,
        "hanging": hanging,
    })))
}

/// Nothing goes wrong any more, and hanging calls are answered. The clock stays as it is.
pub(crate) async fn clear(State(app): State<Shared>) -> Result<Json<Value>> {
    app.store.change(|draft| {
        let offset_seconds = draft.world.script.offset_seconds;
        *draft.script() = Script { offset_seconds, ..Script::default() };
        Ok(())
    })?;
    app.released.send_modify(|times| *times += 1);
    get(State(app)).await
}

pub(crate) async fn arm(State(app): State<Shared>, Body(fault): Body<Fault>) -> Result<Json<Fault>> {
    if !(200..=999).contains(&fault.status) {
        return Err(Error::field("status", "must be 200 to 999").into());
    }
    if fault.times == 0 {
        return Err(Error::field("times", "must be 1 or more").into());
    }
    if fault.delay_ms > LONGEST_DELAY_MS {
        return Err(Error::field("delay_ms", "must be at most 600000").into());
    }
    if let Some(card) = &fault.pay {
        Card::parse(card)?;
        if fault.operation != Some(Operation::CreatePayment) {
            return Err(Error::field("pay", "is for the operation create_payment").into());
        }
    }
    app.store.change(|draft| draft.script().arm(fault.clone()))?;
    Ok(Json(fault))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Away {
    seconds: u32,
    /// Connections end, where it is not 503.
    #[serde(default)]
    cut: bool,
}

/// For so many seconds of the provider's time; none ends it.
pub(crate) async fn outage(State(app): State<Shared>, Body(away): Body<Away>) -> Result<Json<Value>> {
    app.store.change(|draft| {
        let until = Moment(draft.now + Duration::seconds(away.seconds.into()));
        draft.script().outage = Some(Outage { until, cut: away.cut });
        Ok(())
    })?;
    get(State(app)).await
}

pub(crate) async fn clock(State(app): State<Shared>) -> Result<Json<Value>> {
    Ok(Json(
        app.store.read(
            |world, now| json!({ "now": Moment(now), "offset_seconds": world.script.offset_seconds }),
        )?,
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    advance_seconds: u32,
}

/// Everything but the signatures of webhooks happens so much later from now on.
pub(crate) async fn advance(State(app): State<Shared>, Body(body): Body<Advance>) -> Result<Json<Value>> {
    app.store.change(|draft| {
        let offset = draft.world.script.offset_seconds + i64::from(body.advance_seconds);
        if offset > FARTHEST {
            return Err(Error::field("advance_seconds", "moves the clock too far"));
        }
        draft.script().offset_seconds = offset;
        Ok(())
    })?;
    clock(State(app)).await
}

/// Answers the calls that hang.
pub(crate) async fn release(State(app): State<Shared>) -> Json<Value> {
    let hanging = app.requests.list().iter().filter(|call| call.outcome == Outcome::Hanging).count();
    app.released.send_modify(|times| *times += 1);
    Json(json!({ "released": hanging }))
}

/// The last 1,000 calls.
pub(crate) async fn requests(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "data": app.requests.list() }))
}
