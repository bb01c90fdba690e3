//! All SQL of the service, and no decisions. Every statement names the tenant, although row-level security would hide
//! the others by itself; what is absent is `Ok(None)`.

pub mod access_log;
pub mod case_documents;
pub mod case_exports;
pub mod case_files;
pub mod documents;
pub mod grants;
pub mod integrity_checks;
pub mod legal_holds;
pub mod part_uploads;
pub mod previews;
pub mod quarantine_decisions;
pub mod reconciliation;
pub mod scan_jobs;
pub mod subject_erasures;
