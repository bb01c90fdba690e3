//! One relay per database: a session's advisory lock, which the server frees when the session ends.

use std::time::Duration;

use pg::Db;
use sqlx::{Connection as _, PgConnection};

/// The two numbers of the lock: "ghld", and the relay's among Guildhall's.
const LOCK: (i32, i32) = (0x6768_6c64, 1);

/// How often the holder shows that it lives.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// A holder that was silent for this long is put out: its process hangs, or its host is gone without a word.
const SILENCE_SECONDS: f64 = 5.0;
/// No statement on the lock's connection takes longer while the server is well.
const PATIENCE: Duration = Duration::from_secs(2);

/// A session that holds the lock, or waits for it. Direct to the server, outside every pool.
pub(crate) struct Candidate {
    connection: PgConnection,
}

impl Candidate {
    pub(crate) async fn connect(db: &Db) -> Result<Self, pg::Error> {
        Ok(Self { connection: db.direct().await? })
    }

    /// Takes the lock if it is free.
    pub(crate) async fn try_lead(&mut self) -> Result<bool, pg::Error> {
        let lock = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1, $2) as "locked!""#, LOCK.0, LOCK.1);
        in_time(lock.fetch_one(&mut self.connection)).await
    }

    /// Ends the holder's session if it has been silent for too long; both are sessions of the same role, which
    /// needs no right for that. Returns how many were ended.
    pub(crate) async fn end_silent_holder(&mut self) -> Result<usize, pg::Error> {
        // A beat is any statement: the server notes when a session's state last changed.
        let ended = sqlx::query_scalar!(
            r#"select pg_terminate_backend(l.pid) as "ended!"
                 from pg_locks l
                 join pg_stat_activity a on a.pid = l.pid
                where l.locktype = 'advisory' and l.granted and l.pid <> pg_backend_pid()
                  and l.database = (select oid from pg_database where datname = current_database())
                  and l.classid = $1::bigint::oid and l.objid = $2::bigint::oid and l.objsubid = 2
                  and a.state_change < clock_timestamp() - make_interval(secs => $3)"#,
            i64::from(LOCK.0),
            i64::from(LOCK.1),
            SILENCE_SECONDS,
        );
        Ok(in_time(ended.fetch_all(&mut self.connection)).await?.into_iter().filter(|ended| *ended).count())
    }

    /// Shows that the holder lives. An error means that it must stop to act as one: the session is gone, or nobody
    /// can tell.
    pub(crate) async fn beat(&mut self) -> Result<(), pg::Error> {
        in_time(sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&mut self.connection)).await?;
        Ok(())
    }

    /// Ends the session, and with it the lock.
    pub(crate) async fn resign(self) {
        if let Err(error) = in_time(self.connection.close()).await {
            tracing::debug!(%error, "outbox leader's connection did not close cleanly");
        }
    }
}

async fn in_time<T>(statement: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, pg::Error> {
    match tokio::time::timeout(PATIENCE, statement).await {
        Ok(result) => Ok(result?),
        Err(_) => {
            let timeout =
                std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer on the leader's connection");
            Err(sqlx::Error::Io(timeout).into())
        }
    }
}
