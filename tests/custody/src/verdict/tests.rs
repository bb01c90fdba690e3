use super::*;

fn event(number: u32, document: &str, what: What) -> Event {
    let payload = format!("{what:?}").into_bytes();
    Event { id: number.to_string(), document: document.to_owned(), what, payload }
}

fn edge(version: i32, edge: &str) -> What {
    What::Edge(version, edge.to_owned())
}

fn row(status: &str) -> Row {
    let kept = matches!(status, "ready" | "erased");
    Row { status: status.to_owned(), size: 3, sha256: vec![1; 32], retain_until: kept.then_some(100) }
}

fn stored() -> Stored {
    Stored { size: 3, sha256: Some(vec![1; 32]), deleted: false, locked_until: Some(100), held: false }
}

fn named(document: &str) -> Named {
    (document.to_owned(), 1)
}

/// `a` is ready and held, `b` is erased after a hold was released, `c` is rejected.
fn kept() -> Found {
    let life = |document: &str, edges: &[&str]| -> Vec<(String, What)> {
        edges.iter().map(|name| (document.to_owned(), edge(1, name))).collect()
    };
    let mut told = life("a", &["initiated", "uploaded", "scanning", "ready"]);
    told.extend(life("b", &["initiated", "uploaded", "scanning", "ready"]));
    told.extend(life("c", &["initiated", "uploaded", "scanning", "rejected"]));
    told.push(("a".to_owned(), What::Held("h1".to_owned(), None)));
    told.push(("b".to_owned(), What::Held("h2".to_owned(), Some(1))));
    told.push(("b".to_owned(), What::Released("h2".to_owned())));
    told.push(("b".to_owned(), What::Erased(vec![1])));
    let events = (1..).zip(told).map(|(number, (document, what))| event(number, &document, what)).collect();
    Found {
        acknowledged: Acknowledged {
            confirmed: ["a", "b", "c"].map(named).into(),
            held: [("h1", "a"), ("h2", "b")].map(|(hold, of)| (hold.to_owned(), of.to_owned())).into(),
            released: ["h2".to_owned()].into(),
            erased: ["b".to_owned()].into(),
        },
        rows: [("a", "ready"), ("b", "erased"), ("c", "rejected")]
            .map(|(document, status)| (named(document), row(status)))
            .into(),
        standing: [("h1".to_owned(), ("a".to_owned(), None))].into(),
        ended: ["h2".to_owned()].into(),
        evidence: [(named("a"), vec![Stored { held: true, ..stored() }])].into(),
        intake: BTreeMap::new(),
        strays: 0,
        events,
        now: 10,
    }
}

fn broken(change: impl FnOnce(&mut Found)) -> Vec<Promise> {
    let mut found = kept();
    change(&mut found);
    Verdict::on(&found).broken.into_keys().collect()
}

#[test]
fn promises_that_were_kept_are_clean() {
    let verdict = Verdict::on(&kept());
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!((verdict.compared["versions"], verdict.compared["ready"]), (3, 1));
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_lost() {
    let lost = |found: &mut Found| found.rows.get_mut(&named("c")).unwrap().status = "pending_upload".into();
    assert_eq!(broken(lost), [Promise::Kept, Promise::Told]);
    assert_eq!(broken(|found| found.ended.clear()), [Promise::Kept]);
    assert_eq!(broken(|found| found.acknowledged.erased.extend(["c".to_owned()])), [Promise::Kept]);
    assert_eq!(
        broken(|found| drop(found.acknowledged.held.insert("h3".into(), "a".into()))),
        [Promise::Kept]
    );
}

#[test]
fn a_confirmed_upload_must_come_to_a_verdict() {
    let stuck = |found: &mut Found| found.rows.get_mut(&named("c")).unwrap().status = "scanning".into();
    assert_eq!(broken(stuck), [Promise::Decided, Promise::Told]);
}

#[test]
fn what_can_be_read_has_one_good_object() {
    assert_eq!(broken(|found| found.evidence.clear()), [Promise::Evidence]);
    let other =
        |found: &mut Found| found.evidence.get_mut(&named("a")).unwrap()[0].sha256 = Some(vec![2; 32]);
    assert_eq!(broken(other), [Promise::Evidence]);
    let twice = |found: &mut Found| found.evidence.get_mut(&named("a")).unwrap().push(stored());
    assert_eq!(broken(twice), [Promise::Evidence]);
}

#[test]
fn its_locks_are_what_the_database_asks() {
    let evidence = |change: fn(&mut Stored)| {
        broken(|found| change(&mut found.evidence.get_mut(&named("a")).unwrap()[0]))
    };
    assert_eq!(evidence(|stored| stored.held = false), [Promise::Locks]);
    assert_eq!(evidence(|stored| stored.locked_until = Some(99)), [Promise::Locks]);
    assert_eq!(evidence(|stored| stored.locked_until = Some(101)), []);
    assert_eq!(broken(|found| found.now = 100), []);
}

#[test]
fn nothing_is_left_of_what_was_erased_or_refused() {
    let left = |found: &mut Found| drop(found.evidence.insert(named("b"), vec![stored()]));
    assert_eq!(broken(left), [Promise::Gone]);
    let orphan = |found: &mut Found| drop(found.evidence.insert(named("c"), vec![stored()]));
    assert_eq!(broken(orphan), [Promise::NoOrphan]);
    let upload = |found: &mut Found| drop(found.intake.insert(named("a"), vec![stored()]));
    assert_eq!(broken(upload), [Promise::NoOrphan]);
    let nobodys = |found: &mut Found| drop(found.intake.insert(named("z"), vec![stored()]));
    assert_eq!(broken(nobodys), [Promise::NoOrphan]);
    assert_eq!(broken(|found| found.strays = 1), [Promise::NoOrphan]);
}

#[test]
fn nothing_is_erased_under_a_hold() {
    // The release comes after the erasure.
    let swapped = |found: &mut Found| {
        let last = found.events.len() - 1;
        found.events.swap(last - 1, last);
    };
    assert_eq!(broken(swapped), [Promise::Held]);
}

#[test]
fn events_are_those_of_a_life_in_their_order_and_each_once() {
    let again = |found: &mut Found| found.events.push(found.events[0].clone());
    assert_eq!(broken(again), [], "the relay may deliver again");
    let other = |found: &mut Found| {
        let event = Event { payload: vec![9], ..found.events[11].clone() };
        found.events.push(event);
    };
    assert_eq!(broken(other), [Promise::Once]);
    let twice = |found: &mut Found| found.events.push(event(99, "a", edge(1, "ready")));
    assert_eq!(broken(twice), [Promise::Once]);
    assert_eq!(broken(|found| found.events.swap(1, 2)), [Promise::Order]);
    assert_eq!(broken(|found| drop(found.events.remove(3))), [Promise::Told]);
}
