use std::collections::BTreeMap;

use ids::CallbackId;
use time::Duration;

use super::CHECK_STEP;
use crate::db::callbacks::Callback;
use crate::provider::{Heard, NotHeard};
use crate::{Error, State, db};

const MOST_BYTES: usize = 64 * 1024;
/// How long callbacks are kept.
const KEPT: Duration = Duration::days(30);

/// Stores that a provider has called, and has it asked about what: what a callback says is not believed, so that neither their order nor how
/// often they come matters.
pub async fn receive_callback(
    state: &State,
    account: &str,
    body: &[u8],
    headers: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let account = account.parse().ok().and_then(|name| state.accounts.find(&name));
    let account = account.ok_or(Error::AccountNotFound)?;
    if body.is_empty() || body.len() > MOST_BYTES {
        return Err(Error::Callback);
    }
    let Heard { event, provider_id } =
        account.hear(body, headers, &state.clock).map_err(|refused| match refused {
            NotHeard::Signature(invalid) => Error::Signature(invalid),
            NotHeard::Body => Error::Callback,
        })?;
    let (tenant, name, clock) = (account.tenant.clone(), account.name.clone(), state.clock.clone());
    let stored = state.db.tenant(&account.tenant, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            let about = db::checks::attempt_of(tx, &tenant, &name, &provider_id).await?;
            let callback = Callback {
                id: CallbackId::mint(&clock),
                account: name,
                provider_event: event,
                provider_id,
                received_at: now,
                about,
            };
            let new = db::callbacks::insert(tx, &tenant, &callback).await?;
            if let (true, Some((check, _))) = (new, about) {
                due::schedule(tx, CHECK_STEP, check.into(), now).await?;
            }
            db::callbacks::sweep(tx, &tenant, now - KEPT).await?;
            failpoint::pass("callback::written");
            Ok::<_, Error>((new && about.is_none()).then_some(callback.id))
        })
    });
    // One that comes before the provider has answered the call is about nothing that is known: the check is looked at soon, too.
    if let Some(id) = stored.await? {
        tracing::info!(callback.id = %id, account = %account.name, "a callback is about no check of ours, so far");
    }
    failpoint::pass("callback::committed");
    Ok(())
}
