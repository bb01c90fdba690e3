#![expect(missing_docs, reason = "the macro writes items that no comment reaches")]

use std::io::{self, Read};
use std::sync::Arc;

use blobs::{Blobs, Bucket};
use bytes::{Buf as _, Bytes};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ids::Tenant;
use proto::payment::v1::{BillRun as Run, BillRunFailure, BillRunStatus, StageRunLinesRequest};
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::sync::mpsc;

use super::{beat, failed, heard};
use crate::bill_file::{self, Line};
use crate::owners::{Deliveries, Documents, Payments};
use crate::workflows::BillRun;

/// Lines of a call.
const AT_ONCE: usize = 200;
/// Bills of a call.
const BILLS_AT_ONCE: i32 = 50;
/// Payers introduced at a time.
const INTRODUCED_AT_ONCE: usize = 8;
/// Calls of an activity: what a run has come to is in Temporal's history every so many bills.
const CALLS: u32 = 20;

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Nothing is left to do.
    pub over: bool,
    /// Bills issued.
    pub issued: i32,
    /// The document may say how to reach payers.
    #[serde(default)]
    pub contacts: bool,
}

/// What is done for a run of bills.
#[derive(Clone)]
pub struct BillRunActivities {
    pub(super) payments: Payments,
    pub(super) documents: Documents,
    pub(super) recipients: Deliveries,
    pub(super) blobs: Blobs,
}

#[activities]
impl BillRunActivities {
    /// Reads a run's document and hands in its lines. Begun anew it reads anew, and hands in what was not.
    #[activity]
    pub async fn read_bill_run(
        self: Arc<Self>,
        ctx: ActivityContext,
        run: BillRun,
    ) -> Result<Progress, ActivityError> {
        let tenant: Tenant = super::parsed(&run.tenant)?;
        let known = heard(&ctx, self.payments.bill_run(&tenant, &run.run_id)).await?;
        if known.status() != BillRunStatus::Checking {
            // Begun anew after it was read: whether anybody is to be introduced was not told.
            return Ok(Progress { contacts: true, ..progress(known.status(), 0) });
        }
        let asked = StageRunLinesRequest { run_id: run.run_id.clone(), first_line: 1, ..Default::default() };
        let Some((mut lines, read)) = self.open(&ctx, &tenant, &known).await? else {
            let failure = BillRunFailure::Document.into();
            let none = StageRunLinesRequest { failure, ..asked };
            let staged = heard(&ctx, self.payments.stage(&tenant, none)).await?;
            return Ok(progress(staged.status(), 0));
        };
        let (mut next, mut number) = (known.lines + 1, 1);
        let (mut status, mut contacts) = (BillRunStatus::Checking, false);
        while let Some(batch) = lines.recv().await {
            beat(&ctx, number).await?;
            let first_line = number;
            contacts |= batch.iter().any(|line| line.contact.is_some());
            let batch: Vec<_> = batch.into_iter().map(|line| line.staged).collect();
            number += i32::try_from(batch.len()).unwrap_or(i32::MAX);
            // Handed in before.
            if number <= next {
                continue;
            }
            let batch = StageRunLinesRequest { first_line, lines: batch, ..asked.clone() };
            let staged = heard(&ctx, self.payments.stage(&tenant, batch)).await?;
            (next, status) = (staged.next_line, staged.status());
            if status != BillRunStatus::Checking {
                break;
            }
        }
        drop(lines);
        let end = match read.await {
            Ok(Ok(())) => StageRunLinesRequest { first_line: next, last: true, ..asked },
            Ok(Err(bill_file::Error::File(failure))) => {
                StageRunLinesRequest { first_line: next, failure: failure.into(), ..asked }
            }
            Ok(Err(bill_file::Error::Io(error))) => {
                return Err(failed(&Error::unavailable(error.to_string())));
            }
            Err(error) => return Err(failed(&Error::internal(error))),
        };
        failpoint::pass("bill_run::read");
        if status == BillRunStatus::Checking {
            status = heard(&ctx, self.payments.stage(&tenant, end)).await?.status();
        }
        Ok(Progress { contacts, ..progress(status, 0) })
    }

    /// Tells the notification service how to reach payers who may never have signed in: once a document was checked as a whole, and before
    /// anybody is billed. Returns how many there are.
    #[activity]
    pub async fn introduce_payers(
        self: Arc<Self>,
        ctx: ActivityContext,
        run: BillRun,
    ) -> Result<i32, ActivityError> {
        let tenant: Tenant = super::parsed(&run.tenant)?;
        let known = heard(&ctx, self.payments.bill_run(&tenant, &run.run_id)).await?;
        let Some((mut lines, read)) = self.open(&ctx, &tenant, &known).await? else { return Ok(0) };
        let mut introduced = 0;
        while let Some(batch) = lines.recv().await {
            beat(&ctx, introduced).await?;
            let contacts = batch.into_iter().filter_map(|line| line.contact);
            let told = stream::iter(contacts)
                .map(|contact| async {
                    match self.recipients.introduce(&tenant, contact).await {
                        // Nobody bills who is erased, and the line says so when its turn comes.
                        Err(error) if error.reason() == reason::SUBJECT_ERASED => Ok(()),
                        // The file was checked; should that service be stricter, they are billed all the same, and told where they sign in.
                        Err(error) if error.reason() == reason::RECIPIENT_INVALID => {
                            tracing::warn!(run.id = run.run_id, "a payer cannot be reached as the file says");
                            Ok(())
                        }
                        told => told,
                    }
                })
                .buffered(INTRODUCED_AT_ONCE)
                .try_fold(0, |count, ()| async move { Ok(count + 1) });
            introduced += heard(&ctx, told).await?;
        }
        match read.await {
            Ok(Ok(())) => Ok(introduced),
            Ok(Err(error)) => Err(failed(&Error::unavailable(error.to_string()))),
            Err(error) => Err(failed(&Error::internal(error))),
        }
    }

    /// Issues bills of a run, some hundreds at most.
    #[activity]
    pub async fn issue_bills(
        self: Arc<Self>,
        ctx: ActivityContext,
        run: BillRun,
    ) -> Result<Progress, ActivityError> {
        let tenant: Tenant = super::parsed(&run.tenant)?;
        let mut reached = Progress::default();
        for _ in 0..CALLS {
            let issued = heard(&ctx, self.payments.issue(&tenant, &run.run_id, BILLS_AT_ONCE)).await?;
            failpoint::pass("bill_run::issued");
            reached = progress(issued.status(), issued.issued);
            beat(&ctx, reached.issued).await?;
            if reached.over {
                break;
            }
        }
        Ok(reached)
    }
}

fn progress(status: BillRunStatus, issued: i32) -> Progress {
    let over = !matches!(status, BillRunStatus::Checking | BillRunStatus::Issuing);
    Progress { over, issued, contacts: false }
}

/// Lines in batches, and how reading them ended.
type Opened = (mpsc::Receiver<Vec<Line>>, tokio::task::JoinHandle<Result<(), bill_file::Error>>);

impl BillRunActivities {
    /// Begins to read the document; `None` where there is none that a run can be made of.
    async fn open(
        &self,
        ctx: &ActivityContext,
        tenant: &Tenant,
        run: &Run,
    ) -> Result<Option<Opened>, ActivityError> {
        let opened = match self.documents.open(tenant, &run.document_id).await {
            Ok(opened) if opened.purpose == "bill-run" => opened,
            Ok(_) => return Ok(None),
            // It is being scanned: the run was begun early.
            Err(error) if error.code() == Code::Locked => {
                return Err(failed(&Error::unavailable("not scanned yet")));
            }
            Err(error) if !error.code().is_transient() => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        beat(ctx, 0).await?;
        let mut body = match self.blobs.get(Bucket::Evidence, &opened.evidence_key).await {
            Ok(body) => body,
            Err(error) => return Err(failed(&Error::unavailable(error.to_string()))),
        };
        let (chunks, received) = mpsc::channel(4);
        tokio::spawn(async move {
            loop {
                let chunk = match body.next().await {
                    Ok(Some(chunk)) => Ok(chunk),
                    Ok(None) => return,
                    Err(error) => Err(io::Error::other(error)),
                };
                let ends = chunk.is_err();
                // Who reads may have read enough.
                if chunks.send(chunk).await.is_err() || ends {
                    return;
                }
            }
        });
        let (batches, lines) = mpsc::channel(2);
        let format = run.format();
        let read = tokio::task::spawn_blocking(move || {
            let mut batch = Vec::with_capacity(AT_ONCE);
            bill_file::read(Chunks { received, rest: Bytes::new() }, format, |line| {
                batch.push(line);
                batch.len() < AT_ONCE || batches.blocking_send(std::mem::take(&mut batch)).is_ok()
            })?;
            // Nobody who waits for them is told by how reading ended.
            let _ = batches.blocking_send(batch);
            Ok(())
        });
        Ok(Some((lines, read)))
    }
}

/// What comes in pieces, as a reader of a thread that may wait.
struct Chunks {
    received: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.received.blocking_recv() {
                Some(chunk) => self.rest = chunk?,
                None => return Ok(0),
            }
        }
        let length = self.rest.len().min(into.len());
        self.rest.copy_to_slice(into.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}
