//! Names of the metadata this crate reads and writes.

/// The tenant a service acts in.
pub(crate) const TENANT: &str = "x-tenant";
/// For whom a service acts; for the audit only.
pub(crate) const ON_BEHALF_OF: &str = "x-on-behalf-of";
