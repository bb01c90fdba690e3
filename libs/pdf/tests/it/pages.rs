//! What is on the pages.

use pdf::{Error, Locale, sample};

use crate::harness::{bill, currency, read, render, renderer, tenant};

#[test]
fn the_same_input_gives_the_same_bytes() {
    let documents = sample::all();
    assert!(documents.len() > 4);
    for (name, locale, document) in documents {
        let first = render(locale, document.clone());
        assert!(first == render(locale, document.clone()), "{name} differs");
        let other = pdf::Renderer::new(pdf::Fonts::bundled());
        assert!(first == other.render(&tenant(), locale, &document).unwrap(), "{name} differs by renderer");
    }
}

#[test]
fn every_thread_gets_the_same_bytes() {
    let one = render(Locale::De, bill(30));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..8).map(|_| render(Locale::De, bill(30))).collect::<Vec<_>>()))
            .collect();
        for thread in threads {
            for made in thread.join().unwrap() {
                assert!(made == one);
            }
        }
    });
}

#[test]
fn a_bill_says_in_english_what_is_owed_and_until_when() {
    let text = read(Locale::En, bill(4)).concat();
    for said in [
        "Town of Aldersbrook",
        "Zoë O’Connor-Müller",
        "Bill 2026/B-004711",
        "2 November 2026",
        "30 November 2026",
        "Waste collection, 240 l bin",
        "Fund: waste",
        "19%",
        "169.00",
        "Page 1 of 1",
    ] {
        assert!(text.contains(said), "{said} is not in:\n{text}");
    }
}

#[test]
fn a_bill_says_the_same_in_german() {
    let text = read(Locale::De, bill(4)).concat();
    for said in [
        "Rechnung 2026/B-004711",
        "2. November 2026",
        "Haushaltsstelle: waste",
        "19\u{a0}%",
        "169,00",
        "Seite 1 von 1",
    ] {
        assert!(text.contains(said), "{said} is not in:\n{text}");
    }
}

#[test]
fn a_receipt_says_what_was_paid_for_which_bill() {
    let receipt = sample::receipt(currency("EUR"));
    for (locale, said) in [
        (Locale::En, ["Receipt 2026/B-004711", "€412.09", "17 November 2026, 14:05 (UTC+1)", "Page 1 of 1"]),
        (
            Locale::De,
            [
                "Quittung 2026/B-004711",
                "412,09\u{a0}€",
                "17. November 2026, 14:05 Uhr (UTC+1)",
                "Seite 1 von 1",
            ],
        ),
    ] {
        let text = read(locale, receipt.clone()).concat();
        for said in said.into_iter().chain(["Card", "town-hall-card", &receipt.payment_id.to_string()]) {
            assert!(text.contains(said), "{said} is not in:\n{text}");
        }
    }
}

#[test]
fn a_hundred_lines_go_over_several_pages_each_with_a_header() {
    let pages = read(Locale::En, bill(100));
    assert!((3..=8).contains(&pages.len()), "{} pages", pages.len());
    for (number, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("Page {} of {}", number + 1, pages.len())), "{page}");
        assert!(number == 0 || page.contains("Town of Aldersbrook"), "{page}");
    }
    let all = pages.concat();
    for number in 1..=100 {
        assert!(all.contains(&format!("\n{number}\t")), "line {number} is not in:\n{all}");
    }
}

#[test]
fn what_is_paid_says_so_and_asks_for_nothing() {
    let mut paid = bill(2);
    paid.outstanding = 0;
    let text = read(Locale::En, paid).concat();
    assert!(text.contains("Nothing is owed"), "{text}");
    assert!(!text.contains("Please pay"), "{text}");
}

#[test]
fn bills_that_make_no_sense_are_refused() {
    let refused = |change: fn(&mut pdf::Bill)| {
        let mut broken = bill(2);
        change(&mut broken);
        renderer().render(&tenant(), Locale::En, &broken.into()).unwrap_err()
    };
    assert!(matches!(refused(|bill| bill.lines.clear()), Error::NoLines));
    assert!(matches!(refused(|bill| bill.outstanding = -1), Error::Outstanding));
    assert!(matches!(refused(|bill| bill.outstanding = i64::MAX), Error::Outstanding));
    assert!(matches!(refused(|bill| bill.lines[0].unit_price = i64::MAX), Error::Overflow));
    assert!(matches!(refused(|bill| bill.lines[0].tax = i64::MAX), Error::Overflow));
}
