//! `docs/errors/` and the table of reasons say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rpc_error::{Code, reason};

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

#[test]
fn every_reason_has_a_page_and_every_page_a_reason() {
    let files: BTreeSet<String> = fs::read_dir(pages())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let reasons = reason::ALL.iter().map(|row| format!("{}.md", row.name)).collect();
    let apart: Vec<_> = files.symmetric_difference(&reasons).collect();
    assert!(apart.is_empty(), "without page or without reason: {apart:?}");
}

#[test]
fn a_page_has_the_reasons_title_and_codes() {
    for row in reason::ALL {
        let http = format!("HTTP {}", row.code.http_status());
        let codes = match row.code {
            // These two exist over HTTP only.
            Code::MethodNotAllowed | Code::UnsupportedMediaType => http,
            code => format!("{http} · gRPC `{}`", grpc_name(code.grpc())),
        };
        let start = format!("# {}\n\n{}.\n\n{codes}\n\n", row.name, row.title);
        let page = fs::read_to_string(pages().join(format!("{}.md", row.name))).unwrap();
        assert!(page.starts_with(&start), "{}: its page starts with\n{page}\nnot with\n{start}", row.name);
        assert!(page.contains("**What it means.**") && page.contains("**What to do.**"), "{}", row.name);
    }
}

/// The gRPC code as the specification spells it.
fn grpc_name(code: tonic::Code) -> String {
    let mut name = String::new();
    for (index, letter) in format!("{code:?}").chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
