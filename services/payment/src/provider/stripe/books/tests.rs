use serde_json::{Value, json};

use super::*;

fn payout(id: &str, amount: i64) -> Payout {
    read(
        json!({ "id": id, "object": "payout", "status": "paid", "automatic": true, "amount": amount, "currency": "eur",
        "reconciliation_status": "completed" }),
    )
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a record")
}

fn moved(category: &str, amount: i64, fee: i64, source: &Value) -> BalanceTransaction {
    read(
        json!({ "id": format!("txn_{category}"), "object": "balance_transaction", "reporting_category": category, "amount": amount,
        "fee": fee, "net": amount - fee, "currency": "eur", "source": source }),
    )
}

fn kinds(report: &Report) -> Vec<(LineKind, &str, &str, &str, &str, i64)> {
    report
        .lines()
        .iter()
        .map(|line| (line.kind, &*line.id, &*line.payment, &*line.object, &*line.reference, line.amount))
        .collect()
}

#[test]
fn what_was_paid_out_is_read_line_by_line_with_its_fees() {
    let ours = json!({ "guildhall_payment": "019a", "guildhall_refund": "019b" });
    let charge = json!({ "id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": ours });
    let refund = json!({ "id": "re_1", "object": "refund", "payment_intent": "pi_1", "metadata": ours });
    let dispute = json!({ "id": "du_1", "object": "dispute", "payment_intent": "pi_1", "metadata": {} });
    let paid_out = vec![
        moved("charge", 10_000, 175, &charge),
        moved("refund", -2_500, 0, &refund),
        moved("dispute", -1_000, 2_000, &dispute),
        moved("dispute_reversal", 1_000, 0, &dispute),
        moved("fee", -25, 0, &Value::Null),
        moved("reserve_transaction", -100, 0, &json!("rsv_1")),
        // What the payout itself takes from the balance is what the bank has.
        moved("payout", -5_200, 0, &json!("po_1")),
    ];
    let report = report(vec![(payout("po_1", 5_200), Some(paid_out))]).unwrap();
    assert_eq!(
        kinds(&report),
        [
            (LineKind::Fee, "txn_charge/fee", "pi_1", "pi_1", "019a", -175),
            (LineKind::Charge, "txn_charge", "pi_1", "pi_1", "019a", 10_000),
            (LineKind::Refund, "txn_refund", "pi_1", "re_1", "019a", -2_500),
            (LineKind::Fee, "txn_dispute/fee", "pi_1", "du_1", "", -2_000),
            (LineKind::Dispute, "txn_dispute", "pi_1", "du_1", "", -1_000),
            (LineKind::DisputeReversal, "txn_dispute_reversal", "pi_1", "du_1", "", 1_000),
            (LineKind::Fee, "txn_fee", "", "", "", -25),
            (LineKind::Other, "txn_reserve_transaction", "", "rsv_1", "", -100),
        ]
    );
    let stated: Vec<_> = report.stated().iter().map(|stated| (stated.lines, stated.net)).collect();
    assert_eq!(stated, [(8, 5_200)]);
    assert_eq!(report.lines().iter().map(|line| line.amount).sum::<i64>(), 5_200);
}

#[test]
fn what_people_have_paid_out_is_one_line_that_nobody_explains() {
    let by_hand = Payout { automatic: false, ..payout("po_2", 700) };
    let both =
        report(vec![(by_hand, None), (payout("po_1", 50), Some(vec![moved("charge", 50, 0, &Value::Null)]))]);
    let both = both.unwrap();
    assert_eq!(
        kinds(&both),
        [(LineKind::Other, "po_2", "", "", "", 700), (LineKind::Charge, "txn_charge", "", "", "", 50)]
    );
    assert_eq!(both.stated(), [Stated { currency: "EUR".parse().unwrap(), lines: 2, net: 750 }]);
    assert!(report(Vec::new()).unwrap().lines().is_empty());
    assert_ne!(report(Vec::new()).unwrap().sha256, both.sha256);
}

#[test]
fn what_cannot_be_counted_or_lacks_what_is_in_it_is_no_report() {
    let strange = Payout { currency: "xxz".to_owned(), ..payout("po_1", 50) };
    assert!(matches!(report(vec![(strange, None)]), Err(NotRead::Amount)));
    let three = Payout { currency: "iqd".to_owned(), ..payout("po_1", 50) };
    assert!(matches!(report(vec![(three, None)]), Err(NotRead::Amount)));
    let empty = report(vec![(payout("po_1", 50), Some(Vec::new()))]);
    assert!(matches!(empty, Err(NotRead::Report(NoReport::NotWhole))));
}

#[test]
fn a_payout_is_under_way_until_it_has_arrived_and_stripe_knows_what_is_in_it() {
    for (status, reconciled, under_way) in [
        ("pending", "not_applicable", true),
        ("in_transit", "in_progress", true),
        ("paid", "in_progress", true),
        ("paid", "completed", false),
        ("paid", "not_applicable", false),
        ("failed", "in_progress", false),
        ("canceled", "in_progress", false),
    ] {
        let status = status.to_owned();
        let payout =
            Payout { status, reconciliation_status: Some(reconciled.to_owned()), ..payout("po_1", 5) };
        assert_eq!(payout.is_under_way(), under_way, "{payout:?}");
    }
}

fn dispute(status: &str, balance: &[i64]) -> DisputeRecord {
    let balance: Vec<_> = balance.iter().map(|amount| json!({ "amount": amount })).collect();
    read(json!({ "id": "du_1", "object": "dispute", "amount": 300, "currency": "eur", "status": status,
        "reason": "subscription_canceled", "created": 1_796_018_400, "evidence_details": { "due_by": 1_796_104_800 },
        "balance_transactions": balance }))
}

#[test]
fn a_dispute_counts_once_money_was_withdrawn_for_it() {
    for (status, balance, moved) in [
        ("warning_needs_response", &[][..], false),
        ("warning_under_review", &[], false),
        ("warning_closed", &[], false),
        ("prevented", &[], false),
        ("prevented", &[-300, 300], false),
        ("prevented", &[-300], true),
        ("needs_response", &[-300], true),
        ("under_review", &[-300], true),
        ("won", &[-300, 300], true),
        ("lost", &[-300], true),
    ] {
        assert_eq!(dispute(status, balance).has_moved(), moved, "{status} {balance:?}");
    }
}

#[test]
fn a_dispute_is_read_in_our_words() {
    let payment = super::super::record::tests::payment();
    for (status, state) in [
        ("needs_response", DisputeState::NeedsResponse),
        ("under_review", DisputeState::UnderReview),
        ("won", DisputeState::Won),
        ("lost", DisputeState::Lost),
        ("prevented", DisputeState::Lost),
    ] {
        let seen = dispute(status, &[]).seen(&payment).unwrap();
        assert_eq!((seen.state, seen.amount, &*seen.provider_id), (state, 300, "du_1"));
        assert_eq!(seen.reason, DisputeReason::SubscriptionCancelled);
        assert_eq!(seen.respond_by, Some(seen.opened_at + Duration::days(1)));
    }
    let named = |reason: &str| DisputeRecord { reason: reason.to_owned(), ..dispute("lost", &[]) };
    assert_eq!(named("unrecognized").seen(&payment).unwrap().reason, DisputeReason::Unrecognised);
    assert_eq!(named("fraudulent").seen(&payment).unwrap().reason, DisputeReason::Fraudulent);
    assert_eq!(named("check_returned").seen(&payment).unwrap().reason, DisputeReason::Other);
    for bad in [
        dispute("new_status", &[]),
        DisputeRecord { currency: "usd".to_owned(), ..dispute("lost", &[]) },
        DisputeRecord { amount: 0, ..dispute("lost", &[]) },
        DisputeRecord { id: "x".repeat(256), ..dispute("lost", &[]) },
        DisputeRecord { created: i64::MAX, ..dispute("lost", &[]) },
    ] {
        assert_eq!(bad.seen(&payment), None);
    }
}
