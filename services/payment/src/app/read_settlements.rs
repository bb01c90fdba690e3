//! Settlements as finance staff may see them.

use auth::Caller;
use proto::payment::v1;
use uuid::{Builder, Uuid};

use super::ledger::Page;
use crate::db::settlement_lines::Stored;
use crate::domain::PageToken;
use crate::domain::settlement::Settlement;
use crate::{Error, State, db};

/// A settlement, a page of its lines, and where the next one begins.
pub type Lines = (Settlement, Vec<Stored>, Option<PageToken>);

/// Lists settlements.
pub async fn list_settlements(
    state: &State,
    caller: &Caller,
    request: &v1::ListSettlementsRequest,
) -> Result<Page<Settlement>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let unmatched = request.unmatched_only;
    let found = state.db.tenant(&caller.tenant, move |tx| {
        let before = after.map(PageToken::last);
        Box::pin(async move {
            Ok::<_, Error>(db::settlements::list(tx, &tenant, unmatched, before, limit).await?)
        })
    });
    Ok(paging::cut(found.await?, size, |settlement| settlement.id.into()))
}

/// Reads a settlement and a page of its lines.
pub async fn get_settlement(
    state: &State,
    caller: &Caller,
    request: &v1::GetSettlementRequest,
) -> Result<Lines, Error> {
    let id = super::settlement_id(&request.settlement_id)?;
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let after = after.map_or(0, |token| number(token.last()));
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let settlement = db::settlements::find(tx, &tenant, id).await?;
            let settlement = settlement.ok_or(Error::SettlementNotFound)?;
            let lines = db::settlement_lines::list(tx, &tenant, id, after, limit).await?;
            Ok::<_, Error>((settlement, lines))
        })
    });
    let (settlement, lines) = found.await?;
    let (lines, next) = paging::cut(lines, size, |line| numbered(line.number));
    Ok((settlement, lines, next))
}

/// Tokens hold ids, and lines have numbers: the number is where an id has its time.
fn numbered(number: i32) -> Uuid {
    Builder::from_unix_timestamp_millis(u64::try_from(number).unwrap_or(0), &[0; 10]).into_uuid()
}

/// The number in such an id; that of a token of something else is beyond all lines, or names another page of them.
fn number(id: Uuid) -> i32 {
    let millis = id.get_timestamp().map(|at| at.to_unix()).map_or(0, |(seconds, nanos)| {
        seconds.saturating_mul(1_000).saturating_add(u64::from(nanos) / 1_000_000)
    });
    i32::try_from(millis).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_the_number_of_its_line() {
        for line in [0, 1, 999, 1_000, 100_001, i32::MAX] {
            let token = PageToken::after(numbered(line)).to_string();
            let read = PageToken::parse(&token).unwrap().unwrap();
            assert_eq!(number(read.last()), line);
        }
    }
}
