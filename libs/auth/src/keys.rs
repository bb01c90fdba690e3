//! The issuer's signing keys: cached, fetched again when they are old or a token names one that is not known.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use clock::Clock;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::error::{Error, Invalid};
use crate::provider::{FetchError, Provider};

/// How long keys are used without asking again.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);
/// At most one fetch in this time, whatever tokens come in.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// The same while there is nothing to verify with at all, so that a start before the issuer's recovers soon.
const MIN_INTERVAL_EMPTY: Duration = Duration::from_secs(1);
/// A set lists a few keys; anything above is not a key set.
const MAX_KEYS: usize = 64;

/// A public key, and the algorithms that tokens may name with it.
pub(crate) struct Key {
    key: DecodingKey,
    algorithms: &'static [Algorithm],
}

impl Key {
    /// Checks the signature over `message`.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &str,
    ) -> Result<(), Invalid> {
        // The key decides: a token cannot pick an algorithm of another family for it.
        if !self.algorithms.contains(&algorithm) {
            return Err(Invalid::Algorithm);
        }
        match jsonwebtoken::crypto::verify(signature, message, &self.key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Invalid::Signature),
        }
    }

    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|u| *u != PublicKeyUse::Signature) {
            return None;
        }
        let usable: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => &[Algorithm::ES256],
            AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
                &[Algorithm::EdDSA]
            }
            _ => return None,
        };
        let algorithms = match jwk.common.key_algorithm {
            None => usable,
            Some(named) => {
                let named = Algorithm::try_from(named).ok()?;
                let at = usable.iter().position(|usable| *usable == named)?;
                usable.get(at..=at)?
            }
        };
        Some(Self { key: DecodingKey::from_jwk(jwk).ok()?, algorithms })
    }
}

#[derive(Deserialize)]
struct KeySet {
    /// Kept as JSON first: one key of an unknown kind must not hide the others.
    keys: Vec<serde_json::Value>,
}

struct Cached {
    by_kid: HashMap<String, Arc<Key>>,
    fetched_at: OffsetDateTime,
    /// Grows with every fetch.
    generation: u64,
}

/// The cache. Clones share it.
#[derive(Clone)]
pub(crate) struct Keys(Arc<Inner>);

struct Inner {
    provider: Arc<Provider>,
    clock: Clock,
    cached: RwLock<Option<Arc<Cached>>>,
    /// Held while fetching.
    attempt: Arc<Mutex<Attempt>>,
}

#[derive(Default)]
struct Attempt {
    at: Option<OffsetDateTime>,
    failure: Option<Arc<FetchError>>,
}

impl Keys {
    pub(crate) fn new(provider: Arc<Provider>, clock: Clock) -> Self {
        let cached = RwLock::new(None);
        Self(Arc::new(Inner { provider, clock, cached, attempt: Arc::default() }))
    }

    /// The key of this id.
    pub(crate) async fn get(&self, kid: &str) -> Result<Arc<Key>, Error> {
        let cached = self.0.cached();
        if let Some(cached) = &cached
            && let Some(key) = cached.by_kid.get(kid)
        {
            if !cached.is_old(self.0.clock.now()) {
                return Ok(key.clone());
            }
            // Whoever gets the lock waits for fresh keys, so that a withdrawn one ends; everybody else, and all
            // while the issuer is down, go on with what there is.
            if let Ok(attempt) = self.0.attempt.clone().try_lock_owned() {
                self.fetch(attempt, cached.generation).await;
            }
        } else {
            let attempt = self.0.attempt.clone().lock_owned().await;
            self.fetch(attempt, cached.map_or(0, |cached| cached.generation)).await;
        }
        match self.0.cached() {
            Some(cached) => cached.by_kid.get(kid).cloned().ok_or_else(|| Invalid::UnknownKey.into()),
            None => Err(Error::IssuerUnavailable(self.0.attempt.lock().await.failure.clone())),
        }
    }

    /// Ok when there are keys to verify with, fetching them when there are none.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        if self.0.cached().is_none() {
            let attempt = self.0.attempt.clone().lock_owned().await;
            self.fetch(attempt, 0).await;
        }
        match self.0.cached() {
            Some(_) => Ok(()),
            None => Err(Error::IssuerUnavailable(self.0.attempt.lock().await.failure.clone())),
        }
    }

    /// Fetches, unless somebody did since generation `seen` or tried a moment ago.
    async fn fetch(&self, mut attempt: tokio::sync::OwnedMutexGuard<Attempt>, seen: u64) {
        let inner = self.0.clone();
        let fetch = async move {
            let now = inner.clock.now();
            let cached = inner.cached();
            let generation = cached.as_ref().map_or(0, |cached| cached.generation);
            let interval = if cached.is_some() { MIN_INTERVAL } else { MIN_INTERVAL_EMPTY };
            if generation != seen || attempt.at.is_some_and(|at| at <= now && now - at < interval) {
                return;
            }
            attempt.at = Some(now);
            match fetch(&inner.provider).await {
                Ok(by_kid) => {
                    let fresh = Cached { by_kid, fetched_at: now, generation: generation + 1 };
                    *inner.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(fresh));
                    attempt.failure = None;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        keys.cached = cached.is_some(),
                        "signing keys not fetched"
                    );
                    attempt.failure = Some(Arc::new(error));
                }
            }
        };
        // On its own task: a caller who goes away must not cut the fetch that others wait for.
        if let Err(error) = tokio::spawn(fetch).await {
            tracing::error!(error = &error as &dyn std::error::Error, "fetching signing keys ended early");
        }
    }
}

impl Inner {
    fn cached(&self) -> Option<Arc<Cached>> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Cached {
    fn is_old(&self, now: OffsetDateTime) -> bool {
        now - self.fetched_at > MAX_AGE
    }
}

async fn fetch(provider: &Provider) -> Result<HashMap<String, Arc<Key>>, FetchError> {
    let (url, set): (_, KeySet) = provider.jwks().await?;
    let by_kid: HashMap<_, _> = set
        .keys
        .into_iter()
        .take(MAX_KEYS)
        .filter_map(|value| serde_json::from_value::<Jwk>(value).ok())
        .filter_map(|jwk| Some((jwk.common.key_id.clone()?, Arc::new(Key::from_jwk(&jwk)?))))
        .collect();
    // An empty set would refuse everybody; what is cached is the better guess.
    if by_kid.is_empty() { Err(FetchError::NoKeys(url)) } else { Ok(by_kid) }
}
