//! Sessions: a random id in a `__Host-` cookie, the tokens in Redis.

use async_trait::async_trait;
use clock::Clock;
use deadpool_redis::Pool;
use deadpool_redis::redis::{self, AsyncCommands, ExistenceCheck, SetExpiry, SetOptions};
use ids::{Subject, Tenant};
use serde::{Deserialize, Serialize};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

/// Name of the session cookie. `__Host-` makes the browser refuse it without `Secure` or with a `Domain`.
pub const COOKIE: &str = "__Host-guildhall";

/// Key of [`SignedIn`] in a session.
pub const SIGNED_IN: &str = "signed_in";

/// Key of [`Pending`] in a session.
pub const PENDING: &str = "pending";

/// A session ends after this much idle time.
const IDLE: time::Duration = time::Duration::hours(8);

/// Whose a session is, is known for longer than it lives; it is noted again with every token that is renewed.
const NOTE_SECONDS: i64 = IDLE.whole_seconds() + 3_600;

/// Who is signed in. Never leaves the server.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignedIn {
    /// Token forwarded to the services.
    pub access_token: String,
    /// Token to renew it with.
    pub refresh_token: Option<String>,
    /// When the access token ends, Unix seconds.
    pub expires_at: i64,
    /// Token for the provider's own sign-out.
    pub id_token: String,
    /// Value that the `x-csrf-token` header must repeat.
    pub csrf: String,
    /// The person's recipient, once `notification` knows it.
    pub recipient_id: Option<ids::RecipientId>,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A sign-in on its way through the provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    /// What the callback must repeat.
    pub state: String,
    /// What the ID token must repeat.
    pub nonce: String,
    /// PKCE verifier.
    pub verifier: String,
    /// Local path to go to afterwards.
    pub return_to: String,
}

/// Session rows in Redis, each with its own expiry.
#[derive(Clone)]
pub struct RedisStore {
    pool: Pool,
    clock: Clock,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

impl RedisStore {
    /// A store over these connections.
    #[must_use]
    pub fn new(pool: Pool, clock: Clock) -> Self {
        Self { pool, clock }
    }

    async fn connection(&self) -> Result<deadpool_redis::Connection> {
        self.pool.get().await.map_err(|error| Error::Backend(format!("redis: {error}")))
    }

    async fn write(&self, record: &Record, options: SetOptions) -> Result<bool> {
        let left = (record.expiry_date - self.clock.now()).whole_seconds().max(1);
        let left = u64::try_from(left).unwrap_or(1);
        let value = serde_json::to_vec(record).map_err(|error| Error::Encode(error.to_string()))?;
        let done: Option<String> = self
            .connection()
            .await?
            .set_options(key(&record.id), value, options.with_expiration(SetExpiry::EX(left)))
            .await
            .map_err(|error| Error::Backend(format!("redis: {error}")))?;
        Ok(done.is_some())
    }
}

impl RedisStore {
    /// Notes whose session this is, so that all of theirs can be ended.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn note(&self, tenant: &Tenant, subject: &Subject, id: &Id) -> Result<()> {
        let of = of(tenant, subject);
        let mut connection = self.connection().await?;
        let mut pipe = redis::pipe();
        pipe.atomic().sadd(&of, id.to_string()).ignore().expire(&of, NOTE_SECONDS).ignore();
        let noted = pipe.exec_async(&mut connection);
        noted.await.map_err(|error| Error::Backend(format!("redis: {error}")))
    }

    /// Ends every session of a subject; says how many it knew of. Safe to repeat.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn end_all(&self, tenant: &Tenant, subject: &Subject) -> Result<usize> {
        let failed = |error: redis::RedisError| Error::Backend(format!("redis: {error}"));
        let of = of(tenant, subject);
        let mut connection = self.connection().await?;
        let ids: Vec<String> = connection.smembers(&of).await.map_err(failed)?;
        for id in &ids {
            let mut pipe = redis::pipe();
            pipe.atomic().del(format!("{SESSION}{id}")).ignore().srem(&of, id).ignore();
            let end = pipe.exec_async(&mut connection);
            end.await.map_err(failed)?;
        }
        Ok(ids.len())
    }
}

const SESSION: &str = "bff:session:";

fn key(id: &Id) -> String {
    format!("{SESSION}{id}")
}

/// Ids of a subject's sessions. Neither name has a `/`, or the first has none.
fn of(tenant: &Tenant, subject: &Subject) -> String {
    format!("bff:sessions-of:{tenant}/{subject}")
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        // An id is 128 random bits; a second clash is a broken random source.
        for _ in 0..2 {
            if self.write(record, SetOptions::default().conditional_set(ExistenceCheck::NX)).await? {
                return Ok(());
            }
            record.id = Id::default();
        }
        Err(Error::Backend("session ids clash".to_owned()))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.write(record, SetOptions::default()).await.map(|_| ())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let value: Option<Vec<u8>> = self
            .connection()
            .await?
            .get(key(id))
            .await
            .map_err(|error| Error::Backend(format!("redis: {error}")))?;
        value
            .map(|value| serde_json::from_slice(&value).map_err(|error| Error::Decode(error.to_string())))
            .transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.connection()
            .await?
            .del::<_, ()>(key(id))
            .await
            .map_err(|error| Error::Backend(format!("redis: {error}")))
    }
}

/// The layer that reads and writes the session cookie.
///
/// `SameSite=Lax`, since the provider's redirect back must carry it.
#[must_use]
pub fn layer(pool: Pool, clock: Clock) -> SessionManagerLayer<RedisStore> {
    SessionManagerLayer::new(RedisStore::new(pool, clock))
        .with_name(COOKIE)
        .with_secure(true)
        .with_http_only(true)
        .with_path("/")
        .with_same_site(tower_sessions::cookie::SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(IDLE))
}
