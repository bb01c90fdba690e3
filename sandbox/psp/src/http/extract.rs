//! What a call brings: bodies, and errors as answers.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::error::Error;

use super::refuse;

pub(crate) type Result<T, E = Refused> = std::result::Result<T, E>;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) enum Refused {
    Error(Error),
    /// A body that could not be read, for example because it is too large.
    Body(BytesRejection),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => answer(error.status(), &error.body()),
            Self::Body(rejection) => refuse(rejection.status(), "body_unreadable", &rejection.body_text()),
        }
    }
}

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

/// A body of JSON; nothing at all counts as an object without fields.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let bytes = Bytes::from_request(request, state).await.map_err(Refused::Body)?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice::<IgnoredAny>(text).map_err(|_| Error::Malformed)?;
        let mut parser = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "body".to_owned() } else { path };
            Error::field(field, format!("is wrong: {}", error.inner()))
        })?;
        Ok(Self(value))
    }
}

/// A page of a list: what comes after the object named, and how much of it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    #[serde(default)]
    pub(crate) after: Option<String>,
    #[serde(default)]
    pub(crate) limit: Option<usize>,
    #[serde(default)]
    pub(crate) reference: Option<String>,
}

impl Page {
    pub(crate) const MOST: usize = 200;
    const USUAL: usize = 50;

    pub(crate) fn limit(&self) -> Result<usize> {
        match self.limit {
            None => Ok(Self::USUAL),
            Some(limit) if (1..=Self::MOST).contains(&limit) => Ok(limit),
            Some(_) => Err(Error::field("limit", "must be 1 to 200").into()),
        }
    }

    /// After which number, of lists that are numbered.
    pub(crate) fn after_number(&self) -> Result<u64> {
        let wrong = || Error::field("after", "must be a number");
        Ok(self.after.as_deref().map_or(Ok(0), |text| text.parse().map_err(|_| wrong()))?)
    }
}

/// The query of a list.
pub(crate) struct List(pub(crate) Page);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for List {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self> {
        let page =
            Query::try_from_uri(&parts.uri).map_err(|error| Error::field("query", error.body_text()))?;
        Ok(Self(page.0))
    }
}
