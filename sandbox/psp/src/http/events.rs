//! `/v1/events`: what was told by webhook, for whom no webhook reached.

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::Shared;
use super::extract::{List, Result};
use super::gate::Caller;

pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    List(page): List,
) -> Result<Json<Value>> {
    let (limit, after) = (page.limit()?, page.after_number()?);
    let (data, more) = app.store.read(|world, _| {
        let mut events = world.events(&account, after);
        let data: Vec<Value> = events.by_ref().take(limit).map(|event| event.body.clone()).collect();
        (data, events.next().is_some())
    })?;
    Ok(Json(json!({ "data": data, "has_more": more })))
}
