//! Who takes payments.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use sandbox::WebhookSecret;

/// Waits before the second and each later try of a webhook, in seconds: 9 tries in 31 hours.
const RETRIES: [u32; 8] = [1, 5, 30, 120, 600, 3_600, 21_600, 86_400];
const MOST_RETRIES: usize = 16;
/// Secrets at once: the new one, and the old one until it is retired.
const MOST_SECRETS: usize = 2;

/// An account at the provider: its key for the API, and where and how its webhooks go.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// What it is called in paths, in settlement files and in events.
    pub id: String,
    /// What payers read at the checkout.
    pub name: String,
    /// The `Bearer` of its calls.
    pub api_key: ApiKey,
    /// One secret, or two while they rotate; a webhook is signed by each.
    pub webhook_secrets: Vec<WebhookSecret>,
    /// Where events go of payments that name no place of their own; nowhere without one.
    #[serde(default)]
    pub notify_url: Option<String>,
    /// Waits before the second and each later try of a webhook, in seconds.
    #[serde(default = "retries")]
    pub retry_seconds: Vec<u32>,
}

/// A key for the API.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

fn retries() -> Vec<u32> {
    RETRIES.to_vec()
}

impl Account {
    /// An account whose key and secret follow from its id: key `sk_sandbox_<id>`, and the same secret in each run.
    #[must_use]
    pub fn named(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            api_key: ApiKey(format!("sk_sandbox_{id}")),
            webhook_secrets: vec![WebhookSecret::of(id)],
            notify_url: None,
            retry_seconds: retries(),
        }
    }

    /// What there is where nobody says otherwise: `acct_town` and `acct_water`.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![Self::named("acct_town", "Town of Riverton"), Self::named("acct_water", "Riverton Water")]
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let id = self.id.len() <= 64
            && self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if self.id.is_empty() || !id {
            return Err(Error::field("id", "must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'"));
        }
        if self.name.is_empty() || self.name.chars().count() > 100 {
            return Err(Error::field("name", "must be 1 to 100 characters"));
        }
        let key = &self.api_key.0;
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::field("api_key", "must be 1 to 255 visible ASCII characters"));
        }
        if !(1..=MOST_SECRETS).contains(&self.webhook_secrets.len()) {
            return Err(Error::field("webhook_secrets", "must be one or two"));
        }
        if self.retry_seconds.len() > MOST_RETRIES {
            return Err(Error::field("retry_seconds", "must be 16 at most"));
        }
        self.notify_url.as_deref().map_or(Ok(()), |url| web_address("notify_url", url))
    }
}

/// Whether a text is a place on the web.
pub(crate) fn web_address(field: &'static str, text: &str) -> Result<(), Error> {
    let parsed = url::Url::parse(text).ok();
    let web = parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // A parser forgives blanks and line ends; a header does not.
    if web && text.len() <= 2_000 && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Error::field(field, "must be an http or https URL of at most 2000 visible ASCII characters"))
    }
}
