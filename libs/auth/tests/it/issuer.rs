//! An issuer that can be told to misbehave. It signs without the library under test.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::{Client, Settings, TokenSource, Verifier};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clock::Clock;
use serde_json::{Value, json};
use time::macros::datetime;
use tokio::sync::Semaphore;

pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key with its id and the algorithm its JWK names, if any.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) key: Key,
}

impl SigningKey {
    pub(crate) fn rsa(kid: &str) -> Self {
        Self { kid: kid.into(), key: Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(crate) fn ec(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid: kid.into(), key: Key::Ec(key) }
    }

    pub(crate) fn ed(kid: &str) -> Self {
        Self { kid: kid.into(), key: Key::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(crate) fn jwk(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.key {
            Key::Rsa(key) => {
                // RFC 8017's RSAPublicKey of 2048 bits: 30 82 010a 02 82 0101 00 <n> 02 03 010001.
                let der = key.public_key().as_ref();
                assert_eq!(der.len(), 270);
                json!({"kty": "RSA", "kid": self.kid, "use": "sig", "n": b64(&der[9..265]), "e": "AQAB"})
            }
            Key::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig",
                    "x": b64(&point[1..33]), "y": b64(&point[33..])})
            }
            Key::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "use": "sig", "x": b64(key.public_key().as_ref())})
            }
        }
    }

    /// The public key as a file an attacker could have.
    pub(crate) fn public_der(&self) -> Vec<u8> {
        match &self.key {
            Key::Rsa(key) => {
                let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
                der.as_ref().to_vec()
            }
            Key::Ec(key) => key.public_key().as_ref().to_vec(),
            Key::Ed(key) => key.public_key().as_ref().to_vec(),
        }
    }

    pub(crate) fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |key: &RsaKeyPair, padding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(padding, &random, message, &mut signature).unwrap();
            signature
        };
        match &self.key {
            Key::Rsa(key) => match alg {
                "PS256" => rsa(key, &RSA_PSS_SHA256),
                "RS512" => rsa(key, &RSA_PKCS1_SHA512),
                _ => rsa(key, &RSA_PKCS1_SHA256),
            },
            Key::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

/// `header.payload`, not signed.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) state: Arc<Inner>,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) jwks: Mutex<Vec<Value>>,
    /// `iss` of the discovery document, when not the true one.
    pub(crate) claims_to_be: Mutex<Option<String>>,
    pub(crate) down: AtomicBool,
    pub(crate) fetches: AtomicUsize,
    pub(crate) tokens: AtomicUsize,
    /// Where set, an answer needs a permit.
    pub(crate) gate: Mutex<Option<Arc<Semaphore>>>,
    pub(crate) lifetime: Mutex<Option<u64>>,
}

impl Issuer {
    /// An issuer with these keys; time stands at noon.
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/realms/guildhall", listener.local_addr().unwrap());
        let state = Arc::new(Inner::default());
        *state.jwks.lock().unwrap() = keys.iter().map(|key| key.jwk()).collect();
        *state.lifetime.lock().unwrap() = Some(300);
        let discovery = {
            let url = url.clone();
            move |State(state): State<Arc<Inner>>| async move {
                let issuer = state.claims_to_be.lock().unwrap().clone().unwrap_or_else(|| url.clone());
                Json(
                    json!({"issuer": issuer, "jwks_uri": format!("{url}/certs"), "token_endpoint": format!("{url}/token")}),
                )
            }
        };
        let realm = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/certs", get(certs))
            .route("/token", post(token))
            .with_state(state.clone());
        let app = Router::new().nest("/realms/guildhall", realm);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, clock: Clock::frozen(datetime!(2030-01-01 12:00 UTC)), state }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            issuer: self.url.clone(),
            discovery_url: self.url.parse().unwrap(),
            audience: "guildhall".into(),
            client: Some(Client { id: "svc-worker".into(), secret: "s3cret".to_owned().into() }),
        }
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(&self.settings(), self.clock.clone())
    }

    pub(crate) fn token_source(&self) -> TokenSource {
        TokenSource::new(&self.settings(), self.clock.clone()).unwrap()
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    /// Waits until the keys were asked for `count` times.
    pub(crate) async fn fetched(&self, count: usize) {
        reach(&self.state.fetches, count).await;
    }

    /// Waits until a token was asked for `count` times.
    pub(crate) async fn asked_for_token(&self, count: usize) {
        reach(&self.state.tokens, count).await;
    }

    pub(crate) fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    pub(crate) fn tokens(&self) -> usize {
        self.state.tokens.load(Ordering::SeqCst)
    }

    /// Answers wait from now on, until permits are added.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.state.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        *self.state.jwks.lock().unwrap() = keys.iter().map(|key| key.jwk()).collect();
    }

    /// Claims of ada, a citizen of riverton, five minutes from now; `changes` replace or, where null, remove.
    pub(crate) fn claims(&self, changes: &Value) -> Value {
        let now = self.clock.now().unix_timestamp();
        let mut claims = json!({
            "iss": self.url, "aud": "guildhall", "sub": "ada", "exp": now + 300, "nbf": now, "iat": now, "typ": "Bearer",
            "tenant": "riverton", "roles": ["citizen"], "azp": "portal", "email": "ada@example.org", "locale": "en",
        });
        let all = claims.as_object_mut().unwrap();
        all.extend(changes.as_object().unwrap().clone());
        all.retain(|_, value| !value.is_null());
        claims
    }

    #[expect(clippy::needless_pass_by_value, reason = "`json!` stands at each call")]
    pub(crate) fn token(&self, key: &SigningKey, alg: &str, changes: Value) -> String {
        signed(key, &json!({"alg": alg, "kid": key.kid, "typ": "JWT"}), alg, &self.claims(&changes))
    }
}

async fn reach(counter: &AtomicUsize, count: usize) {
    let reached = async {
        while counter.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("the issuer is asked");
}

pub(crate) fn signed(key: &SigningKey, header: &Value, alg: &str, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(alg, message.as_bytes()));
    format!("{message}.{signature}")
}

async fn certs(State(state): State<Arc<Inner>>) -> Response {
    state.fetches.fetch_add(1, Ordering::SeqCst);
    if let Some(refused) = wait(&state).await {
        return refused;
    }
    let keys = state.jwks.lock().unwrap().clone();
    Json(json!({"keys": keys})).into_response()
}

async fn token(State(state): State<Arc<Inner>>, Form(form): Form<Vec<(String, String)>>) -> Response {
    let count = state.tokens.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(refused) = wait(&state).await {
        return refused;
    }
    let want =
        [("grant_type", "client_credentials"), ("client_id", "svc-worker"), ("client_secret", "s3cret")];
    if form != want.map(|(name, value)| (name.to_owned(), value.to_owned())) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let lifetime = *state.lifetime.lock().unwrap();
    Json(json!({"access_token": format!("token-{count}"), "expires_in": lifetime, "token_type": "Bearer"}))
        .into_response()
}

async fn wait(state: &Inner) -> Option<Response> {
    let gate = state.gate.lock().unwrap().clone();
    if let Some(gate) = gate {
        gate.acquire().await.unwrap().forget();
    }
    state.down.load(Ordering::SeqCst).then(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
