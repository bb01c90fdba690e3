//! What happens when its time has come: one file per kind of due row.

mod erasure_unreported;
mod mail_unreported;

use due::Runner;

use crate::State;
use crate::app::ask_for_delivery::MAIL_UNREPORTED;
use crate::app::erasure::ERASURE_UNREPORTED;

/// The runner of every kind that the service schedules.
#[must_use]
pub fn runner(state: &State) -> Runner {
    Runner::new(state.db.clone(), state.clock.clone())
        .on(MAIL_UNREPORTED, mail_unreported::handler(state))
        .on(ERASURE_UNREPORTED, erasure_unreported::handler(state))
}
