//! A transaction from its first statement to its last, on a task of its own.
//!
//! Why not `Pool::begin`: when its future is dropped during BEGIN (tonic and axum drop the futures of clients that
//! went away), sqlx 0.9.0 hands a connection with an open transaction back to the pool (sqlx#4385). Here only the
//! waiting for the answer can be dropped, never the work.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Row};
use tracing::Instrument;

use crate::Error;
use crate::failpoint::failpoint;

/// Longest wait for the server to open a transaction, and to roll one back.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait for the server to commit: after that the outcome is unknown.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time between BEGIN and COMMIT. The server limits each statement, but cannot when the network swallows what
/// it says; a unit would then hold its connection for hours.
pub(crate) const WORK_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits no longer than `limit`; a connection in the middle of what is dropped here must be closed.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, future)
        .await
        .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
}

/// Runs `work` on its own task and waits for it. `work` gets a token that tells whether anybody still waits.
pub(crate) async fn run<T, E, W, F>(work: W) -> Result<T, E>
where
    W: FnOnce(Weak<()>) -> F,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let waiting = Arc::new(());
    let task = tokio::spawn(work(Arc::downgrade(&waiting)).in_current_span());
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Nobody holds the task's handle but us, so only a runtime that stops can have ended it.
            Err(_) => Err(Error::Closed.into()),
        },
    }
}

/// Prepares a new connection of a pool.
///
/// sqlx counts nesting by what goes through its own `begin`. [`Lease`] begins and ends by itself, in one round trip
/// each; with the count at one for the life of the connection a `begin` inside a unit is a savepoint, as it should.
#[expect(clippy::disallowed_methods, reason = "on a connection that no caller has yet")]
pub(crate) async fn prepare(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    std::mem::forget(connection.begin().await?);
    sqlx::raw_sql("rollback").execute(connection).await?;
    Ok(())
}

/// A pooled connection inside an open transaction.
///
/// Unless the transaction was seen to end, the connection is closed instead of going back to the pool.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: PoolConnection<Postgres>,
    /// When the transaction began, as the server spells it.
    began: String,
    /// What the call that went with BEGIN gave.
    opening: Option<PgRow>,
    ended: bool,
}

impl Lease {
    /// Takes a connection and opens a transaction on it; `prelude` goes on a list of select items and may add
    /// one statement of one row, all of it run with BEGIN in one round trip.
    ///
    /// A connection that broke while idle, or that is not clean, is dropped and the next one taken: until BEGIN has
    /// answered nothing was asked of the database, so that trying again is safe.
    pub(crate) async fn begin(pool: &PgPool, prelude: &str, waiting: &Weak<()>) -> Result<Self, Error> {
        within(BEGIN_TIMEOUT * 2, Self::take(pool, prelude, waiting)).await?
    }

    async fn take(pool: &PgPool, prelude: &str, waiting: &Weak<()>) -> Result<Self, Error> {
        // Idle connections may all be dead after the server restarted; one more attempt gets a fresh one.
        let mut attempts = pool.options().get_max_connections();
        loop {
            let connection = pool.acquire().await?;
            // A caller that left while we queued will not read the answer: do not add to the load.
            if waiting.strong_count() == 0 {
                return Err(Error::Closed);
            }
            let mut lease = Self { connection, began: String::new(), opening: None, ended: false };
            match within(BEGIN_TIMEOUT, lease.open(prelude)).await.unwrap_or_else(|error| Err(error.into())) {
                Ok(true) => return Ok(lease),
                Ok(false) => tracing::error!("pooled connection had an open transaction, closed it"),
                Err(error @ Error::Unreachable(_)) if attempts > 0 => {
                    tracing::debug!(%error, "pooled connection was broken, taking another");
                }
                Err(error) => return Err(error),
            }
            attempts = attempts.saturating_sub(1);
        }
    }

    /// Opens the transaction. `false`: the connection was not clean.
    async fn open(&mut self, prelude: &str) -> Result<bool, Error> {
        if !self.connection.is_in_transaction() {
            return Ok(false);
        }
        // In a transaction that this very message opens both times are the same; in an older one they differ. What
        // `prelude` embeds is spelled safely by its type: BEGIN, and what goes with it, takes no parameters.
        let begin = format!("begin; select now()::text, now() = statement_timestamp(){prelude}");
        let rows = sqlx::raw_sql(AssertSqlSafe(begin)).fetch_all(&mut *self.connection).await?;
        let mut rows = rows.into_iter();
        let Some(row) = rows.next() else { return Ok(false) };
        self.began = row.try_get(0)?;
        self.opening = rows.next();
        Ok(row.try_get(1)?)
    }

    /// The row of the prelude's own statement.
    pub(crate) fn take_opening(&mut self) -> Option<PgRow> {
        self.opening.take()
    }

    /// Commits. After an error nothing is stored, unless it is [`Error::CommitUnknown`].
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        // COMMIT of a transaction with a failed statement is a ROLLBACK that reports success; the `select` fails
        // there. And it tells, by when it began, that this is still the transaction we opened.
        failpoint!("pg::before_commit");
        let commit = sqlx::raw_sql("select now()::text; commit").fetch_all(&mut *self.connection);
        let commit = within(COMMIT_TIMEOUT, commit).await.flatten();
        let result = commit.map_err(Error::from_commit).and_then(|rows| match rows.first() {
            Some(row) if row.try_get::<&str, _>(0)? == self.began => Ok(()),
            _ => Err(Error::Ignored),
        });
        failpoint!("pg::after_commit");
        match result {
            Ok(()) => self.ended = true,
            // Closing the connection is enough, and all that can be done.
            Err(Error::CommitUnknown(_) | Error::Ignored) => {}
            Err(_) => return self.rollback_after(result).await,
        }
        result
    }

    async fn rollback_after(self, result: Result<(), Error>) -> Result<(), Error> {
        self.rollback().await;
        result
    }

    /// Rolls back; a connection on which that fails is closed, which has the server roll back.
    pub(crate) async fn rollback(mut self) {
        let rollback = sqlx::raw_sql("rollback").execute(&mut *self.connection);
        match within(BEGIN_TIMEOUT, rollback).await.flatten() {
            Ok(_) => self.ended = true,
            Err(error) => tracing::debug!(%error, "rollback failed, connection closed instead"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPoolOptions;

    use super::*;

    async fn pid(connection: &mut PgConnection) -> i32 {
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection).await.unwrap()
    }

    /// What sqlx#4385 does: a connection in the pool whose transaction is open, and nobody knows.
    #[tokio::test]
    async fn a_connection_with_an_open_transaction_is_not_used() {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_lazy(&testkit::env().pg_admin_url())
            .unwrap();
        let waiting = Arc::new(());
        let mut lease = Lease::begin(&pool, "", &Arc::downgrade(&waiting)).await.unwrap();
        let clean = pid(&mut lease).await;
        lease.rollback().await;

        let mut lease = Lease::begin(&pool, "", &Arc::downgrade(&waiting)).await.unwrap();
        assert_eq!(pid(&mut lease).await, clean, "a clean connection is used again");
        // As if it had ended: the pool takes the connection back as it is.
        lease.ended = true;
        drop(lease);

        let mut lease = Lease::begin(&pool, "", &Arc::downgrade(&waiting)).await.unwrap();
        assert_ne!(pid(&mut lease).await, clean);
        lease.rollback().await;
    }
}
