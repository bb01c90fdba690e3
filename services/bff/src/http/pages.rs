//! Pages for people: the plain page at `/`, the API reference, the meaning of each error.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use include_dir::{Dir, include_dir};
use rpc_error::{Code, Error, reason};

use crate::App;
use crate::problem::Result;

static ERRORS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");

static OPENAPI: LazyLock<String> = LazyLock::new(|| {
    // A document made of our own derives always serializes; an empty one is found by the drift test.
    super::openapi().to_pretty_json().unwrap_or_default()
});

static REFERENCE: LazyLock<std::result::Result<String, minijinja::Error>> = LazyLock::new(|| {
    let mut templates = minijinja::Environment::new();
    templates.add_template("reference.html", include_str!("../page/reference.html.j2"))?;
    let api: serde_json::Value = serde_json::from_str(&OPENAPI).unwrap_or_default();
    templates.get_template("reference.html")?.render(api)
});

/// The routes that are not part of the API.
pub fn router() -> Router<App> {
    Router::new()
        .route("/", get(index))
        .route("/assets/app.js", get(script))
        .route("/assets/sha256.js", get(sha256))
        .route("/assets/style.css", get(style))
        .route("/openapi.json", get(openapi))
        .route("/docs", get(reference))
        .route("/docs/errors/{page}", get(error_page))
}

async fn index(State(app): State<App>) -> Response {
    page(include_str!("../page/index.html").to_owned(), &app)
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../page/app.js"))
}

async fn sha256() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../page/sha256.js"))
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../page/style.css"))
}

async fn openapi() -> Response {
    asset("application/json", OPENAPI.as_str())
}

async fn reference(State(app): State<App>) -> Result<Response> {
    match &*REFERENCE {
        Ok(text) => Ok(page(text.clone(), &app)),
        Err(error) => Err(Error::internal(error.to_string()).into()),
    }
}

async fn error_page(Path(page): Path<String>) -> Result<Response> {
    let file = ERRORS.get_file(&page).and_then(include_dir::File::contents_utf8);
    let text =
        file.ok_or_else(|| Error::new(Code::NotFound, reason::ROUTE_NOT_FOUND, "there is no such reason"))?;
    Ok(asset("text/markdown; charset=utf-8", text))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

fn page(text: String, app: &App) -> Response {
    let websocket = app.config.http.public_url.origin().ascii_serialization().replacen("http", "ws", 1);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: {store}; \
         connect-src 'self' {websocket} {store}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        store = app.config.http.upload_origin
    );
    let mut response = (StatusCode::OK, Html(text)).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
