//! Saying who calls, on the client's side.

use ids::{Subject, Tenant};
use tonic::Request;

use crate::caller::Token;
use crate::metadata;

/// Adds the token, and for a service's own token the tenant it acts in.
pub fn authorize<T>(request: &mut Request<T>, token: &Token, tenant: Option<&Tenant>) {
    request.metadata_mut().insert("authorization", token.header());
    // A tenant's characters all fit into a header.
    if let Some(tenant) = tenant
        && let Ok(value) = tenant.as_str().parse()
    {
        request.metadata_mut().insert(metadata::TENANT, value);
    }
}

/// Says for whom a service acts. For the audit only: it gives no right.
pub fn on_behalf_of<T>(request: &mut Request<T>, subject: &Subject) {
    if let Ok(value) = subject.as_str().parse() {
        request.metadata_mut().insert(metadata::ON_BEHALF_OF, value);
    }
}
