//! The provider over HTTP: `/v1` for accounts, `/checkout` for payers, `/control` for tests.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde_json::json;

use crate::app::App;
use crate::script::Operation;

mod books;
mod checkout;
pub(crate) mod connection;
mod control;
mod disputes;
mod events;
mod extract;
mod gate;
mod idempotent;
mod payments;
mod refunds;

type Shared = Arc<App>;

/// No body has more.
const LARGEST_BODY: usize = 64 * 1024;

pub(crate) fn router(app: &Shared) -> Router {
    use Operation as Op;
    let gated = |operation, routes: MethodRouter<Shared>| {
        routes.route_layer(from_fn_with_state(gate::Gate { app: app.clone(), operation }, gate::pass))
    };
    Router::new()
        .route(
            "/v1/payments",
            gated(Op::CreatePayment, post(payments::create))
                .merge(gated(Op::ListPayments, get(payments::list))),
        )
        .route("/v1/payments/{id}", gated(Op::GetPayment, get(payments::get)))
        .route("/v1/payments/{id}/capture", gated(Op::CapturePayment, post(payments::capture)))
        .route("/v1/payments/{id}/cancel", gated(Op::CancelPayment, post(payments::cancel)))
        .route(
            "/v1/payments/{id}/refunds",
            gated(Op::CreateRefund, post(refunds::create)).merge(gated(Op::ListRefunds, get(refunds::list))),
        )
        .route("/v1/refunds/{id}", gated(Op::GetRefund, get(refunds::get)))
        .route("/v1/payments/{id}/disputes", gated(Op::ListDisputes, get(disputes::list)))
        .route("/v1/disputes/{id}", gated(Op::GetDispute, get(disputes::get)))
        .route("/v1/disputes/{id}/evidence", gated(Op::SubmitEvidence, post(disputes::submit_evidence)))
        .route("/v1/events", gated(Op::ListEvents, get(events::list)))
        .route("/v1/books", gated(Op::GetBooks, get(books::get)))
        .route("/v1/settlements", gated(Op::ListSettlements, get(books::list_settlements)))
        .route("/v1/settlements/{date}", gated(Op::GetSettlement, get(books::get_settlement)))
        .route(
            "/checkout/{id}",
            gated(Op::ShowCheckout, get(checkout::show))
                .merge(gated(Op::SubmitCheckout, post(checkout::submit))),
        )
        .route("/checkout.css", get(checkout::style))
        .route("/health", get(|| async { "ok" }))
        .nest("/control", control::router())
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "not_found", "there is no such path") })
        .method_not_allowed_fallback(|| async {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path has other methods")
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(app.clone())
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({ "error": { "code": code, "message": message } });
    (status, axum::Json(error)).into_response()
}
