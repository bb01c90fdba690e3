use std::collections::BTreeMap;

use ids::CallbackId;
use time::Duration;

use crate::db::callbacks::Callback;
use crate::provider::{Heard, NotHeard};
use crate::{Error, State, db};

const MOST_BYTES: usize = 64 * 1024;
/// How long callbacks are kept.
const KEPT: Duration = Duration::days(30);

/// Stores what a provider calls us with, and has the payment advanced: what a callback says is not believed, so that
/// neither its order nor how often it comes matters.
pub async fn receive_callback(
    state: &State,
    account: &str,
    body: &[u8],
    headers: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let account = account.parse().ok().and_then(|name| state.providers.find(&name));
    let account = account.ok_or(Error::AccountNotFound)?;
    if body.is_empty() || body.len() > MOST_BYTES {
        return Err(Error::Callback);
    }
    let Heard { event, kind, reference, payment, charge } =
        account.hear(body, headers, &state.clock).map_err(|refused| match refused {
            NotHeard::Signature(invalid) => Error::Signature(invalid),
            NotHeard::Body => Error::Callback,
        })?;

    let (tenant, name, clock) = (account.tenant.clone(), account.name.clone(), state.clock.clone());
    let body = body.to_vec();
    let stored = state.db.tenant(&account.tenant, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            let ours = match (payment, &charge) {
                (Some(id), _) => db::payments::find(tx, &tenant, None, id).await?,
                (None, Some(charge)) => db::payments::of_charge(tx, &tenant, &name, charge).await?,
                (None, None) => None,
            };
            let ours = ours.filter(|payment| payment.account == name);
            let erased = match &ours {
                Some(payment) => db::subject_erasures::is_finished(tx, &tenant, &payment.payer).await?,
                None => false,
            };
            let ours = ours.map(|payment| payment.id);
            let callback = Callback {
                id: CallbackId::mint(&clock),
                account: name.clone(),
                provider_event: event,
                event_type: kind,
                provider_reference: reference,
                received_at: now,
                payment_id: ours,
                body: (!erased).then_some(body),
            };
            let new = db::callbacks::insert(tx, &tenant, &callback).await?;
            if let (true, Some(id)) = (new, ours) {
                super::wake(tx, &clock, &tenant, id).await?;
            }
            db::callbacks::sweep(tx, &tenant, now - KEPT).await?;
            failpoint::pass("callback::written");
            Ok::<_, Error>((new && ours.is_none()).then_some(callback.id))
        })
    });
    if let Some(id) = stored.await? {
        tracing::warn!(callback.id = %id, account = %account.name, "a callback is about no payment of ours");
    }
    failpoint::pass("callback::committed");
    Ok(())
}
