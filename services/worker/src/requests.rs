//! What the owners want the workflows to look at: topic `guildhall.work.v1`. A request starts its workflow, or has it go on; one that comes
//! twice is one look too many.

use clock::Clock;
use consumer::{Failure, Forward};
use proto::payment::v1::{BillRunWanted, PaymentWanted};
use topology::topics;

use crate::temporal::Temporal;
use crate::workflows::{BillRun, Payment};

/// Name of the consumer group.
pub const GROUP: &str = "worker";

/// The consumer of every request. Where Temporal is away its partitions wait.
///
/// # Errors
/// When the connection to Kafka cannot be prepared.
pub fn consumer(
    kafka: &kafka::Settings,
    clock: &Clock,
    temporal: &Temporal,
) -> Result<Forward, consumer::Error> {
    let payments = temporal.clone();
    let consumer = consumer::forward(kafka, clock, GROUP, &[topics::WORK])?;
    let runs = temporal.clone();
    let consumer = consumer.on("guildhall.work.bill_run_wanted.v1", move |event| {
        let temporal = runs.clone();
        Box::pin(async move {
            let BillRunWanted { run_id } = event.decode()?;
            let run = BillRun { tenant: event.tenant.to_string(), run_id, read: false };
            temporal.want_bill_run(run).await.map_err(Failure::retry)?;
            failpoint::pass("request::run_wanted");
            Ok(())
        })
    });
    Ok(consumer.on("guildhall.work.payment_wanted.v1", move |event| {
        let temporal = payments.clone();
        Box::pin(async move {
            let wanted: PaymentWanted = event.decode()?;
            let payment = Payment { tenant: event.tenant.to_string(), payment_id: wanted.payment_id };
            temporal.want_payment(payment).await.map_err(Failure::retry)?;
            failpoint::pass("request::payment_wanted");
            Ok(())
        })
    }))
}
