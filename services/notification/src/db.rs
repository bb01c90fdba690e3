//! All SQL. No decisions: what is absent is `None`, and whoever calls knows what that means.
//!
//! Every statement names its tenant although row-level security hides the others anyway: a tenant's rows are
//! invisible to another tenant twice over.

pub mod deliveries;
pub mod erasures;
pub mod feed;
pub mod notifications;
pub mod recipients;
