use auth::Caller;
use idempotency::{KEEP_PAYMENT, Key, Outcome};
use ids::PaymentId;
use proto::Operation;
use proto::payment::v1;
use time::Duration;

use crate::domain::{Payment, PaymentEvent, PaymentState, return_url};
use crate::{Error, State, db, payment_events};

/// How long a payer has.
const LASTS: Duration = Duration::minutes(90);

/// Begins to pay a bill, or a part of it: reserves the amount, and has it advanced after the commit.
pub async fn initiate_payment(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::InitiatePaymentRequest,
) -> Result<Outcome<v1::Payment>, Error> {
    let bill_id = super::bill_id(&request.bill_id)?;
    let return_url = return_url::parse(&request.return_url).map_err(Error::ReturnUrl)?;
    let asked = request.amount.as_ref().map(|money| super::amount("amount", Some(money))).transpose()?;
    let account = state.providers.of_tenant(&caller.tenant).ok_or(Error::NoProviderAccount)?.name.clone();

    let (tenant, clock, who) = (caller.tenant.clone(), state.clock.clone(), caller.clone());
    let scope = super::scope(caller, Operation::PaymentInitiatePayment, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP_PAYMENT, move |tx| {
        Box::pin(async move {
            let bill = db::bills::lock(tx, &tenant, bill_id).await?;
            let bill = bill
                .filter(|bill| who.is(&bill.payer) && bill.is_known_to_payer())
                .ok_or(Error::BillNotFound)?;
            let amount = match asked {
                Some((amount, currency)) if currency == bill.currency => amount,
                Some(_) => return Err(Error::AmountCurrency("amount")),
                None => bill.outstanding(),
            };
            let bill = bill.reserve(amount)?;
            let now = clock.now();
            let payment = Payment {
                id: PaymentId::mint(&clock),
                tenant,
                bill_id,
                payer: who.subject,
                account,
                amount,
                currency: bill.currency,
                return_url: Some(return_url),
                state: PaymentState::Initiated,
                provider_id: None,
                charge_id: None,
                next_url: None,
                cancel: None,
                silent_since: None,
                refunded: 0,
                refunding: 0,
                disputed: 0,
                created_at: now,
                expires_at: now + LASTS,
                finished_at: None,
                receipt_id: None,
            };
            if !db::payments::insert(tx, &payment).await? {
                return Err(Error::PaymentUnderWay);
            }
            db::bills::update(tx, &bill).await?;
            payment_events::append(tx, &clock, &payment, PaymentEvent::Initiated).await?;
            super::want_advance(tx, &clock, payment.id).await?;
            failpoint::pass("initiate::written");
            Ok::<_, Error>(v1::Payment::from(&payment))
        })
    })
    .await;
    failpoint::pass("initiate::committed");
    outcome
}
