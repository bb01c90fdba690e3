use std::collections::BTreeSet;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use ids::JobId;
use outbox::DeadLetters;
use queue::{Job, Settings, Sqs};
use testkit::eventually;

use crate::harness::{LONG, SCAN, World, closed_port, open};

async fn append(world: &World, queue: &'static str) -> Job {
    let clock = world.clock.clone();
    let job = Job::new(JobId::mint(&clock), world.tenant.clone(), "scan");
    let appended = job.clone();
    world
        .db
        .tenant(&world.tenant, move |tx| {
            Box::pin(async move { outbox::append_job(tx, &clock, queue, &appended).await })
        })
        .await
        .unwrap();
    job
}

/// Receives what is in the queue until `wanted` different jobs were seen.
async fn received(world: &World, queue: &str, wanted: usize) -> BTreeSet<String> {
    let url = world.sqs.client.get_queue_url().queue_name(world.sqs.name(queue)).send().await.unwrap();
    let url = url.queue_url().unwrap();
    let mut bodies = BTreeSet::new();
    let deadline = tokio::time::Instant::now() + LONG;
    while bodies.len() < wanted && tokio::time::Instant::now() < deadline {
        let answer = world
            .sqs
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .unwrap();
        bodies.extend(answer.messages().iter().filter_map(|message| message.body().map(str::to_owned)));
    }
    bodies
}

#[tokio::test]
async fn jobs_reach_their_queue() {
    let world = World::new().await;
    let relay = world.relay();
    let mut sent = BTreeSet::new();
    for _ in 0..35 {
        sent.insert(append(&world, SCAN).await.to_json());
    }
    world.drained().await;
    assert_eq!(received(&world, SCAN, 35).await, sent);
    relay.stop().await;
}

#[tokio::test]
async fn sqs_down_never_delays_kafka() {
    let world = World::new().await;
    let port = closed_port().await;
    let endpoint = world.sqs.settings.endpoint.clone().unwrap();
    let server = format!("{}:{}", endpoint.host_str().unwrap(), endpoint.port().unwrap());
    let away =
        Settings { endpoint: Some(format!("http://{port}").parse().unwrap()), ..world.sqs.settings.clone() };
    let relay = world.relay_with(world.kafka.settings.clone(), Sqs::new(&away).await);
    let job = append(&world, SCAN).await;
    for number in 0..100 {
        world.append("a", number).await;
    }
    let only_the_job = || async {
        match world.rows().await {
            1 => Ok(()),
            rows => Err(rows),
        }
    };
    eventually(LONG, only_the_job).await.expect("events do not wait for the job");
    let _open = open(port, server).await;
    world.drained().await;
    assert_eq!(received(&world, SCAN, 1).await, BTreeSet::from([job.to_json()]));
    relay.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_missing_delays_no_other() {
    let world = World::new().await;
    let relay = world.relay();
    append(&world, "guildhall-nowhere").await;
    let job = append(&world, SCAN).await;
    assert_eq!(received(&world, SCAN, 1).await, BTreeSet::from([job.to_json()]));
    let only_the_other = || async {
        match world.rows().await {
            1 => Ok(()),
            rows => Err(rows),
        }
    };
    eventually(LONG, only_the_other).await.expect("what was sent is deleted");
    relay.stop().await;
}

#[tokio::test]
async fn a_job_that_sqs_refuses_for_good_is_parked_and_the_others_of_its_batch_are_sent() {
    let world = World::new().await;
    let mut sent = BTreeSet::new();
    for _ in 0..4 {
        sent.insert(append(&world, SCAN).await.to_json());
    }
    // Not written by `append_job`: SQS allows no control characters.
    sqlx::query(
        "insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, payload)
         values (gen_random_uuid(), 'riverton', 'queue', $1, 'k', 't', 's', now(), 'json:job', '\\x01')",
    )
    .bind(SCAN)
    .execute(&mut world.admin().await)
    .await
    .unwrap();
    for _ in 0..4 {
        sent.insert(append(&world, SCAN).await.to_json());
    }
    let relay = world.relay();
    assert_eq!(received(&world, SCAN, 8).await, sent);
    let letters = DeadLetters::new(&world.db);
    let parked = || async {
        match letters.list(&world.tenant, None, 0, 10).await.unwrap().as_slice() {
            [letter] if letter.reason.starts_with("SQS_") => Ok(()),
            letters => Err(letters.len()),
        }
    };
    eventually(LONG, parked).await.expect("the refused job is parked");
    let only_the_parked = || async {
        match world.rows().await {
            1 => Ok(()),
            rows => Err(rows),
        }
    };
    eventually(LONG, only_the_parked).await.expect("what was sent is deleted");
    relay.stop().await;
}
