//! Calls of somebody who does not give up.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rpc_error::{Code, Error, reason};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

/// A call of whoever the token names, under an idempotency key.
///
/// # Panics
/// When one of them cannot be a header.
#[must_use]
pub fn request<M>(token: &str, key: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    auth::client::authorize(&mut request, &auth::Token::parse(token).expect("a token"), None);
    request.metadata_mut().insert("idempotency-key", key.parse().expect("an idempotency key"));
    request
}

/// Repeats a call under one key, which it is given, until it is answered: as long as whoever is called is gone, or is still at it.
///
/// # Errors
/// What it was refused for; after `within`, why there was no answer.
pub async fn answered<T, F>(
    within: Duration,
    random: &mut StdRng,
    call: impl Fn(String) -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let key = format!("{:032x}", random.random::<u128>());
    let until = Instant::now() + within;
    // How often a call is repeated must not change what is chosen after it.
    let mut jitter = StdRng::seed_from_u64(random.random());
    loop {
        let error = match call(key.clone()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => {
                let gone = matches!(status.code(), tonic::Code::Unknown | tonic::Code::Cancelled);
                let error = Error::from_status(status);
                let running = error.reason() == reason::IDEMPOTENCY_KEY_IN_FLIGHT;
                if !gone && !running && !error.code().is_transient() && error.code() != Code::Internal {
                    return Err(error);
                }
                error
            }
        };
        if Instant::now() >= until {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(jitter.random_range(100..500))).await;
    }
}
