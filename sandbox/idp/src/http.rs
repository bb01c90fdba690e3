//! The providers over HTTP: `/veritas` and `/kompass` for accounts, `/control` for tests.

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

pub(crate) mod connection;
mod control;
mod extract;
mod gate;
mod kompass;
mod make;
mod spoil;
mod veritas;

type Shared = Arc<App>;

/// No body has more.
const LARGEST_BODY: usize = 256 * 1024;

pub(crate) fn router(app: &Shared) -> Router {
    use Operation as Op;
    let gated = |operation, routes: MethodRouter<Shared>| {
        routes.route_layer(from_fn_with_state(gate::Gate { app: app.clone(), operation }, gate::pass))
    };
    Router::new()
        .route(
            "/veritas/v1/checks",
            gated(Op::CreateCheck, post(veritas::create)).merge(gated(Op::ListChecks, get(veritas::list))),
        )
        .route("/veritas/v1/checks/{id}", gated(Op::GetCheck, get(veritas::get)))
        .route("/veritas/v1/capabilities", gated(Op::GetCapabilities, get(veritas::capabilities)))
        .route(
            "/kompass/api/verifications",
            gated(Op::CreateVerification, post(kompass::create))
                .merge(gated(Op::ListVerifications, get(kompass::list))),
        )
        .route("/kompass/api/verifications/{id}", gated(Op::GetVerification, get(kompass::get)))
        .route("/kompass/api/coverage", gated(Op::GetCoverage, get(kompass::coverage)))
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
