//! Text of others stays text.

use pdf::{Bill, BillLine, Issuer, Locale, sample};
use proptest::prelude::*;

use crate::harness::{bill, currency, read, render};

fn with(text: &str) -> Bill {
    let mut bill = bill(1);
    bill.payer_name = text.to_owned();
    bill.lines[0] = BillLine { description: text.to_owned(), fund: text.to_owned(), ..bill.lines[0].clone() };
    bill.issuer = Issuer { name: text.to_owned(), address: vec![text.to_owned()] };
    bill.reference = text.to_owned();
    bill
}

#[test]
fn markup_in_data_is_text() {
    for text in [
        "#panic()",
        "#read(\"/bill.typ\")",
        "*bold* _it_ `raw`",
        "$x^2$ @ref <label>",
        "= Heading",
        "\\u{41} // no comment",
        "#{1+1} [block]",
        "\"); #import \"x",
        "a--b ... ~ 'q' \"q\"",
        "/* c */ + item",
        "<script>&amp;</script>",
        "{\"json\": null}",
    ] {
        let page = read(Locale::En, with(text)).concat();
        assert!(page.matches(text).count() >= 4, "{text} is not in:\n{page}");
        let mut receipt = sample::receipt(currency("EUR"));
        receipt.method = text.to_owned();
        receipt.account = text.to_owned();
        let page = read(Locale::De, receipt).concat();
        assert!(page.matches(text).count() == 2, "{text} is not in:\n{page}");
    }
}

#[test]
fn names_of_other_scripts_are_written_and_those_without_a_font_are_marked() {
    for text in ["Ольга Ковальчук", "Γιώργος Παπαδόπουλος", "Nguyễn Thị Hồng", "Գոռ", "გიორგი", "Łukasz Żółć"]
    {
        let page = read(Locale::De, with(text)).concat();
        assert!(page.contains(text), "{text} is not in:\n{page}");
    }
    let page = read(Locale::De, with("田中 さくら")).concat();
    assert!(page.contains("\u{fffd}\u{fffd} \u{fffd}\u{fffd}\u{fffd}"), "{page}");
    // Their letters are laid from right to left; that they are there is told by the bytes of their fonts.
    for (text, font) in [("יעל כהן", "NotoSansHebrew"), ("محمد عبد الله", "NotoSansArabic")]
    {
        let bytes = render(Locale::De, with(text));
        assert!(contains(&bytes, font.as_bytes()), "{font} is not embedded");
    }
}

#[test]
fn characters_that_archives_refuse_do_not_stop_a_bill() {
    for text in [
        "\u{0}\u{1}\u{7f}\u{85}\u{9f}",
        "\u{feff}\u{fffe}\u{ffff}\u{10ffff}",
        "\u{e000}\u{f8ff}\u{f0000}",
        "\u{202e}abc\u{2066}",
        "👨‍👩‍👧 🏳️‍🌈 👍🏽",
        "e\u{301}\u{302}\u{303} \u{301}x",
        "\u{200b}\u{200c}\u{200d}\u{2060}",
        "म्मी ไทย 한국",
        "ﷺ ﬁ Ǆ ß ẞ",
        "   ",
        "",
    ] {
        render(Locale::En, with(text));
    }
}

#[test]
fn long_words_break_where_there_is_no_room() {
    let word = "W".repeat(255);
    let page = read(Locale::De, with(&word)).concat();
    let lines = page.lines().filter(|line| line.starts_with("WWWW")).count();
    assert!(lines > 12, "{page}");
    // What is copied from the page is the word.
    assert!(page.replace('\n', "").contains(&word), "{page}");
    assert!(!page.contains('\u{200b}'), "{page}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_a_name_is_there_is_a_bill(text in "\\PC{0,40}", any in prop::collection::vec(any::<char>(), 0..24)) {
        render(Locale::En, with(&text));
        render(Locale::De, with(&any.into_iter().collect::<String>()));
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
