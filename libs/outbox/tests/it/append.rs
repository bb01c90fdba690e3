use clock::Clock;
use ids::JobId;
use queue::Job;
use time::macros::datetime;

use crate::harness::{SCAN, TOPIC, World, event};

#[tokio::test]
async fn what_rolls_back_is_never_published() {
    let world = World::new().await;
    let relay = world.relay();
    let clock = world.clock.clone();
    let undone = world.db.tenant(&world.tenant, move |tx| {
        Box::pin(async move {
            outbox::append(tx, &clock, event("a", 1)).await?;
            Err::<(), _>(pg::Error::Invalid("changed its mind"))
        })
    });
    undone.await.unwrap_err();
    world.append("a", 2).await;
    world.drained().await;
    relay.stop().await;
    let subjects: Vec<_> = world.published().await.into_iter().map(|event| event.subject).collect();
    assert_eq!(subjects, ["2"]);
}

#[tokio::test]
async fn an_event_arrives_as_it_was_appended() {
    let mut world = World::new().await;
    world.clock = Clock::frozen(datetime!(2030-01-01 12:00:00.123456 UTC));
    let id = world.append("a", 7).await;
    let relay = world.relay();
    world.drained().await;
    relay.stop().await;
    let [found] = world.published().await.try_into().unwrap();
    assert_eq!(found.id, id);
    assert_eq!(found.type_, "guildhall.document.ready.v1");
    assert_eq!(found.source, "/guildhall/document");
    assert_eq!((found.key.as_str(), found.subject.as_str()), ("a", "7"));
    assert_eq!(found.time, datetime!(2030-01-01 12:00:00.123456 UTC));
    assert_eq!(found.tenant, world.tenant);
    assert_eq!(found.dataschema, "proto:guildhall.document.v1.DocumentReady");
    assert_eq!(found.payload, 7_u32.to_be_bytes());
}

#[tokio::test]
async fn what_could_never_be_sent_is_refused_when_appended() {
    let world = World::new().await;
    let good = event("a", 1);
    let bad = [
        outbox::Event { key: String::new(), ..good.clone() },
        outbox::Event { key: "a b".to_owned(), ..good.clone() },
        outbox::Event { key: "x".repeat(256), ..good.clone() },
        outbox::Event { subject: "Zoë".to_owned(), ..good.clone() },
        outbox::Event { type_: String::new(), ..good.clone() },
        outbox::Event { topic: "no topic".to_owned(), ..good.clone() },
        outbox::Event { payload: vec![0; 65_537], ..good.clone() },
    ];
    for event in bad {
        let shown = format!("{event:?}");
        let clock = world.clock.clone();
        let appended = world.db.tenant(&world.tenant, move |tx| {
            Box::pin(async move { outbox::append(tx, &clock, event).await })
        });
        let error = appended.await.unwrap_err();
        assert!(
            error.constraint().is_some_and(|name| name.starts_with("outbox_")),
            "{error:?}: {shown:.200}"
        );
    }
    let largest = outbox::Event { payload: vec![0; 65_536], ..good };
    let clock = world.clock.clone();
    world
        .db
        .tenant(&world.tenant, move |tx| Box::pin(async move { outbox::append(tx, &clock, largest).await }))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_job_is_of_its_transactions_tenant() {
    let world = World::new().await;
    let clock = world.clock.clone();
    let job = Job::new(JobId::mint(&clock), "lakeside".parse().unwrap(), "scan");
    let appended = world.db.tenant(&world.tenant, move |tx| {
        Box::pin(async move { outbox::append_job(tx, &clock, SCAN, &job).await })
    });
    assert!(matches!(appended.await, Err(pg::Error::Invalid(_))));
    assert_eq!(world.rows().await, 0);
}

#[tokio::test]
async fn the_app_role_writes_its_tenants_rows_and_reads_none() {
    let world = World::new().await;
    world.append("a", 1).await;
    for statement in [
        "select from outbox",
        "delete from outbox",
        "update outbox set key = 'b'",
        "insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, payload)
         values (gen_random_uuid(), 'lakeside', 'topic', 't', 'k', 't', 's', now(), 'd', '')",
    ] {
        let refused = world.db.tenant(&world.tenant, move |tx| {
            Box::pin(async move { Ok::<_, pg::Error>(sqlx::query(statement).execute(&mut **tx).await?) })
        });
        assert!(matches!(refused.await, Err(pg::Error::Statement(_))), "{statement}");
    }
    assert_eq!(world.rows().await, 1, "rows of {TOPIC}");
}

#[tokio::test]
async fn the_tables_keep_tenants_apart() {
    let world = World::new().await;
    let violations = pg::catalog::violations(&mut world.admin().await).await.unwrap();
    assert_eq!(violations, Vec::<String>::new());
}
