//! Bills as callers may see them.

use auth::Caller;
use proto::payment::v1;

use super::words::Found;
use crate::db::bills::Filter;
use crate::domain::{BillStatus, PageToken};
use crate::error::Broken;
use crate::{Error, State, db};

/// A page of bills.
#[derive(Debug)]
pub struct Bills {
    /// Newest first.
    pub bills: Vec<v1::Bill>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
}

/// Reads a bill.
pub async fn get_bill(state: &State, caller: &Caller, id: &str) -> Result<v1::Bill, Error> {
    let id = super::bill_id(id)?;
    let (tenant, payers) = (caller.tenant.clone(), super::payers(caller));
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let bill = db::bills::find(tx, &tenant, payers.as_deref(), id).await?;
            Found::new(tx, vec![bill.ok_or(Error::BillNotFound)?]).await
        })
    });
    found.await?.shown(state).await?.pop().ok_or(Error::BillNotFound)
}

/// Lists bills, newest first.
pub async fn list_bills(
    state: &State,
    caller: &Caller,
    request: &v1::ListBillsRequest,
) -> Result<Bills, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let named = super::given(&request.payer).map(str::parse).transpose();
    let named =
        named.map_err(|rule: ids::Error| Error::Bill(vec![Broken::new("payer", rule.to_string())]))?;
    let filter = Filter {
        payers: super::payers(caller).or(named.map(|payer| vec![payer])),
        no_drafts: caller.is_citizen(),
        status: status(request.status)?,
    };
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let before = after.map(PageToken::last);
            let bills = db::bills::list(tx, &tenant, &filter, before, limit).await?;
            let (bills, next) = paging::cut(bills, size, |bill| bill.id.into());
            Ok::<_, Error>((Found::new(tx, bills).await?, next))
        })
    });
    let (found, next) = found.await?;
    Ok(Bills { bills: found.shown(state).await?, next })
}

fn status(asked: i32) -> Result<Option<BillStatus>, Error> {
    let unknown =
        || Error::Bill(vec![Broken::new("status", "must be a status of guildhall.payment.v1.BillStatus")]);
    Ok(match v1::BillStatus::try_from(asked).map_err(|_| unknown())? {
        v1::BillStatus::Unspecified => None,
        v1::BillStatus::Draft => Some(BillStatus::Draft),
        v1::BillStatus::Issued => Some(BillStatus::Issued),
        v1::BillStatus::PartPaid => Some(BillStatus::PartPaid),
        v1::BillStatus::Paid => Some(BillStatus::Paid),
        v1::BillStatus::Cancelled => Some(BillStatus::Cancelled),
        v1::BillStatus::WrittenOff => Some(BillStatus::WrittenOff),
    })
}
