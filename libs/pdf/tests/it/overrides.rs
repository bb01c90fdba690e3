//! Templates of tenants.

use std::fs;
use std::path::Path;

use pdf::{Fonts, LoadError, Locale, Renderer};
use tempfile::TempDir;

use crate::harness::{bill, pages, render, tenant};

/// A folder with one tenant's files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("aldersbrook")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join("aldersbrook").join(name), text).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Renderer, LoadError> {
    Renderer::with_overrides(Fonts::bundled(), folder)
}

fn refusal(files: &[(&str, &str)]) -> String {
    load(folder(files).path()).unwrap_err().to_string()
}

const SQUARE: &str =
    r#"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><rect width="20" height="20"/></svg>"#;
const LAYOUT: &str = r##"
#import "/default/layout.typ" as default
#import "/default/layout.typ": *
#let letter(..arguments, body) = default.letter(
  ..arguments,
  letterhead: () => {
    default.letterhead(picture: image("/arms.svg", height: 12mm, alt: "Arms of the town"))
    [Since 1284]
  },
  body,
)
"##;

#[test]
fn a_tenant_may_have_a_letterhead_of_its_own() {
    let folder = folder(&[("layout.typ", LAYOUT), ("arms.svg", SQUARE)]);
    let renderer = load(folder.path()).unwrap();
    let document = bill(2).into();
    let own = renderer.render(&tenant(), Locale::En, &document).unwrap();
    assert!(pages(own).concat().contains("Since 1284"));
    let other = renderer.render(&"other".parse().unwrap(), Locale::En, &document).unwrap();
    assert!(!pages(other).concat().contains("Since 1284"));
}

#[test]
fn a_tenant_without_files_has_what_is_built_in() {
    let renderer = load(folder(&[]).path()).unwrap();
    let made = renderer.render(&tenant(), Locale::En, &bill(2).into()).unwrap();
    assert!(made == render(Locale::En, bill(2)));
}

#[test]
fn a_bad_template_is_refused_with_its_file_line_and_fault() {
    let told = refusal(&[("bill.typ", "#import \"/layout.typ\": *\n\n#let a = (\n")]);
    assert!(
        told.contains("tenant aldersbrook") && told.contains("aldersbrook/bill.typ:3: unclosed"),
        "{told}"
    );
    let told = refusal(&[("receipt.typ", "#import \"/layout.typ\": *\n#data.nothing\n")]);
    assert!(told.contains("aldersbrook/receipt.typ:2: ") && told.contains("nothing"), "{told}");
    let told = refusal(&[("bill.typ", "#set text(font: \"Comic Sans MS\")\nx")]);
    assert!(told.contains("aldersbrook/bill.typ:1: unknown font family"), "{told}");
}

#[test]
fn a_template_that_is_not_accessible_is_refused() {
    let told = refusal(&[("bill.typ", "text without a title")]);
    assert!(told.contains("title"), "{told}");
    let bare = LAYOUT.replace(", alt: \"Arms of the town\"", "");
    let told = refusal(&[("layout.typ", &bare), ("arms.svg", SQUARE)]);
    assert!(told.contains("aldersbrook/layout.typ:7: ") && told.contains("alt"), "{told}");
}

#[test]
fn a_template_that_fails_for_some_documents_alone_is_refused() {
    let files =
        [("bill.typ", "#import \"/default/bill.typ\"\n#if data.payer == \"\" { panic(\"no payer\") }")];
    assert!(refusal(&files).contains("aldersbrook/bill.typ:2: "));
}

#[test]
fn templates_reach_nothing_but_each_other() {
    for (reached, told) in [
        ("#read(\"/etc/passwd\")", "file not found"),
        ("#read(\"../../etc/passwd\")", "aldersbrook/bill.typ:1: "),
        ("#import \"@preview/cetz:0.4.0\"", "packages cannot be used here"),
        ("#datetime.today()", "aldersbrook/bill.typ:1: "),
        ("#include \"other.typ\"", "file not found"),
    ] {
        let refused = refusal(&[("bill.typ", reached)]);
        assert!(refused.contains(told), "{reached}: {refused}");
    }
}

#[test]
fn only_templates_and_pictures_may_be_there() {
    for (name, told) in [
        ("invoice.typ", "is none of layout.typ, bill.typ and receipt.typ"),
        ("plugin.wasm", "is neither a template nor a picture"),
    ] {
        assert!(refusal(&[(name, "")]).contains(told));
    }
    let large = " ".repeat(600 << 10);
    assert!(refusal(&[("arms.svg", &large)]).contains("more than 512 KiB"));
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("Not A Tenant")).unwrap();
    assert!(load(folder.path()).unwrap_err().to_string().contains("is not named like a tenant"));
    assert!(load(&folder.path().join("missing")).unwrap_err().to_string().starts_with("cannot read "));
}

#[test]
fn fonts_of_a_folder_serve_what_the_bundled_ones_lack() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.ttf"), "no font").unwrap();
    let told = Fonts::with_folder(folder.path()).unwrap_err().to_string();
    assert!(told.ends_with("a.ttf is not a font"), "{told}");
    fs::remove_file(folder.path().join("a.ttf")).unwrap();
    fs::write(folder.path().join("README"), "not looked at").unwrap();
    let renderer = Renderer::new(Fonts::with_folder(folder.path()).unwrap());
    let made = renderer.render(&tenant(), Locale::En, &bill(2).into()).unwrap();
    assert!(made == render(Locale::En, bill(2)));
}
