//! What the service does: one file, one use case, one transaction.

pub mod ask_for_delivery;
pub mod claim_delivery;
pub mod erasure;
pub mod feed;
pub mod feed_heads;
pub mod list_feed;
pub mod mark_read;
pub mod notify;
pub mod report_delivery;
pub mod upsert_recipient;
