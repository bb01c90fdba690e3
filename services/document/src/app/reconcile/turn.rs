//! One at a time: a session's advisory lock, which the server frees when the session ends, however it ends.

use std::time::Duration;

use pg::Db;
use sqlx::{Connection as _, PgConnection};

use crate::{Error, db};

/// No statement on the lock's connection takes longer while the server is well.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a pass waits for the batch of another process to end.
const WAIT: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(250);

/// A session that has the right to reconcile, or asks for it. Direct to the server, outside every pool.
#[derive(Debug)]
pub(super) struct Turn(PgConnection);

impl Turn {
    pub(super) async fn connect(db: &Db) -> Result<Self, Error> {
        Ok(Self(db.direct().await?))
    }

    /// Takes it if nobody has it.
    pub(super) async fn take(&mut self) -> Result<bool, Error> {
        in_time(db::reconciliation::try_lock(&mut self.0)).await
    }

    /// Takes it, waiting for whoever has it; `false` when that takes too long.
    pub(super) async fn wait(&mut self) -> Result<bool, Error> {
        let until = tokio::time::Instant::now() + WAIT;
        loop {
            let taken = self.take().await?;
            if taken || tokio::time::Instant::now() >= until {
                return Ok(taken);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Fails when the session is gone, and with it the right.
    pub(super) async fn still_ours(&mut self) -> Result<(), Error> {
        in_time(db::reconciliation::alive(&mut self.0)).await
    }

    /// Gives it back and keeps the session.
    pub(super) async fn give_back(&mut self) -> Result<(), Error> {
        in_time(db::reconciliation::unlock(&mut self.0)).await
    }

    /// Ends the session, and gives it back with it.
    pub(super) async fn end(self) {
        if let Err(error) = in_time(self.0.close()).await {
            tracing::debug!(%error, "reconciler's connection did not close cleanly");
        }
    }
}

async fn in_time<T>(statement: impl Future<Output = sqlx::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(PATIENCE, statement).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()),
    }
}
