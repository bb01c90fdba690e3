//! `/control`: what tests do in the place of payers, banks and misfortune. It needs no key: a sandbox has no secrets.

use axum::Router;
use axum::routing::{get, post, put};

use super::Shared;

mod accounts;
mod payer;
mod scripts;
mod settlements;
mod webhooks;

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", put(accounts::put))
        .route("/payments", get(payer::list))
        .route("/payments/{id}/pay", post(payer::pay))
        .route("/payments/{id}/challenge", post(payer::challenge))
        .route("/payments/{id}/cancel", post(payer::cancel))
        .route("/payments/{id}/resolve", post(payer::resolve))
        .route("/payments/{id}/dispute", post(payer::dispute))
        .route("/refunds/{id}/resolve", post(payer::resolve_refund))
        .route("/disputes/{id}/resolve", post(payer::resolve_dispute))
        .route("/script", get(scripts::get).delete(scripts::clear))
        .route("/faults", post(scripts::arm))
        .route("/outage", post(scripts::outage))
        .route("/clock", get(scripts::clock).post(scripts::advance))
        .route("/release", post(scripts::release))
        .route("/requests", get(scripts::requests))
        .route("/webhooks", get(webhooks::list).post(webhooks::add_rule))
        .route("/webhooks/deliver", post(webhooks::deliver))
        .route("/webhooks/idle", get(webhooks::idle))
        .route("/books", get(settlements::books))
        .route("/settlements/{account}/{date}", put(settlements::alter))
        .route("/settlements/{account}/{date}/close", post(settlements::close))
}
