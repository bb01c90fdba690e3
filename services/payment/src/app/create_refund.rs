use auth::Caller;
use idempotency::{KEEP_PAYMENT, Key, Outcome};
use ids::RefundId;
use proto::Operation;
use proto::payment::v1;

use crate::domain::{MOST_REFUNDS, Refund, RefundState};
use crate::grpc::payments::refund as shown;
use crate::{Error, State, db, payment_events};

/// Begins to give something back: takes it from what is available, and has it advanced after the commit.
pub async fn create_refund(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::CreateRefundRequest,
) -> Result<Outcome<v1::Refund>, Error> {
    let id = super::payment_id(&request.payment_id)?;
    let (amount, currency) = super::amount("amount", request.amount.as_ref())?;
    let believed = request.amount_available.as_ref();
    let believed = believed.ok_or(Error::Amount { field: "amount_available", rule: "must be set" })?;
    let (believed, believed_currency) = (believed.minor_units, believed.currency.clone());
    let reason = super::grounds(&request.reason)?;

    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::PaymentCreateRefund, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP_PAYMENT, move |tx| {
        Box::pin(async move {
            let (_, payment) = super::lock_payment(tx, &tenant, None, id).await?;
            if currency != payment.currency {
                return Err(Error::AmountCurrency("amount"));
            }
            if believed_currency != payment.currency.as_str() {
                return Err(Error::AmountCurrency("amount_available"));
            }
            let payment = payment.refund(amount, believed)?;
            let refunds = db::refunds::of_payment(tx, &tenant, id).await?;
            if i64::try_from(refunds.len()).is_ok_and(|refunds| refunds >= MOST_REFUNDS) {
                return Err(Error::TooManyRefunds);
            }
            let erased = db::subject_erasures::is_finished(tx, &tenant, &payment.payer).await?;
            let refund = Refund {
                id: RefundId::mint(&clock),
                tenant,
                payment_id: id,
                amount,
                state: RefundState::Submitted,
                provider_id: None,
                // Of somebody who is erased nobody writes anew.
                reason: (!erased).then_some(reason),
                requested_by: by,
                created_at: clock.now(),
                finished_at: None,
            };
            db::payments::update(tx, &payment, None).await?;
            db::refunds::insert(tx, &refund).await?;
            super::wake(tx, &clock, &payment.tenant, id).await?;
            payment_events::append_refund(tx, &clock, &payment, &refund).await?;
            failpoint::pass("refund::written");
            // The reason is the caller's own words: it is filled in from the request, also when it is repeated.
            Ok::<_, Error>(v1::Refund { reason: String::new(), ..shown(&refund, payment.currency) })
        })
    })
    .await?;
    failpoint::pass("refund::committed");
    let reason = request.reason.clone();
    Ok(outcome.map(|refund| v1::Refund { reason, ..refund }))
}
