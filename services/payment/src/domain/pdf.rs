//! A PDF that is to be made: of a bill as it was issued, or a receipt of a payment. No IO.

use ids::{BillId, JobId, PaymentId};
use time::{Duration, OffsetDateTime};

/// How long a claim keeps others away, and until the job is sent again for the first time.
pub const LEASE: Duration = Duration::minutes(5);
/// The longest wait until a job is sent again; before, each is twice the one before.
const LONGEST_WAIT: Duration = Duration::DAY;

/// A PDF, which is its job too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdf {
    /// The job's id, which the queue's message carries, and that of the document that becomes of it.
    pub id: JobId,
    /// Of which bill.
    pub bill_id: BillId,
    /// Of a receipt: of which payment.
    pub payment_id: Option<PaymentId>,
    /// How often the message was sent.
    pub sent: i32,
    /// Until when the last claim keeps others away; `None` before the first.
    pub lease_expires_at: Option<OffsetDateTime>,
    /// When it was kept, or nobody was left to keep it for.
    pub finished_at: Option<OffsetDateTime>,
}

impl Pdf {
    /// Somebody has it until then.
    #[must_use]
    pub fn leased_until(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        self.lease_expires_at.filter(|until| now < *until)
    }

    /// How long to wait for a report after the message was sent once more. It is sent for as long as there is none: what is wrong with
    /// what a bill is made of is found and mended, and nobody has to ask for what was given up meanwhile.
    #[must_use]
    pub fn wait(&self) -> Duration {
        (0..self.sent.min(10)).fold(LEASE, |wait: Duration, _| LONGEST_WAIT.min(wait + wait))
    }
}

#[cfg(test)]
mod tests {
    use clock::Clock;

    use super::*;

    #[test]
    fn a_claim_keeps_others_away_until_it_ends() {
        let clock = Clock::system();
        let (now, id, bill_id) = (clock.now(), JobId::mint(&clock), BillId::mint(&clock));
        let pdf = |until| Pdf {
            id,
            bill_id,
            payment_id: None,
            sent: 1,
            lease_expires_at: until,
            finished_at: None,
        };
        let later = now + Duration::nanoseconds(1);
        assert_eq!(pdf(Some(later)).leased_until(now), Some(later));
        assert_eq!((pdf(Some(now)).leased_until(now), pdf(None).leased_until(now)), (None, None));
    }

    #[test]
    fn waits_grow_up_to_a_day() {
        let clock = Clock::system();
        let (id, bill_id) = (JobId::mint(&clock), BillId::mint(&clock));
        let pdf =
            |sent| Pdf { id, bill_id, payment_id: None, sent, lease_expires_at: None, finished_at: None };
        let waits = [1, 2, 8, 9, 10, i32::MAX].map(|sent| pdf(sent).wait().whole_minutes());
        assert_eq!(waits, [10, 20, 1_280, 1_440, 1_440, 1_440]);
    }
}
