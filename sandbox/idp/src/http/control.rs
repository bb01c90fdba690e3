//! `/control`: what tests do in the place of misfortune. It needs no key: a sandbox has no secrets.

use axum::Router;
use axum::routing::{get, post, put};

use super::Shared;

mod accounts;
mod books;
mod scripts;
mod weather;
mod webhooks;

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", put(accounts::put))
        .route("/books", get(books::list))
        .route("/checks/{id}/answer", post(books::answer))
        .route("/calls", get(books::calls))
        .route("/outage", post(weather::outage).delete(weather::end_outages))
        .route("/flapping", post(weather::flapping))
        .route("/lying", post(weather::lying))
        .route("/faults", post(scripts::arm))
        .route("/script", get(scripts::get).delete(scripts::clear))
        .route("/clock", get(scripts::clock).post(scripts::advance))
        .route("/release", post(scripts::release))
        .route("/webhooks", get(webhooks::list).post(webhooks::add_rule))
        .route("/webhooks/deliver", post(webhooks::deliver))
        .route("/webhooks/idle", get(webhooks::idle))
}
