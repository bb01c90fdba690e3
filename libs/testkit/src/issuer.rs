//! An identity provider of one's own: discovery, keys, tokens of anybody.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clock::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

const AUDIENCE: &str = "guildhall";
const LIFETIME: Duration = Duration::from_secs(300);
/// The secret of every client.
const SECRET: &str = "test-secret";

/// An issuer with one ES256 key, on a port of its own for as long as this value lives. It trades client credentials
/// for tokens too: any client, secret `test-secret`.
#[derive(Debug)]
pub struct Issuer {
    state: Arc<Inner>,
    server: AbortHandle,
}

struct Inner {
    url: String,
    kid: String,
    key: EncodingKey,
    jwks: Value,
    clock: Clock,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An issuer whose tokens start now and live five minutes.
///
/// # Panics
/// When no port is free.
pub async fn tokens() -> Issuer {
    tokens_at(Clock::system()).await
}

/// An issuer whose tokens start at the time of `clock`.
///
/// # Panics
/// When no port is free.
pub async fn tokens_at(clock: Clock) -> Issuer {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/realms/guildhall", listener.local_addr().expect("an address"));
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    // An uncompressed point: 4, x, y.
    let (x, y) = pair.der_bytes()[1..].split_at(32);
    let kid = hex::encode(&x[..8]);
    let jwks = json!({"keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    }]});
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let state = Arc::new(Inner { url, kid, key, jwks, clock });
    let realm = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/certs", get(|State(state): State<Arc<Inner>>| async move { Json(state.jwks.clone()) }))
        .route("/token", post(token))
        .with_state(Arc::clone(&state));
    let app = Router::new().nest("/realms/guildhall", realm);
    let server = tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    Issuer { state, server: server.abort_handle() }
}

impl Issuer {
    /// `iss` of the tokens; discovery is below it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// Settings of `auth` that trust this issuer, with a client of that name, for example `svc-worker`.
    ///
    /// # Panics
    /// Never: the URL was made here.
    #[must_use]
    pub fn settings(&self, client: &str) -> auth::Settings {
        auth::Settings {
            issuer: self.state.url.clone(),
            discovery_url: self.state.url.parse().expect("a URL"),
            audience: AUDIENCE.to_owned(),
            client: Some(auth::Client { id: client.to_owned(), secret: SECRET.to_owned().into() }),
        }
    }

    /// A token of a citizen who signed in.
    #[must_use]
    pub fn citizen(&self, subject: &str, tenant: &str) -> String {
        self.person(subject, tenant, "citizen")
    }

    /// A token of a citizen whom the office knows by a reference of its own.
    #[must_use]
    pub fn known_citizen(&self, subject: &str, tenant: &str, person_ref: &str) -> String {
        self.mint(json!({
            "sub": subject, "tenant": tenant, "roles": ["citizen"], "azp": "portal", "locale": "en",
            "email": format!("{subject}@example.org"), "person_ref": person_ref,
        }))
    }

    /// A token of a member of staff.
    #[must_use]
    pub fn staff(&self, subject: &str, tenant: &str) -> String {
        self.person(subject, tenant, "staff")
    }

    /// A token of a person with one role.
    #[must_use]
    pub fn person(&self, subject: &str, tenant: &str, role: &str) -> String {
        self.mint(json!({
            "sub": subject, "tenant": tenant, "roles": [role], "azp": "portal",
            "email": format!("{subject}@example.org"), "preferred_username": subject, "locale": "en",
        }))
    }

    /// A token of a service, for example `svc-worker`. It has no tenant: calls name one in `x-tenant`.
    #[must_use]
    pub fn service(&self, name: &str) -> String {
        self.state.service(name)
    }

    /// A token with these claims; `iss`, `aud`, `iat`, `nbf`, `exp` and `typ` are filled in where they are missing, and
    /// left out where they are `null`.
    #[must_use]
    pub fn mint(&self, claims: Value) -> String {
        self.state.mint(claims)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Inner {
    fn service(&self, name: &str) -> String {
        self.mint(json!({"sub": format!("service-account-{name}"), "roles": ["service"], "azp": name, "client_id": name}))
    }

    fn mint(&self, claims: Value) -> String {
        let now = self.clock.now().unix_timestamp();
        let expires = now + i64::try_from(LIFETIME.as_secs()).expect("minutes");
        let mut all = json!({"iss": self.url, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": expires, "typ": "Bearer"});
        if let (Value::Object(all), Value::Object(claims)) = (&mut all, claims) {
            all.extend(claims);
            all.retain(|_, value| !value.is_null());
        }
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &all, &self.key).expect("a token")
    }
}

async fn discovery(State(state): State<Arc<Inner>>) -> Json<Value> {
    let url = &state.url;
    Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/certs"),
        "token_endpoint": format!("{url}/token"),
        "authorization_endpoint": format!("{url}/auth"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

/// Client credentials, in the form or as Basic.
async fn token(
    State(state): State<Arc<Inner>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let basic = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok())
        .and_then(|pair| pair.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned())));
    let client = basic.or_else(|| Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone())));
    let grant = form.get("grant_type").map(String::as_str);
    match client {
        Some((id, secret)) if secret == SECRET && grant == Some("client_credentials") => Json(json!({
            "access_token": state.service(&id), "token_type": "Bearer", "expires_in": LIFETIME.as_secs(),
        }))
        .into_response(),
        _ => (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response(),
    }
}
