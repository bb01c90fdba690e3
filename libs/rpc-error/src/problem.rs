//! The body of an HTTP error.

use crate::{Error, Violation};

/// An RFC 9457 problem, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// URI of the reason's page.
    #[serde(rename = "type")]
    pub type_: String,
    /// One line for people, the same for each problem of the reason.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// The reason, what clients branch on.
    pub code: String,
    /// What is wrong with this request.
    pub detail: String,
    /// Id of the request.
    pub instance: String,
    /// Fields that break a rule; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
}

impl Error {
    /// The error as an HTTP problem, logged like one that becomes a `Status`. `pages` is the URI below which the reasons'
    /// pages are, without a slash at its end; `instance` is the request's id.
    #[must_use]
    pub fn into_problem(self, pages: &str, instance: &str) -> Problem {
        self.log();
        Problem {
            type_: format!("{pages}/{}.md", self.reason()),
            title: self.title().to_owned(),
            status: self.http_status(),
            code: self.reason().to_owned(),
            detail: self.public_message().to_owned(),
            instance: instance.to_owned(),
            errors: self.violations().to_vec(),
        }
    }
}
