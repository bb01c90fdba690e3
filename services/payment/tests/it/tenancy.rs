//! Two walls around a tenant's rows: what statements say, and row-level security.

use proto::payment::v1;
use rpc_error::{Code, reason};

use crate::harness::{TestApp, assert_refused};

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_that_nothing_is_there() {
    let app = TestApp::start().await;
    let (bill, payment) = app.paid().await;
    let (bill, payment) = (&bill.bill_id, &payment.payment_id);
    for other in
        [app.citizen("ben", "riverton"), app.citizen("ada", "lakeside"), app.staff("lea", "lakeside")]
    {
        assert_refused(other.bill(bill).await, Code::NotFound, reason::BILL_NOT_FOUND);
        assert_refused(other.payment(payment).await, Code::NotFound, reason::PAYMENT_NOT_FOUND);
        assert_refused(other.cancel(payment).await, Code::NotFound, reason::PAYMENT_NOT_FOUND);
        assert_refused(other.refunds(payment).await, Code::NotFound, reason::PAYMENT_NOT_FOUND);
        assert_refused(other.history(payment).await, Code::NotFound, reason::PAYMENT_NOT_FOUND);
        assert!(other.bills(v1::ListBillsRequest::default()).await.unwrap().bills.is_empty());
        let list = v1::ListPaymentsRequest { bill_id: bill.clone(), ..Default::default() };
        let list = other.payments().list_payments(other.keyless(list)).await.map_err(rpc_error::Error::from);
        assert_refused(list, Code::NotFound, reason::BILL_NOT_FOUND);
    }
    let lea = app.staff("lea", "lakeside");
    for refused in [lea.issue(bill).await, lea.cancel_bill(bill).await, lea.credit(bill, 1).await] {
        assert_refused(refused, Code::NotFound, reason::BILL_NOT_FOUND);
    }
    assert!(lea.balances().await.unwrap().is_empty());
    for citizen in [app.ada(), app.citizen("ada", "lakeside")] {
        assert_refused(citizen.balances().await, Code::PermissionDenied, reason::PERMISSION_DENIED);
        assert_refused(citizen.proof().await, Code::PermissionDenied, reason::PERMISSION_DENIED);
        assert_refused(citizen.credit(bill, 1).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_has_no_hole() {
    let app = TestApp::start().await;
    let mut connection = app.db.admin().await;
    assert_eq!(pg::catalog::violations(&mut connection).await.unwrap(), [""; 0]);
    let system = pg::catalog::system_policies(&mut connection).await.unwrap();
    let ours = ["bill", "payment", "refund", "callback", "ledger", "adjustment", "subject_eras"];
    let holes: Vec<_> =
        system.iter().filter(|policy| ours.iter().any(|name| policy.starts_with(name))).collect();
    assert!(holes.is_empty(), "{holes:?}");
}
