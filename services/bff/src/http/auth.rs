//! Signing in and out. Tokens never reach the browser.

use axum::Json;
use axum::extract::State;
use axum::response::Redirect;
use http::HeaderMap;
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use utoipa::{IntoParams, ToSchema};

use super::extract::Query;
use crate::App;
use crate::principal::{Principal, for_sign_out, keep, store};
use crate::problem::{Problem, Result};
use crate::session::{PENDING, Pending, SIGNED_IN};

/// Where to go after the sign-in.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LoginQuery {
    /// Local path; default `/`.
    return_to: Option<String>,
}

/// Starts a sign-in: redirects to the provider.
#[utoipa::path(get, path = "/auth/login", tag = "session", params(LoginQuery),
    responses((status = 303, description = "To the sign-in provider."), (status = 503, body = Problem)))]
pub async fn login(
    State(app): State<App>,
    session: Session,
    Query(query): Query<LoginQuery>,
) -> Result<Redirect> {
    let return_to = query.return_to.unwrap_or_else(|| "/".to_owned());
    // Only local paths: `//host` and `/\host` would leave the site.
    let local = return_to.starts_with('/')
        && !return_to.starts_with("//")
        && !return_to.contains('\\')
        && !return_to.chars().any(char::is_control);
    if !local {
        return Err(Error::new(
            Code::InvalidArgument,
            reason::FIELD_INVALID,
            "`return_to` must be a local path",
        )
        .violation("return_to", "must be a path of this site, starting with one `/`")
        .into());
    }
    let (url, pending) = app.provider.begin(return_to).await?;
    session.insert(PENDING, pending).await.map_err(|error| store(&error))?;
    Ok(Redirect::to(url.as_str()))
}

/// What the provider sends back.
#[derive(Debug, Deserialize, IntoParams)]
pub struct CallbackQuery {
    /// Authorization code.
    code: Option<String>,
    /// Must be the one that the sign-in started with.
    state: Option<String>,
    /// The provider's error code, where the sign-in failed there.
    error: Option<String>,
}

/// Ends a sign-in: exchanges the code, opens the session, redirects to where it started.
#[utoipa::path(get, path = "/auth/callback", tag = "session", params(CallbackQuery),
    responses((status = 303, description = "To `return_to`."), (status = 401, body = Problem), (status = 410, body = Problem), (status = 503, body = Problem)))]
pub async fn callback(
    State(app): State<App>,
    session: Session,
    Query(query): Query<CallbackQuery>,
) -> Result<Redirect> {
    let failed = |message: &'static str| Error::new(Code::Unauthenticated, reason::SIGN_IN_FAILED, message);
    let pending: Pending = session
        .remove(PENDING)
        .await
        .map_err(|error| store(&error))?
        .ok_or_else(|| failed("no sign-in was started in this browser; start again at `/auth/login`"))?;
    if query.state.as_deref() != Some(pending.state.as_str()) {
        return Err(failed("this answer belongs to another sign-in; start again at `/auth/login`").into());
    }
    if query.error.is_some() {
        return Err(failed("the sign-in provider refused the sign-in").into());
    }
    let code = query.code.ok_or_else(|| failed("the sign-in provider gave no code"))?;
    let return_to = pending.return_to.clone();
    let mut signed_in = app.provider.finish(pending, code).await?;
    let person = Principal::verify(&app, &signed_in.access_token, None).await?;
    match app.services.upsert_recipient(&person.caller, &person.contact).await {
        Ok(recipient) => signed_in.recipient_id = Some(recipient),
        Err(error) if error.reason() == reason::SUBJECT_ERASED => return Err(error.into()),
        // Tried again with the session's next request: a sign-in does not depend on `notification`.
        Err(error) => tracing::warn!(reason = error.reason(), "recipient not upserted"),
    }
    // A new id, so that one planted before the sign-in is worth nothing.
    session.cycle_id().await.map_err(|error| store(&error))?;
    session.insert(SIGNED_IN, signed_in).await.map_err(|error| store(&error))?;
    keep(&app, &session, &person.caller).await?;
    Ok(Redirect::to(&return_to))
}

/// Where the provider's own session ends.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOut {
    /// Address to send the browser to; `null` where the provider has none.
    logout_url: Option<String>,
}

/// Ends the session here and says where to end it at the provider.
#[utoipa::path(post, path = "/auth/logout", tag = "session", security(("session" = [])),
    responses((status = 200, body = SignedOut), (status = 403, body = Problem)))]
pub async fn logout(State(app): State<App>, session: Session, headers: HeaderMap) -> Result<Json<SignedOut>> {
    let signed_in = for_sign_out(&session, &headers).await?;
    session.flush().await.map_err(|error| store(&error))?;
    let url = match &signed_in {
        Some(signed_in) => app.provider.end_session(signed_in, &app.config.http.public_url).await,
        None => None,
    };
    Ok(Json(SignedOut { logout_url: url.map(String::from) }))
}
