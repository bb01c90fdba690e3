//! A table whose transactions commit in any order, and a producer that obeys.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;

const LIMITS: Limits = Limits { batch: 10, under_way: 20 };

#[derive(Default)]
struct Table {
    /// Number → key, and the transaction that wrote it.
    rows: BTreeMap<i64, (String, i64)>,
    parked: BTreeMap<i64, &'static str>,
    open: BTreeSet<i64>,
    next_xid: i64,
}

impl Table {
    fn begin(&mut self) -> i64 {
        self.next_xid += 1;
        self.open.insert(self.next_xid);
        self.next_xid
    }

    fn insert(&mut self, seq: i64, key: &str, xid: i64) {
        self.rows.insert(seq, (key.to_owned(), xid));
    }

    fn committed(&mut self, seqs: impl IntoIterator<Item = i64>, key: &str) {
        for seq in seqs {
            self.insert(seq, key, 0);
        }
    }

    fn firsts(&self) -> HashSet<String> {
        let firsts = self.parked.iter().filter(|(_, reason)| **reason != "BEHIND_PARKED");
        firsts.map(|(seq, _)| place("t", &self.rows[seq].0)).collect()
    }

    fn answer(&mut self, look: &Look) -> (Horizon, Vec<(i64, String)>) {
        let rows = self.rows.iter().filter(|(seq, (_, xid))| {
            **seq > look.after
                && !look.except.contains(seq)
                && !self.open.contains(xid)
                && !self.parked.contains_key(seq)
        });
        let rows = rows.take(look.limit).map(|(seq, (key, _))| (*seq, key.clone())).collect();
        let xmin = self.open.first().copied().unwrap_or(self.next_xid + 1);
        let own = look.probe.then(|| {
            self.next_xid += 1;
            self.next_xid
        });
        for seq in &look.delete {
            self.rows.remove(seq);
        }
        (Horizon { xmin, own }, rows)
    }
}

/// One look; returns what was handed over. Whatever is to be parked is parked.
fn step(flight: &mut Flight, table: &mut Table) -> Vec<i64> {
    if let Some(seq) = flight.to_park() {
        table.parked.insert(seq, "RECORD_TOO_LARGE");
        flight.parked(seq);
    }
    let Some(look) = flight.look(usize::MAX) else { return Vec::new() };
    let firsts = table.firsts();
    let (horizon, rows) = table.answer(&look);
    if !flight.found(&look, horizon, firsts) {
        return Vec::new();
    }
    let mut handed = Vec::new();
    let mut complete = true;
    for (seq, key) in rows {
        match flight.admit(seq, "t", &key) {
            Verdict::Hand => {
                flight.handed(seq);
                handed.push(seq);
            }
            Verdict::Behind => {
                table.parked.insert(seq, "BEHIND_PARKED");
            }
            Verdict::Stop => {
                complete = false;
                break;
            }
        }
    }
    flight.end(complete);
    handed
}

fn acknowledge(flight: &mut Flight, seqs: impl IntoIterator<Item = i64>) {
    for seq in seqs {
        flight.reported(seq, Report::Acknowledged);
    }
}

#[test]
fn a_row_that_commits_late_is_found_wherever_the_floor_is() {
    let (mut flight, mut table) = (Flight::new(LIMITS), Table::default());
    let late = table.begin();
    table.insert(3, "late", late);
    for round in 0..20 {
        table.committed(round * 10 + 10..round * 10 + 15, "k");
        let handed = step(&mut flight, &mut table);
        assert_eq!(handed.len(), 5);
        acknowledge(&mut flight, handed);
    }
    assert_eq!(flight.look(1).unwrap().after, 0, "not past a transaction that is open");
    table.open.remove(&late);
    assert_eq!(step(&mut flight, &mut table), [3]);
}

#[test]
fn deleted_rows_are_not_walked_over_again() {
    let (mut flight, mut table) = (Flight::new(LIMITS), Table::default());
    for round in 0..20 {
        table.committed(round * 10 + 1..round * 10 + 6, "k");
        let handed = step(&mut flight, &mut table);
        acknowledge(&mut flight, handed);
    }
    let look = flight.look(usize::MAX).unwrap();
    assert!(look.after > 150, "{look:?}");
    assert!(look.except.iter().all(|seq| *seq > look.after));
    flight.from_start();
    assert_eq!(flight.look(usize::MAX).unwrap().after, 0);
}

#[test]
fn no_more_is_under_way_than_may_be() {
    let (mut flight, mut table) = (Flight::new(LIMITS), Table::default());
    table.committed(1..100, "k");
    assert_eq!(step(&mut flight, &mut table).len(), 10);
    assert_eq!(step(&mut flight, &mut table).len(), 10);
    assert_eq!(flight.look(usize::MAX), None);
    acknowledge(&mut flight, [1, 2, 3]);
    assert_eq!(step(&mut flight, &mut table), [21, 22, 23]);
    assert_eq!(flight.in_flight(), 20);
}

#[test]
fn after_the_producers_death_what_was_not_acknowledged_comes_again_in_order() {
    let (mut flight, mut table) = (Flight::new(LIMITS), Table::default());
    table.committed(1..=5, "k");
    assert_eq!(step(&mut flight, &mut table), [1, 2, 3, 4, 5]);
    acknowledge(&mut flight, [1, 2]);
    for seq in 3..=5 {
        flight.reported(seq, Report::Failed);
    }
    assert!(flight.is_broken());
    assert_eq!(flight.look(usize::MAX), None);
    flight.restart();
    assert_eq!(step(&mut flight, &mut table), [3, 4, 5]);
    assert_eq!(table.rows.len(), 3);
}

#[test]
fn only_what_is_refused_alone_is_parked_and_only_its_key_waits() {
    let (mut flight, mut table) = (Flight::new(LIMITS), Table::default());
    for (seq, key) in [(1, "a"), (2, "bad"), (3, "b"), (4, "bad"), (5, "c")] {
        table.insert(seq, key, 0);
    }
    assert_eq!(step(&mut flight, &mut table), [1, 2, 3, 4, 5]);
    acknowledge(&mut flight, [1]);
    flight.reported(2, Report::Refused);
    flight.reported(3, Report::Refused);
    flight.reported(4, Report::Failed);
    flight.reported(5, Report::Failed);
    flight.restart();
    assert!(flight.is_careful());
    assert_eq!(step(&mut flight, &mut table), [2], "alone");
    assert_eq!(step(&mut flight, &mut table), Vec::<i64>::new());
    flight.reported(2, Report::Refused);
    flight.restart();
    assert_eq!(step(&mut flight, &mut table), [3], "the other suspect, alone");
    acknowledge(&mut flight, [3]);
    // The look that deletes it reads no more than that.
    let mut handed = step(&mut flight, &mut table);
    handed.extend(step(&mut flight, &mut table));
    assert_eq!(handed, [5]);
    assert_eq!(table.parked, BTreeMap::from([(2, "RECORD_TOO_LARGE"), (4, "BEHIND_PARKED")]));
    acknowledge(&mut flight, [5]);
    table.insert(6, "bad", 0);
    assert_eq!(step(&mut flight, &mut table), Vec::<i64>::new());
    // An operator lets the key go, and later rows of it were there already.
    table.insert(7, "bad", 0);
    table.parked.clear();
    assert_eq!(
        step(&mut flight, &mut table),
        Vec::<i64>::new(),
        "what it read may not be the first of its key"
    );
    assert_eq!(step(&mut flight, &mut table), [2, 4, 6, 7]);
}

#[test]
fn what_the_producer_does_not_take_is_parked_without_its_death() {
    let (mut flight, mut table) = (Flight::new(LIMITS), Table::default());
    table.insert(1, "a", 0);
    table.insert(2, "b", 0);
    let look = flight.look(usize::MAX).unwrap();
    let (horizon, rows) = table.answer(&look);
    assert!(flight.found(&look, horizon, HashSet::new()));
    assert_eq!(flight.admit(rows[0].0, "t", "a"), Verdict::Hand);
    flight.refused(1);
    flight.end(false);
    assert_eq!(flight.look(usize::MAX), None);
    assert_eq!(step(&mut flight, &mut table), [2]);
    assert!(!flight.is_broken());
}
