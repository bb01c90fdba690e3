//! What is rendered is forgotten again.

use std::fs;
use std::process::Command;

use pdf::Locale;

use crate::harness::{bill, render};

/// Tells the child that it is one.
const CHILD: &str = "PDF_MEMORY_CHILD";

/// Of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// In a process of its own: other tests take memory beside it.
#[test]
fn memory_stays_as_it_is_over_many_documents() {
    if std::env::var_os(CHILD).is_none() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "memory::memory_stays_as_it_is_over_many_documents"]).env(CHILD, "1");
        let out = child.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
        assert!(String::from_utf8_lossy(&out.stdout).contains("1 passed"));
        return;
    }
    let run = |from: u32, to: u32| {
        for number in from..to {
            let mut one = bill(6);
            one.reference = format!("R-{number}");
            one.payer_name = format!("Payer {number}");
            for line in &mut one.lines {
                line.description = format!("{} {number}", line.description);
            }
            render(if number.is_multiple_of(2) { Locale::En } else { Locale::De }, one);
        }
    };
    run(0, 40);
    let before = resident();
    run(40, 120);
    let grown = resident().saturating_sub(before);
    // What is remembered of one is hundreds of KiB; that of 80 would be seen.
    assert!(grown < 12 << 20, "{} KiB more", grown >> 10);
}
