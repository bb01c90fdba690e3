//! How many entries one core verifies in a second: `cargo run --release -p evidence --example speed`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a figure for people")]

use std::collections::BTreeMap;
use std::time::Instant;

use evidence::{Chain, Event, Verifier};
use time::macros::datetime;

const ENTRIES: i64 = 1_000_000;

fn main() {
    let chain = Chain { service: "document".into(), tenant: "riverton".parse().unwrap() };
    let event = Event {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        type_: "guildhall.document.ready.v1".into(),
        subject: "01890a5d-ac96-774b-bcce-b302099a8051".into(),
        time: datetime!(2030-01-01 12:00 UTC),
        schema: "proto:guildhall.document.v1.DocumentReady".into(),
        // As much as an event of a document has.
        body: vec![7; 96],
    };
    let (mut prev, mut entries) = (chain.genesis(), Vec::new());
    for seq in 1..=ENTRIES {
        let entry = chain.entry(seq, prev, event.clone());
        prev = entry.hash;
        entries.push(entry);
    }
    let mut verifier = Verifier::new(chain, BTreeMap::from([(ENTRIES, prev)]));
    let begun = Instant::now();
    for entry in &entries {
        verifier.push(entry).unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(verifier.finish().unwrap().sealed, ENTRIES);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let speed = ENTRIES as f64 / seconds;
    println!("{ENTRIES} entries in {seconds:.2} s on one core: {speed:.0} entries/s");
}
