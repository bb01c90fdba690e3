use clock::Clock;
use ids::Tenant;
use pg::{BoxFuture, Db, Tx};
use prost::Message;
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
    let first = db.tenant(&scope.tenant, move |tx| Box::pin(first_or_replay(tx, call, effect))).await;
    let failure = match first {
        Ok(outcome) => return Ok(outcome),
        Err(Refused::ByCaller(error)) => return Err(error),
        Err(Refused::ByEffect(error)) => Some(error),
        Err(Refused::Stored) => None,
    };
    // We held the lock, but the first call may have ended between our look at the table and our taking the lock: then
    // the effect failed because it is done, and the answer is the stored one.
    let again = db.tenant(&scope.tenant, move |tx| Box::pin(replay::<M, E>(tx, call))).await?;
    match (again, failure) {
        (Some(outcome), _) => Ok(outcome),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::InFlight.into()),
    }
}

/// What every step needs to know of a call.
#[derive(Clone, Copy)]
struct Call {
    scope: [u8; 32],
    fingerprint: [u8; 32],
    now: OffsetDateTime,
    keep: Duration,
}

/// Why the transaction of a call was rolled back.
enum Refused<E> {
    /// Nothing was tried.
    ByCaller(E),
    /// The effect was tried and failed.
    ByEffect(E),
    /// Another call stored its answer first.
    Stored,
}

impl<E: From<pg::Error>> From<pg::Error> for Refused<E> {
    fn from(error: pg::Error) -> Self {
        Self::ByCaller(error.into())
    }
}

async fn first_or_replay<M, E, F>(tx: &mut Tx, call: Call, effect: F) -> Result<Outcome<M>, Refused<E>>
where
    M: Message + Default + 'static,
    E: From<pg::Error> + From<Error> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<M, E>> + Send + 'static,
{
    let tenant = tx.tenant().clone();
    match store::find(tx, &tenant, &call.scope, call.now).await? {
        Found::Stored(stored) => return call.answer(&stored).map_err(Refused::ByCaller),
        Found::InFlight => return Err(Refused::ByCaller(Error::InFlight.into())),
        Found::Free => {}
    }
    let value = effect(tx).await.map_err(Refused::ByEffect)?;
    let stored = Stored { fingerprint: call.fingerprint.into(), answer: value.encode_to_vec() };
    if !store::insert(tx, &tenant, &call.scope, &stored, call.now, call.now + call.keep).await? {
        return Err(Refused::Stored);
    }
    Ok(Outcome { value, replayed: false })
}

async fn replay<M, E>(tx: &mut Tx, call: Call) -> Result<Option<Outcome<M>>, E>
where
    M: Message + Default,
    E: From<pg::Error> + From<Error>,
{
    let tenant: Tenant = tx.tenant().clone();
    match store::find(tx, &tenant, &call.scope, call.now).await? {
        Found::Stored(stored) => call.answer(&stored).map(Some),
        Found::Free | Found::InFlight => Ok(None),
    }
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
