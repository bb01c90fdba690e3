//! Disputes: looked for whenever the provider is asked about a payment that was charged, and shown to staff.

use auth::Caller;
use pg::Tx;
use proto::payment::v1;
use time::{Duration, OffsetDateTime};

use super::ledger::Page;
use crate::db::disputes::Filter;
use crate::domain::{
    Currency, Dispute, DisputeSeen, DisputeState, Entry, PageToken, Payment, Seen, Standing, dispute,
};
use crate::provider::Provider;
use crate::{Error, State, db, payment_events};

/// Asks for the disputes of a payment that was charged, by what is known or by what the provider has just `seen`.
pub(super) async fn ask(
    provider: Option<&Provider>,
    payment: &Payment,
    seen: Option<&Seen>,
) -> Option<Vec<DisputeSeen>> {
    let Some(Seen::Record { provider_id, standing: Standing::Charged { charge_id, .. } }) = seen else {
        return if payment.captured() > 0 { provider?.ask_disputes(payment).await } else { None };
    };
    // It may be new what the provider calls it.
    let payment =
        Payment { provider_id: Some(provider_id.clone()), charge_id: charge_id.clone(), ..payment.clone() };
    provider?.ask_disputes(&payment).await
}

/// Applies what the provider has shown, under the lock of the payment.
pub(super) async fn apply(
    tx: &mut Tx,
    state: &State,
    payment: Payment,
    seen: &[DisputeSeen],
) -> Result<Payment, Error> {
    if payment.captured() == 0 || seen.is_empty() {
        return Ok(payment);
    }
    let known = db::disputes::of_payment(tx, &payment.tenant, payment.id).await?;
    let dispute::Looked { payment, edges, contradiction } =
        dispute::look(payment, &known, seen, &state.clock);
    if let Some(what) = contradiction {
        tracing::error!(payment.id = %payment.id, contradiction = what, "the provider says what cannot be");
    }
    if edges.is_empty() && contradiction.is_none() {
        return Ok(payment);
    }
    db::payments::update(tx, &payment, contradiction).await?;
    for dispute in edges {
        step(tx, state, &payment, &dispute).await?;
    }
    Ok(payment)
}

/// Writes an edge of a dispute, posts what it moves, and tells the world.
async fn step(tx: &mut Tx, state: &State, payment: &Payment, dispute: &Dispute) -> Result<(), Error> {
    let clock = &state.clock;
    let entry = match dispute.state {
        DisputeState::NeedsResponse => Some(Entry::dispute_opened(payment, dispute, clock)?),
        DisputeState::UnderReview => None,
        DisputeState::Won => Some(Entry::dispute_won(payment, dispute, clock)?),
        DisputeState::Lost => Some(Entry::dispute_lost(payment, dispute, clock)?),
    };
    if dispute.state == DisputeState::NeedsResponse {
        db::disputes::insert(tx, dispute).await?;
    } else {
        db::disputes::update(tx, dispute).await?;
    }
    if let Some(entry) = entry {
        db::ledger::post(tx, &payment.tenant, &entry).await?;
    }
    payment_events::append_dispute(tx, clock, payment, dispute).await?;
    tracing::info!(dispute.id = %dispute.id, dispute.status = dispute.state.name(), "dispute moved on");
    Ok(())
}

/// When to look next at the disputes of a payment, unless a callback comes before: soon where the provider has not answered, since a
/// callback may have been about one that nobody knows.
pub(super) async fn ask_at(
    tx: &mut Tx,
    payment: &Payment,
    answered: bool,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, Error> {
    if payment.captured() == 0 {
        return Ok(None);
    }
    if !answered {
        let quarter: Duration = (now - payment.finished_at.unwrap_or(now)) / 4_i32;
        return Ok(Some(now + quarter.clamp(Duration::seconds(5), Duration::minutes(15))));
    }
    let known = db::disputes::of_payment(tx, &payment.tenant, payment.id).await?;
    Ok(known.iter().filter_map(|dispute| dispute.ask_at(now)).min())
}

/// Lists disputes with their currencies.
pub async fn list_disputes(
    state: &State,
    caller: &Caller,
    request: &v1::ListDisputesRequest,
) -> Result<Page<(Dispute, Currency)>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let filter = Filter {
        payment_id: super::given(&request.payment_id).map(super::payment_id).transpose()?,
        state: match request.status() {
            v1::DisputeStatus::Unspecified => None,
            v1::DisputeStatus::NeedsResponse => Some(DisputeState::NeedsResponse),
            v1::DisputeStatus::UnderReview => Some(DisputeState::UnderReview),
            v1::DisputeStatus::Won => Some(DisputeState::Won),
            v1::DisputeStatus::Lost => Some(DisputeState::Lost),
        },
    };
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        let before = after.map(PageToken::last);
        Box::pin(async move {
            if let Some(id) = filter.payment_id {
                db::payments::find(tx, &tenant, None, id).await?.ok_or(Error::PaymentNotFound)?;
            }
            Ok::<_, Error>(db::disputes::list(tx, &tenant, filter, before, limit).await?)
        })
    });
    Ok(paging::cut(found.await?, size, |(dispute, _)| dispute.id.into()))
}
