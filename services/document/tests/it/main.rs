//! The document service on real servers: PostgreSQL, S3, Kafka and SQS, with a clock that stands still.
//!
//! Every test has threads for the service beside its own: what a test made is taken away by blocking its thread, while
//! PostgreSQL waits for connections of the service that are just being opened.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod claim_scan;
mod confirm_upload;
mod create_download;
mod dead_letters;
mod erasure;
mod events;
mod get_document;
mod harness;
mod idempotency;
mod initiate_upload;
mod intake_cleanup;
mod list_documents;
mod policies;
mod privacy;
mod process;
mod proxy;
mod races;
mod refresh_upload;
mod report_scan;
mod retention;
mod scan_unreported;
mod server;
mod store_away;
mod tenancy;
mod upload_expiry;
mod versions;
