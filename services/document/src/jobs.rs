//! What happens when its time has come: one file per kind of due row, or for kinds that are handed on alike.

mod case_export;
mod chores;
mod integrity;
mod preview_unreported;
mod retention;
mod scan_unreported;
mod subject_document;
mod subject_erasure;
mod subject_grant;
mod upload_expiry;

use due::Runner;

use crate::State;
use crate::app::{
    CASE_EXPORT, Chore, Cleaner, Exporter, INTEGRITY, PREVIEW_UNREPORTED, RETENTION, SCAN_UNREPORTED,
    SUBJECT_DOCUMENT, SUBJECT_ERASURE, SUBJECT_GRANT, UPLOAD_EXPIRY,
};

/// The runner of every kind that the service schedules.
#[must_use]
pub fn runner(state: &State, cleaner: &Cleaner, exporter: &Exporter) -> Runner {
    let runner = Runner::new(state.db.clone(), state.clock.clone())
        .on(UPLOAD_EXPIRY, upload_expiry::handler(state))
        .on(SCAN_UNREPORTED, scan_unreported::handler(state))
        .on(PREVIEW_UNREPORTED, preview_unreported::handler(state))
        .on(INTEGRITY, integrity::handler(state))
        .on(RETENTION, retention::handler(state))
        .on(CASE_EXPORT, case_export::handler(state, exporter.clone()))
        .on(SUBJECT_ERASURE, subject_erasure::handler(state))
        .on(SUBJECT_DOCUMENT, subject_document::handler(state))
        .on(SUBJECT_GRANT, subject_grant::handler(state));
    Chore::ALL
        .into_iter()
        .fold(runner, |runner, chore| runner.on(chore.kind(), chores::handler(state, chore, cleaner.clone())))
}
