//! Live status. Events of the notification topic are only hints that a feed has grown; the feed itself is the truth.
//!
//! A connection registers first and lists its feed afterwards, so that no row falls between the two.

mod hub;
mod stream;

pub use hub::{Hub, Subscription};
pub use stream::{sse, websocket};
