//! Who asks for checks.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::provider::Provider;
use sandbox::WebhookSecret;

/// Waits before the second and each later try of a callback, in seconds: 9 tries in 31 hours.
const RETRIES: [u32; 8] = [1, 5, 30, 120, 600, 3_600, 21_600, 86_400];
const MOST_RETRIES: usize = 16;
/// Secrets at once: the new one, and the old one until it is retired.
const MOST_SECRETS: usize = 2;
/// A day.
const LONGEST_DELAY_MS: u32 = 86_400_000;

/// An account at a provider: its key for the API, and where and how its callbacks go.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// What it is called in lists.
    pub id: String,
    /// Where it is an account. The other provider does not know it.
    pub provider: Provider,
    /// What its calls bring.
    pub api_key: ApiKey,
    /// One secret, or two while they rotate; a callback is signed by each. Veritas calls nobody back.
    pub webhook_secrets: Vec<WebhookSecret>,
    /// Where callbacks go of verifications that name no place of their own; nowhere without one.
    #[serde(default)]
    pub callback_url: Option<String>,
    /// Waits before the second and each later try of a callback, in seconds.
    #[serde(default = "retries")]
    pub retry_seconds: Vec<u32>,
    /// How long kompass takes to come to an outcome, in milliseconds of the provider's time.
    #[serde(default)]
    pub delay_ms: u32,
    /// Whether files are fetched from their URLs and held against their digests.
    #[serde(default)]
    pub fetch_files: bool,
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
    pub fn named(provider: Provider, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            provider,
            api_key: ApiKey(format!("sk_sandbox_{id}")),
            webhook_secrets: vec![WebhookSecret::of(id)],
            callback_url: None,
            retry_seconds: retries(),
            delay_ms: 0,
            fetch_files: false,
        }
    }

    /// What there is where nobody says otherwise: two at each provider, of a town and of its water works.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![
            Self::named(Provider::Veritas, crate::VERITAS_TOWN),
            Self::named(Provider::Veritas, crate::VERITAS_WATER),
            Self::named(Provider::Kompass, crate::KOMPASS_TOWN),
            Self::named(Provider::Kompass, crate::KOMPASS_WATER),
        ]
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let id = self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !(1..=64).contains(&self.id.len()) || !id {
            return Err(Error::field("id", "must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'"));
        }
        let key = &self.api_key.0;
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::field("api_key", "must be 1 to 255 visible ASCII characters"));
        }
        if !(1..=MOST_SECRETS).contains(&self.webhook_secrets.len()) {
            return Err(Error::field("webhook_secrets", "must be one or two"));
        }
        if self.retry_seconds.len() > MOST_RETRIES {
            return Err(Error::field("retry_seconds", "must be 16 at most"));
        }
        if self.delay_ms > LONGEST_DELAY_MS {
            return Err(Error::field("delay_ms", "must be at most 86400000"));
        }
        self.callback_url.as_deref().map_or(Ok(()), |url| web_address("callback_url", url))
    }
}

/// Whether a text is a place on the web.
pub(crate) fn web_address(field: &str, text: &str) -> Result<(), Error> {
    let parsed = url::Url::parse(text).ok();
    let web = parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // A parser forgives blanks and line ends; a header does not.
    if web && text.len() <= 4_000 && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Error::field(field, "must be an http or https URL of at most 4000 visible ASCII characters"))
    }
}
