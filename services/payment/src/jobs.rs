//! What happens when its time has come: one file per kind of due row.

mod bill_overdue;
mod payment_step;
mod settlement;
mod subject_erasure;

use due::Runner;

use crate::State;
use crate::app::{Asker, BILL_OVERDUE, PAYMENT_STEP, SETTLEMENT, SUBJECT_ERASURE};

/// The runner of every kind that the service schedules.
#[must_use]
pub fn runner(state: &State, asker: &Asker) -> Runner {
    Runner::new(state.db.clone(), state.clock.clone())
        .on(BILL_OVERDUE, bill_overdue::handler(state))
        .on(PAYMENT_STEP, payment_step::handler(state, asker.clone()))
        .on(SETTLEMENT, settlement::handler(state))
        .on(SUBJECT_ERASURE, subject_erasure::handler(state))
}
