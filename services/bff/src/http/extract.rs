//! Parts of a request, each with its own error.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use http::{HeaderMap, header};
use ids::DocumentId;
use rpc_error::{Code, Error, reason};
use serde::de::DeserializeOwned;

use crate::problem::Failure;

/// Largest JSON body, bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A JSON body. Unknown fields are refused: a typo must not silently do nothing.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        check_content_type(&parts.headers)?;
        let bytes = read(body).await?;
        parse(&bytes).map(Self).map_err(Failure)
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Error> {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Error::new(
        Code::UnsupportedMediaType,
        reason::UNSUPPORTED_MEDIA_TYPE,
        "send the body as `application/json`",
    ))
}

async fn read(body: Body) -> Result<axum::body::Bytes, Error> {
    to_bytes(body, MAX_BODY).await.map_err(|error| {
        Error::new(Code::TooLarge, reason::BODY_TOO_LARGE, format!("the body is over {MAX_BODY} bytes"))
            .because(error)
    })
}

/// Parses a JSON body.
///
/// # Errors
///
/// `BODY_MALFORMED` when it is not JSON; `FIELD_UNKNOWN`, `FIELD_MISSING` or `FIELD_INVALID`, naming the field, when it is.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| {
        Error::new(
            Code::Malformed,
            reason::BODY_MALFORMED,
            format!("the body is not JSON: line {}, column {}", error.line(), error.column()),
        )
    })?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let rule = error.inner().to_string();
        // serde says which field it is only in its message.
        let named = rule.split('`').nth(1).unwrap_or_default().to_owned();
        let (reason, field, rule) = if rule.starts_with("unknown field") {
            (reason::FIELD_UNKNOWN, named, "is not a field of this request".to_owned())
        } else if rule.starts_with("missing field") {
            (reason::FIELD_MISSING, named, "is required".to_owned())
        } else {
            // serde's text quotes the value it saw, which may be personal data.
            let expected =
                rule.split("expected ").nth(1).map_or("has the wrong type".to_owned(), |expected| {
                    format!("must be {}", expected.split(" at line").next().unwrap_or(expected))
                });
            (reason::FIELD_INVALID, path, expected)
        };
        Error::new(Code::InvalidArgument, reason, format!("`{field}` {rule}")).violation(field, rule)
    })
}

/// The `{id}` of a document route.
#[derive(Debug, Clone, Copy)]
pub struct DocumentPath(pub DocumentId);

impl<S: Send + Sync> FromRequestParts<S> for DocumentPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let not_found =
            || Error::new(Code::NotFound, reason::DOCUMENT_NOT_FOUND, "there is no such document");
        let axum::extract::Path(id) =
            axum::extract::Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        // An id that cannot exist is a document that does not exist.
        id.parse().map(Self).map_err(|_| Failure(not_found()))
    }
}

/// Query parameters; unknown ones are refused.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|rejection| {
            let text = rejection.body_text();
            let named = text.split('`').nth(1).unwrap_or("query").to_owned();
            let rule =
                if text.contains("unknown field") { "is not a parameter here" } else { "has the wrong form" };
            Failure(
                Error::new(Code::InvalidArgument, reason::QUERY_INVALID, format!("`{named}` {rule}"))
                    .violation(named, rule),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only parsed")]
        size: i64,
    }

    #[test]
    fn each_flaw_has_its_reason_and_names_its_field() {
        for (body, reason, field) in [
            (r#"{"size":"#, reason::BODY_MALFORMED, None),
            (r#"{"size":1,"x":2}"#, reason::FIELD_UNKNOWN, Some("x")),
            ("{}", reason::FIELD_MISSING, Some("size")),
            (r#"{"size":"ada@example.org"}"#, reason::FIELD_INVALID, Some("size")),
        ] {
            let error = parse::<Body>(body.as_bytes()).unwrap_err();
            assert_eq!(error.reason(), reason, "{body}");
            assert_eq!(error.violations().first().map(|v| v.field.as_str()), field, "{body}");
            assert!(!error.public_message().contains("ada@"), "the value must not come back");
        }
    }
}
