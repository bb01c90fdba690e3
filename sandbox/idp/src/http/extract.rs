//! What a call brings, and refusals as answers.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::error::Error;
use crate::provider::Provider;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// As veritas and `/control` say it.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        refusal(&self, None)
    }
}

/// A refusal in a provider's own shape.
pub(crate) fn refusal(error: &Error, provider: Option<Provider>) -> Response {
    answer(error.status(), &error.body(provider))
}

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

/// A body of JSON; nothing at all counts as an object without fields. What was sent is not repeated in a refusal.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice::<IgnoredAny>(text).map_err(|_| Error::Malformed)?;
    let mut parser = serde_json::Deserializer::from_slice(text);
    serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.inner().to_string();
        // What is missing is named behind the path of where it is missing.
        let missing = inner.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match (missing, path.as_str()) {
            (Some(field), ".") => Error::field(field, "is missing"),
            (Some(field), path) => Error::field(format!("{path}.{field}"), "is missing"),
            (None, ".") => Error::field("body", "is not an object of the known fields"),
            (None, path) => Error::field(path, "is unknown, or not of its type"),
        }
    })
}

/// The same as an extractor, of `/control`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| Error::Unreadable)?;
        parse(&bytes).map(Self)
    }
}

/// What follows the `?`.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T> {
    let query = Query::try_from_uri(uri);
    query.map(|Query(query)| query).map_err(|_| Error::field("query", "lacks a parameter, or has others"))
}

pub(crate) fn text(field: &str, text: &str, longest: usize) -> Result<()> {
    if (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Error::field(field, format!("must be 1 to {longest} characters, none of control")))
    }
}

/// A date such as 1990-12-31.
pub(crate) fn date(field: &str, text: &str) -> Result<()> {
    let date = Date::parse(text, DAY);
    date.map(|_| ()).map_err(|_| Error::field(field, "must be a date such as 1990-12-31"))
}

/// Two capital letters.
pub(crate) fn country(field: &str, text: &str) -> Result<()> {
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(Error::field(field, "must be a country of ISO 3166-1, two letters"))
    }
}

/// What a check cannot do without.
pub(crate) fn needed<'a, T>(field: &str, value: Option<&'a T>) -> Result<&'a T> {
    value.ok_or_else(|| Error::field(field, "is needed for this check"))
}
