//! Comparing what was acknowledged and committed with what was applied.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ledger::Entries;

/// What a run has left.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What callers were told.
    pub acknowledged: Entries,
    /// The committed counter of each key.
    pub committed: BTreeMap<String, u64>,
    /// Key and step of each effect, in the order in which they happened.
    pub applied: Vec<(String, u64)>,
    /// Jobs that were committed.
    pub jobs: BTreeSet<Uuid>,
    /// Jobs that were received.
    pub received: BTreeSet<Uuid>,
    /// Rows that wait for an operator.
    pub parked: u64,
}

/// Steps and jobs by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Steps that callers were told of.
    pub acknowledged: u64,
    /// Steps that were committed.
    pub committed: u64,
    /// Committed, though the caller died before it could be told: allowed.
    pub unacknowledged: u64,
    /// Acknowledged or committed, and not applied.
    pub lost: u64,
    /// Applied once more.
    pub doubled: u64,
    /// Applied before an earlier step of its key.
    pub out_of_order: u64,
    /// Applied, though rolled back.
    pub phantoms: u64,
    /// Jobs that were committed.
    pub jobs: u64,
    /// Jobs acknowledged or committed, and not received.
    pub jobs_lost: u64,
    /// Jobs received, though rolled back.
    pub jobs_phantom: u64,
    /// Records that were parked; none is poison.
    pub parked: u64,
}

impl Verdict {
    /// Judges what was found.
    #[must_use]
    pub fn on(found: &Found) -> Self {
        let mut verdict = Self { parked: found.parked, jobs: count(found.jobs.len()), ..Self::default() };
        let mut applied: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for (key, n) in &found.applied {
            let seen = applied.entry(key).or_default();
            let last = seen.last().copied().unwrap_or(0);
            if !seen.insert(*n) {
                verdict.doubled += 1;
            } else if *n != last + 1 {
                verdict.out_of_order += 1;
            }
        }
        let keys: BTreeSet<&str> = found.committed.keys().map(String::as_str).collect();
        let keys = keys.into_iter().chain(found.acknowledged.steps.keys().map(String::as_str));
        let keys: BTreeSet<&str> = keys.chain(applied.keys().copied()).collect();
        let none = BTreeSet::new();
        for key in keys {
            let committed = found.committed.get(key).copied().unwrap_or(0);
            let acknowledged = found.acknowledged.steps.get(key).unwrap_or(&none);
            let applied = applied.get(key).unwrap_or(&none);
            let promised: BTreeSet<u64> = (1..=committed).chain(acknowledged.iter().copied()).collect();
            verdict.acknowledged += count(acknowledged.len());
            verdict.committed += committed;
            verdict.unacknowledged += count((1..=committed).filter(|n| !acknowledged.contains(n)).count());
            verdict.lost += count(promised.difference(applied).count());
            verdict.phantoms += count(applied.difference(&promised).count());
        }
        let promised: BTreeSet<Uuid> = found.jobs.union(&found.acknowledged.jobs).copied().collect();
        verdict.jobs_lost = count(promised.difference(&found.received).count());
        verdict.jobs_phantom = count(found.received.difference(&found.jobs).count());
        verdict
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Self { lost, doubled, out_of_order, phantoms, jobs_lost, jobs_phantom, parked, .. } = *self;
        [lost, doubled, out_of_order, phantoms, jobs_lost, jobs_phantom, parked]
            .iter()
            .all(|count| *count == 0)
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.committed += other.committed;
        self.unacknowledged += other.unacknowledged;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.phantoms += other.phantoms;
        self.jobs += other.jobs;
        self.jobs_lost += other.jobs_lost;
        self.jobs_phantom += other.jobs_phantom;
        self.parked += other.parked;
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two keys whose three steps each were committed, acknowledged and applied, and one job that came.
    fn kept() -> Found {
        let steps = |key: &str| (1..=3).map(move |n| (key.to_owned(), n)).collect::<Vec<_>>();
        let job = Uuid::from_u128(1);
        Found {
            acknowledged: Entries {
                steps: [("a", 3), ("b", 3)].map(|(key, last)| (key.to_owned(), (1..=last).collect())).into(),
                jobs: [job].into(),
            },
            committed: [("a".to_owned(), 3), ("b".to_owned(), 3)].into(),
            applied: [steps("b"), steps("a")].concat(),
            jobs: [job].into(),
            received: [job].into(),
            parked: 0,
        }
    }

    #[test]
    fn promises_that_were_kept_are_clean() {
        let verdict = Verdict::on(&kept());
        assert!(verdict.is_clean(), "{verdict:?}");
        assert_eq!((verdict.acknowledged, verdict.committed, verdict.jobs), (6, 6, 1));
    }

    #[test]
    fn a_commit_whose_caller_died_must_be_applied_too() {
        let mut found = kept();
        found.acknowledged.steps.get_mut("a").unwrap().remove(&3);
        let verdict = Verdict::on(&found);
        assert!(verdict.is_clean() && verdict.unacknowledged == 1, "{verdict:?}");

        found.applied.retain(|step| *step != ("a".to_owned(), 3));
        assert_eq!(Verdict::on(&found).lost, 1);
    }

    #[test]
    fn a_lost_step_is_found() {
        let mut found = kept();
        found.applied.retain(|step| *step != ("b".to_owned(), 3));
        let verdict = Verdict::on(&found);
        assert!(!verdict.is_clean());
        assert_eq!((verdict.lost, verdict.out_of_order), (1, 0));
    }

    #[test]
    fn an_acknowledged_commit_that_the_database_forgot_is_lost() {
        let mut found = kept();
        found.committed.insert("a".to_owned(), 2);
        found.applied.retain(|step| *step != ("a".to_owned(), 3));
        assert_eq!(Verdict::on(&found).lost, 1);
    }

    #[test]
    fn a_doubled_step_is_found() {
        let mut found = kept();
        found.applied.push(("a".to_owned(), 2));
        let verdict = Verdict::on(&found);
        assert!(!verdict.is_clean());
        assert_eq!((verdict.doubled, verdict.out_of_order), (1, 0));
    }

    #[test]
    fn a_step_before_its_turn_is_found() {
        let mut found = kept();
        let of_b = found.applied.iter().position(|step| *step == ("b".to_owned(), 1)).unwrap();
        found.applied.swap(of_b, of_b + 1);
        let verdict = Verdict::on(&found);
        assert!(!verdict.is_clean());
        assert_eq!((verdict.lost, verdict.doubled), (0, 0));
        assert!(verdict.out_of_order > 0);
    }

    #[test]
    fn what_was_rolled_back_must_not_happen() {
        let mut found = kept();
        found.applied.push(("a".to_owned(), 4));
        found.received.insert(Uuid::from_u128(2));
        let verdict = Verdict::on(&found);
        assert!(!verdict.is_clean());
        assert_eq!((verdict.phantoms, verdict.jobs_phantom), (1, 1));
    }

    #[test]
    fn a_lost_job_is_found() {
        let mut found = kept();
        found.received.clear();
        assert_eq!(Verdict::on(&found).jobs_lost, 1);
        found.jobs.clear();
        assert_eq!(Verdict::on(&found).jobs_lost, 1);
    }

    #[test]
    fn a_parked_record_is_not_clean() {
        assert!(!Verdict::on(&Found { parked: 1, ..kept() }).is_clean());
    }
}
