//! What was acknowledged to whom, while it happens.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::verdict::Acknowledged;

/// The ledger. The driver is never killed: memory is enough.
#[derive(Debug, Default)]
pub(super) struct Books(Mutex<Acknowledged>);

impl Books {
    /// No code that holds this lock can panic half way through a change.
    pub(super) fn open(&self) -> MutexGuard<'_, Acknowledged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
