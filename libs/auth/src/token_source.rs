//! This service's own token, by client credentials.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use serde::Deserialize;
use settings::ExposeSecret as _;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::Settings;
use crate::caller::Token;
use crate::error::Error;
use crate::provider::{FetchError, Provider};
use crate::settings::Client;

/// A token is renewed this long before it ends, so that it lives through the call it is used for.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
/// At most one failed fetch in this time.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// What RFC 6749 leaves open: the life of a token whose answer does not say.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// Fetches and caches the token of this service's client. Clones share it.
#[derive(Clone)]
pub struct TokenSource(Arc<Inner>);

struct Inner {
    provider: Provider,
    client: Client,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    token: Option<(Token, OffsetDateTime)>,
    failed: Option<(OffsetDateTime, Arc<FetchError>)>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

impl TokenSource {
    /// Makes a source; nothing is fetched before the first use.
    ///
    /// # Errors
    /// [`Error::NoClient`] when the settings name no client.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, Error> {
        let client = settings.client.clone().ok_or(Error::NoClient)?;
        let provider = Provider::new(settings);
        Ok(Self(Arc::new(Inner { provider, client, clock, state: Arc::default() })))
    }

    /// A token that is good for the next 30 seconds at least, or, while the issuer is down, until it ends.
    ///
    /// Callers who come while a token is fetched wait for that one.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the issuer gives none and the cached one has ended.
    pub async fn token(&self) -> Result<Token, Error> {
        let state = self.0.state.clone().lock_owned().await;
        let now = self.0.clock.now();
        if let Some((token, ends)) = &state.token
            && now + RENEW_BEFORE < *ends
        {
            return Ok(token.clone());
        }
        if let Some((at, error)) = &state.failed
            && *at <= now
            && now - *at < MIN_INTERVAL
        {
            return usable(&state, now, error);
        }
        let inner = self.0.clone();
        // On its own task: a caller who goes away must not cut the fetch that others wait for.
        let fetch = tokio::spawn(async move { inner.renew(state, now).await });
        fetch.await.unwrap_or(Err(Error::IssuerUnavailable(None)))
    }

    /// For `/ready`: ok while a token can be had.
    ///
    /// # Errors
    /// As [`TokenSource::token`].
    pub async fn ready(&self) -> Result<(), Error> {
        self.token().await.map(drop)
    }
}

impl Inner {
    async fn renew(
        &self,
        mut state: tokio::sync::OwnedMutexGuard<State>,
        now: OffsetDateTime,
    ) -> Result<Token, Error> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &*self.client.id),
            ("client_secret", self.client.secret.expose_secret()),
        ];
        match self.provider.token::<Answer>(&form).await {
            Ok(answer) => {
                let token = Token::parse(&answer.access_token)?;
                let life = answer.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
                state.token = Some((token.clone(), now + life));
                state.failed = None;
                Ok(token)
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    client.id = self.client.id,
                    "service token not fetched"
                );
                let error = Arc::new(error);
                state.failed = Some((now, error.clone()));
                usable(&state, now, &error)
            }
        }
    }
}

fn usable(state: &State, now: OffsetDateTime, error: &Arc<FetchError>) -> Result<Token, Error> {
    match &state.token {
        Some((token, ends)) if now < *ends => Ok(token.clone()),
        _ => Err(Error::IssuerUnavailable(Some(error.clone()))),
    }
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSource").field("client", &self.0.client.id).finish_non_exhaustive()
    }
}
