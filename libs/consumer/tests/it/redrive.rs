use std::time::Duration;

use consumer::{Bounds, DeadLetters, Redriven, Selection, Whose};
use kafka::rdkafka::message::OwnedHeaders;
use testkit::eventually;

use crate::harness::{GROUP, LONG, TOPIC, World, headers_but};

const ENOUGH: Bounds = Bounds { records: 1_000, time: LONG };

fn riverton() -> Whose {
    Whose::Tenant("riverton".parse().unwrap())
}

/// What is applied, where each key stopped and why, and what is left.
fn told(redriven: Redriven) -> (usize, Vec<(String, String)>, i64) {
    let stopped = redriven.stopped.into_iter();
    let stopped =
        stopped.map(|stopped| (String::from_utf8(stopped.key.unwrap()).unwrap(), stopped.reason)).collect();
    (redriven.applied, stopped, redriven.left)
}

async fn redrive(letters: &DeadLetters, selection: Selection) -> (usize, Vec<(String, String)>, i64) {
    told(letters.redrive(&riverton(), selection, ENOUGH).await.unwrap())
}

/// Sends events of key and number to one partition and consumes until this many are parked.
async fn park(world: &World, events: &[(&str, u32)], parked: i64) {
    for (key, number) in events {
        world.send_to(&world.event(key, *number), Some(0)).await;
    }
    let running = world.start();
    world.wait_for("parked", parked).await;
    eventually(LONG, || async {
        match world.behind(GROUP).await {
            behind if behind.is_empty() => Ok(()),
            behind => Err(behind),
        }
    })
    .await
    .unwrap();
    running.stop().await;
}

#[tokio::test]
async fn once_the_handler_is_fixed_a_key_is_applied_in_its_order() {
    let world = World::new().await;
    world.script.poison(2);
    park(&world, &[("a", 1), ("a", 2), ("a", 3), ("b", 10), ("a", 4)], 3).await;
    world.script.cure(2);
    let letters = world.inbox().dead_letters();
    assert_eq!(redrive(&letters, Selection::All).await, (3, vec![], 0));
    let effects = world.effects().await;
    assert_eq!((&effects["a"], &effects["b"]), (&vec![1, 2, 3, 4], &vec![10]));
}

#[tokio::test]
async fn a_key_stops_at_its_first_failure_and_others_go_on() {
    let world = World::new().await;
    for number in [2, 3, 20] {
        world.script.poison(number);
    }
    park(&world, &[("a", 2), ("a", 3), ("a", 4), ("b", 20), ("b", 21)], 5).await;
    world.script.cure(2);
    world.script.cure(20);
    let letters = world.inbox().dead_letters();
    let stopped = vec![("a".to_owned(), "TOLD_TO".to_owned())];
    assert_eq!(redrive(&letters, Selection::All).await, (3, stopped.clone(), 2));
    let effects = world.effects().await;
    assert_eq!((&effects["a"], &effects["b"]), (&vec![2], &vec![20, 21]));
    let left: Vec<_> =
        world.parked().await.into_iter().map(|(_, _, reason, attempts)| (reason, attempts)).collect();
    assert_eq!(left, [("TOLD_TO".to_owned(), 2), ("BEHIND_PARKED".to_owned(), 1)]);
    // Again, and again nothing: neither effects nor order change.
    assert_eq!(redrive(&letters, Selection::All).await, (0, stopped, 2));
    world.script.cure(3);
    assert_eq!(redrive(&letters, Selection::Key(b"a".to_vec())).await, (2, vec![], 0));
    assert_eq!(world.effects().await["a"], [2, 3, 4]);
}

#[tokio::test]
async fn redriving_everything_twice_and_the_whole_topic_again_changes_nothing() {
    let world = World::new().await;
    world.script.poison(1);
    park(&world, &[("a", 1), ("a", 2), ("b", 3)], 2).await;
    world.script.cure(1);
    let letters = world.inbox().dead_letters();
    assert_eq!(redrive(&letters, Selection::All).await, (2, vec![], 0));
    assert_eq!(redrive(&letters, Selection::All).await, (0, vec![], 0));
    world.rewind(GROUP).await;
    park(&world, &[("a", 4)], 0).await;
    let effects = world.effects().await;
    assert_eq!((&effects["a"], &effects["b"]), (&vec![1, 2, 4], &vec![3]));
}

#[tokio::test]
async fn redrives_beside_each_other_and_beside_arrivals_keep_the_order_and_double_nothing() {
    let world = World::new().await;
    world.script.poison(0);
    let first: Vec<_> = (0..40).map(|number| ("a", number)).collect();
    park(&world, &first, 40).await;
    world.script.cure(0);
    let running = world.start();
    let letters = world.inbox().dead_letters();
    let redrives = (0..4).map(|_| {
        let letters = letters.clone();
        tokio::spawn(async move {
            eventually(LONG, || async {
                let bounds = Bounds { records: 3, time: LONG };
                match letters.redrive(&riverton(), Selection::All, bounds).await.unwrap() {
                    Redriven { left: 0, .. } => Ok(()),
                    redriven => Err(redriven),
                }
            })
            .await
            .unwrap();
        })
    });
    let redrives: Vec<_> = redrives.collect();
    for number in 40..120 {
        world.send_to(&world.event("a", number), Some(0)).await;
    }
    for redrive in redrives {
        redrive.await.unwrap();
    }
    // What arrived while the last of the parked ones were there is parked behind them.
    eventually(LONG, || async {
        redrive(&letters, Selection::All).await;
        match world.count("effects").await {
            120 => Ok(()),
            other => Err(other),
        }
    })
    .await
    .unwrap();
    running.stop().await;
    assert_eq!(world.effects().await["a"], (0..120).collect::<Vec<u32>>());
    assert_eq!(world.count("parked").await, 0);
}

#[tokio::test]
async fn what_is_away_stops_the_key_and_blames_nobody() {
    let world = World::new().await;
    world.script.poison(1);
    park(&world, &[("a", 1), ("b", 2)], 1).await;
    world.script.cure(1);
    world.script.away(1);
    let before = world.parked().await;
    let letters = world.inbox().dead_letters();
    let stopped = vec![("a".to_owned(), "UNAVAILABLE".to_owned())];
    assert_eq!(redrive(&letters, Selection::All).await, (0, stopped, 1));
    assert_eq!(world.parked().await, before);
}

#[tokio::test]
async fn a_redrive_does_no_more_than_it_is_told() {
    let world = World::new().await;
    for number in [1, 10, 20] {
        world.script.poison(number);
    }
    park(&world, &[("a", 1), ("a", 2), ("b", 10), ("c", 20)], 4).await;
    for number in [1, 10, 20] {
        world.script.cure(number);
    }
    let letters = world.inbox().dead_letters();
    let one = Bounds { records: 1, ..ENOUGH };
    assert_eq!(told(letters.redrive(&riverton(), Selection::All, one).await.unwrap()), (1, vec![], 3));
    let never = Bounds { time: Duration::ZERO, ..ENOUGH };
    assert_eq!(told(letters.redrive(&riverton(), Selection::All, never).await.unwrap()), (0, vec![], 3));
    // A record by its number brings its key; a key brings no other.
    let listed = letters.list(&riverton(), Some(b"c".to_vec()), 0, 10).await.unwrap();
    assert_eq!(redrive(&letters, Selection::Ids(vec![listed[0].id])).await, (1, vec![], 0));
    assert_eq!(redrive(&letters, Selection::Key(b"b".to_vec())).await, (1, vec![], 0));
    assert_eq!(world.parked().await.len(), 1);
}

#[tokio::test]
async fn records_are_listed_in_pages_and_shown_as_they_came() {
    let world = World::new().await;
    world.script.poison(1);
    park(&world, &[("a", 1), ("a", 2), ("a", 3)], 3).await;
    let letters = world.inbox().dead_letters();
    let first = letters.list(&riverton(), None, 0, 2).await.unwrap();
    let second = letters.list(&riverton(), None, first[1].id, 2).await.unwrap();
    let reasons: Vec<_> = first.iter().chain(&second).map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["TOLD_TO", "BEHIND_PARKED", "BEHIND_PARKED"]);
    let (letter, record) = letters.show(&riverton(), first[0].id).await.unwrap().unwrap();
    assert_eq!(letter, first[0]);
    assert_eq!((letter.payload_bytes, letter.attempts, letter.partition), (4, 1, 0));
    let event = kafka::CloudEvent::parse(&record).unwrap();
    assert_eq!((Some(event.id), event.payload), (letter.event_id, 1_u32.to_be_bytes().to_vec()));
    assert_eq!(letters.show(&riverton(), 0).await.unwrap(), None);
}

#[tokio::test]
async fn a_tenants_records_do_not_exist_for_another() {
    let world = World::new().await;
    world.script.poison(1);
    park(&world, &[("a", 1)], 1).await;
    world.script.cure(1);
    let letters = world.inbox().dead_letters();
    let id = letters.list(&riverton(), None, 0, 1).await.unwrap()[0].id;
    for other in [Whose::Tenant("lakeside".parse().unwrap()), Whose::Nobody] {
        assert_eq!(letters.list(&other, None, 0, 10).await.unwrap(), []);
        assert_eq!(letters.show(&other, id).await.unwrap(), None);
        assert_eq!(letters.discard(&other, id).await.unwrap(), None);
        for selection in [Selection::All, Selection::Ids(vec![id]), Selection::Key(b"a".to_vec())] {
            let redriven = letters.redrive(&other, selection, ENOUGH).await.unwrap();
            assert_eq!(redriven, Redriven::default());
        }
    }
    assert_eq!(redrive(&letters, Selection::Ids(vec![id])).await, (1, vec![], 0));
}

#[tokio::test]
async fn what_was_no_event_is_read_again_and_can_be_discarded() {
    let world = World::new().await;
    let event = world.event("a", 1);
    let idless = headers_but(&event, &[("ce_id", None)]);
    world.raw(Some(0), Some(b"a"), Some(&event.payload), idless.clone()).await;
    world.raw(Some(0), Some(b"b"), Some(&event.payload), idless).await;
    park(&world, &[("a", 2), ("b", 3)], 4).await;
    let letters = world.inbox().dead_letters();
    let missing = |key: &str| (key.to_owned(), "EVENT_HEADER_MISSING".to_owned());
    assert_eq!(redrive(&letters, Selection::All).await, (0, vec![missing("a"), missing("b")], 4));
    let first = letters.list(&riverton(), None, 0, 1).await.unwrap().remove(0);
    assert_eq!((first.detail.as_deref(), first.attempts), (Some("header ce_id is missing"), 2));
    // As if a version could read it.
    let readable = "update parked set header_names = array_append(header_names, 'ce_id'),
                           header_values = array_append(header_values, convert_to($1, 'utf8'))
                     where event_id is null and key = 'a'";
    sqlx::query(readable).bind(event.id.to_string()).execute(&mut world.admin().await).await.unwrap();
    assert_eq!(redrive(&letters, Selection::Key(b"a".to_vec())).await, (2, vec![], 0));
    assert_eq!(world.effects().await["a"], [1, 2]);
    // The event itself comes too late: the same id was applied.
    world.send_to(&event, Some(0)).await;
    let discarded = letters.list(&riverton(), Some(b"b".to_vec()), 0, 1).await.unwrap().remove(0);
    assert_eq!(letters.discard(&riverton(), discarded.id).await.unwrap().unwrap(), discarded);
    assert_eq!(letters.discard(&riverton(), discarded.id).await.unwrap(), None);
    let b = Selection::Key(b"b".to_vec());
    assert_eq!(redrive(&letters, b).await, (1, vec![], 0));
    park(&world, &[("c", 4)], 0).await;
    assert_eq!(world.effects().await["a"], [1, 2]);
}

#[tokio::test]
async fn an_event_of_a_type_that_has_no_handler_any_more_stays() {
    let world = World::new().await;
    world.script.poison(1);
    park(&world, &[("a", 1)], 1).await;
    let without = consumer::inbox(&world.db, &world.kafka.settings, &world.clock, GROUP, &[TOPIC]).unwrap();
    let stopped = vec![("a".to_owned(), "HANDLER_MISSING".to_owned())];
    assert_eq!(redrive(&without.dead_letters(), Selection::All).await, (0, stopped, 1));
}

#[tokio::test]
async fn records_of_nobody_are_seen_tried_and_discarded_by_themselves() {
    let world = World::new().await;
    world.raw(Some(0), None, None, OwnedHeaders::new()).await;
    let event = world.event("a", 1);
    world.raw(Some(0), Some(b"a"), Some(&event.payload), headers_but(&event, &[("ce_tenant", None)])).await;
    park(&world, &[("a", 2)], 2).await;
    let letters = world.inbox().dead_letters();
    assert_eq!(letters.list(&riverton(), None, 0, 10).await.unwrap(), []);
    let listed = letters.list(&Whose::Nobody, None, 0, 10).await.unwrap();
    assert_eq!((listed.len(), &listed[0].tenant, &listed[0].key), (2, &None, &None));
    let redriven = letters.redrive(&Whose::Nobody, Selection::All, ENOUGH).await.unwrap();
    assert_eq!((redriven.applied, redriven.stopped.len(), redriven.left), (0, 2, 2));
    assert!(letters.discard(&Whose::Nobody, listed[0].id).await.unwrap().is_some());
    // As if a version could read it.
    let readable = "update parked set header_names = array_append(header_names, 'ce_tenant'),
                           header_values = array_append(header_values, convert_to('riverton', 'utf8'))";
    sqlx::query(readable).execute(&mut world.admin().await).await.unwrap();
    for applied in [1, 0] {
        let redriven = letters.redrive(&Whose::Nobody, Selection::All, ENOUGH).await.unwrap();
        assert_eq!(redriven, Redriven { applied, ..Redriven::default() });
    }
    assert_eq!(world.effects().await["a"], [2, 1]);
}
