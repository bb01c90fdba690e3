//! Time-stamps from an authority that may misbehave, from OpenSSL, and from somebody who altered them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alterations;
mod authority;
mod openssl;
