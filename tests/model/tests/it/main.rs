//! The seeds. `GUILDHALL_SEEDS` sets how many; 20,000 when it is not there. `GUILDHALL_SEED` is the first one, or, when
//! there is no count, the only one: what a failure printed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::atomic::{AtomicU64, Ordering};

use model::{Failure, Mutation, Seen, run};

const SEEDS: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs the seeds from `first` on, on two threads.
fn run_all(first: u64, count: u64) -> Result<Seen, Box<Failure>> {
    let next = AtomicU64::new(first);
    let work = || -> Result<Seen, Box<Failure>> {
        let mut seen = Seen::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return Ok(seen);
            }
            seen += run(seed, None).inspect_err(|_| next.store(first + count, Ordering::Relaxed))?;
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let mut seen = Seen::default();
        for outcome in threads.map(|thread| thread.join().unwrap()) {
            seen += outcome?;
        }
        Ok(seen)
    })
}

#[test]
fn whatever_fails_nothing_is_lost_doubled_or_out_of_order() {
    let (first, count) = match (number("GUILDHALL_SEED"), number("GUILDHALL_SEEDS")) {
        (Some(seed), None) => (seed, 1),
        (first, count) => (first.unwrap_or(0), count.unwrap_or(SEEDS)),
    };
    let seen = run_all(first, count).unwrap_or_else(|failure| panic!("{failure}"));
    if count < SEEDS {
        return;
    }
    // A model in which nothing goes wrong proves nothing.
    let often = usize::try_from(count).unwrap() / 20;
    for (what, times) in [
        ("repeated", seen.repeated),
        ("late", seen.late),
        ("dead producers", seen.dead_producers),
        ("crashes", seen.crashes),
        ("takeovers", seen.takeovers),
        ("outages", seen.outages),
        ("rebalances", seen.rebalances),
        ("parked rows", seen.parked_rows),
        ("parked events", seen.parked_events * 5),
    ] {
        assert!(times > often, "{what}: only {times} in {count} runs");
    }
    assert!(seen.events > count * 10, "only {} effects in {count} runs", seen.events);
}

#[test]
fn each_built_in_defect_is_found_and_shown_in_few_steps() {
    for mutation in Mutation::ALL {
        let failure = (0..1_000).find_map(|seed| run(seed, Some(mutation)).err());
        let failure = failure.unwrap_or_else(|| panic!("{mutation:?} is not found"));
        assert!(failure.trace.len() < 100, "{mutation:?}: {failure}");
        assert_eq!(run(failure.seed, Some(mutation)), Err(failure), "the same seed is the same run");
    }
}
