//! What is rendered is forgotten again.

use std::fs;

use pdf::Locale;

use crate::harness::{bill, render};

/// Of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn memory_stays_as_it_is_over_many_documents() {
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
    run(0, 150);
    let before = resident();
    run(150, 600);
    let grown = resident().saturating_sub(before);
    // What is kept of one is about half a MiB; 450 of them would be seen.
    assert!(grown < 24 << 20, "{} KiB more", grown >> 10);
}
