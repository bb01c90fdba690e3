//! Faults of calls, and the time.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::http::Shared;
use crate::http::extract::{Body, Result};
use crate::moment::Moment;
use crate::provider::Provider;
use crate::script::{Fault, Script};

/// Some three hundred years; a clock that is moved by more is a mistake.
const FARTHEST: i64 = 10_000_000_000;
const LONGEST_DELAY_MS: u32 = 600_000;

pub(crate) fn delay(field: &str, millis: u32) -> Result<()> {
    if millis > LONGEST_DELAY_MS {
        return Err(Error::field(field, "must be at most 600000"));
    }
    Ok(())
}

/// What still waits to go wrong, and calls that hang.
pub(crate) async fn get(State(app): State<Shared>) -> Result<Json<Value>> {
    let hanging = app.calls.hanging();
    Ok(Json(app.store.read(|world, now| {
        let script = &world.script;
        let outages = Provider::ALL.into_iter().filter_map(|of| Some((of, script.outage(of, now)?)));
        json!({
            "faults": script.faults,
            "rules": script.rules,
            "outages": outages.collect::<std::collections::BTreeMap<_, _>>(),
            "flapping": script.flapping,
            "lying": script.lying,
            "offset_seconds": script.offset_seconds,
            "hanging": hanging,
        })
    })?))
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
        return Err(Error::field("status", "must be 200 to 999"));
    }
    if fault.times == 0 {
        return Err(Error::field("times", "must be 1 or more"));
    }
    delay("delay_ms", fault.delay_ms)?;
    app.store.change(|draft| draft.script().arm(fault.clone()))?;
    Ok(Json(fault))
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

/// Everything but the signatures of callbacks happens so much later from now on.
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
    let hanging = app.calls.hanging();
    app.released.send_modify(|times| *times += 1);
    Json(json!({ "released": hanging }))
}
