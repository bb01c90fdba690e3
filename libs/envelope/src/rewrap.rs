//! Rotation: stored keys under the newest key of the key-management service.

use std::time::Duration;

use pg::Db;
use rpc_error::Chain;
use tokio_util::sync::CancellationToken;

use crate::cipher::Owner;
use crate::{Envelope, Error, kms, store};

/// Keys read at once.
const BATCH: i64 = 100;
const EVERY: Duration = Duration::from_secs(3_600);

/// What a rotation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that the newest key wraps now.
    pub done: u64,
    /// Keys that the key-management service refuses to unwrap; what they sealed cannot be read either.
    pub refused: u64,
}

impl Envelope {
    /// Has the newest key wrap every stored key that another one has wrapped, of all tenants. What is sealed stays as it
    /// is. Safe to repeat, and to run beside itself.
    ///
    /// # Errors
    /// [`Error::Kms`] while the key-management service is away; [`Error::Database`]. What was wrapped anew stays so.
    pub async fn rewrap(&self, db: &Db) -> Result<Rewrapped, Error> {
        let newest = self.kms.newest().await?;
        let (mut rewrapped, mut last) = (Rewrapped::default(), None);
        loop {
            let (kek, after) = (newest.clone(), last.take());
            let batch = db.system(move |tx| {
                Box::pin(async move { store::stale(tx, &kek, after.as_ref(), BATCH).await })
            });
            for old in batch.await? {
                let owner =
                    Owner { tenant: &old.tenant, subject: &old.key.subject, generation: old.key.generation };
                match self.kms.rewrap(owner, &old.key.kek, &old.key.wrapped).await {
                    Ok(new) => {
                        let row = old.clone();
                        let update = db.system(move |tx| {
                            Box::pin(async move { store::rewrap(tx, &row, &new.bytes, &new.kek).await })
                        });
                        rewrapped.done += u64::from(update.await?);
                    }
                    Err(error @ kms::Error::Refused(_)) => {
                        rewrapped.refused += 1;
                        tracing::error!(
                            tenant = %old.tenant,
                            kek = old.key.kek,
                            error = %Chain(&error),
                            "a subject's key cannot be unwrapped"
                        );
                    }
                    Err(error) => return Err(error.into()),
                }
                last = Some(old);
            }
            if last.is_none() {
                return Ok(rewrapped);
            }
        }
    }

    /// [`Envelope::rewrap`] every hour until `shutdown`.
    pub async fn rewrap_until(self, db: Db, shutdown: CancellationToken) {
        loop {
            match self.rewrap(&db).await {
                Ok(Rewrapped { done: 0, refused: 0 }) => {}
                Ok(Rewrapped { done, refused }) => {
                    tracing::info!(keys.rewrapped = done, keys.refused = refused, "wrapped keys anew");
                }
                Err(error) => tracing::warn!(error = %Chain(&error), "keys cannot be wrapped anew"),
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }
}
