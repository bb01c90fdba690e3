#![expect(missing_docs, reason = "the macro writes items that no comment reaches")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult, workflows};

use crate::activities::{PaymentActivities, options};

/// How long a step may take, which asks a provider.
const TAKES: Duration = Duration::from_secs(60);

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Whose.
    pub tenant: String,
    /// UUIDv7.
    pub payment_id: String,
}

impl Payment {
    /// The id of its workflow: there is one at a time.
    #[must_use]
    pub fn workflow_id(&self) -> String {
        format!("payment/{}", self.payment_id)
    }
}

/// Has a payment and its refunds advanced until nothing of them is under way: submitted, waited for, asked about with longer and longer
/// waits, and settled, whatever the outcome. Between two steps it waits as long as the owner says, or until somebody wants it to go on:
/// the provider has called, or somebody cancels or refunds.
#[workflow]
#[derive(Default)]
pub struct PaymentWorkflow {
    /// How often somebody wanted it to go on.
    wanted: u64,
}

#[workflow_methods]
impl PaymentWorkflow {
    /// Runs until the payment is settled.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, payment: Payment) -> WorkflowResult<()> {
        loop {
            let seen = ctx.state(|state| state.wanted);
            let step = ctx
                .execute_activity(PaymentActivities::advance_payment, payment.clone(), options(TAKES))
                .await?;
            let wanted = move |state: &Self| state.wanted != seen;
            match step.wait_ms {
                Some(wait_ms) => {
                    workflows::select! {
                        _ = ctx.timer(Duration::from_millis(wait_ms)) => {}
                        _ = ctx.wait_condition(wanted) => {}
                    }
                }
                None if ctx.state(wanted) => {}
                None => return Ok(()),
            }
            if ctx.continue_as_new_suggested() {
                ctx.continue_as_new(payment.clone(), ContinueAsNewOptions::default())?;
            }
        }
    }

    /// Somebody wants it to go on at once.
    #[signal]
    pub fn wanted(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.wanted += 1;
    }
}
