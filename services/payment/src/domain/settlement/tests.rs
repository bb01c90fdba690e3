//! Whatever a report says: what moved is settled once, and every unit of it is accounted for.

use clock::Clock;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

fn id(number: u64) -> PaymentId {
    let uuid = uuid::Builder::from_unix_timestamp_millis(number, &[7; 10]).into_uuid();
    uuid.try_into().expect("an id")
}

fn subject(kind: LineKind, number: u64) -> Uuid {
    match kind {
        LineKind::Charge => id(number).into(),
        _ => uuid::Builder::from_unix_timestamp_millis(number, &[9; 10]).into_uuid(),
    }
}

fn object(kind: LineKind, number: u64) -> String {
    match kind {
        LineKind::Charge => format!("pay_{number}"),
        LineKind::Refund => format!("re_{number}"),
        _ => format!("dp_{number}"),
    }
}

fn moved(kind: LineKind, number: u64, amount: i64) -> Movement {
    Movement {
        kind,
        subject: subject(kind, number),
        payment: id(number),
        object: object(kind, number),
        currency: eur(),
        amount,
        settled: false,
        expected: true,
    }
}

fn line(kind: LineKind, name: &str, number: u64, amount: i64) -> ReportLine {
    ReportLine {
        kind,
        id: name.to_owned(),
        payment: format!("pay_{number}"),
        object: object(kind, number),
        reference: id(number).to_string(),
        currency: eur(),
        amount,
    }
}

fn report(lines: Vec<ReportLine>) -> Report {
    let mut stated: BTreeMap<Currency, (usize, i64)> = BTreeMap::new();
    for line in &lines {
        let of = stated.entry(line.currency).or_default();
        *of = (of.0 + 1, of.1 + line.amount);
    }
    let stated = stated.into_iter().map(|(currency, (lines, net))| Stated { currency, lines, net }).collect();
    Report::new([0; 32], lines, stated).expect("whole")
}

fn ours(movements: Vec<Movement>) -> Ours {
    let payments = movements.iter().map(|movement| {
        (movement.payment, Some(format!("pay_{}", movement.payment.as_uuid().as_u128() >> 80)))
    });
    Ours { payments: payments.collect(), movements, ..Ours::default() }
}

fn statuses(compared: &Compared) -> Vec<(LineKind, LineStatus)> {
    compared.lines.iter().map(|line| (line.kind, line.status)).collect()
}

use LineKind::{Charge, Dispute, DisputeReversal, Fee, Net, Other, Refund};
use LineStatus::{AmountDiffers, Found, Matched, MissingHere, MissingThere, NetDiffers, Repeated};

#[test]
fn what_happened_matches_and_nothing_is_unexplained() {
    let mut fee = line(Fee, "e2", 1, -34);
    fee.object = "pay_1".to_owned();
    let lines = vec![
        line(Charge, "e1", 1, 1_000),
        fee,
        line(Refund, "e3", 1, -300),
        line(Dispute, "e4", 1, -700),
        line(DisputeReversal, "e5", 1, 700),
    ];
    let ours = ours(vec![
        moved(Charge, 1, 1_000),
        moved(Refund, 1, -300),
        moved(Dispute, 1, -700),
        moved(DisputeReversal, 1, 700),
    ]);
    let compared = compare(&report(lines), &ours);
    assert_eq!((compared.count(), compared.to_ask.len()), ((5, 0), 0));
    let totals = Totals { net: 666, fees: 34, settled: 700, unexplained: 0 };
    assert_eq!(compared.totals(), BTreeMap::from([(eur(), totals)]));
}

#[test]
fn what_does_not_match_comes_first_and_each_has_its_reason() {
    let mut stranger = line(Charge, "e9", 9, 77);
    stranger.reference = "who".to_owned();
    let mut impostor = line(Charge, "e8", 3, 5);
    impostor.payment = "pay_9".to_owned();
    let mut other = line(Other, "", 1, -5);
    other.object = "pay_1".to_owned();
    let lines = vec![
        line(Charge, "e1", 1, 1_000),
        line(Charge, "e1", 1, 1_000),
        line(Charge, "e2", 2, 900),
        line(Charge, "e3", 2, 1_000),
        stranger,
        impostor,
        other,
    ];
    let ours = ours(vec![moved(Charge, 1, 1_000), moved(Charge, 2, 1_000), moved(Charge, 3, 1_000)]);
    let compared = compare(&report(lines), &ours);
    assert_eq!(
        statuses(&compared),
        [
            (Charge, Repeated),
            (Charge, AmountDiffers),
            (Charge, Repeated),
            (Charge, MissingHere),
            (Charge, MissingHere),
            (Other, MissingHere),
            (Charge, MissingThere),
            (Charge, Matched),
        ]
    );
    // Whatever is about a payment of ours is looked up; the others are nobody's.
    assert_eq!(compared.to_ask, BTreeSet::from([id(1)]));
    let totals = compared.totals()[&eur()];
    assert_eq!((totals.settled, totals.net), (2_000, 1_000 + 1_000 + 900 + 1_000 + 77 + 5 - 5));
    assert_eq!(totals.unexplained, totals.net - 2_000);
}

#[test]
fn what_counted_before_does_not_count_again() {
    let mut before = moved(Charge, 1, 1_000);
    before.settled = true;
    let known = Ours { counted: BTreeSet::from(["e1".to_owned()]), ..ours(vec![before]) };
    // The same line, and the same charge by another name.
    for name in ["e1", "e2", ""] {
        let compared = compare(&report(vec![line(Charge, name, 1, 1_000)]), &known);
        assert_eq!(statuses(&compared), [(Charge, Repeated)], "{name}");
        assert_eq!(compared.totals()[&eur()].unexplained, 1_000);
    }
}

#[test]
fn a_total_that_is_not_the_sum_is_a_line_of_its_own() {
    let whole = report(vec![line(Charge, "e1", 1, 1_000)]);
    let stated = Stated { currency: eur(), lines: 1, net: 990 };
    let off = Report::new([0; 32], whole.lines().to_vec(), vec![stated]).expect("whole");
    let compared = compare(&off, &ours(vec![moved(Charge, 1, 1_000)]));
    assert_eq!(statuses(&compared), [(Net, NetDiffers), (Charge, Matched)]);
    assert_eq!((compared.lines[0].reported, compared.lines[0].report_line), (Some(-10), Some(2)));
    let totals = Totals { net: 990, fees: 0, settled: 1_000, unexplained: -10 };
    assert_eq!(compared.totals()[&eur()], totals);
}

#[test]
fn what_was_missing_here_is_found_once_it_is_known() {
    let stray =
        Stray { kind: Charge, object: "pay_1".to_owned(), payment: id(1), currency: eur(), amount: 1_000 };
    let mut known = ours(vec![moved(Charge, 1, 1_000)]);
    known.strays = vec![stray.clone(), stray];
    let compared = compare(&report(Vec::new()), &known);
    assert_eq!(statuses(&compared), [(Charge, Found)]);
    // The bank has had it: what was unexplained then is explained.
    let totals = Totals { net: 0, fees: 0, settled: 1_000, unexplained: -1_000 };
    assert_eq!(compared.totals()[&eur()], totals);
    known.movements[0].settled = true;
    assert!(compare(&report(Vec::new()), &known).lines.is_empty());
}

#[test]
fn another_currency_is_another_thing() {
    let mut sek = line(Charge, "e1", 1, 1_000);
    sek.currency = "SEK".parse().expect("a currency");
    let compared = compare(&report(vec![sek]), &ours(vec![moved(Charge, 1, 1_000)]));
    assert_eq!(statuses(&compared), [(Charge, MissingHere), (Charge, MissingThere)]);
}

#[test]
fn a_day_settles_to_an_entry_or_to_none() {
    let clock = Clock::frozen(datetime!(2026-11-30 02:00 UTC));
    let settlement = |compared: &Compared| Settlement {
        id: SettlementId::mint(&clock),
        tenant: "riverton".parse().expect("a tenant"),
        account: "acct_town".parse().expect("an account"),
        day: "2026-11-29".parse().expect("a day"),
        fetched_at: clock.now(),
        sha256: [0; 32],
        report_lines: 0,
        matched: 0,
        unmatched: 0,
        totals: compared.totals(),
    };
    let nothing = compare(&report(Vec::new()), &Ours::default());
    assert_eq!(crate::domain::Entry::settlement(&settlement(&nothing), &clock), Ok(None));
    // What comes and goes on one day leaves nothing to post.
    let movements = vec![moved(Charge, 1, 1_000), moved(Refund, 1, -1_000)];
    let both = vec![line(Charge, "e1", 1, 1_000), line(Refund, "e2", 1, -1_000)];
    let even = compare(&report(both), &ours(movements));
    assert_eq!(
        (even.count(), crate::domain::Entry::settlement(&settlement(&even), &clock)),
        ((2, 0), Ok(None))
    );
}

#[test]
fn names_lead_back() {
    for kind in LineKind::ALL {
        assert_eq!(LineKind::of(kind.name()), Some(kind));
    }
    for status in LineStatus::ALL {
        assert_eq!(LineStatus::of(status.name()), Some(status));
    }
}

fn kind() -> impl Strategy<Value = LineKind> {
    prop_oneof![4 => Just(Charge), 2 => Just(Refund), 1 => Just(Dispute), 2 => Just(Fee), 1 => Just(Other)]
}

fn lines() -> impl Strategy<Value = Vec<ReportLine>> {
    let line =
        (kind(), 0u64..8, 0usize..12, -3i64..3, any::<bool>()).prop_map(|(kind, number, name, off, ours)| {
            let amount = match kind {
                Charge => 1_000 + off / 2,
                Refund => -300 + off / 2,
                Dispute => -700,
                _ => -10,
            };
            let mut line = line(kind, &format!("e{name}"), number, amount);
            if kind == Fee {
                line.object = object(Charge, number);
            }
            if !ours {
                line.reference = format!("stranger {number}");
            }
            line
        });
    proptest::collection::vec(line, 0..20)
}

fn movements() -> impl Strategy<Value = Vec<Movement>> {
    let known = proptest::collection::btree_set((0u8..3, 0u64..8), 0..16);
    (known, any::<u64>()).prop_map(|(known, bits)| {
        let all = known.into_iter().enumerate().map(|(at, (kind, number))| {
            let (kind, amount) = match kind {
                0 => (Charge, 1_000),
                1 => (Refund, -300),
                _ => (Dispute, -700),
            };
            let settled = bits >> at & 1 == 1;
            Movement {
                settled,
                expected: !settled && bits >> (at + 20) & 1 == 1,
                ..moved(kind, number, amount)
            }
        });
        all.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_moved_is_settled_once_and_every_unit_is_accounted_for(
        lines in lines(), movements in movements(), off in prop_oneof![4 => Just(0i64), 1 => -50i64..50],
    ) {
        let whole = report(lines.clone());
        let stated = whole.stated().iter().map(|total| Stated { net: total.net + off, ..total.clone() });
        let report = Report::new([0; 32], lines.clone(), stated.collect()).expect("whole");
        let ours = ours(movements.clone());
        let compared = compare(&report, &ours);

        // Each line of the report is there once, in its currency and with its amount.
        let mut shown: Vec<_> = compared.lines.iter().filter(|line| line.kind != Net)
            .filter_map(|line| Some((line.report_line?, line.reported?))).collect();
        shown.sort_unstable();
        let expected: Vec<_> = (1..).zip(lines.iter().map(|line| line.amount)).collect();
        prop_assert_eq!(shown, expected);

        // Nothing is settled twice, nor what was settled before; and all that is expected is settled or missing.
        let mut settled: BTreeSet<_> = movements.iter().filter(|movement| movement.settled)
            .map(|movement| (movement.kind, movement.subject)).collect();
        for line in compared.lines.iter().filter(|line| line.status.settles() && line.kind != Fee) {
            prop_assert!(settled.insert((line.kind, line.subject.expect("ours"))));
        }
        for movement in movements.iter().filter(|movement| movement.expected) {
            let missing = compared.lines.iter().filter(|line| line.status == MissingThere
                && (line.kind, line.subject) == (movement.kind, Some(movement.subject))).count();
            prop_assert_eq!(missing == 0, settled.contains(&(movement.kind, movement.subject)));
            prop_assert!(missing <= 1);
        }

        // The bank has what the report states; what was settled is what happened here; the rest is in suspense.
        for (currency, totals) in compared.totals() {
            let stated: i64 =
                report.stated().iter().filter(|total| total.currency == currency).map(|total| total.net).sum();
            prop_assert_eq!(totals.net, stated);
            prop_assert_eq!(totals.net, totals.settled + totals.unexplained - totals.fees);
        }
        let ours_settled: i64 = movements.iter()
            .filter(|movement| !movement.settled && settled.contains(&(movement.kind, movement.subject)))
            .map(|movement| movement.amount).sum();
        prop_assert_eq!(compared.totals().values().map(|totals| totals.settled).sum::<i64>(), ours_settled);

        // What does not match comes first, and a report that is right leaves nothing in suspense.
        prop_assert!(compared.lines.is_sorted_by_key(|line| line.status.is_right()));
        if compared.lines.iter().all(|line| matches!(line.status, Matched | MissingThere)) {
            prop_assert!(compared.totals().values().all(|totals| totals.unexplained == 0));
        }
    }
}

#[test]
fn a_fee_that_was_missing_here_is_found_once_what_it_is_about_is_known() {
    let stray = Stray { kind: Fee, object: "pay_1".to_owned(), payment: id(1), currency: eur(), amount: -34 };
    let mut known = Ours { strays: vec![stray], ..ours(Vec::new()) };
    assert!(compare(&report(Vec::new()), &known).lines.is_empty(), "nobody knows yet");
    known.movements = vec![Movement { settled: true, ..moved(Charge, 1, 1_000) }];
    let compared = compare(&report(Vec::new()), &known);
    assert_eq!(statuses(&compared), [(Fee, Found)]);
    let totals = Totals { net: 0, fees: 34, settled: 0, unexplained: 34 };
    assert_eq!(compared.totals()[&eur()], totals);
}

#[test]
fn a_line_without_a_reference_goes_by_the_name_of_its_payment() {
    let mut nameless = line(Charge, "e1", 1, 1_000);
    nameless.reference.clear();
    let mut of_nobody = line(Charge, "e2", 2, 5);
    of_nobody.reference.clear();
    let compared = compare(&report(vec![nameless, of_nobody]), &ours(vec![moved(Charge, 1, 1_000)]));
    assert_eq!(statuses(&compared), [(Charge, MissingHere), (Charge, Matched)]);
    assert_eq!((compared.lines[0].payment, compared.lines[1].payment), (None, Some(id(1))));
    assert!(compared.to_ask.is_empty());
}
