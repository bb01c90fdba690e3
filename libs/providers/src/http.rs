//! What calls to providers have in common: a deadline, no redirect, no proxy, and an answer that is read up to a limit.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, redirect};

const CONNECT: Duration = Duration::from_secs(3);

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Vec<u8>,
}

/// What came of a call.
#[derive(Debug)]
pub enum Came<T, R> {
    /// What was asked for.
    Record(T),
    /// It was refused, for this.
    Refused(R),
    /// No answer, or none that says anything.
    Nothing,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection, or none that held.
    #[error("the provider was not reached")]
    Http(#[from] reqwest::Error),
    /// More bytes than are read.
    #[error("the answer is larger than is read")]
    TooLarge,
    /// It is not JSON of this shape.
    #[error("the answer is not understood")]
    Json(#[from] serde_json::Error),
    /// A status that says nothing about what was asked.
    #[error("the provider answered {0}")]
    Status(StatusCode),
}

/// A client whose calls end by this time.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(deadline: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(deadline)
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
}

/// Sends a request, and reads an answer of at most so many bytes.
///
/// # Errors
/// [`CallError::Http`] and [`CallError::TooLarge`].
pub async fn send(request: RequestBuilder, most_bytes: usize) -> Result<Answer, CallError> {
    let mut response = request.send().await?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most_bytes {
            return Err(CallError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// Tells of a call that came to nothing.
pub fn told<T, R>(came: Result<Came<T, R>, CallError>) -> Came<T, R> {
    came.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the provider has not answered");
        Came::Nothing
    })
}
