//! What was asked, and what became of it: a test sees by it what a caller did, and whether a call still waits. Nothing
//! about a person is in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::moment::Moment;
use crate::script::Operation;

/// Calls that are remembered.
const MOST: usize = 1_000;

/// The last calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    /// Of the first that is remembered.
    first: u64,
    calls: VecDeque<Call>,
    totals: BTreeMap<Operation, u64>,
}

/// A call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) at: Moment,
    pub(crate) operation: Operation,
    pub(crate) account: String,
    /// What the caller calls the check, of calls that would make one.
    pub(crate) reference: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    /// Whether a fault waited for it.
    pub(crate) fault: bool,
    pub(crate) outcome: Outcome,
    /// What was answered, once something was.
    pub(crate) status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Working,
    /// It gets no answer for now.
    Hanging,
    Answered,
    /// The connection was ended instead of an answer.
    Cut,
    /// The caller went before there was one.
    CallerGone,
}

impl Calls {
    /// Notes a call. It counts as given up when the note is dropped without an outcome.
    pub(crate) fn note(&self, mut call: Call) -> Note {
        let mut log = self.lock();
        if log.calls.len() == MOST {
            log.calls.pop_front();
            log.first += 1;
        }
        *log.totals.entry(call.operation).or_default() += 1;
        call.number = log.first + log.calls.len() as u64;
        let number = call.number;
        log.calls.push_back(call);
        Note { calls: self.clone(), number, open: true }
    }

    /// The last calls, the earliest first.
    pub(crate) fn list(&self) -> Vec<Call> {
        self.lock().calls.iter().cloned().collect()
    }

    /// How many there were of each operation since the program was started.
    pub(crate) fn totals(&self) -> BTreeMap<Operation, u64> {
        self.lock().totals.clone()
    }

    pub(crate) fn hanging(&self) -> usize {
        self.lock().calls.iter().filter(|call| call.outcome == Outcome::Hanging).count()
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Call)) {
        let mut log = self.lock();
        let at = number.checked_sub(log.first).and_then(|at| usize::try_from(at).ok());
        if let Some(call) = at.and_then(|at| log.calls.get_mut(at)) {
            change(call);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is being answered.
#[derive(Debug)]
pub(crate) struct Note {
    calls: Calls,
    number: u64,
    open: bool,
}

impl Note {
    pub(crate) fn has_fault(&self) {
        self.calls.change(self.number, |call| call.fault = true);
    }

    pub(crate) fn hangs(&self) {
        self.calls.change(self.number, |call| call.outcome = Outcome::Hanging);
    }

    pub(crate) fn goes_on(&self) {
        self.calls.change(self.number, |call| call.outcome = Outcome::Working);
    }

    pub(crate) fn ends(mut self, outcome: Outcome, status: Option<u16>) {
        self.calls.change(self.number, |call| (call.outcome, call.status) = (outcome, status));
        self.open = false;
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if self.open {
            self.calls.change(self.number, |call| call.outcome = Outcome::CallerGone);
        }
    }
}
