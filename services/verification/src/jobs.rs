//! What happens when its time has come: one file per kind of due row.

mod case_due;
mod check_step;

use due::Runner;

use crate::State;
use crate::app::{CASE_DUE, CHECK_STEP, Checker};

/// The runner of every kind that the service schedules.
#[must_use]
pub fn runner(state: &State, checker: &Checker) -> Runner {
    Runner::new(state.db.clone(), state.clock.clone())
        .on(CASE_DUE, case_due::handler(state))
        .on(CHECK_STEP, check_step::handler(state, checker.clone()))
}
