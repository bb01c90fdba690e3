//! The document service on real servers: PostgreSQL, S3, Kafka and SQS, with a clock that stands still.
//!
//! Every test has threads for the service beside its own: what a test made is taken away by blocking its thread, while
//! PostgreSQL waits for connections of the service that are just being opened.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accesses;
mod audit;
mod cases;
mod claim_scan;
mod confirm_upload;
mod create_download;
mod dead_letters;
mod erasure;
mod events;
mod export;
mod get_document;
mod harness;
mod idempotency;
mod initiate_upload;
mod intake_cleanup;
mod integrity;
mod list_documents;
mod parts;
mod policies;
mod previews;
mod privacy;
mod process;
mod quarantine;
mod races;
mod reconcile;
mod refresh_upload;
mod report_scan;
mod retention;
mod scan_unreported;
mod server;
mod sharing;
mod sharing_matrix;
mod store_away;
mod store_document;
mod storm;
mod subject_erasure;
mod tenancy;
mod upload_expiry;
mod versions;
