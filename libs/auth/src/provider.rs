//! Talking to the identity provider: discovery, keys, tokens; each call is bounded in time and size.

use std::time::Duration;

use reqwest::redirect::Policy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;

use crate::Settings;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);
/// A discovery document or key set of a large provider has some 10 KiB.
const MAX_BODY: usize = 512 * 1024;

/// Why the identity provider gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not reached, or no answer in time.
    #[error("{0} cannot be reached")]
    Unreachable(Url, #[source] reqwest::Error),
    /// Answered with another status than 200.
    #[error("{0} answered {1}")]
    Status(Url, u16),
    /// The answer is larger than 512 KiB.
    #[error("{0} answered with too large a body")]
    TooLarge(Url),
    /// The answer is not the JSON expected.
    #[error("{0} answered with something else than expected")]
    Json(Url, #[source] serde_json::Error),
    /// The discovery document is another issuer's.
    #[error("the discovery document names issuer {found:?}, the settings name {expected:?}")]
    Issuer {
        /// As in the document.
        found: String,
        /// As in the settings.
        expected: String,
    },
    /// The HTTP client could not be made, for example without root certificates.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The key set holds no key that can be used.
    #[error("{0} lists no key of an allowed kind")]
    NoKeys(Url),
}

/// The part of a discovery document that is used.
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    /// Where the signing keys are.
    jwks_uri: Url,
    /// Where client credentials are traded for tokens.
    token_endpoint: Url,
}

/// The identity provider. Discovery is read again with every use, which is rare: so a provider may move.
#[derive(Debug)]
pub(crate) struct Provider {
    issuer: String,
    discovery_url: Url,
    http: OnceCell<reqwest::Client>,
}

impl Provider {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            issuer: settings.issuer.clone(),
            discovery_url: well_known(&settings.discovery_url),
            http: OnceCell::new(),
        }
    }

    async fn http(&self) -> Result<&reqwest::Client, FetchError> {
        self.http
            .get_or_try_init(|| async {
                reqwest::Client::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .timeout(TIMEOUT)
                    .redirect(Policy::none())
                    .pool_max_idle_per_host(1)
                    .build()
                    .map_err(FetchError::Client)
            })
            .await
    }

    async fn discovery(&self) -> Result<Discovery, FetchError> {
        let request = self.http().await?.get(self.discovery_url.clone());
        let found: Discovery = json(&self.discovery_url, request).await?;
        if found.issuer != self.issuer {
            return Err(FetchError::Issuer { found: found.issuer, expected: self.issuer.clone() });
        }
        Ok(found)
    }

    /// The keys the issuer signs with.
    pub(crate) async fn jwks<T: DeserializeOwned>(&self) -> Result<(Url, T), FetchError> {
        let url = self.discovery().await?.jwks_uri;
        let request = self.http().await?.get(url.clone());
        let keys = json(&url, request).await?;
        Ok((url, keys))
    }

    /// Posts a form to the token endpoint.
    pub(crate) async fn token<T: DeserializeOwned>(&self, form: &[(&str, &str)]) -> Result<T, FetchError> {
        let url = self.discovery().await?.token_endpoint;
        let request = self.http().await?.post(url.clone()).form(form);
        json(&url, request).await
    }
}

fn well_known(base: &Url) -> Url {
    let mut url = base.clone();
    let path = format!("{}/.well-known/openid-configuration", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

async fn json<T: DeserializeOwned>(url: &Url, request: reqwest::RequestBuilder) -> Result<T, FetchError> {
    let unreachable = |source: reqwest::Error| FetchError::Unreachable(url.clone(), source.without_url());
    let mut response = request.send().await.map_err(unreachable)?;
    if response.status() != http::StatusCode::OK {
        return Err(FetchError::Status(url.clone(), response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(FetchError::TooLarge(url.clone()));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|source| FetchError::Json(url.clone(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_discovery_document_is_below_the_base_with_or_without_slash() {
        for base in ["http://id.example/realms/guildhall", "http://id.example/realms/guildhall/"] {
            assert_eq!(
                well_known(&Url::parse(base).unwrap()).as_str(),
                "http://id.example/realms/guildhall/.well-known/openid-configuration"
            );
        }
        let root = well_known(&Url::parse("https://id.example").unwrap());
        assert_eq!(root.as_str(), "https://id.example/.well-known/openid-configuration");
    }
}
