//! Payments, refunds and histories as callers may see them.

use auth::Caller;
use proto::payment::v1;

use crate::db::payment_entries::PaymentEntry;
use crate::db::payments::Filter;
use crate::domain::{Currency, PageToken, Payment, Refund};
use crate::{Error, State, db};

/// A page of payments.
#[derive(Debug)]
pub struct Payments {
    /// Newest first.
    pub payments: Vec<Payment>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
}

/// Reads a payment.
pub async fn get_payment(state: &State, caller: &Caller, id: &str) -> Result<Payment, Error> {
    let id = super::payment_id(id)?;
    let (tenant, payers) = (caller.tenant.clone(), super::payers(caller));
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::payments::find(tx, &tenant, payers.as_deref(), id).await?) })
    });
    found.await?.ok_or(Error::PaymentNotFound)
}

/// Lists payments, newest first.
pub async fn list_payments(
    state: &State,
    caller: &Caller,
    request: &v1::ListPaymentsRequest,
) -> Result<Payments, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let filter = Filter {
        payers: super::payers(caller),
        bill_id: super::given(&request.bill_id).map(super::bill_id).transpose()?,
    };
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let payments = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            if let Some(id) = filter.bill_id {
                let bill = db::bills::find(tx, &tenant, filter.payers.as_deref(), id).await?;
                bill.ok_or(Error::BillNotFound)?;
            }
            let before = after.map(PageToken::last);
            Ok::<_, Error>(db::payments::list(tx, &tenant, &filter, before, limit).await?)
        })
    });
    let (payments, next) = paging::cut(payments.await?, size, |payment| payment.id.into());
    Ok(Payments { payments, next })
}

/// Lists the refunds of a payment, oldest first, with its currency.
pub async fn list_refunds(
    state: &State,
    caller: &Caller,
    payment_id: &str,
) -> Result<(Vec<Refund>, Currency), Error> {
    let id = super::payment_id(payment_id)?;
    let (tenant, payers) = (caller.tenant.clone(), super::payers(caller));
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let payment = db::payments::find(tx, &tenant, payers.as_deref(), id).await?;
            let payment = payment.ok_or(Error::PaymentNotFound)?;
            let mut refunds = db::refunds::of_payment(tx, &tenant, id).await?;
            if payers.is_some() {
                // The office's own words.
                refunds.iter_mut().for_each(|refund| refund.reason = None);
            }
            Ok::<_, Error>((refunds, payment.currency))
        })
    });
    found.await
}

/// Lists what happened to a payment, oldest first.
pub async fn list_payment_events(
    state: &State,
    caller: &Caller,
    payment_id: &str,
) -> Result<Vec<PaymentEntry>, Error> {
    let id = super::payment_id(payment_id)?;
    let (tenant, payers) = (caller.tenant.clone(), super::payers(caller));
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let payment = db::payments::find(tx, &tenant, payers.as_deref(), id).await?;
            payment.ok_or(Error::PaymentNotFound)?;
            Ok::<_, Error>(db::payment_entries::list(tx, &tenant, id).await?)
        })
    });
    found.await
}
