//! What happens when its time has come: one file per kind of due row.

mod bill_overdue;
mod bill_run;
mod payment_step;
mod pdf_unreported;
mod settlement;
mod subject_erasure;

use due::Runner;

use crate::State;
use crate::app::{
    BILL_OVERDUE, BILL_RUN, PAYMENT_STEP, PDF_UNREPORTED, SETTLEMENT, SUBJECT_ERASURE, Settler,
};

/// The runner of every kind that the service schedules.
#[must_use]
pub fn runner(state: &State, settler: &Settler) -> Runner {
    Runner::new(state.db.clone(), state.clock.clone())
        .on(BILL_OVERDUE, bill_overdue::handler(state))
        .on(BILL_RUN, bill_run::handler(state))
        .on(PAYMENT_STEP, payment_step::handler(state))
        .on(PDF_UNREPORTED, pdf_unreported::handler(state))
        .on(SETTLEMENT, settlement::handler(state, settler.clone()))
        .on(SUBJECT_ERASURE, subject_erasure::handler(state))
}
