//! Sign-in at the OpenID Connect provider: authorization code with PKCE, tokens kept on the server.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet, CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope,
};
use openidconnect::{EndpointMaybeSet, EndpointNotSet, EndpointSet, TokenResponse};
use rpc_error::{Code, Error, reason};
use secrecy::ExposeSecret;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::RwLock;
use url::Url;

use crate::config::Config;
use crate::session::{Pending, SignedIn};

/// How long what the provider says about itself is believed.
const METADATA_AGE: time::Duration = time::Duration::minutes(10);

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider. Found when first needed, so that the service starts without it.
#[derive(Clone)]
pub struct Provider {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    discovery_url: Url,
    client_id: ClientId,
    client_secret: ClientSecret,
    redirect_url: RedirectUrl,
    http: reqwest::Client,
    clock: Clock,
    found: RwLock<Option<Found>>,
}

#[derive(Clone)]
struct Found {
    client: Arc<Client>,
    end_session: Option<Url>,
    at: OffsetDateTime,
}

#[derive(Debug, thiserror::Error)]
#[error("the provider answered {0}")]
struct Refused(http::StatusCode);

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("the provider did not answer")]
    Request(#[from] reqwest::Error),
    #[error("the provider's answer cannot be read")]
    Answer(#[from] http::Error),
}

#[derive(Deserialize)]
struct EndSession {
    end_session_endpoint: Option<Url>,
}

fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(
        Code::Unavailable,
        reason::SIGN_IN_UNAVAILABLE,
        "the sign-in provider does not answer; try again",
    )
    .because(source)
}

fn refused(message: &'static str) -> Error {
    Error::new(Code::Unauthenticated, reason::SIGN_IN_FAILED, message)
}

impl Provider {
    /// Describes the provider; nothing is dialled yet.
    ///
    /// # Errors
    ///
    /// When the HTTP client or the redirect address cannot be made.
    pub fn new(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .connect_timeout(Duration::from_secs(2))
            // A redirect here would send the client's secret elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            inner: Arc::new(Inner {
                issuer: config.auth.issuer.clone(),
                discovery_url: config.auth.discovery_url.clone(),
                client_id: ClientId::new(config.oidc.client_id.clone()),
                client_secret: ClientSecret::new(config.oidc.client_secret.expose_secret().to_owned()),
                redirect_url: RedirectUrl::from_url(config.http.public_url.join("auth/callback")?),
                http,
                clock,
                found: RwLock::new(None),
            }),
        })
    }

    async fn found(&self) -> Result<Found, Error> {
        let now = self.inner.clock.now();
        if let Some(found) =
            self.inner.found.read().await.as_ref().filter(|found| now - found.at < METADATA_AGE)
        {
            return Ok(found.clone());
        }
        let mut slot = self.inner.found.write().await;
        if let Some(found) = slot.as_ref().filter(|found| now - found.at < METADATA_AGE) {
            return Ok(found.clone());
        }
        match self.discover(now).await {
            Ok(found) => Ok(slot.insert(found).clone()),
            // What was true ten minutes ago is better than no sign-in.
            Err(error) => slot.clone().ok_or(error),
        }
    }

    async fn discover(&self, now: OffsetDateTime) -> Result<Found, Error> {
        let base = self.inner.discovery_url.as_str().trim_end_matches('/');
        let text = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        let metadata: CoreProviderMetadata = serde_json::from_slice(&text).map_err(unavailable)?;
        let EndSession { end_session_endpoint } = serde_json::from_slice(&text).map_err(unavailable)?;
        let issuer = IssuerUrl::new(self.inner.issuer.clone()).map_err(unavailable)?;
        if metadata.issuer() != &issuer {
            return Err(Error::new(
                Code::Unavailable,
                reason::SIGN_IN_UNAVAILABLE,
                "the sign-in provider names another issuer than configured",
            ));
        }
        let keys = self.get(metadata.jwks_uri().as_str()).await?;
        let keys: CoreJsonWebKeySet = serde_json::from_slice(&keys).map_err(unavailable)?;
        let client = CoreClient::from_provider_metadata(
            metadata.set_jwks(keys),
            self.inner.client_id.clone(),
            Some(self.inner.client_secret.clone()),
        )
        .set_redirect_uri(self.inner.redirect_url.clone());
        Ok(Found { client: Arc::new(client), end_session: end_session_endpoint, at: now })
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, Error> {
        let response = self.inner.http.get(url).send().await.map_err(unavailable)?;
        if !response.status().is_success() {
            return Err(unavailable(Refused(response.status())));
        }
        Ok(response.bytes().await.map_err(unavailable)?.to_vec())
    }

    /// The address to send the browser to, and what the callback must match.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_UNAVAILABLE` when the provider cannot be found.
    pub async fn begin(&self, return_to: String) -> Result<(Url, Pending), Error> {
        let found = self.found().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = found
            .client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let pending = Pending {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            return_to,
        };
        Ok((url, pending))
    }

    /// Exchanges the callback's code for tokens and checks the ID token's signature, issuer, audience and nonce.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_FAILED` when the provider refuses the code or its ID token does not hold.
    pub async fn finish(&self, pending: Pending, code: String) -> Result<SignedIn, Error> {
        let found = self.found().await?;
        let tokens = found
            .client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(unavailable)?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
            .request_async(&|request| call(self.inner.http.clone(), request))
            .await
            .map_err(|error| refused("the sign-in provider refused the code").because(error))?;
        let id_token = tokens.id_token().ok_or_else(|| refused("the sign-in provider gave no ID token"))?;
        let nonce = Nonce::new(pending.nonce);
        // A frozen clock in tests must not make tokens of the real provider look expired.
        id_token
            .claims(&found.client.id_token_verifier(), &nonce)
            .map_err(|error| refused("the ID token does not hold").because(error))?;
        Ok(self.signed_in(&tokens, id_token.to_string(), CsrfToken::new_random().secret().clone(), None))
    }

    /// Renews the access token; `None` when the provider no longer accepts the session.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_UNAVAILABLE` when the provider cannot be asked.
    pub async fn renew(&self, session: &SignedIn) -> Result<Option<SignedIn>, Error> {
        let Some(refresh) = &session.refresh_token else { return Ok(None) };
        let found = self.found().await?;
        let renewed = found
            .client
            .exchange_refresh_token(&RefreshToken::new(refresh.clone()))
            .map_err(unavailable)?
            .request_async(&|request| call(self.inner.http.clone(), request))
            .await;
        match renewed {
            Ok(tokens) => {
                let id_token =
                    tokens.id_token().map_or_else(|| session.id_token.clone(), ToString::to_string);
                let mut next = self.signed_in(&tokens, id_token, session.csrf.clone(), session.recipient_id);
                next.refresh_token = next.refresh_token.or_else(|| session.refresh_token.clone());
                Ok(Some(next))
            }
            Err(openidconnect::RequestTokenError::ServerResponse(_)) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Where the browser ends the provider's own session, if the provider has such a page.
    pub async fn end_session(&self, session: &SignedIn, back: &Url) -> Option<Url> {
        let mut url = self.found().await.ok()?.end_session?;
        url.query_pairs_mut()
            .append_pair("id_token_hint", &session.id_token)
            .append_pair("post_logout_redirect_uri", back.as_str());
        Some(url)
    }

    fn signed_in(
        &self,
        tokens: &CoreTokenResponse,
        id_token: String,
        csrf: String,
        recipient_id: Option<ids::RecipientId>,
    ) -> SignedIn {
        let lives = tokens.expires_in().unwrap_or(Duration::from_secs(60));
        SignedIn {
            access_token: tokens.access_token().secret().clone(),
            refresh_token: tokens.refresh_token().map(|token| token.secret().clone()),
            expires_at: (self.inner.clock.now() + lives).unix_timestamp(),
            id_token,
            csrf,
            recipient_id,
        }
    }
}

async fn call(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let response = http.execute(reqwest::Request::try_from(request)?).await?;
    let mut builder = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        builder = builder.header(name, value);
    }
    Ok(builder.body(response.bytes().await?.to_vec())?)
}
