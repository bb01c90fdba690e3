//! How events are delivered otherwise than they should be.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::event::{Delivery, Event};
use crate::http::Shared;
use crate::http::extract::{Body, List, Result};
use crate::id::EventId;
use crate::moment::Moment;
use crate::script::Rule;
use crate::view;

/// Every account's events and their attempts; those of payments with a `reference` where one is named.
pub(crate) async fn list(State(app): State<Shared>, List(page): List) -> Result<Json<Value>> {
    Ok(Json(app.store.read(|world, _| {
        let events = world.accounts().flat_map(|account| world.events(&account.id, 0));
        let wanted = |event: &&Event| {
            let of = world.payment(&event.payment).map(|payment| &payment.terms.reference);
            page.reference.as_ref().is_none_or(|wanted| of.is_ok_and(|of| of == wanted))
        };
        json!({ "data": events.filter(wanted).map(view::delivery).collect::<Vec<_>>() })
    })?))
}

pub(crate) async fn add_rule(State(app): State<Shared>, Body(rule): Body<Rule>) -> Result<Json<Rule>> {
    if rule.events == 0 {
        return Err(Error::field("events", "must be 1 or more").into());
    }
    if rule.attempts == 0 {
        return Err(Error::field("attempts", "must be 1 or more").into());
    }
    app.store.change(|draft| draft.script().add(rule.clone()))?;
    Ok(Json(rule))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// In this order, also those that were delivered or dropped; all that wait or are held, where none is named.
    events: Option<Vec<EventId>>,
    /// The last first.
    #[serde(default)]
    reverse: bool,
}

/// Delivers now, one after the other, each once, and answers when it is done.
pub(crate) async fn deliver(State(app): State<Shared>, Body(order): Body<Order>) -> Result<Json<Value>> {
    let mut ids = match order.events {
        Some(ids) => ids,
        None => app.store.read(|world, _| {
            let events = world.accounts().flat_map(|account| world.events(&account.id, 0));
            let waits = |event: &&Event| {
                matches!(event.delivery, Delivery::Waiting { .. } | Delivery::Held | Delivery::BehindNext)
            };
            events.filter(waits).map(|event| event.id.clone()).collect()
        })?,
    };
    if order.reverse {
        ids.reverse();
    }
    let mut done = Vec::new();
    for id in ids {
        let before = app.store.change(|draft| {
            let event = draft.world.event(&id)?.clone();
            if event.url.is_none() {
                return Err(Error::field("events", "has one that goes nowhere"));
            }
            if draft.world.script.outage(draft.now).is_some() {
                return Err(Error::Outage);
            }
            let sent = event.sent;
            draft.change.events.push(event.send_now(Moment(draft.now)));
            Ok(sent)
        })?;
        app.until_sent(&id, before).await?;
        done.push(view::delivery(&app.event(&id)?));
    }
    Ok(Json(json!({ "data": done })))
}

/// Answers when nothing is being delivered, and nothing waits whose time has come.
pub(crate) async fn idle(State(app): State<Shared>) -> Result<Json<Value>> {
    app.until(|| app.store.is_idle()).await?;
    Ok(Json(json!({ "idle": true })))
}
