use clock::Clock;
use pg::{BoxFuture, Db, Tx};
use prost::Message;
use sqlx::postgres::PgRow;
use time::{Duration, OffsetDateTime};
use tonic::metadata::MetadataValue;

use crate::scope::fingerprint;
use crate::store::{self, Found, Stored};
use crate::{Error, Scope};

/// The metadata entry of an answer that was stored before: `idempotent-replayed: true`.
pub const REPLAYED: &str = "idempotent-replayed";

/// The answer of a call, and whether it is the one that an earlier call got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<M> {
    /// The answer.
    pub value: M,
    /// True when no effect was made now.
    pub replayed: bool,
}

impl<M> Outcome<M> {
    /// Adds what is not stored, for example a freshly signed URL.
    pub fn map<N>(self, with: impl FnOnce(M) -> N) -> Outcome<N> {
        Outcome { value: with(self.value), replayed: self.replayed }
    }

    /// The response, with the metadata entry [`REPLAYED`] where it applies.
    pub fn into_response(self) -> tonic::Response<M> {
        let mut response = tonic::Response::new(self.value);
        if self.replayed {
            response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
        }
        response
    }
}

/// Makes an effect once: runs `effect` in a transaction of the scope's tenant and stores its answer in the same one,
/// or gives the answer that an earlier call with this scope and request got. `keep` is how long it does so.
///
/// What `effect` returns is stored as it is: leave out what must be fresh (signed URLs) and add it with
/// [`Outcome::map`]. When `effect` fails nothing is stored, and the key may be used again.
///
/// # Errors
/// [`Error::Reused`], [`Error::InFlight`]; what `effect` returns; a [`pg::Error`].
pub async fn run<R, M, E, F>(
    db: &Db,
    clock: &Clock,
    scope: &Scope,
    request: &R,
    keep: Duration,
    effect: F,
) -> Result<Outcome<M>, E>
where
    R: Message,
    M: Message + Default + 'static,
    E: From<pg::Error> + From<Error> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<M, E>> + Send + 'static,
{
    let call = Call { scope: scope.digest(), fingerprint: fingerprint(request), now: clock.now(), keep };
    let find = store::find(&call.scope, call.now);
    db.tenant_opening(&scope.tenant, find, move |tx, found| {
        Box::pin(first_or_replay(tx, found, call, effect))
    })
    .await
}

/// What every step needs to know of a call.
#[derive(Clone, Copy)]
struct Call {
    scope: [u8; 32],
    fingerprint: [u8; 32],
    now: OffsetDateTime,
    keep: Duration,
}

/// What was found is the truth until the transaction ends: the lock was taken first.
async fn first_or_replay<M, E, F>(tx: &mut Tx, found: PgRow, call: Call, effect: F) -> Result<Outcome<M>, E>
where
    M: Message + Default + 'static,
    E: From<pg::Error> + From<Error> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<M, E>> + Send + 'static,
{
    match store::found(&found)? {
        Found::Stored(stored) => return call.answer(&stored),
        Found::InFlight => return Err(Error::InFlight.into()),
        Found::Free => {}
    }
    let value = effect(tx).await?;
    let stored = Stored { fingerprint: call.fingerprint.into(), answer: value.encode_to_vec() };
    if !store::keep(tx, &call.scope, &stored, call.now, call.now + call.keep).await? {
        return Err(Error::InFlight.into());
    }
    Ok(Outcome { value, replayed: false })
}

impl Call {
    fn answer<M, E>(&self, stored: &Stored) -> Result<Outcome<M>, E>
    where
        M: Message + Default,
        E: From<pg::Error> + From<Error>,
    {
        if stored.fingerprint != self.fingerprint {
            return Err(Error::Reused.into());
        }
        let value = M::decode(stored.answer.as_slice())
            .map_err(|error| pg::Error::from(sqlx::Error::Decode(Box::new(error))))?;
        Ok(Outcome { value, replayed: true })
    }
}
