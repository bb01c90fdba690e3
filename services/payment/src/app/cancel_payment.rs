use auth::Caller;
use idempotency::{KEEP_PAYMENT, Key, Outcome};
use proto::Operation;
use proto::payment::v1;

use crate::domain::CancelledBy;
use crate::{Error, State, db, payment_events};

/// Notes that a payment is to be cancelled, and has it advanced after the commit.
pub async fn cancel_payment(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::CancelPaymentRequest,
) -> Result<Outcome<v1::Payment>, Error> {
    let id = super::payment_id(&request.payment_id)?;
    let by = if caller.is_citizen() { CancelledBy::Payer } else { CancelledBy::Staff };
    let (tenant, clock, payers) = (caller.tenant.clone(), state.clock.clone(), super::payers(caller));
    let scope = super::scope(caller, Operation::PaymentCancelPayment, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP_PAYMENT, move |tx| {
        Box::pin(async move {
            let (_, payment) = super::lock_payment(tx, &tenant, payers.as_deref(), id).await?;
            let first = payment.cancel.is_none();
            let payment = payment.ask_cancel(by)?;
            if first {
                db::payments::update(tx, &payment, None).await?;
                payment_events::note_cancel_asked(tx, &clock, &payment).await?;
            }
            super::wake(tx, &clock, &tenant, id).await?;
            Ok::<_, Error>(v1::Payment::from(&payment))
        })
    })
    .await
}
