//! Signing what chains have come to.
//!
//! A checkpoint is signed only over entries that were followed from the newest checkpoint in the bucket: who writes to the
//! database cannot have a history signed that is not the one that was signed before.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evidence::{Chain, Checkpoint, Digest, Verifier};
use futures::StreamExt as _;
use ids::Tenant;
use opentelemetry::KeyValue;
use rpc_error::Chain as Causes;
use tokio_util::sync::CancellationToken;

use crate::append::micros;
use crate::error::Broken;
use crate::{Error, Trail, inspect, store, vault};

/// How often chains that have grown are sealed; with a pass before, less than a minute.
const EVERY: Duration = Duration::from_secs(30);
/// Entries that one checkpoint covers at most, so that proofs stay short.
const SPAN: i64 = 10_000;
/// Rows that are read with one statement.
const PAGE: i64 = 1_000;
const TENANTS: i64 = 500;
/// Chains that are sealed at the same time.
const PARALLEL: usize = 4;

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Checkpoints that were signed.
    pub checkpoints: usize,
    /// Chains of which nothing more could be signed.
    pub failed: usize,
}

impl Trail {
    /// Seals every chain that has grown, twice a minute, until `shutdown`. In any number of processes: one of them does it.
    pub async fn seal_until(self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            if let Err(error) = self.seal().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot look for chains to seal");
            }
        }
    }

    /// Seals every chain that has grown, unless another process is at it. What cannot be sealed is logged, and shown by
    /// [`Trail::check`].
    ///
    /// # Errors
    /// When it cannot be asked which chains have grown.
    pub async fn seal(&self) -> Result<Sealed, Error> {
        let mut turn = self.books.db.direct().await?;
        let mut sealed = Sealed::default();
        // The lock ends with the connection.
        if !store::lock_sealing(&mut turn).await? {
            return Ok(sealed);
        }
        let counter = opentelemetry::global::meter("audit")
            .u64_counter("audit.seals")
            .with_description("chains that were to be sealed, by outcome: sealed, failed")
            .build();
        let mut after = String::new();
        loop {
            let from = after.clone();
            let grown = self.books.db.system(move |tx| {
                Box::pin(async move { Ok::<_, Error>(store::unsealed(tx, &from, TENANTS).await?) })
            });
            let grown = grown.await?;
            let Some(last) = grown.last() else { break };
            after.clone_from(last);
            let tenants = grown.into_iter().filter_map(|tenant| tenant.parse::<Tenant>().ok());
            let outcomes = futures::stream::iter(tenants).map(|tenant| async move {
                let outcome = self.seal_chain(&tenant).await;
                (tenant, outcome)
            });
            let mut outcomes = outcomes.buffer_unordered(PARALLEL);
            while let Some((tenant, outcome)) = outcomes.next().await {
                counter
                    .add(1, &[KeyValue::new("outcome", if outcome.is_ok() { "sealed" } else { "failed" })]);
                match outcome {
                    Ok(checkpoints) => {
                        sealed.checkpoints += checkpoints;
                        lock(&self.unsealed).remove(&tenant);
                    }
                    Err(error) => {
                        sealed.failed += 1;
                        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "chain not sealed");
                        lock(&self.unsealed).insert(tenant, Causes(&error).to_string());
                    }
                }
            }
        }
        Ok(sealed)
    }

    /// Ok while every chain could be sealed when it was last tried; for `/ready`.
    ///
    /// # Errors
    /// How many could not, and why one of them.
    pub async fn check(self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.books.blobs.check_bucket(blobs::Bucket::Audit).await?;
        let unsealed = lock(&self.unsealed);
        match unsealed.first_key_value() {
            None => Ok(()),
            Some((tenant, why)) => {
                Err(format!("{} chains are not sealed, that of {tenant} for: {why}", unsealed.len()).into())
            }
        }
    }

    /// Signs what a chain has come to, and returns how many checkpoints that took.
    async fn seal_chain(&self, tenant: &Tenant) -> Result<usize, Error> {
        let (chain, blobs) = (self.books.chain(tenant), &self.books.blobs);
        let newest = vault::newest(blobs, &chain, &self.books.keys).await?;
        let (mut seq, mut hash) =
            newest.as_ref().map_or((0, chain.genesis()), |newest| (newest.seq, newest.hash));
        if let Some(newest) = newest {
            // It may have been signed by somebody who then died.
            self.copy(&chain, newest).await?;
        }
        let mut checkpoints = 0;
        loop {
            let next = self.follow(&chain, seq, hash).await?;
            if next.0 == seq {
                return Ok(checkpoints);
            }
            (seq, hash) = next;
            let at = micros(self.clock.now());
            let checkpoint = Checkpoint::sign(&self.signer, &chain, seq, hash, at);
            vault::put(blobs, &chain, &checkpoint).await?;
            self.copy(&chain, checkpoint).await?;
            checkpoints += 1;
        }
    }

    /// Follows the chain from an entry on, up to [`SPAN`] further, and returns where it came to.
    async fn follow(&self, chain: &Chain, seq: i64, hash: Digest) -> Result<(i64, Digest), Error> {
        let mut verifier = Verifier::after(chain.clone(), BTreeMap::new(), seq, hash);
        while verifier.seq() - seq < SPAN {
            let from = verifier.seq();
            let (head, rows) = self.books.entries(&chain.tenant, from, PAGE).await?;
            if rows.is_empty() {
                // What was signed must be there still, and where the head says.
                if head.is_none_or(|head| (head.seq, head.hash) != (verifier.seq(), verifier.hash())) {
                    let missing = evidence::Fault::Missing;
                    let mismatch = evidence::Mismatch { from: from + 1, to: from + 1, fault: missing };
                    return Err(Broken::Entries(mismatch).into());
                }
                break;
            }
            for row in rows {
                inspect::look(&mut verifier, row).map_err(Broken::Entries)?;
            }
        }
        Ok((verifier.seq(), verifier.hash()))
    }

    async fn copy(&self, chain: &Chain, checkpoint: Checkpoint) -> Result<(), Error> {
        let tenant = chain.tenant.clone();
        self.books
            .db
            .tenant(&chain.tenant, move |tx| {
                Box::pin(async move { Ok(store::insert_checkpoint(tx, &tenant, &checkpoint).await?) })
            })
            .await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
