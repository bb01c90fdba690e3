//! Amazon MSK's IAM authentication: the token is a presigned request that the broker sends to IAM on our behalf.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, error::CredentialsError};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clock::Clock;
use rdkafka::client::OAuthToken;
use time::OffsetDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// MSK refuses tokens that live longer.
const LIFETIME: Duration = Duration::from_secs(900);
/// Credentials may come over the network; a client without a token asks again by itself.
const PATIENCE: Duration = Duration::from_secs(15);
const USER_AGENT: &str = "guildhall";

/// No token could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The signing thread could not be started.
    #[error("the thread that signs tokens did not start")]
    Thread(#[source] std::io::Error),
    /// The credential chain has nothing, or did not answer.
    #[error("no AWS credentials")]
    Credentials(#[source] CredentialsError),
    /// There is no credential chain in this environment.
    #[error("no AWS credential chain")]
    NoChain,
    /// The request could not be signed.
    #[error("the token could not be signed")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The signing thread took too long.
    #[error("no token within {} s", PATIENCE.as_secs())]
    Timeout,
    /// The signing thread is gone.
    #[error("the thread that signs tokens has ended")]
    Ended,
}

type Answer = Result<OAuthToken, Error>;

/// Signs tokens on a thread of its own: the client asks from its own threads and from inside the runtime's, where
/// nothing may wait for a future.
#[derive(Debug)]
pub(crate) struct Tokens {
    requests: UnboundedSender<SyncSender<Answer>>,
}

impl Tokens {
    pub(crate) fn start(region: &str, clock: &Clock) -> Result<Self, Error> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let (requests, receiver) = unbounded_channel();
        let (region, clock) = (region.to_owned(), clock.clone());
        std::thread::Builder::new()
            .name("kafka-msk-iam".to_owned())
            .spawn(move || runtime.block_on(serve(region, clock, receiver)))
            .map_err(Error::Thread)?;
        Ok(Self { requests })
    }

    pub(crate) fn token(&self) -> Answer {
        let (answer, answers) = sync_channel(1);
        self.requests.send(answer).map_err(|_| Error::Ended)?;
        answers.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => Error::Timeout,
            RecvTimeoutError::Disconnected => Error::Ended,
        })?
    }
}

async fn serve(region: String, clock: Clock, mut requests: UnboundedReceiver<SyncSender<Answer>>) {
    let mut chain = None;
    while let Some(request) = requests.recv().await {
        if chain.is_none() {
            let region = aws_config::Region::new(region.clone());
            let config =
                aws_config::defaults(aws_config::BehaviorVersion::latest()).region(region).load().await;
            chain = config.credentials_provider();
        }
        let token = match &chain {
            None => Err(Error::NoChain),
            Some(chain) => match chain.provide_credentials().await {
                Ok(credentials) => token(&region, credentials, clock.now()),
                Err(error) => Err(Error::Credentials(error)),
            },
        };
        // Who asked may have stopped waiting.
        let _ = request.send(token);
    }
}

/// The token: a presigned `GET https://kafka.<region>.amazonaws.com/?Action=kafka-cluster:Connect`, base64 for URLs
/// without padding. Same as AWS's own signers, for example aws-msk-iam-sasl-signer-go.
fn token(region: &str, credentials: Credentials, now: OffsetDateTime) -> Answer {
    let url = presigned(region, credentials, now)?;
    let expires = now + LIFETIME;
    Ok(OAuthToken {
        token: URL_SAFE_NO_PAD.encode(format!("{url}&User-Agent={USER_AGENT}")),
        principal_name: USER_AGENT.to_owned(),
        lifetime_ms: expires.unix_timestamp().saturating_mul(1_000),
    })
}

fn presigned(region: &str, credentials: Credentials, now: OffsetDateTime) -> Result<String, Error> {
    let signing = |error: SigningError| Error::Signing(error.into());
    let host = format!("kafka.{region}.amazonaws.com");
    let url = format!("https://{host}/?Action=kafka-cluster%3AConnect");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFETIME);
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("kafka-cluster")
        .time(SystemTime::from(now))
        .settings(settings)
        .build()
        .map_err(|error| Error::Signing(error.into()))?;
    let body = SignableBody::Bytes(&[]);
    let request = SignableRequest::new("GET", url.as_str(), [("host", host.as_str())].into_iter(), body);
    let (instructions, _signature) =
        sign(request.map_err(signing)?, &params.into()).map_err(signing)?.into_parts();
    let mut request = http::Request::get(url).body(()).map_err(|error| Error::Signing(error.into()))?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.uri().to_string())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// AWS's example credentials.
    fn credentials(session: Option<&str>) -> Credentials {
        let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        Credentials::new("AKIDEXAMPLE", key, session.map(str::to_owned), None, "test")
    }

    fn decoded(session: Option<&str>) -> (OAuthToken, String) {
        let token = token("eu-central-1", credentials(session), datetime!(2030-01-01 12:00 UTC)).unwrap();
        let url = String::from_utf8(URL_SAFE_NO_PAD.decode(&token.token).unwrap()).unwrap();
        (token, url)
    }

    /// The signature was worked out by a second implementation, from AWS's description of Signature Version 4.
    #[test]
    fn a_token_is_the_presigned_request_that_msk_expects() {
        let (token, url) = decoded(None);
        assert_eq!(
            url,
            "https://kafka.eu-central-1.amazonaws.com/?Action=kafka-cluster%3AConnect\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20300101%2Feu-central-1%2Fkafka-cluster%2Faws4_request\
             &X-Amz-Date=20300101T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=c05e3584f3579c917ce0a7f951956b6d8caad6ab8f2fc88f92b6803558edfbaa\
             &User-Agent=guildhall"
        );
        assert_eq!(token.lifetime_ms, datetime!(2030-01-01 12:15 UTC).unix_timestamp() * 1_000);
        assert!(!token.token.contains(['=', '+', '/']));
    }

    #[test]
    fn a_session_token_is_signed_too() {
        let (_, url) = decoded(Some("session/token+=="));
        assert!(url.contains("&X-Amz-Security-Token=session%2Ftoken%2B%3D%3D&"), "{url}");
        assert!(
            url.contains(
                "&X-Amz-Signature=5c7510627e237b5e5baccad354eda6d56b9db4c8f147601eee70733fc581175d&"
            ),
            "{url}"
        );
    }
}
