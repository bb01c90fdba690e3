//! `BillingService`.

use proto::common::v1::Money;
use proto::payment::v1;
use proto::payment::v1::billing_service_server::BillingService;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::bill_runs::run_status;
use super::{Api, key, timestamp};
use crate::app;
use crate::domain::{Bill, BillLine, BillStatus, Overflow};

#[tonic::async_trait]
impl BillingService for Api {
    async fn create_bill(
        &self,
        request: Request<v1::CreateBillRequest>,
    ) -> Result<Response<v1::CreateBillResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let created = app::create_bill(&self.state, caller, key, request.get_ref()).await?;
        Ok(created.map(|bill| v1::CreateBillResponse { bill: Some(bill) }).into_response())
    }

    async fn issue_bill(
        &self,
        request: Request<v1::IssueBillRequest>,
    ) -> Result<Response<v1::IssueBillResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let issued = app::issue_bill(&self.state, caller, key, request.get_ref()).await?;
        Ok(issued.map(|bill| v1::IssueBillResponse { bill: Some(bill) }).into_response())
    }

    async fn cancel_bill(
        &self,
        request: Request<v1::CancelBillRequest>,
    ) -> Result<Response<v1::CancelBillResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let cancelled = app::cancel_bill(&self.state, caller, key, request.get_ref()).await?;
        Ok(cancelled.map(|bill| v1::CancelBillResponse { bill: Some(bill) }).into_response())
    }

    async fn credit_bill(
        &self,
        request: Request<v1::CreditBillRequest>,
    ) -> Result<Response<v1::CreditBillResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let credited = app::credit_bill(&self.state, caller, key, request.get_ref()).await?;
        Ok(credited.map(|bill| v1::CreditBillResponse { bill: Some(bill) }).into_response())
    }

    async fn write_off_bill(
        &self,
        request: Request<v1::WriteOffBillRequest>,
    ) -> Result<Response<v1::WriteOffBillResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let given_up = app::write_off_bill(&self.state, caller, key, request.get_ref()).await?;
        Ok(given_up.map(|bill| v1::WriteOffBillResponse { bill: Some(bill) }).into_response())
    }

    async fn get_bill(
        &self,
        request: Request<v1::GetBillRequest>,
    ) -> Result<Response<v1::GetBillResponse>, Status> {
        let caller = auth::caller(&request)?;
        let bill = app::get_bill(&self.state, caller, &request.get_ref().bill_id).await?;
        Ok(Response::new(v1::GetBillResponse { bill: Some(bill) }))
    }

    async fn list_bills(
        &self,
        request: Request<v1::ListBillsRequest>,
    ) -> Result<Response<v1::ListBillsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let page = app::list_bills(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::ListBillsResponse {
            bills: page.bills,
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn create_run(
        &self,
        request: Request<v1::CreateRunRequest>,
    ) -> Result<Response<v1::CreateRunResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let begun = app::create_run(&self.state, caller, key, request.get_ref()).await?;
        Ok(begun.map(|run| v1::CreateRunResponse { run: Some(run) }).into_response())
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::GetRunResponse>, Status> {
        let caller = auth::caller(&request)?;
        let run = app::get_run(&self.state, &caller.tenant, &request.get_ref().run_id).await?;
        Ok(Response::new(v1::GetRunResponse { run: Some(v1::BillRun::from(&run)) }))
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (runs, next) = app::list_runs(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::ListRunsResponse {
            runs: runs.iter().map(v1::BillRun::from).collect(),
            next_page_token: next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn list_run_faults(
        &self,
        request: Request<v1::ListRunFaultsRequest>,
    ) -> Result<Response<v1::ListRunFaultsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let faults = app::list_run_faults(&self.state, caller, &request.get_ref().run_id).await?;
        let faults = faults.into_iter().map(Into::into).collect();
        Ok(Response::new(v1::ListRunFaultsResponse { faults }))
    }

    async fn stage_run_lines(
        &self,
        request: Request<v1::StageRunLinesRequest>,
    ) -> Result<Response<v1::StageRunLinesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let run = app::stage_run_lines(&self.state, &caller.tenant, request.get_ref()).await?;
        let status = run_status(run.state).into();
        Ok(Response::new(v1::StageRunLinesResponse { next_line: run.lines + 1, status }))
    }

    async fn issue_run_lines(
        &self,
        request: Request<v1::IssueRunLinesRequest>,
    ) -> Result<Response<v1::IssueRunLinesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let run = app::issue_run_lines(&self.state, &caller.tenant, request.get_ref()).await?;
        let status = run_status(run.state).into();
        Ok(Response::new(v1::IssueRunLinesResponse { status, issued: run.issued }))
    }

    async fn claim_pdf(
        &self,
        request: Request<v1::ClaimPdfRequest>,
    ) -> Result<Response<v1::ClaimPdfResponse>, Status> {
        let caller = auth::caller(&request)?;
        let claimed = app::claim_pdf(&self.state, &caller.tenant, &request.get_ref().job_id).await?;
        Ok(Response::new(v1::ClaimPdfResponse {
            bill: Some(claimed.bill),
            payment: claimed.payment.as_ref().map(Into::into),
            lease_expires_at: Some(timestamp(claimed.lease_expires_at)),
        }))
    }

    async fn report_pdf(
        &self,
        request: Request<v1::ReportPdfRequest>,
    ) -> Result<Response<v1::ReportPdfResponse>, Status> {
        let caller = auth::caller(&request)?;
        app::report_pdf(&self.state, &caller.tenant, &request.get_ref().job_id).await?;
        Ok(Response::new(v1::ReportPdfResponse {}))
    }
}

/// A bill without what is sealed: what may be stored as an answer.
pub(crate) fn shown<'l>(
    bill: &Bill,
    lines: impl IntoIterator<Item = &'l BillLine>,
    now: OffsetDateTime,
) -> Result<v1::Bill, Overflow> {
    let money = |minor_units| Some(Money { minor_units, currency: bill.currency.to_string() });
    let line = |line: &BillLine| {
        Ok(v1::BillLine {
            description: String::new(),
            fund: line.fund.clone(),
            quantity: line.quantity,
            unit_price: money(line.unit_price),
            tax_rate_bp: line.tax_rate_bp,
            tax: money(line.tax()?),
        })
    };
    Ok(v1::Bill {
        bill_id: bill.id.to_string(),
        reference: bill.reference.clone(),
        payer: bill.payer.to_string(),
        payer_name: String::new(),
        status: status(bill.status).into(),
        lines: lines.into_iter().map(line).collect::<Result<_, _>>()?,
        total: money(bill.total),
        paid: money(bill.paid),
        credited: money(bill.credited),
        written_off: money(if bill.status == BillStatus::WrittenOff { bill.given_up } else { 0 }),
        outstanding: money(bill.outstanding()),
        due_on: bill.due_on.to_string(),
        overdue: bill.is_overdue(now),
        created_at: Some(timestamp(bill.created_at)),
        issued_at: bill.issued_at.map(timestamp),
        closed_at: bill.closed_at.map(timestamp),
        pdf_document_id: bill.pdf_id.map(|id| id.to_string()).unwrap_or_default(),
    })
}

pub(crate) fn status(status: BillStatus) -> v1::BillStatus {
    match status {
        BillStatus::Draft => v1::BillStatus::Draft,
        BillStatus::Issued => v1::BillStatus::Issued,
        BillStatus::PartPaid => v1::BillStatus::PartPaid,
        BillStatus::Paid => v1::BillStatus::Paid,
        BillStatus::Cancelled => v1::BillStatus::Cancelled,
        BillStatus::WrittenOff => v1::BillStatus::WrittenOff,
    }
}
