//! `/v1/books` and `/v1/settlements`.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::books::{self, Entry};
use crate::error::Error;
use crate::moment::Day;
use crate::settlement;
use crate::view;
use crate::world::World;

use super::Shared;
use super::extract::{List, Result};
use super::gate::Caller;

/// An account's books: `after` is a number of lines.
pub(crate) async fn get(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    List(page): List,
) -> Result<Json<Value>> {
    let (limit, after) = (page.limit()?, page.after_number()?);
    let after = usize::try_from(after).unwrap_or(usize::MAX);
    Ok(Json(app.store.read(|world, _| {
        let mut entries = world.entries(&account).skip(after);
        let data: Vec<Value> = entries.by_ref().take(limit).map(view::entry).collect();
        json!({
            "data": data,
            "has_more": entries.next().is_some(),
            "totals": books::totals(world.entries(&account)),
        })
    })?))
}

/// The days whose file is ready and has lines.
pub(crate) async fn list_settlements(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
) -> Result<Json<Value>> {
    Ok(Json(app.store.read(|world, now| {
        let days: BTreeSet<Day> = world.entries(&account).map(|entry| entry.settled_on).collect();
        let ready = days.into_iter().filter(|day| is_ready(world, &account, *day, Day::of(now)));
        let data: Vec<Value> =
            ready.map(|day| json!({ "date": day, "lines": of_day(world, &account, day).count() })).collect();
        json!({ "data": data })
    })?))
}

/// A day's file as CSV.
pub(crate) async fn get_settlement(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(date): Path<String>,
) -> Result<Response> {
    let day = Day::parse(&date).map_err(|error| Error::field("date", error.to_string()))?;
    let file = app.store.read(|world, now| {
        if !is_ready(world, &account, day, Day::of(now)) {
            return Err(Error::SettlementOpen);
        }
        let alteration = world.settlement(&account, day).map(|settlement| settlement.alteration.clone());
        Ok(settlement::file(of_day(world, &account, day), &alteration.unwrap_or_default()))
    })?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], file?).into_response())
}

fn is_ready(world: &World, account: &str, day: Day, today: Day) -> bool {
    day < today || world.settlement(account, day).is_some_and(|settlement| settlement.closed)
}

fn of_day<'a>(world: &'a World, account: &str, day: Day) -> impl Iterator<Item = &'a Entry> {
    world.entries(account).filter(move |entry| entry.settled_on == day)
}

/// Every account's books and their sums, for tests.
pub(crate) fn all(world: &World) -> Value {
    let accounts: BTreeMap<&str, Value> = world
        .accounts()
        .map(|account| {
            let entries: Vec<Value> = world.entries(&account.id).map(view::entry).collect();
            (
                account.id.as_str(),
                json!({ "entries": entries, "totals": books::totals(world.entries(&account.id)) }),
            )
        })
        .collect();
    json!({ "accounts": accounts })
}
