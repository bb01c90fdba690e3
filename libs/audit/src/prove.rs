//! Proofs of events, for whoever has only the public keys.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Digest, Hex, Proof, PublicKeys, Shown};
use ids::EventId;
use pg::Tx;

use crate::error::Broken;
use crate::{Error, Row, store};

/// What could be proven of some events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proven {
    /// One for every checkpoint that is the next behind some of them, in the order of the chain. Each was found to hold.
    pub proofs: Vec<Proof>,
    /// Events that no checkpoint covers yet.
    pub unproven: Vec<EventId>,
    /// Events that are not in the chain, or not yet.
    pub unknown: Vec<EventId>,
}

/// Proves events of the transaction's tenant. A proof has some 70 bytes for each of the up to 10,000 entries that a
/// checkpoint covers.
///
/// # Errors
/// [`Error::Broken`] where entries do not lead to their checkpoint; [`Error::Database`].
pub async fn prove(tx: &mut Tx, service: &str, keys: &PublicKeys, ids: &[EventId]) -> Result<Proven, Error> {
    let tenant = tx.tenant().clone();
    let rows = store::by_event(tx, &tenant, ids).await?;
    let known: BTreeSet<_> = rows.iter().map(|row| row.event_id).collect();
    let unknown = ids.iter().copied().filter(|id| !known.contains(&id.as_uuid())).collect();
    let proven = prove_rows(tx, service, keys, &rows, usize::MAX).await?;
    Ok(Proven { unknown, ..proven.unwrap_or_default() })
}

/// How much is proven at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Events.
    pub events: usize,
    /// Entries that the proofs lead over, the events among them.
    pub entries: usize,
}

/// Proves every event about some subjects of the transaction's tenant. `None` where that is more than the bounds allow.
///
/// # Errors
/// As [`prove`].
pub async fn prove_subjects(
    tx: &mut Tx,
    service: &str,
    keys: &PublicKeys,
    subjects: &[String],
    bounds: Bounds,
) -> Result<Option<Proven>, Error> {
    let tenant = tx.tenant().clone();
    let limit = i64::try_from(bounds.events).unwrap_or(i64::MAX).saturating_add(1);
    let rows = store::by_subjects(tx, &tenant, subjects, limit).await?;
    if rows.len() > bounds.events {
        return Ok(None);
    }
    prove_rows(tx, service, keys, &rows, bounds.entries).await
}

/// Proves entries, which are in their order. `None` where that leads over more than so many others.
async fn prove_rows(
    tx: &mut Tx,
    service: &str,
    keys: &PublicKeys,
    rows: &[Row],
    entries: usize,
) -> Result<Option<Proven>, Error> {
    let tenant = tx.tenant().clone();
    let chain = evidence::Chain { service: service.to_owned(), tenant: tenant.clone() };
    let (mut proven, mut led) = (Proven::default(), 0_i64);
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let Some(next) = store::checkpoint_from(tx, &tenant, first.seq).await? else {
            let unproven = rest.iter().filter_map(|row| EventId::try_from(row.event_id).ok());
            proven.unproven = unproven.collect();
            break;
        };
        let (covered, later) = rest.split_at(rest.partition_point(|row| row.seq <= next.seq));
        rest = later;
        led = led.saturating_add(next.seq - first.seq + 1);
        if usize::try_from(led).is_ok_and(|led| led > entries) {
            return Ok(None);
        }
        let digests = store::digests(tx, &tenant, first.seq, next.seq).await?;
        let checkpoint = next.checkpoint(&chain).ok_or(Broken::Proof)?;
        let proof = Proof {
            after: first.seq - 1,
            prev: digest(&first.prev)?,
            digests: digests.iter().map(|bytes| digest(bytes).map(Hex)).collect::<Result<_, _>>()?,
            events: covered.iter().map(shown).collect::<Result<BTreeMap<_, _>, _>>()?,
            checkpoint,
        };
        if !proof.holds(keys, service) {
            return Err(Broken::Proof.into());
        }
        proven.proofs.push(proof);
    }
    Ok(Some(proven))
}

fn shown(row: &Row) -> Result<(i64, Shown), Broken> {
    let entry = row.clone().entry().ok_or(Broken::Proof)?;
    Ok((entry.seq, Shown::from(&entry.event)))
}

fn digest(bytes: &[u8]) -> Result<Digest, Broken> {
    bytes.try_into().map_err(|_| Broken::Proof)
}
