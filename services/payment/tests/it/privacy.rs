//! What people are called, and what staff write, stays in the database: others get ids and numbers.

use proto::payment::v1;
use testkit::canary::Canary;
use topology::topics;

use crate::harness::{TestApp, bill, eur, is_replayed, line};

#[tokio::test(flavor = "multi_thread")]
async fn words_are_readable_in_no_table_no_event_and_no_error_but_in_every_answer() {
    let app = TestApp::start().await;
    let (sam, fin, canary) = (app.sam(), app.fin(), Canary::new());
    let lines = vec![line(&canary.file_name(), "dogs", 1, 10_000, 0)];
    let asked = v1::CreateBillRequest { payer_name: canary.name(), lines, ..bill(0) };
    let mut created = v1::Bill::default();
    for replayed in [false, true] {
        let answer = sam.billing().create_bill(sam.keyed("c", asked.clone())).await.unwrap();
        assert_eq!(is_replayed(&answer), replayed);
        created = answer.into_inner().bill.unwrap();
        assert_eq!(
            (&created.payer_name, &created.lines[0].description),
            (&canary.name(), &canary.file_name())
        );
    }
    let payment = app.submitted(&created.bill_id).await;
    app.card(&payment, psp::cards::APPROVE).await;
    let id = app.finished(&payment.payment_id).await.payment_id;

    let tables = app.tables().await;
    assert!(tables.iter().any(|(name, rows)| name == "idempotency" && rows.len() > 100));
    for (name, rows) in &tables {
        assert!(!canary.leaks(rows), "{name}");
    }

    // What staff write is in its own row alone.
    let refund = v1::CreateRefundRequest {
        payment_id: id.clone(),
        amount: Some(eur(1)),
        amount_available: Some(eur(10_000)),
        reason: canary.email(),
    };
    for replayed in [false, true] {
        let answer = fin.payments().create_refund(fin.keyed("r", refund.clone())).await.unwrap();
        assert_eq!(is_replayed(&answer), replayed);
        assert_eq!(answer.into_inner().refund.unwrap().reason, canary.email());
    }
    let second = app.issued().await;
    let credit = v1::CreditBillRequest {
        bill_id: second.bill_id.clone(),
        amount: Some(eur(1)),
        reason: canary.email(),
    };
    sam.billing().credit_bill(sam.request(credit)).await.unwrap();
    for (name, rows) in app.tables().await {
        assert_eq!(canary.leaks(&rows), ["refunds", "bill_acts"].contains(&name.as_str()), "{name}");
    }

    let mut shown = Vec::new();
    for (topic, key) in
        [(topics::BILLING, &created.bill_id), (topics::BILLING, &second.bill_id), (topics::PAYMENT, &id)]
    {
        for record in app.records(topic, key).await {
            shown.push(format!("{:?}", record.headers).into_bytes());
            shown.push(record.payload.unwrap());
        }
    }
    assert!(shown.len() > 10);
    let bad = v1::CreateBillRequest {
        reference: canary.name(),
        payer: canary.name(),
        due_on: canary.email(),
        ..asked
    };
    let error = sam.create(bad).await.unwrap_err();
    shown.push(format!("{error} {:?}", error.violations()).into_bytes());
    for bytes in shown {
        assert!(!canary.leaks(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }
}
