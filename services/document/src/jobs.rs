//! What happens when its time has come: one file per kind of due row.

mod intake_cleanup;
mod scan_unreported;
mod upload_expiry;

use due::Runner;

use crate::State;
use crate::app::{Cleaner, INTAKE_CLEANUP, SCAN_UNREPORTED, UPLOAD_EXPIRY};

/// The runner of every kind that the service schedules.
#[must_use]
pub fn runner(state: &State, cleaner: Cleaner) -> Runner {
    Runner::new(state.db.clone(), state.clock.clone())
        .on(UPLOAD_EXPIRY, upload_expiry::handler(state))
        .on(SCAN_UNREPORTED, scan_unreported::handler(state))
        .on(INTAKE_CLEANUP, intake_cleanup::handler(state, cleaner))
}
