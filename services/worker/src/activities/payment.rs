#![expect(missing_docs, reason = "the macro writes items that no comment reaches")]

use std::sync::Arc;

use ids::Tenant;
use serde::{Deserialize, Serialize};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

use super::heard;
use crate::owners::Payments;
use crate::workflows::Payment;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How long to wait, in milliseconds; `None` once there is nothing to wait for.
    pub wait_ms: Option<u64>,
}

/// What is done for a payment.
#[derive(Clone)]
pub struct PaymentActivities {
    pub(super) payments: Payments,
}

#[activities]
impl PaymentActivities {
    /// Has a payment advanced by a step. Once or ten times is the same: the provider knows it by its id.
    #[activity]
    pub async fn advance_payment(
        self: Arc<Self>,
        ctx: ActivityContext,
        payment: Payment,
    ) -> Result<Step, ActivityError> {
        let tenant: Tenant = super::parsed(&payment.tenant)?;
        failpoint::pass("advance::begun");
        let step = heard(&ctx, self.payments.advance(&tenant, &payment.payment_id)).await?;
        failpoint::pass("advance::done");
        Ok(Step { wait_ms: (!step.settled).then_some(step.wait_ms.unsigned_abs()) })
    }
}
