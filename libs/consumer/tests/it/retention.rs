use std::time::Duration;

use clock::Clock;
use consumer::{Forgotten, forget};
use ids::EventId;
use time::OffsetDateTime;

use crate::harness::World;

const DAY: Duration = Duration::from_secs(24 * 3_600);
const KEEP: Duration = Duration::from_secs(28 * 24 * 3_600);

impl World {
    /// Notes an event with an id of one time as applied at another.
    async fn note(&self, minted: OffsetDateTime, applied: OffsetDateTime) {
        let id = EventId::mint(&Clock::frozen(minted));
        self.note_id(id.as_uuid(), applied).await;
    }

    async fn note_id(&self, id: uuid::Uuid, applied: OffsetDateTime) {
        sqlx::query("insert into inbox values ('notification', $1, 'riverton', $2)")
            .bind(id)
            .bind(applied)
            .execute(&mut self.admin().await)
            .await
            .unwrap();
    }

    async fn roll(&self, at: OffsetDateTime) -> Forgotten {
        forget(&self.db, at, KEEP).await.unwrap()
    }

    /// How many of the inbox's rows are in the default partition.
    async fn strays(&self) -> i64 {
        self.count("inbox_default").await
    }
}

#[tokio::test]
async fn events_are_forgotten_by_weeks_once_all_of_a_week_were_applied_long_ago() {
    let world = World::new().await;
    let now = world.clock.now();
    let then = now - 60 * DAY;
    assert_eq!(world.roll(then).await, Forgotten { made: 5, dropped: 0, deleted: 0 });
    world.note(then, then).await;
    world.note(then + 7 * DAY, then + 7 * DAY).await;
    // Applied late, for example because its outbox could not be emptied: its topic has it for as long again.
    world.note(then + 7 * DAY, now - DAY).await;
    world.note(now, now).await;
    assert_eq!((world.count("inbox").await, world.strays().await), (4, 0));
    // Four or five of the five weeks from 60 days ago have ended 28 days ago, as the days of the week fall.
    let forgotten = world.roll(now).await;
    assert!((3..=4).contains(&forgotten.dropped), "{forgotten:?}");
    assert_eq!(world.count("inbox").await, 3, "the week of what was applied late is still there");
    let later = world.roll(now + 28 * DAY).await;
    assert!(later.made > 0 && later.dropped >= 1, "{later:?}");
    assert_eq!(world.count("inbox").await, 1);
    assert_eq!(world.roll(now + 28 * DAY).await, Forgotten::default(), "nothing is left to do");
    assert_tenants_apart(&world).await;
}

#[tokio::test]
async fn ids_without_a_week_are_forgotten_row_by_row() {
    let world = World::new().await;
    let now = world.clock.now();
    let mut numbers = 0..;
    for applied in [now - 40 * DAY, now - 29 * DAY, now - 27 * DAY, now] {
        let id = uuid::Uuid::from_u128(numbers.next().unwrap());
        world.note_id(id, applied).await;
    }
    assert_eq!(world.strays().await, 4);
    assert_eq!(world.roll(now).await.deleted, 2);
    assert_eq!(world.strays().await, 2);
    let many = "insert into inbox
                select 'notification', lpad(to_hex(n), 32, '0')::uuid, 'riverton', now() - interval '30 days'
                  from generate_series(1000, 2499) n";
    sqlx::raw_sql(many).execute(&mut world.admin().await).await.unwrap();
    let forgotten = world.roll(now).await;
    assert!(forgotten.is_cut_short(), "{forgotten:?}");
    assert_eq!(world.roll(now).await.deleted, 500);
}

/// A consumer locks the inbox and then its partitions; one between the two must get on, whatever a roll has begun.
#[tokio::test]
async fn a_roll_that_waits_for_a_consumer_holds_nothing_that_the_consumer_needs() {
    let world = World::new().await;
    let ahead = world.clock.now() + 90 * DAY;
    let mut consumer = world.admin().await;
    let begun = "begin; set local lock_timeout = '300ms'; lock table only inbox in access share mode";
    sqlx::raw_sql(begun).execute(&mut consumer).await.unwrap();
    let db = world.db.clone();
    let rolling = tokio::spawn(async move { forget(&db, ahead, KEEP).await });
    let waits = "select exists (select from pg_locks
                  where relation = 'inbox'::regclass and mode = 'AccessExclusiveLock' and not granted)";
    testkit::eventually(Duration::from_secs(5), || async {
        let waiting: bool = sqlx::query_scalar(waits).fetch_one(&mut world.admin().await).await.unwrap();
        if waiting { Ok(()) } else { Err("the roll does not wait yet") }
    })
    .await
    .expect("the roll waits for the inbox");
    let read = sqlx::query("select from inbox_default").execute(&mut consumer).await;
    read.expect("the consumer gets on");
    sqlx::raw_sql("commit").execute(&mut consumer).await.unwrap();
    // It gives up after a second, and on a busy machine that may have passed; it tries again in an hour.
    if let Err(error) = rolling.await.unwrap() {
        assert!(
            error.to_string().contains("lock timeout") || format!("{error:?}").contains("55P03"),
            "{error:?}"
        );
        assert!(world.roll(ahead).await.dropped > 0);
    }
}

#[tokio::test]
async fn a_new_week_takes_what_came_before_it() {
    let world = World::new().await;
    let ahead = world.clock.now() + 50 * DAY;
    world.note(ahead, ahead).await;
    assert_eq!(world.strays().await, 1, "its week has no partition yet");
    assert!(world.roll(ahead).await.made > 0);
    assert_eq!((world.count("inbox").await, world.strays().await), (1, 0));
    assert_tenants_apart(&world).await;
}

#[tokio::test]
async fn only_the_system_role_may_have_events_forgotten() {
    let world = World::new().await;
    let allowed = "select has_function_privilege('guildhall_app', p.oid, 'execute')
                       or has_function_privilege('public', p.oid, 'execute')
                     from pg_proc p where p.proname in ('inbox_roll', 'inbox_first_id')";
    let allowed: Vec<bool> = sqlx::query_scalar(allowed).fetch_all(&mut world.admin().await).await.unwrap();
    assert_eq!(allowed, [false, false]);
}

async fn assert_tenants_apart(world: &World) {
    let mut admin = world.admin().await;
    sqlx::raw_sql("drop table if exists effects").execute(&mut admin).await.unwrap();
    assert_eq!(pg::catalog::violations(&mut admin).await.unwrap(), Vec::<String>::new());
}
