//! What happens when its time has come: one file per kind of due row, or for kinds that are handed on alike.

mod chores;
mod retention;
mod scan_unreported;
mod upload_expiry;

use due::Runner;

use crate::State;
use crate::app::{Chore, Cleaner, RETENTION, SCAN_UNREPORTED, UPLOAD_EXPIRY};

/// The runner of every kind that the service schedules.
#[must_use]
pub fn runner(state: &State, cleaner: &Cleaner) -> Runner {
    let runner = Runner::new(state.db.clone(), state.clock.clone())
        .on(UPLOAD_EXPIRY, upload_expiry::handler(state))
        .on(SCAN_UNREPORTED, scan_unreported::handler(state))
        .on(RETENTION, retention::handler(state));
    Chore::ALL
        .into_iter()
        .fold(runner, |runner, chore| runner.on(chore.kind(), chores::handler(state, chore, cleaner.clone())))
}
