//! What test binaries say of their tests.

/// More failures than this are no accident; they are not tried again.
const MOST_FLAKY: usize = 5;

/// What all test binaries of a run said together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// Names of the tests that failed.
    pub(super) failures: Vec<String>,
    pub(super) success: bool,
    /// What the binary that runs now has said, until it says its result.
    current: Current,
}

/// A test binary on its way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Current {
    tests: u64,
    passed: u64,
    failed: u64,
    /// Tests that run for over a minute.
    slow: Vec<String>,
}

impl Totals {
    /// Whether each failure is a test with a name (nothing crashed, nothing failed to build), and they are few.
    pub(super) fn may_be_flaky(&self) -> bool {
        (1..=MOST_FLAKY).contains(&self.failures.len()) && self.failures.len() as u64 == self.failed
    }

    /// What remains once the failed ones ran again, and which of them passed then.
    pub(super) fn after(mut self, second: &Self) -> (Self, Vec<String>) {
        // A name that is met in several binaries passes when it passes in each.
        let flaky: Vec<_> =
            self.failures.iter().filter(|name| !second.failures.contains(*name)).cloned().collect();
        // A run that ended early says nothing about what it did not get to.
        if second.passed + second.failed < self.failed {
            return (self, Vec::new());
        }
        self.failures.retain(|name| second.failures.contains(name));
        self.passed += flaky.len() as u64;
        self.failed -= flaky.len() as u64;
        self.success = second.success;
        (self, flaky)
    }

    /// Adds a line like `test result: ok. 3 passed; 1 failed; …`, or what one like `test a::b ... FAILED` says of a test;
    /// any other line changes nothing.
    pub(super) fn add(&mut self, line: &str) {
        if let Some(number) = line.strip_prefix("running ").and_then(|rest| rest.split_once(" test")) {
            self.current = Current { tests: number.0.parse().unwrap_or(0), ..Current::default() };
        } else if let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        {
            self.current = Current::default();
            self.count(counts);
        } else if let Some(test) = line.strip_prefix("test ") {
            self.test(test);
        }
    }

    fn test(&mut self, line: &str) {
        if let Some(name) = line.strip_suffix(" has been running for over 60 seconds") {
            self.current.slow.push(name.to_owned());
        } else if let Some((name, outcome)) = line.split_once(" ... ") {
            self.current.slow.retain(|slow| slow != name);
            match outcome {
                "ok" => self.current.passed += 1,
                "FAILED" => {
                    self.current.failed += 1;
                    self.failures.push(name.to_owned());
                }
                _ => {}
            }
        }
    }

    fn count(&mut self, counts: &str) {
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// Tests of the binary that runs now which have run for over a minute.
    pub(super) fn slow(&self) -> &[String] {
        &self.current.slow
    }

    /// The binary that runs now was ended because its slow tests never would have: they have failed, and so have those
    /// that it did not come to.
    pub(super) fn ended(&mut self) {
        let Current { tests, passed, slow, .. } = std::mem::take(&mut self.current);
        self.passed += passed;
        self.failed += tests.saturating_sub(passed);
        self.failures.extend(slow);
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn results_of_all_binaries_are_summed() {
        let mut totals = Totals::default();
        totals.add(
            "test result: ok. 11 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.11s",
        );
        totals.add("test tests::something ... ok");
        totals.add("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 9.00s");
        assert_eq!((totals.passed, totals.failed), (13, 1));
    }

    fn first() -> Totals {
        let mut totals = Totals::default();
        totals.add("test a::passes ... ok");
        totals.add("test a::fails ... FAILED");
        totals.add("test a::fails_always ... FAILED");
        totals.add("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.00s");
        totals
    }

    #[test]
    fn what_passes_when_run_again_is_flaky_and_what_does_not_has_failed() {
        let mut second = Totals::default();
        second.add("test a::fails ... ok");
        second.add("test a::fails_always ... FAILED");
        second.add("test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 1 filtered out; finished in 1.00s");
        let (totals, flaky) = first().after(&second);
        assert_eq!((totals.passed, totals.failed, totals.success), (2, 1, false));
        assert_eq!(totals.failures, ["a::fails_always"]);
        assert_eq!(flaky, ["a::fails"]);
    }

    #[test]
    fn a_second_run_that_ends_early_excuses_nothing() {
        let (totals, flaky) = first().after(&Totals { success: true, ..Totals::default() });
        assert_eq!((totals.passed, totals.failed, totals.success), (1, 2, false));
        assert!(flaky.is_empty());
    }

    #[test]
    fn neither_many_failures_nor_failures_without_a_name_are_tried_again() {
        assert!(first().may_be_flaky());
        assert!(!Totals { failed: 3, ..first() }.may_be_flaky());
        assert!(!Totals { failed: 6, failures: vec![String::new(); 6], ..Totals::default() }.may_be_flaky());
        assert!(!Totals { success: false, ..Totals::default() }.may_be_flaky());
    }
}
