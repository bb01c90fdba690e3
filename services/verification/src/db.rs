//! All SQL, and no decisions. Absent is `Ok(None)`.

pub mod answers;
pub mod callbacks;
pub mod cases;
pub mod checks;
pub mod circuits;
pub mod decisions;
pub mod entries;
pub mod notes;
pub mod subject_erasures;
