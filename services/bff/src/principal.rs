//! Who calls: a session cookie of a browser, or a bearer token of an API client.

use auth::Caller;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use ids::RecipientId;
use rpc_error::{Code, Error, reason};
use tower_sessions::Session;

use crate::App;
use crate::problem::Failure;
use crate::session::{SIGNED_IN, SignedIn};

/// How to reach somebody, as their token says. Personal data.
#[derive(Clone, Default)]
pub struct Contact {
    /// E-mail address.
    pub email: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact([REDACTED])")
    }
}

/// A caller whose token was verified; the services verify it again.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Who it is, and the token that is forwarded to the services.
    pub caller: Caller,
    /// How to reach them.
    pub contact: Contact,
    /// The session, where the caller came by cookie.
    pub session: Option<SignedIn>,
}

impl FromRequestParts<App> for Principal {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if let Some(token) = bearer(&parts.headers)? {
            return Ok(Self::verify(app, token, None).await?);
        }
        let session = Session::from_request_parts(parts, app).await.map_err(|_| store_down())?;
        let signed_in = signed_in(app, &session).await?.ok_or_else(missing)?;
        if !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            check_csrf(&parts.headers, &signed_in)?;
        }
        let token = signed_in.access_token.clone();
        Ok(Self::verify(app, &token, Some(signed_in)).await?)
    }
}

impl Principal {
    /// Verifies a token.
    ///
    /// # Errors
    ///
    /// `TOKEN_INVALID`, `TOKEN_EXPIRED`; `TENANT_MISSING` for services, which have no business here.
    pub async fn verify(app: &App, token: &str, session: Option<SignedIn>) -> Result<Self, Error> {
        let mut identity = app.verifier.verify(token).await?;
        let contact = Contact { email: identity.email.take(), locale: identity.locale.take() };
        Ok(Self { caller: identity.into_caller(None)?, contact, session })
    }

    /// The caller's recipient. Asks `notification` where the session does not know it.
    ///
    /// # Errors
    ///
    /// Those of `UpsertRecipient`.
    pub async fn recipient(&self, app: &App) -> Result<RecipientId, Error> {
        match self.session.as_ref().and_then(|session| session.recipient_id) {
            Some(recipient) => Ok(recipient),
            None => app.services.upsert_recipient(&self.caller, &self.contact).await,
        }
    }
}

/// The session's person with a token that still lives, or `None`.
async fn signed_in(app: &App, session: &Session) -> Result<Option<SignedIn>, Error> {
    let Some(current) = session.get::<SignedIn>(SIGNED_IN).await.map_err(|error| store(&error))? else {
        return Ok(None);
    };
    let mut next = current;
    let mut changed = false;
    // Half a minute ahead, so that the token outlives the call it is forwarded with.
    if next.expires_at - 30 <= app.clock.now().unix_timestamp() {
        let Some(renewed) = app.provider.renew(&next).await? else {
            session.flush().await.map_err(|error| store(&error))?;
            return Ok(None);
        };
        next = renewed;
        changed = true;
    }
    // The sign-in came while `notification` was away, and without a recipient no mail would find them; or the token is a new
    // one, whose claims may have changed, and the person may have been erased.
    if changed || next.recipient_id.is_none() {
        let person = Principal::verify(app, &next.access_token, None).await?;
        match app.services.upsert_recipient(&person.caller, &person.contact).await {
            Ok(recipient) => {
                next.recipient_id = Some(recipient);
                changed = true;
            }
            Err(error) if error.reason() == reason::SUBJECT_ERASED => {
                session.flush().await.map_err(|error| store(&error))?;
                return Ok(None);
            }
            Err(error) => tracing::warn!(reason = error.reason(), "recipient not upserted"),
        }
        if changed {
            session.insert(SIGNED_IN, &next).await.map_err(|error| store(&error))?;
            keep(app, session, &person.caller).await?;
        }
    }
    Ok(Some(next))
}

/// Stores a session and whose it is.
///
/// # Errors
///
/// `SESSION_STORE_UNAVAILABLE`.
pub async fn keep(app: &App, session: &Session, caller: &Caller) -> Result<(), Error> {
    session.save().await.map_err(|error| store(&error))?;
    let Some(id) = session.id() else { return Ok(()) };
    let noted = app.sessions().note(&caller.tenant, &caller.subject, &id).await;
    noted.map_err(|error| store(&tower_sessions::session::Error::Store(error)))
}

/// The session's person without renewing anything, for sign-out.
///
/// # Errors
///
/// `SESSION_STORE_UNAVAILABLE` when Redis is away, `CSRF_INVALID`.
pub async fn for_sign_out(session: &Session, headers: &HeaderMap) -> Result<Option<SignedIn>, Error> {
    let signed_in = session.get::<SignedIn>(SIGNED_IN).await.map_err(|error| store(&error))?;
    if let Some(signed_in) = &signed_in {
        check_csrf(headers, signed_in)?;
    }
    Ok(signed_in)
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()));
    token.map(Some).ok_or_else(|| {
        Error::new(Code::Unauthenticated, reason::TOKEN_INVALID, "send `authorization: Bearer <token>`")
    })
}

fn check_csrf(headers: &HeaderMap, session: &SignedIn) -> Result<(), Error> {
    let given = headers.get("x-csrf-token").map(http::HeaderValue::as_bytes).unwrap_or_default();
    // Both are random and of one length; compared without an early end all the same.
    let same = given.len() == session.csrf.len()
        && given.iter().zip(session.csrf.as_bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0;
    if same {
        return Ok(());
    }
    Err(Error::new(
        Code::PermissionDenied,
        reason::CSRF_INVALID,
        "send the `csrf_token` of `/v1/me` as `x-csrf-token`",
    ))
}

fn missing() -> Error {
    Error::new(
        Code::Unauthenticated,
        reason::TOKEN_MISSING,
        "sign in at `/auth/login`, or send `authorization: Bearer <token>`",
    )
}

fn store_down() -> Error {
    Error::new(Code::Unavailable, reason::SESSION_STORE_UNAVAILABLE, "sessions cannot be read now; try again")
}

/// An error of the session store as the caller sees it.
#[must_use]
pub fn store(error: &tower_sessions::session::Error) -> Error {
    tracing::error!(error = error as &dyn std::error::Error, "session store failed");
    store_down()
}
