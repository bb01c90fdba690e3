//! What is owed on a bill, whatever is done to it.

use clock::Clock;
use time::Duration;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-29 06:00 UTC);

fn line(unit_price: i64, quantity: i32, tax_rate_bp: i32) -> BillLine {
    BillLine { description: Vec::new(), fund: "dogs".to_owned(), quantity, unit_price, tax_rate_bp }
}

/// A bill of 1,000 that stands so, without anything paid.
fn bill(status: BillStatus) -> Bill {
    Bill {
        id: BillId::mint(&Clock::frozen(NOW)),
        tenant: "riverton".parse().expect("a tenant"),
        reference: "2026/1".to_owned(),
        payer: "ada".parse().expect("a subject"),
        payer_name: Vec::new(),
        currency: "EUR".parse().expect("a currency"),
        total: 1_000,
        paid: 0,
        credited: 0,
        given_up: 0,
        reserved: 0,
        status,
        due_on: "2026-12-31".parse().expect("a day"),
        created_at: NOW,
        issued_at: None,
        closed_at: None,
        pdf_id: None,
    }
}

fn part_paid() -> Bill {
    Bill { paid: 300, ..bill(BillStatus::PartPaid) }
}

const ALL: [BillStatus; 6] = [
    BillStatus::Draft,
    BillStatus::Issued,
    BillStatus::PartPaid,
    BillStatus::Paid,
    BillStatus::Cancelled,
    BillStatus::WrittenOff,
];

#[test]
fn a_line_comes_to_its_price_and_a_tax_that_is_rounded_half_up() {
    for (unit_price, quantity, rate, net, tax) in [
        (1_000, 3, 0, 3_000, 0),
        (333, 1, 1_900, 333, 63),
        (1, 1, 5_000, 1, 1),
        (1, 1, 4_999, 1, 0),
        (3, 1, 5_000, 3, 2),
        (MOST, 1, 10_000, MOST, MOST),
    ] {
        let line = line(unit_price, quantity, rate);
        assert_eq!((line.net(), line.tax()), (Ok(net), Ok(tax)), "{line:?}");
    }
    for (unit_price, quantity) in [(MOST + 1, 1), (MOST, 2), (i64::MAX, 2)] {
        let line = line(unit_price, quantity, 0);
        assert_eq!((line.net(), line.tax()), (Err(Overflow), Err(Overflow)));
    }
}

#[test]
fn lines_come_to_their_sum_with_taxes_and_to_no_more_than_can_be_billed() {
    assert_eq!(total(&[line(100, 2, 1_000), line(50, 1, 0)]), Ok(270));
    assert_eq!(total(&[line(MOST - 1, 1, 0), line(1, 1, 0)]), Ok(MOST));
    assert_eq!(total(&[line(MOST, 1, 0), line(1, 1, 0)]), Err(Overflow));
    assert_eq!(total(&[line(MOST + 1, 1, 0)]), Err(Overflow));
}

#[test]
fn every_status_has_a_name_of_its_own_and_two_are_open() {
    for status in ALL {
        assert_eq!(BillStatus::of(status.name()), Some(status));
        let open = matches!(status, BillStatus::Issued | BillStatus::PartPaid);
        assert_eq!((status.is_open(), bill(status).outstanding()), (open, if open { 1_000 } else { 0 }));
        assert_eq!(bill(status).is_known_to_payer(), status != BillStatus::Draft);
    }
    assert_eq!(BillStatus::of("overdue"), None);
}

#[test]
fn what_is_outstanding_is_what_was_neither_paid_nor_taken_back_nor_given_up() {
    let bill = Bill { paid: 100, credited: 20, given_up: 3, ..bill(BillStatus::PartPaid) };
    assert_eq!(bill.outstanding(), 877);
}

#[test]
fn a_bill_is_overdue_once_its_day_is_over_and_something_is_owed() {
    let end = datetime!(2027-01-01 00:00 UTC);
    for (bill, now, overdue) in [
        (bill(BillStatus::Issued), end, true),
        (bill(BillStatus::Issued), end - Duration::nanoseconds(1), false),
        (part_paid(), end + Duration::days(1), true),
        (bill(BillStatus::Paid), end, false),
        (bill(BillStatus::Draft), end, false),
        (Bill { credited: 1_000, ..bill(BillStatus::Issued) }, end, false),
    ] {
        assert_eq!(bill.is_overdue(now), overdue, "{bill:?} {now}");
    }
}

#[test]
fn a_draft_alone_is_issued() {
    let (issued, event) = bill(BillStatus::Draft).issue(NOW).unwrap();
    assert_eq!((issued.status, event), (BillStatus::Issued, BillEvent::Issued));
    assert_eq!((issued.issued_at, issued.closed_at), (Some(NOW), None));
    for status in ALL.into_iter().filter(|status| *status != BillStatus::Draft) {
        assert_eq!(bill(status).issue(NOW), Err(NotChanged::Status));
    }
}

#[test]
fn a_bill_is_cancelled_while_nothing_was_paid_or_may_be() {
    for (status, owed) in [(BillStatus::Draft, 0), (BillStatus::Issued, 1_000)] {
        let (cancelled, event, was_owed) = bill(status).cancel(NOW).unwrap();
        assert_eq!((event, was_owed), (BillEvent::Cancelled, owed));
        let stands = (cancelled.status, cancelled.given_up, cancelled.outstanding(), cancelled.closed_at);
        assert_eq!(stands, (BillStatus::Cancelled, owed, 0, Some(NOW)));
    }
    let credited = Bill { credited: 400, given_up: 1, ..bill(BillStatus::Issued) };
    assert_eq!(credited.cancel(NOW).map(|(bill, _, owed)| (bill.given_up, owed)), Ok((600, 599)));
    let under_way = Bill { reserved: 1, ..bill(BillStatus::Issued) };
    assert_eq!(under_way.cancel(NOW), Err(NotChanged::UnderWay));
    for status in [BillStatus::PartPaid, BillStatus::Paid, BillStatus::Cancelled, BillStatus::WrittenOff] {
        assert_eq!(bill(status).cancel(NOW), Err(NotChanged::Status));
    }
}

#[test]
fn a_credit_takes_back_what_is_owed_and_not_reserved() {
    let (part, event) = bill(BillStatus::Issued).credit(400, NOW).unwrap();
    assert_eq!((part.status, part.credited, event), (BillStatus::Issued, 400, BillEvent::Credited));
    assert_eq!(part.closed_at, None);
    let (rest, event) = part.credit(600, NOW).unwrap();
    assert_eq!((rest.status, rest.credited, event), (BillStatus::Paid, 1_000, BillEvent::Paid));
    assert_eq!(rest.closed_at, Some(NOW));

    let reserved = Bill { reserved: 200, ..part_paid() };
    assert_eq!(reserved.clone().credit(501, NOW), Err(NotChanged::AboveOutstanding));
    assert_eq!(
        reserved.credit(500, NOW).map(|(bill, event)| (bill.credited, event)),
        Ok((500, BillEvent::Credited))
    );
    for status in ALL.into_iter().filter(|status| !status.is_open()) {
        assert_eq!(bill(status).credit(1, NOW), Err(NotChanged::Status));
    }
}

#[test]
fn what_is_owed_is_given_up_unless_a_payment_is_under_way() {
    for (before, owed) in [(bill(BillStatus::Issued), 1_000), (part_paid(), 700)] {
        let before = Bill { given_up: 10, ..before };
        let (after, event, was_owed) = before.write_off(NOW).unwrap();
        assert_eq!((event, was_owed), (BillEvent::WrittenOff, owed - 10));
        let stands = (after.status, after.given_up, after.closed_at);
        assert_eq!(stands, (BillStatus::WrittenOff, owed, Some(NOW)));
    }
    assert_eq!(Bill { reserved: 1, ..part_paid() }.write_off(NOW), Err(NotChanged::UnderWay));
    for status in ALL.into_iter().filter(|status| !status.is_open()) {
        assert_eq!(bill(status).write_off(NOW), Err(NotChanged::Status));
    }
}

#[test]
fn one_payment_at_a_time_reserves_at_most_what_is_outstanding() {
    for amount in [1, 699, 700] {
        assert_eq!(part_paid().reserve(amount).map(|bill| (bill.reserved, bill.paid)), Ok((amount, 300)));
    }
    assert_eq!(part_paid().reserve(701), Err(NotChanged::AboveOutstanding));
    assert_eq!(Bill { reserved: 1, ..part_paid() }.reserve(1), Err(NotChanged::UnderWay));
    for status in ALL.into_iter().filter(|status| !status.is_open()) {
        assert_eq!(bill(status).reserve(1), Err(NotChanged::Status));
        assert_eq!(Bill { reserved: 1, ..bill(status) }.reserve(1), Err(NotChanged::Status));
    }
}

#[test]
fn what_a_payment_has_brought_is_paid_and_its_reservation_ends() {
    let before = part_paid();
    let reserved = Bill { reserved: 700, ..before.clone() };
    assert_eq!(reserved.clone().pay(701, NOW), Err(NotChanged::AboveReserved));
    assert_eq!(reserved.clone().pay(0, NOW), Ok((before.clone(), None)));
    let part = Bill { paid: 400, ..before.clone() };
    assert_eq!(reserved.clone().pay(100, NOW), Ok((part, Some(BillEvent::PartPaid))));
    let paid = Bill { paid: 1_000, status: BillStatus::Paid, closed_at: Some(NOW), ..before };
    assert_eq!(reserved.pay(700, NOW), Ok((paid, Some(BillEvent::Paid))));
}
