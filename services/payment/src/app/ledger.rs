//! The books: read, proven, and corrected by two persons.

use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use ids::{AdjustmentId, Tenant};
use pg::Db;
use proto::Operation;
use proto::payment::v1;

use crate::db::ledger::{Balance, Fault, Posted, Total};
use crate::domain::{Account, AccountKind, Adjustment, Currency, Entry, NoEntry, PageToken, Posting, ledger};
use crate::error::Broken;
use crate::grpc::ledger::adjustment as shown;
use crate::{Error, State, db};

/// Faults that are told.
const MOST_FAULTS: usize = 100;

/// The books, added up anew.
#[derive(Debug)]
pub struct Proof {
    /// How many entries.
    pub entries: i64,
    /// How many postings.
    pub postings: i64,
    /// What they come to.
    pub totals: Vec<Total>,
    /// What is wrong, at most 100.
    pub faults: Vec<Fault>,
    /// Whether more is wrong.
    pub more: bool,
}

/// A page, newest first, and where the next one begins.
pub type Page<T> = (Vec<T>, Option<PageToken>);

/// Reads what accounts have come to.
pub async fn list_balances(
    state: &State,
    caller: &Caller,
    request: &v1::ListBalancesRequest,
) -> Result<Page<Balance>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        let before = after.map(PageToken::last);
        Box::pin(async move { Ok::<_, Error>(db::ledger::balances(tx, &tenant, before, limit).await?) })
    });
    Ok(paging::cut(found.await?, size, |balance| balance.id.into()))
}

/// Lists entries.
pub async fn list_entries(
    state: &State,
    caller: &Caller,
    request: &v1::ListEntriesRequest,
) -> Result<Page<Posted>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    // What is no id has no entry.
    let subject = super::given(&request.subject_id).map(str::parse).transpose();
    let Ok(subject) = subject else { return Ok((Vec::new(), None)) };
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        let before = after.map(PageToken::last);
        Box::pin(
            async move { Ok::<_, Error>(db::ledger::entries(tx, &tenant, subject, before, limit).await?) },
        )
    });
    Ok(paging::cut(found.await?, size, |entry| entry.id.into()))
}

/// Adds everything up anew. Faults of bills and payments, of settlements, of disputes and of periods are each those of one moment.
pub async fn verify_ledger(db: &Db, tenant: &Tenant) -> Result<Proof, Error> {
    let of = tenant.clone();
    let found = db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let (entries, postings) = db::ledger::counts(tx, &of).await?;
            let totals = db::ledger::totals(tx, &of).await?;
            let limit = i64::try_from(MOST_FAULTS).unwrap_or(i64::MAX) + 1;
            let mut faults = db::ledger::faults(tx, &of, limit).await?;
            faults.extend(db::proofs::settlements(tx, &of, limit).await?);
            faults.extend(db::proofs::disputes(tx, &of, limit).await?);
            faults.extend(db::proofs::periods(tx, &of, limit).await?);
            let more = faults.len() > MOST_FAULTS;
            faults.truncate(MOST_FAULTS);
            Ok::<_, Error>(Proof { entries, postings, totals, faults, more })
        })
    });
    found.await
}

/// Proposes a correction.
pub async fn propose_adjustment(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ProposeAdjustmentRequest,
) -> Result<Outcome<v1::Adjustment>, Error> {
    let reason = super::grounds(&request.reason)?;
    let postings = postings(&request.postings)?;
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::LedgerProposeAdjustment, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let adjustment = Adjustment {
                id: AdjustmentId::mint(&clock),
                tenant,
                postings,
                reason,
                proposed_by: by,
                proposed_at: clock.now(),
                decision: None,
            };
            db::adjustments::insert(tx, &adjustment).await?;
            Ok::<_, Error>(without_reason(&adjustment))
        })
    });
    with_reason(state, caller, outcome.await?).await
}

/// Approves or rejects a correction of somebody else's.
pub async fn decide_adjustment(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::DecideAdjustmentRequest,
) -> Result<Outcome<v1::Adjustment>, Error> {
    let id: AdjustmentId = request.adjustment_id.parse().map_err(|_| Error::AdjustmentNotFound)?;
    let approved = match v1::AdjustmentStatus::try_from(request.decision) {
        Ok(v1::AdjustmentStatus::Approved) => true,
        Ok(v1::AdjustmentStatus::Rejected) => false,
        _ => return Err(Error::NoDecision),
    };
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::LedgerDecideAdjustment, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let locked = db::adjustments::lock(tx, &tenant, id).await?;
            let adjustment = locked.ok_or(Error::AdjustmentNotFound)?.decide(approved, by, clock.now())?;
            if let Some(decision) = &adjustment.decision {
                db::adjustments::decide(tx, &tenant, id, decision).await?;
            }
            if approved {
                let entry = Entry::adjustment(id, adjustment.postings.clone(), &clock)?;
                db::ledger::post(tx, &tenant, &entry).await?;
            }
            Ok::<_, Error>(without_reason(&adjustment))
        })
    });
    with_reason(state, caller, outcome.await?).await
}

/// Lists corrections.
pub async fn list_adjustments(
    state: &State,
    caller: &Caller,
    request: &v1::ListAdjustmentsRequest,
) -> Result<Page<Adjustment>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        let before = after.map(PageToken::last);
        Box::pin(async move { Ok::<_, Error>(db::adjustments::list(tx, &tenant, before, limit).await?) })
    });
    Ok(paging::cut(found.await?, size, |adjustment| adjustment.id.into()))
}

/// What is stored as an answer: without what somebody wrote.
fn without_reason(adjustment: &Adjustment) -> v1::Adjustment {
    v1::Adjustment { reason: String::new(), ..shown(adjustment) }
}

async fn with_reason(
    state: &State,
    caller: &Caller,
    outcome: Outcome<v1::Adjustment>,
) -> Result<Outcome<v1::Adjustment>, Error> {
    let id = outcome.value.adjustment_id.parse().map_err(|_| Error::AdjustmentNotFound)?;
    let tenant = caller.tenant.clone();
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::adjustments::find(tx, &tenant, id).await?) })
    });
    let reason = found.await?.ok_or(Error::AdjustmentNotFound)?.reason.as_str().to_owned();
    Ok(outcome.map(|answer| v1::Adjustment { reason, ..answer }))
}

fn postings(asked: &[v1::Posting]) -> Result<Vec<Posting>, Error> {
    if asked.len() > ledger::MOST_POSTINGS {
        return Err(Error::Adjustment(vec![Broken::new("postings", NoEntry::Count.to_string())]));
    }
    let mut broken = Vec::new();
    let mut postings = Vec::new();
    for (number, posting) in asked.iter().enumerate() {
        let mut refuse =
            |name: &str, rule: &str| broken.push(Broken::new(format!("postings[{number}].{name}"), rule));
        let account = posting.account.clone().unwrap_or_default();
        let kind = v1::AccountKind::try_from(account.kind).ok().and_then(kind);
        let currency = account.currency.parse::<Currency>();
        let owner =
            (1..=255).contains(&account.owner.len()) && account.owner.bytes().all(|b| b.is_ascii_graphic());
        if kind.is_none() {
            refuse("account.kind", "must be a kind of guildhall.payment.v1.AccountKind");
        }
        if let Err(rule) = &currency {
            refuse("account.currency", &rule.to_string());
        }
        if !owner {
            refuse("account.owner", "must be 1 to 255 visible ASCII characters");
        }
        if let (Some(kind), Ok(currency)) = (kind, currency) {
            let account = Account { kind, owner: account.owner, currency };
            postings.push(Posting { account, amount: posting.amount });
        }
    }
    if !broken.is_empty() {
        return Err(Error::Adjustment(broken));
    }
    ledger::check(&postings)
        .map_err(|rule| Error::Adjustment(vec![Broken::new("postings", rule.to_string())]))?;
    Ok(postings)
}

fn kind(kind: v1::AccountKind) -> Option<AccountKind> {
    Some(match kind {
        v1::AccountKind::Unspecified => return None,
        v1::AccountKind::Receivable => AccountKind::Receivable,
        v1::AccountKind::Clearing => AccountKind::Clearing,
        v1::AccountKind::Revenue => AccountKind::Revenue,
        v1::AccountKind::Tax => AccountKind::Tax,
        v1::AccountKind::Refunds => AccountKind::Refunds,
        v1::AccountKind::WriteOffs => AccountKind::WriteOffs,
        v1::AccountKind::Fees => AccountKind::Fees,
        v1::AccountKind::Bank => AccountKind::Bank,
        v1::AccountKind::Suspense => AccountKind::Suspense,
        v1::AccountKind::Disputed => AccountKind::Disputed,
        v1::AccountKind::Losses => AccountKind::Losses,
    })
}
