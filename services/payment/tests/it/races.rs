//! Many at once on one bill: money moves once.

use futures::future::join_all;
use proto::payment::v1::PaymentStatus;
use psp::cards;

use crate::harness::{TestApp, units};

/// Rounds; each night more.
fn rounds() -> usize {
    std::env::var("GUILDHALL_RACES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_who_pay_credit_cancel_and_refund_move_money_once() {
    let app = TestApp::start().await;
    for _ in 0..rounds() {
        let bill = app.issued().await;
        let (ada, sam, fin) = (app.ada(), app.sam(), app.fin());
        let pays = join_all((0..32).map(|_| ada.pay(&bill.bill_id))).await;
        let begun: Vec<_> = pays.into_iter().flatten().collect();
        assert_eq!(begun.len(), 1, "one payment is under way");
        let payment = app.until(&begun[0].payment_id, |payment| !payment.next_url.is_empty()).await;
        let id = payment.payment_id.clone();
        // The payer pays, while others cancel, begin again, cancel the bill and credit it.
        let ((), cancels, pays, bills, credits) = tokio::join!(
            app.card_or_gone(&payment),
            join_all((0..16).map(|_| ada.cancel(&id))),
            join_all((0..16).map(|_| ada.pay(&bill.bill_id))),
            join_all((0..16).map(|_| sam.cancel_bill(&bill.bill_id))),
            join_all((0..15).map(|_| sam.credit(&bill.bill_id, 10_000))),
        );
        drop((cancels, pays, bills, credits));
        let finished = app.finished(&id).await;
        let seen = sam.bill(&bill.bill_id).await.unwrap();
        let moved = units(seen.paid.as_ref()) + units(seen.credited.as_ref());
        assert!(moved <= 10_000, "{seen:?}");
        if finished.status() == PaymentStatus::Completed {
            assert_eq!(units(seen.paid.as_ref()), 10_000);
            let refunds = join_all((0..64).map(|_| fin.refund(&id, 3_000, 10_000))).await;
            assert_eq!(refunds.iter().flatten().count(), 1, "what the others believe is stale");
            for refund in refunds.into_iter().flatten() {
                app.refunded(&id, &refund.refund_id).await;
            }
            assert_eq!(app.at_provider(&id).await["amount_refunded"], 3_000);
        }
        let proof = sam.proof().await.unwrap();
        assert!(proof.faults.is_empty(), "{proof:?}");
    }
    let charged = app.count("select count(*) from payments where status = 'completed'").await;
    let bills = app.count("select count(*) from bills where paid > 0").await;
    assert_eq!(charged, bills, "no bill was charged twice");
    app.assert_books().await;
}

impl TestApp {
    /// The payer puts in a card; the payment may be cancelled by then.
    async fn card_or_gone(&self, payment: &proto::payment::v1::Payment) {
        let id = self.at_provider(&payment.payment_id).await["id"].as_str().expect("it works").to_owned();
        let url = format!("{}/control/payments/{id}/pay", self.psp.url());
        let card = serde_json::json!({ "card": cards::APPROVE });
        let answer = reqwest::Client::new().post(url).json(&card).send().await.expect("it works");
        assert!(answer.status().is_success() || answer.status() == 409, "{}", answer.status());
    }
}
