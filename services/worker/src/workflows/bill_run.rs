#![expect(missing_docs, reason = "the macro writes items that no comment reaches")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ContinueAsNewOptions, WorkflowContext, WorkflowResult};

use crate::activities::{BillRunActivities, options};

/// How long reading a file may take.
const TAKES: Duration = Duration::from_secs(3_600);
/// Activities after which a run goes on with a history of its own.
const ROUNDS: u32 = 50;

/// A run of bills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillRun {
    /// Whose.
    pub tenant: String,
    /// UUIDv7.
    pub run_id: String,
    /// Its document was read, and every line of it is right.
    #[serde(default)]
    pub read: bool,
}

impl BillRun {
    /// The id of its workflow: there is one at a time.
    #[must_use]
    pub fn workflow_id(&self) -> String {
        format!("bill-run/{}", self.run_id)
    }
}

/// Has a document read and checked as a whole, then its bills issued, some hundreds at a time. Which lines have their bill the owner knows.
#[workflow]
#[derive(Default)]
pub struct BillRunWorkflow;

#[workflow_methods]
impl BillRunWorkflow {
    /// Runs until every line has its bill, or the run has failed. Returns how many bills there are.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, mut run: BillRun) -> WorkflowResult<i32> {
        if !run.read {
            let read =
                ctx.execute_activity(BillRunActivities::read_bill_run, run.clone(), options(TAKES)).await?;
            if read.over {
                return Ok(read.issued);
            }
            if read.contacts {
                ctx.execute_activity(BillRunActivities::introduce_payers, run.clone(), options(TAKES))
                    .await?;
            }
            run.read = true;
        }
        for _ in 0..ROUNDS {
            let reached =
                ctx.execute_activity(BillRunActivities::issue_bills, run.clone(), options(TAKES)).await?;
            if reached.over {
                return Ok(reached.issued);
            }
        }
        ctx.continue_as_new(run, ContinueAsNewOptions::default())?;
        Ok(0)
    }
}
