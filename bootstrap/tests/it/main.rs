//! Against real servers.

mod everything;
