//! What readers other than eyes find. veraPDF has the whole rules: `cargo xtask pdf-check`.

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, String as PdfString};
use pdf::{Locale, sample};

use crate::harness::{bill, render, utf16};

#[test]
fn documents_have_a_title_a_language_and_both_standards() {
    let bytes = render(Locale::De, bill(2));
    let text = String::from_utf8_lossy(&bytes);
    for said in [
        "<pdfaid:part>2</pdfaid:part>",
        "<pdfaid:conformance>B</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>",
        "Rechnung 2026/B-004711",
        "2026-11-02T00:00:00",
    ] {
        assert!(text.contains(said), "{said} is not in the metadata");
    }
    let pdf = Pdf::new(bytes).unwrap();
    let root: Dict<'_> = pdf.xref().get(pdf.xref().root_id()).unwrap();
    assert_eq!(utf16(root.get::<PdfString<'_>>("Lang").unwrap().as_bytes()), "de");
    let mark: Dict<'_> = root.get("MarkInfo").unwrap();
    assert_eq!(mark.get::<bool>("Marked"), Some(true));
    let view: Dict<'_> = root.get("ViewerPreferences").unwrap();
    assert_eq!(view.get::<bool>("DisplayDocTitle"), Some(true));
}

#[test]
fn documents_are_headings_and_tables_with_header_cells() {
    let pdf = Pdf::new(render(Locale::En, bill(3))).unwrap();
    let root: Dict<'_> = pdf.xref().get(pdf.xref().root_id()).unwrap();
    let mut tags = Vec::new();
    collect(&root.get::<Dict<'_>>("StructTreeRoot").unwrap(), &mut tags);
    let count = |tag: &str| tags.iter().filter(|found| *found == tag).count();
    assert_eq!((count("H1"), count("H2")), (1, 1), "{tags:?}");
    assert_eq!(count("Table"), 4, "{tags:?}");
    // Names of the columns, of the facts, of the sums, and of the box.
    assert_eq!(count("TH"), 6 + 3 + 6 + 3, "{tags:?}");
    assert!(count("THead") >= 2 && count("TD") > 18, "{tags:?}");
}

#[test]
fn each_document_has_an_identifier_of_its_own() {
    let id = |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = text.find("<xmpMM:DocumentID>").unwrap();
        text[at..at + 60].to_owned()
    };
    let mut other = bill(2);
    other.reference = "2026/B-004712".to_owned();
    let first = id(render(Locale::En, bill(2)));
    assert_eq!(first, id(render(Locale::En, bill(3))));
    let others = [id(render(Locale::En, other)), id(render(Locale::De, bill(2)))];
    assert!(!others.contains(&first));
    let receipt = sample::receipt("EUR".parse().unwrap());
    assert_ne!(first, id(render(Locale::En, receipt)));
}

fn collect(element: &Dict<'_>, tags: &mut Vec<String>) {
    if let Some(tag) = element.get::<Name<'_>>("S") {
        tags.push(String::from_utf8_lossy(tag.as_ref()).into_owned());
    }
    match element.get::<Object<'_>>("K") {
        Some(Object::Dict(child)) => collect(&child, tags),
        Some(Object::Array(children)) => each(&children, tags),
        _ => {}
    }
}

fn each(children: &Array<'_>, tags: &mut Vec<String>) {
    for child in children.iter::<Object<'_>>() {
        if let Object::Dict(child) = child {
            collect(&child, tags);
        }
    }
}
