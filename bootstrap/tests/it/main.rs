//! Databases, logins and topics, on real servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod everything;
