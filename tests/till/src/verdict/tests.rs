use super::*;
use crate::found::{Bill, Delivery, Line, Refund, Told};

const STEPS: [&str; 6] = [
    "payment.initiated",
    "payment.submitted",
    "payment.outcome_unknown",
    "payment.completed",
    "payment.refund_submitted",
    "payment.refund_completed",
];

fn event(id: &str, name: &str, key: &str) -> Event {
    Event {
        id: id.to_owned(),
        name: name.to_owned(),
        key: key.to_owned(),
        payer: "ada".to_owned(),
        payload: name.as_bytes().to_vec(),
    }
}

/// A bill of 100, paid by `p` and given back in part by `r`, all of which was settled and told.
fn kept() -> Found {
    let part = Part {
        id: "re_1".to_owned(),
        reference: Some("r".to_owned()),
        amount: 30,
        state: "succeeded".to_owned(),
    };
    let mut events = vec![event("1", "billing.bill_issued", "b")];
    events.extend((2..).zip(STEPS).map(|(id, name)| event(&id.to_string(), name, "p")));
    events.push(event("8", "billing.bill_paid", "b"));
    let feed = events.iter().filter_map(|event| Some((told(&event.name)?, event.key.clone())));
    let feed =
        (1..).zip(feed).map(|(seq, (status, subject))| Told { seq, status: status.to_owned(), subject });
    let line = |kind: &str, id: &str, subject: &str, amount| Line {
        kind: kind.to_owned(),
        status: "matched".to_owned(),
        provider_line: Some(id.to_owned()),
        subject: Some(subject.to_owned()),
        reported: Some(amount),
    };
    Found {
        acknowledged: Acknowledged {
            bills: ["b".to_owned()].into(),
            payments: [("p".to_owned(), "b".to_owned())].into(),
            refunds: [("r".to_owned(), ("p".to_owned(), 30))].into(),
        },
        bills: [("b".to_owned(), Bill { status: "paid".to_owned(), total: 100, paid: 100 })].into(),
        payments: [(
            "p".to_owned(),
            Payment {
                bill: "b".to_owned(),
                status: "completed".to_owned(),
                failure: None,
                captured: 100,
                refunded: 30,
                refunding: 0,
                disputed: 0,
                contradiction: None,
            },
        )]
        .into(),
        refunds: [(
            "r".to_owned(),
            Refund { payment: "p".to_owned(), amount: 30, status: "completed".to_owned() },
        )]
        .into(),
        at_provider: vec![AtProvider {
            id: "pay_1".to_owned(),
            reference: "p".to_owned(),
            state: "captured".to_owned(),
            captured: 100,
            refunds: vec![part],
            disputes: Vec::new(),
        }],
        entries: [("e1".to_owned(), 100), ("e2".to_owned(), -30)].into(),
        lines: vec![line("charge", "e1", "p", 100), line("refund", "e2", "r", -30)],
        balances: [("bank".to_owned(), 70)].into(),
        feeds: [("ada".to_owned(), feed.collect())].into(),
        deliveries: events
            .iter()
            .filter(|event| is_mailed(&event.name))
            .map(|event| (event.id.clone(), Delivery { state: "sent".to_owned(), mails: 1 }))
            .collect(),
        events,
        ..Found::default()
    }
}

fn broken(change: impl FnOnce(&mut Found)) -> Vec<Promise> {
    let mut found = kept();
    change(&mut found);
    Verdict::on(&found).broken.into_keys().collect()
}

fn first(found: &mut Found) -> &mut Payment {
    found.payments.get_mut("p").unwrap()
}

#[test]
fn what_was_kept_is_clean() {
    let verdict = Verdict::on(&kept());
    assert!(verdict.is_clean(), "{:?}", verdict.broken);
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_lost() {
    let lost = |found: &mut Found| found.acknowledged.refunds.insert("r2".to_owned(), ("p".to_owned(), 1));
    assert_eq!(broken(|found| drop(lost(found))), [Promise::Kept]);
    assert_eq!(broken(|found| found.parked = 1), [Promise::Kept]);
}

#[test]
fn what_nobody_was_told_of_was_doubled() {
    assert_eq!(broken(|found| found.acknowledged.payments.clear()), [Promise::Asked]);
}

#[test]
fn a_bill_that_is_charged_twice_is_found() {
    let twice = |found: &mut Found| {
        let second = AtProvider { id: "pay_2".to_owned(), ..found.at_provider[0].clone() };
        found.at_provider.push(AtProvider { refunds: Vec::new(), ..second });
    };
    assert!(broken(twice).contains(&Promise::Charged));
}

#[test]
fn another_amount_than_the_books_is_found() {
    assert!(broken(|found| first(found).captured = 99).contains(&Promise::Same));
    assert!(broken(|found| first(found).refunded = 29).contains(&Promise::Back));
    assert_eq!(broken(|found| first(found).contradiction = Some("two names".to_owned())), [Promise::Same]);
    assert_eq!(broken(|found| found.ledger = Some("net".to_owned())), [Promise::Ledger]);
}

#[test]
fn a_line_that_is_settled_twice_or_never_is_found() {
    assert_eq!(broken(|found| drop(found.lines.pop())), [Promise::Settled]);
    assert_eq!(broken(|found| found.lines.push(found.lines[0].clone())), [Promise::Settled]);
    assert_eq!(broken(|found| found.balances.extend([("suspense".to_owned(), 1)])), [Promise::Settled]);
    // It was missing on the day, and came on the next.
    let late = |found: &mut Found| {
        let missing = Line {
            status: "missing_there".to_owned(),
            provider_line: None,
            reported: None,
            ..found.lines[0].clone()
        };
        found.lines.insert(0, missing);
    };
    assert_eq!(broken(late), []);
}

#[test]
fn events_out_of_order_are_found_and_those_that_come_again_are_not() {
    // Of another key.
    assert_eq!(broken(|found| found.events.swap(0, 1)), []);
    assert_eq!(broken(|found| found.events.swap(3, 4)), [Promise::Events]);
    assert_eq!(broken(|found| found.events.swap(4, 5)), [Promise::Events]);
    assert_eq!(broken(|found| found.events.push(found.events[2].clone())), []);
}

#[test]
fn a_row_of_a_feed_that_is_missing_or_doubled_is_found() {
    let feed = |found: &mut Found| found.feeds.get_mut("ada").unwrap().pop().unwrap();
    assert_eq!(broken(|found| drop(feed(found))), [Promise::Told]);
    let again = |found: &mut Found| {
        let last = feed(found);
        let next = Told { seq: last.seq + 1, ..last.clone() };
        found.feeds.get_mut("ada").unwrap().extend([last, next]);
    };
    assert_eq!(broken(again), [Promise::Told]);
}

#[test]
fn a_mail_that_did_not_come_is_found_and_one_that_came_twice_is_not() {
    let mails = |count| move |found: &mut Found| found.deliveries.get_mut("1").unwrap().mails = count;
    assert_eq!(broken(mails(0)), [Promise::Mailed]);
    assert_eq!(broken(mails(2)), []);
    assert_eq!(broken(|found| found.deliveries.clear()), [Promise::Mailed]);
}
