//! What providers have settled, fetched once a day, compared and posted.
//!
//! The provider is not asked inside of the runner's transaction: there the account is only handed to a task, and its row moved on to when
//! it would be tried again. The task fetches the report of the account's next day, compares it with what happened here, posts it and
//! settles the row in one transaction. Whatever fails or dies in between leaves the row, and is tried again; of two that fetch at once
//! the second finds that the day was settled.

use clock::Clock;
use due::Next;
use futures::StreamExt as _;
use ids::{SettledAccountId, SettlementId, Tenant};
use pg::{Db, Tx};
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::SETTLEMENT;
use crate::db::settlements::SettledAccount;
use crate::domain::settlement::{Compared, Report, Settlement, compare};
use crate::domain::{AccountName, Day, Entry};
use crate::provider::{Accounts, SettlementSeen};
use crate::{Error, State, db, settlement_events};

/// How long after a day its report is fetched: what happened at its end is known here by then.
const AFTER: Duration = Duration::hours(2);
/// How long after a try the next one is made, unless the row was settled.
const RETRY: Duration = Duration::minutes(15);
/// How long after a day a report that knows more of a payment than we do waits until the provider was asked.
const PATIENCE: Duration = Duration::hours(6);
/// How long after a day its report is late: somebody has to ask the provider.
const LATE: Duration = Duration::days(1);
/// Payments that the provider is asked about at once, for a report.
const MOST_ASKED: usize = 500;
/// What an earlier report may have left to look for happened no longer before its day began.
const BEFORE: Duration = Duration::days(1);
/// Accounts waiting for the task.
const WAITING: usize = 100;

/// Hands accounts to the task that fetches what was settled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settler(mpsc::Sender<(Tenant, SettledAccountId)>);

/// The task behind a [`Settler`].
#[derive(Debug)]
pub struct Settling(mpsc::Receiver<(Tenant, SettledAccountId)>);

/// What came of fetching a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It is settled, compared and posted.
    Settled(Settlement),
    /// The provider has no report of this day yet.
    NotReady(Day),
    /// The report of this day knows of payments what we do not: the provider is being asked about them.
    Waiting(Day),
    /// Somebody else has settled this day meanwhile.
    Overtaken(Day),
    /// The provider has not answered for this day, or not so that it can be understood.
    NoAnswer(Day),
    /// Nothing was charged there so far, or the account is not one of ours.
    Nothing,
}

impl Settler {
    /// A handle and its task, which is to be run.
    #[must_use]
    pub fn new() -> (Self, Settling) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Settling(receiver))
    }

    /// Hands over an account. Says when to hand it over again, unless its row is settled by then.
    #[must_use]
    pub fn hand_over(&self, tenant: &Tenant, id: SettledAccountId, now: OffsetDateTime) -> Next {
        // Where too many wait it is tried again, as it is where the provider does not answer.
        let _full = self.0.try_send((tenant.clone(), id));
        Next::At(now + RETRY)
    }
}

impl Settling {
    /// Settles what is handed over, one after the other, until `shutdown`.
    pub async fn run(self, state: State, shutdown: CancellationToken) {
        let handed_over = ReceiverStream::new(self.0).take_until(shutdown.cancelled());
        handed_over.for_each(|(tenant, id)| in_turn(&state, tenant, id)).await;
    }
}

async fn in_turn(state: &State, tenant: Tenant, id: SettledAccountId) {
    let of = tenant.clone();
    let account = state.db.tenant(&tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::settlements::account_of(tx, &of, id).await?) })
    });
    let fetched = match account.await {
        Ok(Some(account)) => {
            settle(&state.db, &state.clock, &state.providers, &tenant, &account.account).await
        }
        Ok(None) => return,
        Err(error) => Err(error),
    };
    match fetched {
        Ok(Fetched::Settled(_) | Fetched::Overtaken(_) | Fetched::Nothing) => {}
        Ok(Fetched::NotReady(day) | Fetched::NoAnswer(day)) if state.clock.now() > day.end() + LATE => {
            tracing::error!(%tenant, account.id = %id, %day, "a settlement is late, will retry");
        }
        Ok(Fetched::NotReady(day) | Fetched::Waiting(day) | Fetched::NoAnswer(day)) => {
            tracing::info!(%tenant, account.id = %id, %day, "not settled, will retry");
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%tenant, account.id = %id, error, "not settled, will retry");
        }
    }
}

/// Begins to settle an account, on which something was charged for the first time.
pub(super) async fn begin(tx: &mut Tx, clock: &Clock, account: &AccountName) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    if db::settlements::is_begun(tx, &tenant, account).await? {
        return Ok(());
    }
    let id = SettledAccountId::mint(clock);
    if let Some(day) = db::settlements::begin(tx, &tenant, id, account).await? {
        due::schedule(tx, SETTLEMENT, id.into(), day.end() + AFTER).await?;
    }
    Ok(())
}

/// Fetches the report of the day that comes next for an account, compares it and posts it.
pub async fn settle(
    db: &Db,
    clock: &Clock,
    providers: &Accounts,
    tenant: &Tenant,
    account: &AccountName,
) -> Result<Fetched, Error> {
    let (of, name) = (tenant.clone(), account.clone());
    let found = db.tenant(tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::settlements::account(tx, &of, &name).await?) })
    });
    let Some(account) = found.await? else { return Ok(Fetched::Nothing) };
    let day = account.next_day;
    let at = providers.find(&account.account).filter(|found| found.tenant == *tenant);
    let Some(at) = at else { return Ok(Fetched::NoAnswer(day)) };
    let report = match at.provider.settlement(day, clock.now()).await {
        SettlementSeen::Report(report) => report,
        SettlementSeen::NotReady => return Ok(Fetched::NotReady(day)),
        SettlementSeen::NoAnswer => return Ok(Fetched::NoAnswer(day)),
    };
    failpoint::pass("settle::fetched");
    let lag = at.provider.settles_within();
    let (of, clock) = (tenant.clone(), clock.clone());
    let fetched = db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let locked = db::settlements::lock(tx, &of, account.id).await?;
            if locked.is_none_or(|now| now.next_day != day) {
                return Ok(Fetched::Overtaken(day));
            }
            take(tx, &clock, &account, &report, lag).await
        })
    });
    let fetched = fetched.await?;
    failpoint::pass("settle::committed");
    Ok(fetched)
}

/// Takes the report of an account's next day, under the account's lock. What happened longer ago than `lag` should have been in one.
async fn take(
    tx: &mut Tx,
    clock: &Clock,
    account: &SettledAccount,
    report: &Report,
    lag: Duration,
) -> Result<Fetched, Error> {
    let (tenant, day, now) = (tx.tenant().clone(), account.next_day, clock.now());
    let range = (day.begin() - BEFORE - lag, day.end() - lag);
    let ours = db::settlement_lines::ours(tx, &tenant, &account.account, report, range).await?;
    let compared = compare(report, &ours);
    if !compared.to_ask.is_empty() && now < day.end() + PATIENCE {
        for id in compared.to_ask.iter().take(MOST_ASKED) {
            super::wake(tx, clock, &tenant, *id).await?;
        }
        due::schedule(tx, SETTLEMENT, account.id.into(), now + RETRY).await?;
        return Ok(Fetched::Waiting(day));
    }
    let settlement = settlement(&tenant, account, report, &compared, clock);
    db::settlements::insert(tx, &settlement, &compared.lines).await?;
    if let Some(entry) = Entry::settlement(&settlement, clock)? {
        db::ledger::post(tx, &tenant, &entry).await?;
    }
    settlement_events::append(tx, clock, &settlement).await?;
    db::settlements::go_on(tx, &tenant, account.id, day.next()).await?;
    due::schedule(tx, SETTLEMENT, account.id.into(), day.next().end() + AFTER).await?;
    failpoint::pass("settle::written");
    let (matched, unmatched) = (settlement.matched, settlement.unmatched);
    if unmatched == 0 {
        tracing::info!(settlement.id = %settlement.id, %day, settlement.matched = matched, "settled");
    } else {
        tracing::warn!(
            settlement.id = %settlement.id, %day, settlement.matched = matched, settlement.unmatched = unmatched,
            "settled, and somebody has to look"
        );
    }
    Ok(Fetched::Settled(settlement))
}

fn settlement(
    tenant: &Tenant,
    account: &SettledAccount,
    report: &Report,
    compared: &Compared,
    clock: &Clock,
) -> Settlement {
    let (matched, unmatched) = compared.count();
    Settlement {
        id: SettlementId::mint(clock),
        tenant: tenant.clone(),
        account: account.account.clone(),
        day: account.next_day,
        fetched_at: clock.now(),
        sha256: report.sha256,
        report_lines: i32::try_from(report.lines().len()).unwrap_or(i32::MAX),
        matched,
        unmatched,
        totals: compared.totals(),
    }
}
