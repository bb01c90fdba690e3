//! Says how far feeds have come.

use ids::{RecipientId, Tenant};

use crate::error::Error;
use crate::{State, db};

/// Highest number of each feed that exists, in no order.
///
/// # Errors
/// The database's.
pub async fn feed_heads(
    state: &State,
    tenant: &Tenant,
    recipients: Vec<RecipientId>,
) -> Result<Vec<(RecipientId, i64)>, Error> {
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant().clone();
                Ok(db::recipients::heads(tx, &tenant, &recipients).await?)
            })
        })
        .await
}
