//! `LedgerService`.

use proto::common::v1::Money;
use proto::payment::v1;
use proto::payment::v1::ledger_service_server::LedgerService;
use tonic::{Request, Response, Status};

use super::{Api, key, periods, settlements, timestamp};
use crate::app;
use crate::db::ledger::{Balance, Fault, Posted, Total};
use crate::domain::{Account, AccountKind, Adjustment, PageToken, Posting};

#[tonic::async_trait]
impl LedgerService for Api {
    async fn list_balances(
        &self,
        request: Request<v1::ListBalancesRequest>,
    ) -> Result<Response<v1::ListBalancesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (balances, next) = app::list_balances(&self.state, caller, request.get_ref()).await?;
        let balance = |Balance { account: of, debits, credits, .. }: Balance| v1::Balance {
            account: Some(account(&of)),
            debits,
            credits,
        };
        let balances = balances.into_iter().map(balance).collect();
        Ok(Response::new(v1::ListBalancesResponse { balances, next_page_token: token(next) }))
    }

    async fn list_entries(
        &self,
        request: Request<v1::ListEntriesRequest>,
    ) -> Result<Response<v1::ListEntriesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (entries, next) = app::list_entries(&self.state, caller, request.get_ref()).await?;
        let entry = |Posted { id, kind, subject, posted_at, postings }: Posted| v1::Entry {
            entry_id: id.to_string(),
            kind,
            subject_id: subject.to_string(),
            posted_at: Some(timestamp(posted_at)),
            postings: postings.iter().map(posting).collect(),
        };
        let entries = entries.into_iter().map(entry).collect();
        Ok(Response::new(v1::ListEntriesResponse { entries, next_page_token: token(next) }))
    }

    async fn verify_ledger(
        &self,
        request: Request<v1::VerifyLedgerRequest>,
    ) -> Result<Response<v1::VerifyLedgerResponse>, Status> {
        let caller = auth::caller(&request)?;
        let app::Proof { entries, postings, totals, faults, more } =
            app::verify_ledger(&self.state.db, &caller.tenant).await?;
        let fault = |Fault { rule, subject, currency, found, expected }| {
            let money = |minor_units| Some(Money { minor_units, currency: String::clone(&currency) });
            v1::LedgerFault { rule, subject_id: subject, found: money(found), expected: money(expected) }
        };
        let proof = v1::LedgerProof {
            entries,
            postings,
            currencies: totals.into_iter().map(self::proof).collect(),
            faults: faults.into_iter().map(fault).collect(),
            more_faults: more,
        };
        Ok(Response::new(v1::VerifyLedgerResponse { proof: Some(proof) }))
    }

    async fn propose_adjustment(
        &self,
        request: Request<v1::ProposeAdjustmentRequest>,
    ) -> Result<Response<v1::ProposeAdjustmentResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let proposed = app::propose_adjustment(&self.state, caller, key, request.get_ref()).await?;
        let answer = |adjustment| v1::ProposeAdjustmentResponse { adjustment: Some(adjustment) };
        Ok(proposed.map(answer).into_response())
    }

    async fn decide_adjustment(
        &self,
        request: Request<v1::DecideAdjustmentRequest>,
    ) -> Result<Response<v1::DecideAdjustmentResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let decided = app::decide_adjustment(&self.state, caller, key, request.get_ref()).await?;
        let answer = |adjustment| v1::DecideAdjustmentResponse { adjustment: Some(adjustment) };
        Ok(decided.map(answer).into_response())
    }

    async fn list_adjustments(
        &self,
        request: Request<v1::ListAdjustmentsRequest>,
    ) -> Result<Response<v1::ListAdjustmentsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (adjustments, next) = app::list_adjustments(&self.state, caller, request.get_ref()).await?;
        let adjustments = adjustments.iter().map(adjustment).collect();
        Ok(Response::new(v1::ListAdjustmentsResponse { adjustments, next_page_token: token(next) }))
    }

    async fn list_settlements(
        &self,
        request: Request<v1::ListSettlementsRequest>,
    ) -> Result<Response<v1::ListSettlementsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (settlements, next) = app::list_settlements(&self.state, caller, request.get_ref()).await?;
        let settlements = settlements.iter().map(settlements::settlement).collect();
        Ok(Response::new(v1::ListSettlementsResponse { settlements, next_page_token: token(next) }))
    }

    async fn get_settlement(
        &self,
        request: Request<v1::GetSettlementRequest>,
    ) -> Result<Response<v1::GetSettlementResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (settlement, lines, next) = app::get_settlement(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::GetSettlementResponse {
            settlement: Some(settlements::settlement(&settlement)),
            lines: lines.into_iter().map(settlements::line).collect(),
            next_page_token: token(next),
        }))
    }

    async fn close_period(
        &self,
        request: Request<v1::ClosePeriodRequest>,
    ) -> Result<Response<v1::ClosePeriodResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let closed = app::close_period(&self.state, caller, key, request.get_ref()).await?;
        Ok(closed.map(|period| v1::ClosePeriodResponse { period: Some(period) }).into_response())
    }

    async fn list_periods(
        &self,
        request: Request<v1::ListPeriodsRequest>,
    ) -> Result<Response<v1::ListPeriodsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (periods, next) = app::list_periods(&self.state, caller, request.get_ref()).await?;
        let periods = periods.iter().map(periods::period).collect();
        Ok(Response::new(v1::ListPeriodsResponse { periods, next_page_token: token(next) }))
    }
}

pub(super) fn proof(Total { currency, debits, credits }: Total) -> v1::CurrencyProof {
    v1::CurrencyProof { currency, debits, credits }
}

pub(crate) fn adjustment(adjustment: &Adjustment) -> v1::Adjustment {
    let decision = adjustment.decision.as_ref();
    let status = match decision.map(|decision| decision.approved) {
        None => v1::AdjustmentStatus::Proposed,
        Some(true) => v1::AdjustmentStatus::Approved,
        Some(false) => v1::AdjustmentStatus::Rejected,
    };
    v1::Adjustment {
        adjustment_id: adjustment.id.to_string(),
        status: status.into(),
        postings: adjustment.postings.iter().map(posting).collect(),
        reason: adjustment.reason.as_str().to_owned(),
        proposed_by: adjustment.proposed_by.to_string(),
        proposed_at: Some(timestamp(adjustment.proposed_at)),
        decided_by: decision.map(|decision| decision.by.to_string()).unwrap_or_default(),
        decided_at: decision.map(|decision| timestamp(decision.at)),
    }
}

fn posting(posting: &Posting) -> v1::Posting {
    v1::Posting { account: Some(account(&posting.account)), amount: posting.amount }
}

fn account(account: &Account) -> v1::Account {
    let kind = match account.kind {
        AccountKind::Receivable => v1::AccountKind::Receivable,
        AccountKind::Clearing => v1::AccountKind::Clearing,
        AccountKind::Revenue => v1::AccountKind::Revenue,
        AccountKind::Tax => v1::AccountKind::Tax,
        AccountKind::Refunds => v1::AccountKind::Refunds,
        AccountKind::WriteOffs => v1::AccountKind::WriteOffs,
        AccountKind::Fees => v1::AccountKind::Fees,
        AccountKind::Bank => v1::AccountKind::Bank,
        AccountKind::Suspense => v1::AccountKind::Suspense,
        AccountKind::Disputed => v1::AccountKind::Disputed,
        AccountKind::Losses => v1::AccountKind::Losses,
    };
    let (owner, currency) = (account.owner.clone(), account.currency.to_string());
    v1::Account { kind: kind.into(), owner, currency }
}

fn token(next: Option<PageToken>) -> String {
    next.map(|token| token.to_string()).unwrap_or_default()
}
