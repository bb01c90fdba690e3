//! Books of all accounts, and files that are not what the books say.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

use crate::error::Error;
use crate::http::Shared;
use crate::http::books::all;
use crate::http::extract::{Body, Result};
use crate::moment::Day;
use crate::settlement::{Alteration, Settlement};
use crate::world::Draft;

/// Strays that a day can have.
const MOST_STRAYS: usize = 1_000;

pub(crate) async fn books(State(app): State<Shared>) -> Result<Json<Value>> {
    Ok(Json(app.store.read(|world, _| all(world))?))
}

/// Alters a day's file, in the place of what altered it before.
pub(crate) async fn alter(
    State(app): State<Shared>,
    Path((account, date)): Path<(String, String)>,
    Body(alteration): Body<Alteration>,
) -> Result<Json<Alteration>> {
    if alteration.add.len() > MOST_STRAYS {
        return Err(Error::field("add", "must be 1000 at most").into());
    }
    let altered = alteration.clone();
    app.store.change(|draft| put(draft, &account, &date, |day| Settlement { alteration, ..day }))?;
    Ok(Json(altered))
}

/// Makes a day's file ready though the day may not be over. What is booked later is settled on the next day.
pub(crate) async fn close(
    State(app): State<Shared>,
    Path((account, date)): Path<(String, String)>,
) -> Result<Json<Value>> {
    app.store.change(|draft| put(draft, &account, &date, |day| Settlement { closed: true, ..day }))?;
    Ok(Json(serde_json::json!({ "date": date, "closed": true })))
}

fn put(
    draft: &mut Draft<'_>,
    account: &str,
    date: &str,
    change: impl FnOnce(Settlement) -> Settlement,
) -> Result<(), Error> {
    let date = Day::parse(date).map_err(|error| Error::field("date", error.to_string()))?;
    draft.world.account(account).ok_or(Error::NotFound("account"))?;
    let before = draft.world.settlement(account, date).cloned().unwrap_or_else(|| Settlement {
        account: account.to_owned(),
        date,
        closed: false,
        alteration: Alteration::default(),
    });
    draft.change.settlements.push(change(before));
    Ok(())
}
