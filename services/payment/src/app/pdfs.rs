//! PDFs of bills and receipts: asked for in the transaction that issues or completes, made by the worker, kept by `document` under the
//! job's id.
//!
//! What is in one never changes: a bill's as it was issued, a receipt's payment as it was completed. So it can be made again by whoever
//! comes, and what comes of that is the same document.

use clock::Clock;
use due::Next;
use ids::{BillId, DocumentId, JobId, PaymentId, Tenant};
use pg::Tx;
use proto::payment::v1;
use queue::Job;
use time::OffsetDateTime;
use topology::queues;

use super::PDF_UNREPORTED;
use super::words::Found;
use crate::domain::pdf::LEASE;
use crate::domain::{BillEvent, Payment, PaymentEvent, Pdf};
use crate::{Error, State, db, events, payment_events};

/// A PDF that is the caller's to make.
#[derive(Debug)]
pub struct ClaimedPdf {
    /// The bill it is of, or that was paid.
    pub bill: v1::Bill,
    /// Of a receipt.
    pub payment: Option<Payment>,
    /// Until when nobody else gets it.
    pub lease_expires_at: OffsetDateTime,
}

/// Asks for the PDF of a bill, or for a receipt: the row, the message, and the reminder that sends it again.
pub(super) async fn ask(
    tx: &mut Tx,
    clock: &Clock,
    bill_id: BillId,
    payment_id: Option<PaymentId>,
) -> Result<(), Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    let id = JobId::mint(clock);
    let pdf = Pdf { id, bill_id, payment_id, sent: 1, lease_expires_at: None, finished_at: None };
    if db::pdfs::insert(tx, &tenant, &pdf, now).await? {
        send(tx, clock, &tenant, id).await?;
        due::schedule(tx, PDF_UNREPORTED, id.into(), now + LEASE).await?;
    }
    Ok(())
}

async fn send(tx: &mut Tx, clock: &Clock, tenant: &Tenant, id: JobId) -> Result<(), Error> {
    Ok(outbox::append_job(tx, clock, queues::PDF, &Job::new(id, tenant.clone(), "pdf")).await?)
}

/// Gives a PDF to one worker for a lease, and tells what is to be in it. Of who is erased nothing is made any more.
pub async fn claim_pdf(state: &State, tenant: &Tenant, job_id: &str) -> Result<ClaimedPdf, Error> {
    let (of, id, clock) = (tenant.clone(), parse(job_id)?, state.clock.clone());
    let found = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            let pdf = db::pdfs::lock(tx, &of, id).await?.ok_or(Error::JobNotFound)?;
            if pdf.finished_at.is_some() {
                return Ok(None);
            }
            if let Some(until) = pdf.leased_until(now) {
                return Err(Error::JobLeased { wait: (until - now).unsigned_abs() });
            }
            let bill = db::bills::find(tx, &of, None, pdf.bill_id).await?.ok_or(Error::JobNotFound)?;
            if db::subject_erasures::find(tx, &of, &bill.payer).await?.is_some() {
                finish(tx, &of, pdf, now).await?;
                return Ok(None);
            }
            let payment = match pdf.payment_id {
                Some(id) => Some(db::payments::find(tx, &of, None, id).await?.ok_or(Error::JobNotFound)?),
                None => None,
            };
            let lease_expires_at = now + LEASE;
            let pdf = Pdf { lease_expires_at: Some(lease_expires_at), ..pdf };
            db::pdfs::update(tx, &of, &pdf).await?;
            Ok(Some((Found::new(tx, vec![bill]).await?, payment, lease_expires_at)))
        })
    });
    let (found, payment, lease_expires_at) = found.await?.ok_or(Error::JobFinished)?;
    let bill = found.shown(state).await?.pop().ok_or(Error::JobNotFound)?;
    Ok(ClaimedPdf { bill, payment, lease_expires_at })
}

/// Takes that a PDF is kept, and tells its payer. Said again it changes nothing.
pub async fn report_pdf(state: &State, tenant: &Tenant, job_id: &str) -> Result<(), Error> {
    let (of, id, clock) = (tenant.clone(), parse(job_id)?, state.clock.clone());
    let reported = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let found = db::pdfs::find(tx, &of, id).await?.ok_or(Error::JobNotFound)?;
            match found.payment_id {
                None => {
                    let bill = db::bills::lock(tx, &of, found.bill_id).await?.ok_or(Error::JobNotFound)?;
                    let Some(document) = report(tx, &of, id, clock.now()).await? else { return Ok(()) };
                    let bill = crate::domain::Bill { pdf_id: Some(document), ..bill };
                    db::bills::update(tx, &bill).await?;
                    events::append_bill(tx, &clock, &bill, BillEvent::PdfReady, None).await?;
                }
                Some(payment) => {
                    let (_, payment) = super::lock_payment(tx, &of, None, payment).await?;
                    let Some(document) = report(tx, &of, id, clock.now()).await? else { return Ok(()) };
                    let payment = Payment { receipt_id: Some(document), ..payment };
                    db::payments::update(tx, &payment, None).await?;
                    payment_events::append(tx, &clock, &payment, PaymentEvent::ReceiptReady).await?;
                }
            }
            failpoint::pass("pdf::written");
            Ok::<_, Error>(())
        })
    });
    reported.await
}

/// The document, where this is the first report.
async fn report(
    tx: &mut Tx,
    tenant: &Tenant,
    id: JobId,
    now: OffsetDateTime,
) -> Result<Option<DocumentId>, Error> {
    let pdf = db::pdfs::lock(tx, tenant, id).await?.ok_or(Error::JobNotFound)?;
    if pdf.finished_at.is_some() {
        return Ok(None);
    }
    finish(tx, tenant, pdf, now).await?;
    Ok(Some(id.into()))
}

async fn finish(tx: &mut Tx, tenant: &Tenant, pdf: Pdf, now: OffsetDateTime) -> Result<(), Error> {
    let pdf = Pdf { finished_at: Some(now), ..pdf };
    db::pdfs::update(tx, tenant, &pdf).await?;
    Ok(due::cancel(tx, PDF_UNREPORTED, pdf.id.into()).await?)
}

/// Sends a job again whose report is still missing; waits while somebody has it.
pub async fn remind_of_pdf(tx: &mut Tx, clock: &Clock, id: JobId) -> Result<Next, Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    let Some(pdf) = db::pdfs::lock(tx, &tenant, id).await? else { return Ok(Next::Done) };
    if pdf.finished_at.is_some() {
        return Ok(Next::Done);
    }
    if let Some(until) = pdf.leased_until(now) {
        return Ok(Next::At(until));
    }
    tracing::info!(job.id = %id, "pdf is not reported, job sent again");
    send(tx, clock, &tenant, id).await?;
    let wait = pdf.wait();
    db::pdfs::update(tx, &tenant, &Pdf { sent: pdf.sent.saturating_add(1), ..pdf }).await?;
    Ok(Next::At(now + wait))
}

/// The job that a request names. What is no id names no job.
fn parse(text: &str) -> Result<JobId, Error> {
    text.parse().map_err(|_| Error::JobNotFound)
}
