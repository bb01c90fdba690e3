use std::time::Duration;

use uuid::Uuid;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How long a row waits after its `failures`-th failed run in a row: doubling from 2 s to 15 minutes, ±20 %.
///
/// The jitter comes from the subject and the count, so that rows that failed together part, and a test knows when.
pub(crate) fn wait(subject: Uuid, failures: u32) -> Duration {
    let doubled = FIRST.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    // The tail of a UUIDv7 is random; the multiplier spreads neighbouring counts over the whole range.
    let spread = (subject.as_u64_pair().1 ^ u64::from(failures)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let percent = 80 + u32::try_from(spread % 41).unwrap_or(0);
    doubled * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let subject = Uuid::from_u128(0x0192_3f5e_7a1b_7c3d_8e9f_0123_4567_89ab);
        for (failures, seconds) in [(1, 2), (2, 4), (5, 32), (9, 512), (10, 900), (40, 900), (u32::MAX, 900)]
        {
            let (least, most) =
                (Duration::from_secs(seconds) * 80 / 100, Duration::from_secs(seconds) * 120 / 100);
            let wait = wait(subject, failures);
            assert!((least..=most).contains(&wait), "{failures}: {wait:?}");
        }
    }

    #[test]
    fn rows_that_failed_together_part() {
        let waits: std::collections::HashSet<_> = (0..100).map(|n| wait(Uuid::from_u128(n), 8)).collect();
        assert!(waits.len() > 20, "{} different waits", waits.len());
    }
}
