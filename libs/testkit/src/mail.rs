//! What the mail catcher has caught.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::env::env;
use crate::eventually::eventually;

/// The mail catcher. All tests share it: look for an address, or an id, nobody else uses.
#[derive(Clone, Debug)]
pub struct Mailbox {
    api: String,
    http: reqwest::Client,
}

/// A mail that was caught.
#[derive(Clone, Debug, Deserialize)]
pub struct Caught {
    /// Subject line.
    #[serde(default)]
    pub subject: String,
    /// Plain text.
    #[serde(default)]
    pub text: String,
    /// HTML, empty where there is none.
    #[serde(default)]
    pub html: String,
    /// Headers by lower-case name.
    #[serde(default)]
    pub headers: BTreeMap<String, serde_json::Value>,
}

impl Caught {
    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(serde_json::Value::as_str).unwrap_or_default()
    }

    /// `Message-ID`, angle brackets included.
    #[must_use]
    pub fn message_id(&self) -> &str {
        self.header("message-id")
    }
}

/// The catcher of the test servers.
///
/// # Panics
/// When it is not set.
#[must_use]
pub fn mailbox() -> Mailbox {
    Mailbox { api: env().mail_api().trim_end_matches('/').to_owned(), http: reqwest::Client::new() }
}

impl Mailbox {
    /// Everything caught so far.
    ///
    /// # Errors
    /// When the catcher does not answer.
    pub async fn all(&self) -> anyhow::Result<Vec<Caught>> {
        let request = self.http.get(format!("{}/email", self.api)).timeout(Duration::from_secs(10));
        let answer = request.send().await?.error_for_status()?;
        answer.json().await.context("the mail catcher's list")
    }

    /// Mails to an address, waiting for the first.
    ///
    /// # Errors
    /// When none came in time.
    pub async fn to(&self, address: &str, within: Duration) -> anyhow::Result<Vec<Caught>> {
        eventually(within, || async {
            let mut mails = self.all().await?;
            mails.retain(|mail| mail.header("to").contains(address));
            ensure!(!mails.is_empty(), "no mail to {address}");
            Ok(mails)
        })
        .await
    }
}
