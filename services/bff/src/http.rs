//! Routes and the layers around them.

pub mod auth;
pub mod bills;
pub mod documents;
pub mod extract;
pub mod live;
pub mod me;
pub mod money;
pub mod notifications;
pub mod pages;
pub mod payments;
pub mod staff;
pub mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use service::admin::Admin;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, problem, session};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Guildhall",
        description = "Documents, notifications and live status for portals and partners. Every error is RFC 9457 \
                       `application/problem+json`; a link that is `null` is not possible now.",
    ),
    modifiers(&Security),
    tags(
        (name = "session", description = "Signing in and out, for browsers."),
        (name = "documents", description = "Evidence: signed upload, verdict, signed download."),
        (name = "bills", description = "What is owed."),
        (name = "payments", description = "Paying what is owed, and getting it back."),
        (name = "notifications", description = "What happened, and what is happening."),
        (name = "staff", description = "For the tenant's staff: bills, disputes, settlements, closing the books, cases and their exports, legal holds, quarantine, grants, audit chains, events that could not be applied, policies, erasures."),
    ),
    components(schemas(problem::Problem)),
)]
struct Api;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(session::COOKIE))),
        );
    }
}

/// The documented routes: what a client may build on.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(auth::login))
        .routes(routes!(auth::callback))
        .routes(routes!(auth::logout))
        .routes(routes!(me::me))
        .routes(routes!(documents::list::list, documents::initiate::initiate))
        .routes(routes!(documents::get::get, documents::erase::erase))
        .routes(routes!(documents::refresh::refresh))
        .routes(routes!(documents::confirm::confirm))
        .routes(routes!(documents::parts::list::list, documents::parts::sign::sign))
        .routes(routes!(documents::parts::abort::abort))
        .routes(routes!(documents::download::download))
        .routes(routes!(documents::preview::preview))
        .routes(routes!(documents::shared::shared))
        .routes(routes!(documents::accesses::accesses))
        .routes(routes!(documents::versions::versions, documents::correct::correct))
        .routes(routes!(bills::list::list))
        .routes(routes!(bills::get::get))
        .routes(routes!(bills::pdf::pdf))
        .routes(routes!(payments::list::list, payments::initiate::initiate))
        .routes(routes!(payments::get::get))
        .routes(routes!(payments::receipt::receipt))
        .routes(routes!(payments::cancel::cancel))
        .routes(routes!(payments::refunds::refunds, payments::refund::refund))
        .routes(routes!(payments::events::events))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::read))
        .routes(routes!(staff::cases::list::list))
        .routes(routes!(staff::cases::attach::attach, staff::cases::detach::detach))
        .routes(routes!(staff::bills::create::create))
        .routes(routes!(staff::bills::issue::issue))
        .routes(routes!(staff::bills::cancel::cancel))
        .routes(routes!(staff::bills::credit::credit))
        .routes(routes!(staff::bills::write_off::write_off))
        .routes(routes!(staff::bill_runs::create::create, staff::bill_runs::list::list))
        .routes(routes!(staff::bill_runs::get::get))
        .routes(routes!(staff::bill_runs::faults::faults))
        .routes(routes!(staff::callbacks::list))
        .routes(routes!(staff::disputes::list::list))
        .routes(routes!(staff::settlements::list::list))
        .routes(routes!(staff::settlements::get::get))
        .routes(routes!(staff::periods::list::list))
        .routes(routes!(staff::periods::close::close))
        .routes(routes!(staff::exports::create::create))
        .routes(routes!(staff::exports::get::get))
        .routes(routes!(staff::exports::download::download))
        .routes(routes!(staff::audit::head::head))
        .routes(routes!(staff::audit::list::list))
        .routes(routes!(staff::audit::prove::prove))
        .routes(routes!(staff::audit::verify::verify))
        .routes(routes!(staff::holds::list::list, staff::holds::place::place))
        .routes(routes!(staff::holds::release::release))
        .routes(routes!(staff::quarantine::list::list))
        .routes(routes!(staff::quarantine::download::download))
        .routes(routes!(staff::quarantine::decide::decide))
        .routes(routes!(staff::quarantine::decisions::decisions))
        .routes(routes!(staff::grants::list::list, staff::grants::create::create))
        .routes(routes!(staff::grants::revoke::revoke))
        .routes(routes!(staff::dead_letters::list::list))
        .routes(routes!(staff::dead_letters::get::get))
        .routes(routes!(staff::dead_letters::redrive::redrive))
        .routes(routes!(staff::dead_letters::discard::discard))
        .routes(routes!(staff::policies::list::list))
        .routes(routes!(staff::policies::get::get, staff::policies::publish::publish))
        .routes(routes!(staff::policies::versions::versions))
        .routes(routes!(staff::policies::diff::diff))
        .routes(routes!(staff::erasures::request::request))
        .routes(routes!(staff::erasures::get::get))
        .routes(routes!(live::websocket))
        .routes(routes!(live::sse))
}

/// The OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// The whole public port.
pub fn router(app: &App, admin: &Admin) -> Router {
    let (routes, _) = api().split_for_parts();
    let sessions = session::layer(app.redis.clone(), app.clock.clone());
    let router = routes
        .merge(pages::router())
        .route("/webhooks/payments/{account_id}", axum::routing::post(webhooks::payments))
        .fallback(async || http::StatusCode::NOT_FOUND)
        .layer(sessions)
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ))
        .layer(cors(&app.config.http.allowed_origins));
    let router = router.layer(axum::middleware::from_fn_with_state(app.clone(), problem::render));
    let router = router.with_state(app.clone()).merge(admin.probes());
    let public_url = app.config.http.public_url.clone();
    let render: service::http::Render =
        Arc::new(move |error, id| problem::response(error, &public_url, id.as_str(), true));
    service::http::layers(router, &app.config.http.server, &render, &app.shutdown)
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-csrf-token"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            HeaderName::from_static("idempotent-replayed"),
            HeaderName::from_static("x-request-id"),
        ])
}
