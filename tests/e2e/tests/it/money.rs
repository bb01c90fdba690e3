//! A bill from the office to the books, through every service.

use e2e::citizen::key;
use e2e::{Checkout, Service};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{WITHIN, in_world, problem, sign_in};

#[test]
fn a_bill_is_declined_then_paid_given_back_in_part_and_the_books_are_right() {
    in_world(async |world| {
        let (mut ada, mut ben) = (sign_in(world, "ada").await, sign_in(world, "ben").await);
        let (mut sam, mut max) = (sign_in(world, "sam").await, sign_in(world, "max").await);
        let subject = ada.get("/v1/me").await.unwrap()["subject"].as_str().unwrap().to_owned();
        let head = ada.head().await.unwrap();
        let mut live = ada.live(head).await.unwrap();
        let bill = sam.issue(&subject, 10_000).await.unwrap();
        let id = bill["id"].as_str().unwrap();
        live.wait_for(id, &["bill.issued"], WITHIN).await.expect("told");
        let path = format!("/v1/bills/{id}");
        let others = ben.call(Method::GET, &path, None, None).await.unwrap();
        problem(others, StatusCode::NOT_FOUND, "BILL_NOT_FOUND").await;

        let payment = ada.begin_to_pay(id).await.unwrap();
        Checkout::of(&payment).unwrap().pay(psp::cards::DECLINE).await.unwrap();
        assert_eq!(ada.paid(&payment).await.unwrap()["failure"], "DECLINED");
        let row =
            live.wait_for(payment["id"].as_str().unwrap(), &["payment.failed"], WITHIN).await.expect("told");
        assert_eq!(row.code.as_deref(), Some("DECLINED"));
        let payment = ada.begin_to_pay(id).await.unwrap();
        Checkout::of(&payment).unwrap().pay(psp::cards::APPROVE).await.unwrap();
        let paid = ada.paid(&payment).await.unwrap();
        live.wait_for(id, &["bill.paid"], WITHIN).await.expect("told");
        assert_eq!(paid["status"], "completed");
        assert_eq!(ada.get(&path).await.unwrap()["status"], "paid");

        let eur = |minor_units: i64| json!({ "minor_units": minor_units, "currency": "EUR" });
        let refunds = paid["_links"]["refunds"].as_str().unwrap();
        let part =
            json!({ "amount": eur(2_500), "amount_available": eur(10_000), "reason": "a smaller dog" });
        let staff = sam.call(Method::POST, refunds, Some(&key()), Some(part.clone())).await.unwrap();
        problem(staff, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
        max.expect(Method::POST, refunds, Some(&key()), Some(part)).await.unwrap();
        let back = ada.payment_once(&paid, |payment| payment["refunded"] == eur(2_500)).await.unwrap();
        assert_eq!(back["refund_available"], eur(7_500));
        live.wait_for(paid["id"].as_str().unwrap(), &["refund.completed"], WITHIN).await.expect("told");

        let proof =
            world.operate(Service::Payment, "ledger", &["verify", "--tenant", "riverton"]).await.unwrap();
        assert!(proof.contains("the books are right"), "{proof}");
    });
}
