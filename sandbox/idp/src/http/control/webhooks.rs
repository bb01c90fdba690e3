//! How callbacks are delivered otherwise than they should be.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::callback::{Callback, Delivery};
use crate::error::Error;
use crate::http::Shared;
use crate::http::extract::{Body, Result, query};
use crate::id::CallbackId;
use crate::moment::Moment;
use crate::provider::Provider;
use crate::script::Rule;
use crate::view;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    reference: Option<String>,
}

/// Every account's callbacks and their attempts; those of a `reference` where one is named.
pub(crate) async fn list(State(app): State<Shared>, uri: Uri) -> Result<Json<Value>> {
    let which: Which = query(&uri)?;
    Ok(Json(app.store.read(|world, _| {
        let wanted = |one: &&Callback| which.reference.as_ref().is_none_or(|of| one.reference == *of);
        json!({ "data": world.callbacks().filter(wanted).map(view::delivery).collect::<Vec<_>>() })
    })?))
}

pub(crate) async fn add_rule(State(app): State<Shared>, Body(rule): Body<Rule>) -> Result<Json<Rule>> {
    if rule.times == 0 {
        return Err(Error::field("times", "must be 1 or more"));
    }
    if rule.attempts == 0 {
        return Err(Error::field("attempts", "must be 1 or more"));
    }
    app.store.change(|draft| draft.script().add(rule.clone()))?;
    Ok(Json(rule))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// In this order, also those that were delivered or dropped; all that wait or are held, where none is named.
    #[serde(default)]
    callbacks: Option<Vec<CallbackId>>,
    /// The last first.
    #[serde(default)]
    reverse: bool,
}

/// Delivers now, one after the other, each once, and answers when it is done.
pub(crate) async fn deliver(State(app): State<Shared>, Body(order): Body<Order>) -> Result<Json<Value>> {
    let mut ids = match order.callbacks {
        Some(ids) => ids,
        None => app.store.read(|world, _| {
            let waits = |one: &&Callback| {
                matches!(one.delivery, Delivery::Waiting { .. } | Delivery::Held | Delivery::BehindNext)
            };
            world.callbacks().filter(waits).map(|one| one.id.clone()).collect()
        })?,
    };
    if order.reverse {
        ids.reverse();
    }
    let mut done = Vec::new();
    for id in ids {
        let before = app.store.change(|draft| {
            let callback = draft.world.callback(&id)?.clone();
            if callback.url.is_none() {
                return Err(Error::field("callbacks", "has one that goes nowhere"));
            }
            if draft.world.script.is_away(Provider::Kompass, draft.now) {
                return Err(Error::Outage);
            }
            let sent = callback.sent;
            draft.change.callbacks.push(callback.send_now(Moment(draft.now)));
            Ok(sent)
        })?;
        app.until_sent(&id, before).await?;
        done.push(view::delivery(&app.callback(&id)?));
    }
    Ok(Json(json!({ "data": done })))
}

/// Answers when nothing is being delivered, and nothing waits whose time has come.
pub(crate) async fn idle(State(app): State<Shared>) -> Result<Json<Value>> {
    app.until(|| app.store.is_idle()).await?;
    Ok(Json(json!({ "idle": true })))
}
