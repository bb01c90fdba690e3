//! A chain in the database beside its checkpoints in the bucket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use evidence::{Checkpoint, Digest, Mismatch, Verifier};
use ids::Tenant;

use crate::inspect::{Finding, Inspected, Inspector};
use crate::{Books, Error, Head, Row, StoredCheckpoint, inspect, store, vault};

const PAGE: i64 = 2_000;
const TENANTS: i64 = 1_000;
/// Entries of a stretch; several times what one checkpoint covers.
const STRETCH: i64 = 50_000;
/// After which no more rows of a stretch are read.
const WHILE: Duration = Duration::from_secs(4);

/// What a chain was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose it is.
    pub tenant: Tenant,
    /// Entries that are what they were, from the first on.
    pub entries: i64,
    /// The last of them that a checkpoint covers; those behind it fit together, and nobody has signed them yet.
    pub sealed: i64,
    /// Genuine checkpoints in the bucket.
    pub checkpoints: usize,
    /// What does not match; empty is right.
    pub findings: Vec<Finding>,
    /// How long it took to verify the entries, reading them not included.
    pub verifying: Duration,
}

impl Report {
    /// Entries that were verified in a second of one core.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn per_second(&self) -> f64 {
        self.entries as f64 / self.verifying.as_secs_f64().max(1e-9)
    }
}

/// How far a stretch of a chain was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The last entry that is what it was.
    pub verified: i64,
    /// The last of them that a checkpoint covers: where to go on.
    pub sealed: i64,
    /// Whether that is the end of the chain.
    pub complete: bool,
    /// The first entries that are not those that were signed.
    pub mismatch: Option<Mismatch>,
}

impl Books {
    /// Compares a stretch of a tenant's chain, up to 50,000 entries or as many as are read in 4 s, with the
    /// database's checkpoints, as far as a known key has signed them, and the newest in the bucket. Begins behind the
    /// checkpoint `after`, with the first entry for 0. `None` where there is no such checkpoint, or it is not genuine.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Store`], [`Error::Broken`] where the newest in the bucket is not genuine.
    pub async fn verify_stretch(&self, tenant: &Tenant, after: i64) -> Result<Option<Stretch>, Error> {
        let (chain, of) = (self.chain(tenant), tenant.clone());
        let newest = vault::newest(&self.blobs, &chain, &self.keys).await?;
        // The one at `after` comes first.
        let stored = self.db.tenant(tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(store::checkpoints_after(tx, &of, after - 1, PAGE).await?) })
        });
        let stored = stored.await?;
        let full = i64::try_from(stored.len()).is_ok_and(|count| count == PAGE);
        let mut end = after.saturating_add(STRETCH);
        if let Some(last) = stored.last().filter(|_| full) {
            end = end.min(last.seq);
        }
        let genuine = stored.iter().filter_map(|stored| stored.checkpoint(&chain));
        let genuine = genuine.filter(|checkpoint| checkpoint.is_genuine(&self.keys, &chain)).chain(newest);
        let mut signed: BTreeMap<i64, Digest> = genuine.map(|one| (one.seq, one.hash)).collect();
        let from = if after == 0 { Some(chain.genesis()) } else { signed.remove(&after) };
        let Some(from) = from else { return Ok(None) };

        signed = signed.split_off(&(after + 1));
        let mut verifier = Verifier::after(chain, signed, after, from);
        let begun = Instant::now();
        let told = |verifier: &Verifier, complete, mismatch| {
            Some(Stretch { verified: verifier.seq(), sealed: verifier.sealed(), complete, mismatch })
        };
        // On to a checkpoint in any case, so that whoever goes on from there comes to the end.
        while verifier.seq() < end && (begun.elapsed() < WHILE || verifier.sealed() == after) {
            let (_, rows) = self.entries(tenant, verifier.seq(), PAGE.min(end - verifier.seq())).await?;
            if rows.is_empty() {
                let mismatch = verifier.clone().finish().err();
                return Ok(told(&verifier, mismatch.is_none(), mismatch));
            }
            for row in rows {
                if let Err(mismatch) = inspect::look(&mut verifier, row) {
                    return Ok(told(&verifier, false, Some(mismatch)));
                }
            }
        }
        Ok(told(&verifier, false, None))
    }

    /// Every tenant that has a chain in the database or checkpoints in the bucket, by name.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Store`].
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        let mut tenants = vault::tenants(&self.blobs, &self.service).await?;
        let mut after = String::new();
        loop {
            let from = after.clone();
            let page = self.db.system(move |tx| {
                Box::pin(async move { Ok::<_, Error>(store::tenants(tx, &from, TENANTS).await?) })
            });
            let page = page.await?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            tenants.extend(page.iter().filter_map(|tenant| tenant.parse::<Tenant>().ok()));
        }
        tenants.sort();
        tenants.dedup();
        Ok(tenants)
    }

    /// Compares a tenant's whole chain with everything that was signed of it. `progress` is told how far it came.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Store`]; what does not match is in the report.
    pub async fn verify(&self, tenant: &Tenant, mut progress: impl FnMut(i64)) -> Result<Report, Error> {
        // In this order: what was signed before the entries are read must be among them.
        let stored = self.stored(tenant).await?;
        let signed = self.signed(tenant).await?;
        let mut inspector = Inspector::new(self.chain(tenant), &self.keys, signed, &stored);

        let mut verifying = Duration::ZERO;
        // Before the first, so that a row is seen that was put there.
        let mut after = i64::MIN;
        let head = loop {
            let (head, rows) = self.entries(tenant, after, PAGE).await?;
            let Some(last) = rows.last() else { break head };
            after = last.seq;
            let begun = Instant::now();
            let good = rows.into_iter().all(|row| inspector.push(row));
            verifying += begun.elapsed();
            progress(inspector.seq());
            if !good {
                break head;
            }
        };
        let Inspected { seq, sealed, checkpoints, findings } = inspector.finish(head);
        Ok(Report { tenant: tenant.clone(), entries: seq, sealed, checkpoints, findings, verifying })
    }

    /// Everything in the bucket that is called a checkpoint of the tenant's chain, also behind marks of deletions: keys, and
    /// what can be read of each. Nothing of it has been found genuine.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn signed(&self, tenant: &Tenant) -> Result<Vec<(String, Option<Checkpoint>)>, Error> {
        vault::all(&self.blobs, &self.chain(tenant)).await
    }

    /// Up to `limit` entries of a tenant's chain behind the place `after`, in their order, and the head as it was before they
    /// were read.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn entries(
        &self,
        tenant: &Tenant,
        after: i64,
        limit: i64,
    ) -> Result<(Option<Head>, Vec<Row>), Error> {
        let of = tenant.clone();
        let read = self.db.tenant(tenant, move |tx| {
            Box::pin(async move {
                let head = store::head(tx, &of).await?;
                Ok::<_, Error>((head, store::after(tx, &of, after, limit).await?))
            })
        });
        read.await
    }

    /// The database's checkpoints of a tenant's chain, in their order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn stored(&self, tenant: &Tenant) -> Result<Vec<StoredCheckpoint>, Error> {
        let (mut all, mut after) = (Vec::new(), i64::MIN);
        loop {
            let of = tenant.clone();
            let page = self.db.tenant(tenant, move |tx| {
                Box::pin(async move { Ok::<_, Error>(store::checkpoints_after(tx, &of, after, PAGE).await?) })
            });
            let page = page.await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.seq;
            all.extend(page);
        }
    }
}
