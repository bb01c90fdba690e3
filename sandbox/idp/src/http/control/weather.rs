//! Outages, flapping, lies: what is wrong with a provider, or with both where none is named.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Deserialize;
use serde_json::Value;
use time::Duration;

use crate::error::Error;
use crate::http::Shared;
use crate::http::extract::{Body, Result, query};
use crate::moment::Moment;
use crate::provider::Provider;
use crate::script::{Flapping, Outage, OutageMode};

use super::scripts;

/// How late a slow provider answers, where it is not said.
const SLOW_MS: u32 = 2_000;

fn both_or(provider: Option<Provider>) -> Vec<Provider> {
    provider.map_or_else(|| Provider::ALL.to_vec(), |one| vec![one])
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Away {
    #[serde(default)]
    provider: Option<Provider>,
    mode: OutageMode,
    /// Of the provider's time; until it is ended, where it is not said.
    #[serde(default)]
    seconds: Option<u32>,
    #[serde(default)]
    delay_ms: Option<u32>,
}

pub(crate) async fn outage(State(app): State<Shared>, Body(away): Body<Away>) -> Result<Json<Value>> {
    let delay_ms = away.delay_ms.unwrap_or(SLOW_MS);
    scripts::delay("delay_ms", delay_ms)?;
    app.store.change(|draft| {
        let now = draft.now;
        let until = away.seconds.map(|seconds| Moment(now + Duration::seconds(seconds.into())));
        for provider in both_or(away.provider) {
            draft.script().outages.insert(provider, Outage { mode: away.mode, until, delay_ms });
        }
        Ok(())
    })?;
    scripts::get(State(app)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    provider: Option<Provider>,
}

pub(crate) async fn end_outages(State(app): State<Shared>, uri: Uri) -> Result<Json<Value>> {
    let whose: Whose = query(&uri)?;
    app.store.change(|draft| {
        for provider in both_or(whose.provider) {
            draft.script().outages.remove(&provider);
        }
        Ok(())
    })?;
    scripts::get(State(app)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flaps {
    #[serde(default)]
    provider: Option<Provider>,
    /// Every so many-th call fails; 0 ends it.
    every: u32,
}

pub(crate) async fn flapping(State(app): State<Shared>, Body(flaps): Body<Flaps>) -> Result<Json<Value>> {
    app.store.change(|draft| {
        for provider in both_or(flaps.provider) {
            let flapping = &mut draft.script().flapping;
            match flaps.every {
                0 => flapping.remove(&provider),
                every => flapping.insert(provider, Flapping { every, seen: 0 }),
            };
        }
        Ok(())
    })?;
    scripts::get(State(app)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lies {
    #[serde(default)]
    provider: Option<Provider>,
    /// Whether everything is clear from now on.
    lies: bool,
}

pub(crate) async fn lying(State(app): State<Shared>, Body(lies): Body<Lies>) -> Result<Json<Value>> {
    app.store.change(|draft| {
        for provider in both_or(lies.provider) {
            let lying = &mut draft.script().lying;
            if lies.lies {
                lying.insert(provider)
            } else {
                lying.remove(&provider)
            };
        }
        Ok::<_, Error>(())
    })?;
    scripts::get(State(app)).await
}
