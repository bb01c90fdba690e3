//! The decisions alone, without a broker or a database.

use std::sync::Arc;
use std::time::Duration;

use consumer::lane::{Arrival, Bounds, Cause, Kind, Lane, Verdict};

const BOUNDS: Bounds = Bounds { records: 64, weight: 1_000, room: 10 };
const SHORT: Duration = Duration::from_millis(1);

fn arrival(offset: i64, tenant: &str, kind: Kind) -> Arrival<i64> {
    Arrival { offset, weight: 1, tenant: Some(tenant.into()), kind, record: offset }
}

fn lane(events: impl IntoIterator<Item = (i64, &'static str)>) -> Lane<i64> {
    let mut lane = Lane::new(BOUNDS);
    for (offset, tenant) in events {
        lane.push(arrival(offset, tenant, Kind::Event));
    }
    lane
}

fn done(lane: &mut Lane<i64>) -> Option<i64> {
    lane.done(SHORT);
    lane.storable()
}

#[test]
fn a_batch_is_one_tenants_and_only_what_has_nothing_before_it_is_storable() {
    let mut lane = lane([(0, "a"), (1, "b"), (2, "a"), (3, "b"), (4, "a")]);
    assert_eq!(lane.take(), [0, 2, 4]);
    assert_eq!(done(&mut lane), Some(0), "1 is not done");
    assert_eq!(lane.take(), [1, 3]);
    assert_eq!(done(&mut lane), Some(4));
    assert_eq!((lane.take(), lane.storable(), lane.weight()), (vec![], None, 0));
}

#[test]
fn what_is_delivered_again_is_dropped() {
    let mut lane = lane([(3, "a"), (4, "a"), (3, "a"), (4, "a")]);
    assert_eq!(lane.weight(), 2);
    assert_eq!(lane.take(), [3, 4]);
    assert_eq!(done(&mut lane), Some(4));
    lane.push(arrival(4, "a", Kind::Event));
    assert_eq!(lane.take(), [0; 0]);
}

#[test]
fn ignored_records_are_storable_once_everything_before_them_is_done() {
    let mut lane = Lane::new(BOUNDS);
    lane.push(arrival(0, "a", Kind::Ignored));
    assert_eq!(lane.storable(), Some(0));
    lane.push(arrival(1, "a", Kind::Event));
    lane.push(arrival(2, "a", Kind::Ignored));
    assert_eq!(lane.storable(), None);
    assert_eq!(lane.take(), [1]);
    assert_eq!(done(&mut lane), Some(2));
}

#[test]
fn a_record_that_is_no_event_stands_alone_at_its_place() {
    let mut lane = lane([(0, "a"), (1, "a")]);
    lane.push(arrival(2, "a", Kind::Alone));
    lane.push(arrival(3, "a", Kind::Event));
    for batch in [vec![0, 1], vec![2], vec![3]] {
        assert_eq!(lane.take(), batch);
        lane.done(SHORT);
    }
}

#[test]
fn a_known_failure_is_isolated_after_what_is_before_it() {
    let mut lane = lane((0..10).map(|offset| (offset, "a")));
    assert_eq!(lane.take().len(), 10);
    assert_eq!(lane.failed(6..7, Cause::Poison), Verdict::Again);
    assert_eq!(lane.take(), [0, 1, 2, 3, 4, 5]);
    lane.done(SHORT);
    assert_eq!(lane.take(), [6]);
    assert_eq!(lane.failed(0..1, Cause::Poison), Verdict::Park { attempts: 1 });
    lane.done(SHORT);
    assert_eq!(lane.take(), [7, 8, 9]);
}

#[test]
fn a_failure_somewhere_is_found_by_halves() {
    let mut lane = lane((0..64).map(|offset| (offset, "a")));
    let (mut transactions, mut parked) = (0, Vec::new());
    loop {
        let batch = lane.take();
        if batch.is_empty() {
            break;
        }
        transactions += 1;
        if batch.contains(&37) {
            match lane.failed(0..batch.len(), Cause::Poison) {
                Verdict::Again => continue,
                Verdict::Park { .. } => parked.extend(batch),
                Verdict::Wait { .. } => panic!("poison is not waited for"),
            }
        }
        lane.done(SHORT);
    }
    assert_eq!((parked, lane.storable()), (vec![37], Some(63)));
    assert!(transactions <= 24, "{transactions}");
}

#[test]
fn what_may_work_later_is_waited_for_alone_and_counted() {
    let mut lane = lane([(0, "a"), (1, "a"), (2, "b")]);
    assert_eq!(lane.take(), [0, 1]);
    assert_eq!(lane.failed(0..1, Cause::Retry), Verdict::Again);
    for attempts in 1..4 {
        assert_eq!(lane.take(), [0]);
        assert_eq!(lane.failed(0..1, Cause::Retry), Verdict::Wait { attempts });
    }
    assert_eq!(lane.take(), [0]);
    assert_eq!(done(&mut lane), Some(0));
    assert_eq!(lane.take(), [1]);
    assert_eq!(lane.failed(0..1, Cause::Away), Verdict::Wait { attempts: 1 }, "counted from the start");
}

#[test]
fn what_is_away_is_waited_for_at_once() {
    let mut lane = lane((0..64).map(|offset| (offset, "a")));
    lane.take();
    assert_eq!(lane.failed(0..64, Cause::Away), Verdict::Wait { attempts: 1 });
}

#[test]
fn batches_shrink_when_they_take_long_and_grow_again() {
    let mut lane = Lane::new(BOUNDS);
    for offset in 0..1_000 {
        lane.push(arrival(offset, "a", Kind::Event));
    }
    let mut sizes = Vec::new();
    for took in [Duration::from_secs(1), Duration::from_secs(1), SHORT, SHORT, SHORT] {
        sizes.push(lane.take().len());
        lane.done(took);
    }
    assert_eq!(sizes, [64, 32, 16, 21, 27]);
}

#[test]
fn a_batch_is_bounded_by_its_weight_but_for_one_record() {
    let mut lane = Lane::new(BOUNDS);
    for offset in 0..4 {
        let tenant: Arc<str> = "a".into();
        lane.push(Arrival { offset, weight: 600, tenant: Some(tenant), kind: Kind::Event, record: offset });
    }
    lane.push(Arrival { offset: 4, weight: 5_000, tenant: Some("a".into()), kind: Kind::Event, record: 4 });
    for batch in [[0], [1], [2], [3], [4]] {
        assert_eq!(lane.take(), batch);
        lane.done(SHORT);
    }
}

#[test]
fn a_partition_is_paused_once_and_goes_on_when_there_is_room() {
    let mut lane = lane((0..64).map(|offset| (offset, "a")));
    assert!(lane.pause());
    assert!(!lane.pause(), "it is already");
    lane.take();
    assert_eq!(lane.done(SHORT), (64, true));
    assert_eq!(lane.done(SHORT), (0, false));
    lane.push(arrival(64, "a", Kind::Event));
    assert!(!lane.pause(), "there is room");
}
