//! All SQL of the service, and no decisions. Every statement names the tenant, although row-level security would hide
//! the others by itself; what is absent is `Ok(None)`.

pub mod access_log;
pub mod case_documents;
pub mod documents;
pub mod legal_holds;
pub mod scan_jobs;
pub mod waiting;
