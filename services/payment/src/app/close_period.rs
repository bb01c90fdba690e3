//! Months of the books, which two persons close.

use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use ids::PeriodId;
use pg::Tx;
use proto::Operation;
use proto::payment::v1;

use super::ledger::Page;
use crate::db::periods::Summed;
use crate::domain::{Month, PageToken, Period};
use crate::grpc::periods::period as shown;
use crate::{Error, State, db};

/// A month, and what its stored trial balance comes to.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The month.
    pub period: Period,
    /// What its trial balance comes to, by currency.
    pub totals: Vec<Summed>,
}

/// Proposes to close a month, or closes it, if somebody else has proposed to.
pub async fn close_period(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ClosePeriodRequest,
) -> Result<Outcome<v1::Period>, Error> {
    let month: Month = request.month.parse().map_err(Error::Month)?;
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::LedgerClosePeriod, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            // Whoever closes a month has the books alone: of two who do it at once the second sees what the first has done.
            db::periods::lock_books(tx, &tenant).await?;
            let closed = db::periods::closed(tx, &tenant).await?;
            let now = clock.now();
            let period = match db::periods::lock(tx, &tenant, month).await? {
                None => {
                    let id = PeriodId::mint(&clock);
                    let period = Period::propose(id, tenant, month, closed, by, now)?;
                    db::periods::insert(tx, &period).await?;
                    period
                }
                Some(proposed) => {
                    let period = proposed.close(closed, by, now)?;
                    db::periods::close(tx, &period).await?;
                    tracing::info!(period.id = %period.id, %month, "period closed");
                    period
                }
            };
            failpoint::pass("period::written");
            let closing = with_totals(tx, vec![period]).await?.pop();
            Ok::<_, Error>(closing.as_ref().map(shown).unwrap_or_default())
        })
    })
    .await
}

/// Lists months that are closed, or are to be.
pub async fn list_periods(
    state: &State,
    caller: &Caller,
    request: &v1::ListPeriodsRequest,
) -> Result<Page<Closing>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        let before = after.map(PageToken::last);
        Box::pin(async move {
            let periods = db::periods::list(tx, &tenant, before, limit).await?;
            with_totals(tx, periods).await
        })
    });
    Ok(paging::cut(found.await?, size, |closing| closing.period.id.into()))
}

async fn with_totals(tx: &mut Tx, periods: Vec<Period>) -> Result<Vec<Closing>, Error> {
    let tenant = tx.tenant().clone();
    let ids: Vec<PeriodId> = periods.iter().map(|period| period.id).collect();
    let totals = db::periods::totals(tx, &tenant, &ids).await?;
    let closing = periods.into_iter().map(|period| {
        let totals = totals.iter().filter(|summed| summed.period == period.id).cloned().collect();
        Closing { period, totals }
    });
    Ok(closing.collect())
}
