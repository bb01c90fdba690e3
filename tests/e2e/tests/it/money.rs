//! A bill from the office to the books, through every service.

use e2e::citizen::key;
use e2e::{Checkout, Service, files};
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
        live.wait_for(id, &["bill.pdf_ready"], WITHIN).await.expect("told");
        let pdf = format!("{path}/pdf");
        assert_eq!(ada.get(&path).await.unwrap()["_links"]["pdf"], json!(pdf));
        assert!(ada.fetch(&pdf).await.unwrap().starts_with(b"%PDF-1.7"));
        for path in [&path, &pdf] {
            let others = ben.call(Method::GET, path, None, None).await.unwrap();
            problem(others, StatusCode::NOT_FOUND, "BILL_NOT_FOUND").await;
        }
        // Staff say what for.
        let unsaid = sam.call(Method::GET, &pdf, None, None).await.unwrap();
        problem(unsaid, StatusCode::UNPROCESSABLE_ENTITY, "ACCESS_PURPOSE_INVALID").await;
        assert!(sam.fetch(&format!("{pdf}?purpose=casework")).await.unwrap().starts_with(b"%PDF-1.7"));

        let payment = ada.begin_to_pay(id).await.unwrap();
        Checkout::of(&payment).unwrap().pay(psp::cards::DECLINE).await.unwrap();
        let declined = ada.paid(&payment).await.unwrap();
        assert_eq!((&declined["failure"], &declined["_links"]["receipt"]), (&json!("DECLINED"), &json!(null)));
        let receipt = format!("/v1/payments/{}/receipt", payment["id"].as_str().unwrap());
        let none = ada.call(Method::GET, &receipt, None, None).await.unwrap();
        problem(none, StatusCode::LOCKED, "PDF_NOT_READY").await;
        let row =
            live.wait_for(payment["id"].as_str().unwrap(), &["payment.failed"], WITHIN).await.expect("told");
        assert_eq!(row.code.as_deref(), Some("DECLINED"));
        let payment = ada.begin_to_pay(id).await.unwrap();
        Checkout::of(&payment).unwrap().pay(psp::cards::APPROVE).await.unwrap();
        let paid = ada.paid(&payment).await.unwrap();
        live.wait_for(id, &["bill.paid"], WITHIN).await.expect("told");
        assert_eq!(paid["status"], "completed");
        live.wait_for(paid["id"].as_str().unwrap(), &["payment.receipt_ready"], WITHIN).await.expect("told");
        let receipt = format!("/v1/payments/{}/receipt", paid["id"].as_str().unwrap());
        assert!(ada.fetch(&receipt).await.unwrap().starts_with(b"%PDF-1.7"));
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

#[test]
fn a_file_of_bills_is_checked_as_a_whole_and_then_each_line_has_its_bill_once() {
    in_world(async |world| {
        let (mut ada, mut sam) = (sign_in(world, "ada").await, sign_in(world, "sam").await);
        let subject = ada.get("/v1/me").await.unwrap()["subject"].as_str().unwrap().to_owned();
        let file = files::bills(&subject, 25);
        let run = sam.run_bills(&file).await.unwrap();
        assert_eq!(
            (&run["status"], &run["issued"], &run["faulty"]),
            (&json!("finished"), &json!(25), &json!(0))
        );
        let bills = ada.get("/v1/bills?page_size=200").await.unwrap();
        let reference = String::from_utf8(file.bytes.clone()).unwrap();
        let tag = reference.lines().nth(1).unwrap().split('/').next().unwrap().to_owned();
        let mine = bills["bills"].as_array().unwrap().iter();
        let mine = mine.filter(|bill| bill["reference"].as_str().unwrap().starts_with(&tag));
        assert_eq!(mine.count(), 25);

        // The same bills again, in another file: every line is told, and nothing is issued.
        let mut again = files::bills(&subject, 2);
        again.bytes = [&file.bytes[..], b"x,,,2001-01-01,,,0,1,EUR,\n"].concat();
        let failed = sam.run_bills(&again).await.unwrap();
        assert_eq!((&failed["failure"], &failed["issued"]), (&json!("LINES"), &json!(0)));
        let faults = sam.get(failed["_links"]["faults"].as_str().unwrap()).await.unwrap();
        let faults = faults["faults"].as_array().unwrap();
        assert_eq!(
            faults[0],
            json!({ "line": 1, "field": "reference", "rule": "must be of no other line, and of no bill" })
        );
        assert!(faults.iter().any(|fault| fault["line"] == 26 && fault["field"] == "due_on"), "{faults:?}");

        // Citizens hand in no lists, and staff no evidence.
        let refused = ada.hand_in(&files::bills(&subject, 1)).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("purpose")));
        assert!(sam.hand_in(&files::pdf()).await.is_err_and(|error| error.to_string().contains("purpose")));
    });
}
