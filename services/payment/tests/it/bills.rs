//! What the office writes, and what becomes of it.

use std::time::Duration;

use proto::payment::v1::{self, AccountKind, BillStatus};
use rpc_error::{Code, reason};
use testkit::eventually;
use topology::topics;

use crate::harness::{SOON, TestApp, assert_refused, bill, eur, is_replayed, line, units};

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_written_issued_seen_by_its_payer_and_booked() {
    let app = TestApp::start().await;
    let (sam, ada) = (app.sam(), app.ada());
    let lines = vec![
        line("Water", "water", 3, 333, 1_900),
        line("Meter", "water", 1, 1_000, 0),
        line("Bin", "waste", 2, 250, 700),
    ];
    let draft = sam.create(v1::CreateBillRequest { lines, issue: false, ..bill(0) }).await.unwrap();
    assert_eq!(draft.status(), BillStatus::Draft);
    // 999 and 19 % of it, 1000, 500 and 7 % of it.
    assert_eq!(units(draft.total.as_ref()), 999 + 190 + 1_000 + 500 + 35);
    let taxes: Vec<_> = draft.lines.iter().map(|line| units(line.tax.as_ref())).collect();
    assert_eq!(taxes, [190, 0, 35]);
    assert_refused(ada.bill(&draft.bill_id).await, Code::NotFound, reason::BILL_NOT_FOUND);
    assert!(ada.bills(v1::ListBillsRequest::default()).await.unwrap().bills.is_empty());

    let issued = sam.issue(&draft.bill_id).await.unwrap();
    assert_eq!((issued.status(), units(issued.outstanding.as_ref())), (BillStatus::Issued, 2_724));
    assert_refused(sam.issue(&draft.bill_id).await, Code::Conflict, reason::BILL_STATE);
    let seen = ada.bill(&draft.bill_id).await.unwrap();
    assert_eq!((seen.payer_name.as_str(), seen.lines[0].description.as_str()), ("Ada Lovelace", "Water"));
    assert_eq!(ada.bills(v1::ListBillsRequest::default()).await.unwrap().bills, [seen]);
    assert_eq!(app.balance(AccountKind::Receivable, "ada").await, 2_724);
    assert_eq!(app.balance(AccountKind::Revenue, "water").await, -1_999);
    assert_eq!(app.balance(AccountKind::Tax, "water").await, -190);
    assert_eq!(app.balance(AccountKind::Revenue, "waste").await, -500);
    assert_eq!(app.event_names(topics::BILLING, &draft.bill_id).await, ["bill_issued"]);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_signed_in_is_billed_and_finds_the_bill_when_they_do() {
    let app = TestApp::start().await;
    let sam = app.sam();
    let asked = v1::CreateBillRequest { payer: "person:tax-1".to_owned(), ..bill(500) };
    let owed = sam.create(asked).await.unwrap();
    let (ada, ben) = (app.known("ada", "tax-1"), app.known("ben", "tax-2"));
    assert_eq!(ada.bill(&owed.bill_id).await.unwrap().payer_name, "Ada Lovelace");
    assert_eq!(ada.bills(v1::ListBillsRequest::default()).await.unwrap().bills.len(), 1);
    // The same sign-in without the office's word for it, or with another's, is nobody's.
    for other in [app.ada(), ben] {
        assert_refused(other.bill(&owed.bill_id).await, Code::NotFound, reason::BILL_NOT_FOUND);
        assert_refused(other.pay(&owed.bill_id).await, Code::NotFound, reason::BILL_NOT_FOUND);
        assert!(other.bills(v1::ListBillsRequest::default()).await.unwrap().bills.is_empty());
    }
    let payment = ada.pay(&owed.bill_id).await.unwrap();
    assert_eq!(payment.payer, "ada");
    let refused = sam.create(v1::CreateBillRequest { payer: "person:a/b".to_owned(), ..bill(1) }).await;
    assert_refused(refused, Code::InvalidArgument, reason::BILL_INVALID);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_writes_one_bill_and_a_reference_is_given_once() {
    let app = TestApp::start().await;
    let sam = app.sam();
    let asked = bill(500);
    let mut bills = Vec::new();
    for replayed in [false, true] {
        let answer = sam.billing().create_bill(sam.keyed("one", asked.clone())).await.unwrap();
        assert_eq!(is_replayed(&answer), replayed);
        bills.push(answer.into_inner().bill.unwrap());
    }
    assert_eq!(bills[0], bills[1]);
    assert_eq!(bills[1].payer_name, "Ada Lovelace");
    assert_refused(sam.create(asked).await, Code::Conflict, reason::BILL_REFERENCE_TAKEN);
    assert_eq!(app.count("select count(*) from bills").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_named_field_by_field_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let sam = app.sam();
    type Change = fn(&mut v1::CreateBillRequest);
    let cases: [(Change, &str); 20] = [
        (|bill| bill.reference.clear(), "reference"),
        (|bill| bill.reference = "a b".to_owned(), "reference"),
        (|bill| bill.payer = "\u{e4}da".to_owned(), "payer"),
        (|bill| bill.payer_name = " ".to_owned(), "payer_name"),
        (|bill| bill.payer_name = "x".repeat(256), "payer_name"),
        (|bill| bill.due_on = "31.01.2035".to_owned(), "due_on"),
        (|bill| bill.due_on = "2020-01-01".to_owned(), "due_on"),
        (|bill| bill.due_on = "2099-01-01".to_owned(), "due_on"),
        (|bill| bill.lines.clear(), "lines"),
        (|bill| bill.lines = vec![line("x", "y", 1, 1, 0); 101], "lines"),
        (|bill| bill.lines = vec![line("x", "y", 1, 0, 0)], "lines"),
        (|bill| bill.lines = vec![line("x", "y", 1, i64::MAX, 0)], "lines"),
        (|bill| bill.lines = vec![line("x", "y", 1, 1_000_000_000_000, 1)], "lines"),
        (|bill| bill.lines[0].description = "a\nb".to_owned(), "lines[0].description"),
        (|bill| bill.lines[0].fund = "Dogs".to_owned(), "lines[0].fund"),
        (|bill| bill.lines[0].quantity = 0, "lines[0].quantity"),
        (|bill| bill.lines[0].unit_price = Some(eur(-1)), "lines[0].unit_price"),
        (|bill| bill.lines[0].tax_rate_bp = 10_001, "lines[0].tax_rate_bp"),
        (
            |bill| bill.lines[0].unit_price.as_mut().unwrap().currency = "EURO".to_owned(),
            "lines[0].unit_price.currency",
        ),
        (
            |bill| {
                let mut other = line("x", "y", 1, 1, 0);
                other.unit_price.as_mut().unwrap().currency = "SEK".to_owned();
                bill.lines.push(other);
            },
            "lines[1].unit_price.currency",
        ),
    ];
    for (change, field) in cases {
        let mut asked = bill(100);
        change(&mut asked);
        let error = sam.create(asked).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::InvalidArgument, reason::BILL_INVALID), "{field}");
        let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, [field]);
    }
    for table in [
        "select count(*) from bills",
        "select count(*) from ledger_entries",
        "select count(*) from idempotency",
    ] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_credited_cancelled_or_written_off_and_the_books_follow() {
    let app = TestApp::start().await;
    let (sam, fin) = (app.sam(), app.fin());
    let lines = vec![line("A", "one", 1, 100, 0), line("B", "two", 1, 200, 0)];
    let asked = v1::CreateBillRequest { lines, ..bill(0) };
    let credited = sam.create(asked).await.unwrap();
    let part = sam.credit(&credited.bill_id, 100).await.unwrap();
    assert_eq!((part.status(), units(part.outstanding.as_ref())), (BillStatus::Issued, 200));
    // A third of each, what is left to the first.
    assert_eq!(app.balance(AccountKind::Revenue, "one").await, -100 + 34);
    assert_eq!(app.balance(AccountKind::Revenue, "two").await, -200 + 66);
    assert_refused(
        sam.credit(&credited.bill_id, 201).await,
        Code::Conflict,
        reason::AMOUNT_ABOVE_OUTSTANDING,
    );
    assert_refused(sam.credit(&credited.bill_id, 0).await, Code::InvalidArgument, reason::AMOUNT_INVALID);
    let all = sam.credit(&credited.bill_id, 200).await.unwrap();
    for fund in ["one", "two"] {
        assert_eq!(app.balance(AccountKind::Revenue, fund).await, 0, "nothing is left of {fund}");
    }
    assert_eq!((all.status(), units(all.credited.as_ref())), (BillStatus::Paid, 300));
    assert_refused(sam.cancel_bill(&credited.bill_id).await, Code::Conflict, reason::BILL_STATE);

    let cancelled = app.issued().await;
    let cancelled = sam.cancel_bill(&cancelled.bill_id).await.unwrap();
    assert_eq!((cancelled.status(), units(cancelled.outstanding.as_ref())), (BillStatus::Cancelled, 0));

    let hopeless = app.issued().await;
    assert_refused(sam.write_off(&hopeless.bill_id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    sam.credit(&hopeless.bill_id, 1_000).await.unwrap();
    let written_off = fin.write_off(&hopeless.bill_id).await.unwrap();
    assert_eq!(
        (written_off.status(), units(written_off.written_off.as_ref())),
        (BillStatus::WrittenOff, 9_000)
    );
    assert_eq!(app.balance(AccountKind::WriteOffs, "dogs").await, 9_000);
    assert_eq!(app.balance(AccountKind::Receivable, "ada").await, 0);
    assert_eq!(
        app.event_names(topics::BILLING, &hopeless.bill_id).await,
        ["bill_issued", "bill_credited", "bill_written_off"]
    );
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_bill_is_told_once_and_one_without_debt_never() {
    let app = TestApp::start().await;
    let due_on = payment::domain::Day::of(app.clock.now()).to_string();
    let late = app.sam().create(v1::CreateBillRequest { due_on: due_on.clone(), ..bill(100) }).await.unwrap();
    let settled = app.sam().create(v1::CreateBillRequest { due_on, ..bill(100) }).await.unwrap();
    app.sam().credit(&settled.bill_id, 100).await.unwrap();
    assert!(!app.ada().bill(&late.bill_id).await.unwrap().overdue);
    app.clock.advance(Duration::from_secs(24 * 3_600));
    let rows = "select count(*) from due where kind = 'bill_overdue'";
    let looked = eventually(SOON, || async {
        let left = app.count(rows).await;
        if left == 0 { Ok(()) } else { Err(left) }
    });
    looked.await.unwrap();
    assert!(app.ada().bill(&late.bill_id).await.unwrap().overdue);
    assert_eq!(app.event_names(topics::BILLING, &late.bill_id).await, ["bill_issued", "bill_overdue"]);
    assert_eq!(app.event_names(topics::BILLING, &settled.bill_id).await, ["bill_issued", "bill_paid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_narrowed() {
    let app = TestApp::start().await;
    let sam = app.sam();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, app.issued().await.bill_id);
        // Ids of one millisecond have no order.
        app.clock.advance(Duration::from_millis(1));
    }
    sam.cancel_bill(&ids[0]).await.unwrap();
    let other = sam.create(v1::CreateBillRequest { payer: "ben".to_owned(), ..bill(1) }).await.unwrap();
    let mut token = String::new();
    let mut seen = Vec::new();
    loop {
        let page = v1::ListBillsRequest { page_size: 2, page_token: token, ..Default::default() };
        let page = app.ada().bills(page).await.unwrap();
        seen.extend(page.bills.into_iter().map(|bill| bill.bill_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let of_ben = v1::ListBillsRequest { payer: "ben".to_owned(), ..Default::default() };
    assert_eq!(sam.bills(of_ben.clone()).await.unwrap().bills[0].bill_id, other.bill_id);
    assert_eq!(app.ada().bills(of_ben).await.unwrap().bills.len(), 5, "payers see their own");
    let cancelled = v1::ListBillsRequest { status: BillStatus::Cancelled.into(), ..Default::default() };
    assert_eq!(sam.bills(cancelled).await.unwrap().bills.len(), 1);
    let wrong = v1::ListBillsRequest { status: 99, ..Default::default() };
    assert_refused(sam.bills(wrong).await, Code::InvalidArgument, reason::BILL_INVALID);
}
