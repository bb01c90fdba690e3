//! Cases and their documents, as JSON.

pub mod attach;
pub mod detach;
pub mod list;
