use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use queue::{Consumer, Failure, Received, dead_letter_queue};
use tokio::sync::{Notify, Semaphore, mpsc};

use super::*;

fn consumer(sqs: &Sqs) -> Consumer {
    Consumer::new(sqs.clone(), QUEUE).wait(Duration::from_secs(1))
}

fn run<H, F>(consumer: Consumer, handler: H) -> Running
where
    H: Fn(Received) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(consumer.run(handler, shutdown.clone()));
    Running { shutdown, task }
}

async fn next<T>(seen: &mut mpsc::UnboundedReceiver<T>) -> T {
    tokio::time::timeout(WITHIN, seen.recv()).await.expect("in time").expect("open")
}

#[tokio::test]
async fn a_job_arrives_with_its_attributes_and_is_deleted_when_done() {
    let test = testkit::sqs().await;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let running = run(consumer(&test.sqs), move |received| {
        tell.send(received).unwrap();
        async { Ok(()) }
    });
    let job = job();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let message = Outgoing::job(&job).traceparent(Some(traceparent)).attribute("x-request-id", "r-1");
    assert_eq!(test.sqs.send_batch(QUEUE, &[message]).await.len(), 1);

    let received = next(&mut seen).await;
    assert_eq!(received.job, job);
    assert_eq!(received.receive_count, 1);
    assert_eq!(received.attribute("traceparent"), Some(traceparent));
    assert_eq!(received.attribute("x-request-id"), Some("r-1"));
    assert!(received.sent_at.is_some());
    holds(&test.sqs, QUEUE, 0).await;
    running.stop().await;
}

#[tokio::test]
async fn no_more_jobs_are_worked_on_than_allowed() {
    let test = testkit::sqs().await;
    let (now, most, done) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let messages: Vec<_> = (0..12).map(|_| Outgoing::job(&job())).collect();
    test.sqs.send_batch(QUEUE, &messages).await;
    let running = run(consumer(&test.sqs).concurrency(3), {
        let (now, most, done) = (now.clone(), most.clone(), done.clone());
        move |_| {
            let (now, most, done) = (now.clone(), most.clone(), done.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Gives the others time to be begun, too many of them included.
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                done.add_permits(1);
                Ok(())
            }
        }
    });
    let all = tokio::time::timeout(WITHIN, done.acquire_many(12)).await.expect("all done").unwrap();
    drop(all);
    running.stop().await;
    assert!(most.load(Ordering::SeqCst) <= 3);
    holds(&test.sqs, QUEUE, 0).await;
}

#[tokio::test]
async fn a_long_job_stays_hidden_while_it_is_worked_on() {
    let test = testkit::sqs_with(|queue| queue.visibility_seconds = 1).await;
    let begun = Arc::new(AtomicU32::new(0));
    let finish = Arc::new(Notify::new());
    let running = run(consumer(&test.sqs), {
        let (begun, finish) = (begun.clone(), finish.clone());
        move |_| {
            let (begun, finish) = (begun.clone(), finish.clone());
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                finish.notified().await;
                Ok(())
            }
        }
    });
    send(&test.sqs, &job()).await;
    // Others look for it for three times its visibility, and never see it.
    let url = test.client.get_queue_url().queue_name(test.name(QUEUE)).send().await.unwrap();
    testkit::eventually(WITHIN, || async {
        if begun.load(Ordering::SeqCst) == 1 { Ok(()) } else { Err("not begun") }
    })
    .await
    .unwrap();
    let other =
        test.client.receive_message().queue_url(url.queue_url().unwrap()).wait_time_seconds(3).send().await;
    assert_eq!(other.unwrap().messages().len(), 0);
    finish.notify_one();
    holds(&test.sqs, QUEUE, 0).await;
    running.stop().await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_retry_is_never_used_up_and_poison_is() {
    let test = testkit::sqs_with(|queue| queue.max_receive_count = 2).await;
    let (down, poison) = (job(), job());
    let counts: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let running = run(consumer(&test.sqs), {
        let (counts, poison) = (counts.clone(), poison.job_id);
        move |received| {
            let id = received.job.job_id;
            let count = {
                let mut counts = counts.lock().unwrap();
                let count = counts.entry(id.to_string()).or_default();
                *count += 1;
                *count
            };
            async move {
                if id == poison {
                    return Err(Failure::poison("TEST", "never works"));
                }
                // Far more often than the queue's limit.
                if count < 6 { Err(Failure::retry_after(Duration::ZERO, "is down")) } else { Ok(()) }
            }
        }
    });
    send(&test.sqs, &down).await;
    send(&test.sqs, &poison).await;
    holds(&test.sqs, &dead_letter_queue(QUEUE), 1).await;
    testkit::eventually(WITHIN, || async {
        let seen = counts.lock().unwrap().get(&down.job_id.to_string()).copied();
        if seen == Some(6) { Ok(()) } else { Err(seen) }
    })
    .await
    .unwrap();
    holds(&test.sqs, QUEUE, 0).await;
    running.stop().await;
    assert_eq!(counts.lock().unwrap()[&poison.job_id.to_string()], 2);
    let letters = queue::DeadLetters::new(test.sqs.clone(), QUEUE).list().await.unwrap();
    assert_eq!(letters[0].job.as_ref(), Some(&poison));
}

#[tokio::test]
async fn a_body_that_is_no_job_and_a_handler_that_panics_are_poison() {
    let test = testkit::sqs_with(|queue| queue.max_receive_count = 2).await;
    let running = run(consumer(&test.sqs), |received| async move {
        assert_ne!(received.job.kind, "scan", "a defect of the handler");
        Ok(())
    });
    send(&test.sqs, &job()).await;
    test.sqs.send(QUEUE, &Outgoing::body("{\"job_id\":1}"), Duration::ZERO).await.unwrap();
    holds(&test.sqs, &dead_letter_queue(QUEUE), 2).await;
    holds(&test.sqs, QUEUE, 0).await;
    // It still works after both.
    let fine = Job { kind: "other".to_owned(), ..job() };
    send(&test.sqs, &fine).await;
    holds(&test.sqs, QUEUE, 0).await;
    running.stop().await;
}

#[tokio::test]
async fn a_closed_gate_receives_nothing_and_uses_up_nothing() {
    let test = testkit::sqs_with(|queue| queue.visibility_seconds = 1).await;
    let (open, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (tell, mut seen) = mpsc::unbounded_channel();
    let gated = consumer(&test.sqs).gate({
        let (open, asked) = (open.clone(), asked.clone());
        move || {
            asked.fetch_add(1, Ordering::SeqCst);
            let open = open.load(Ordering::SeqCst);
            async move { if open { Ok(()) } else { Err("clamd is down".to_owned()) } }
        }
    });
    let running = run(gated, move |received| {
        tell.send(received.receive_count).unwrap();
        async { Ok(()) }
    });
    send(&test.sqs, &job()).await;
    // Asked several times, it has let nothing through.
    testkit::eventually(WITHIN, || async {
        if asked.load(Ordering::SeqCst) >= 4 { Ok(()) } else { Err("asked less") }
    })
    .await
    .unwrap();
    assert_eq!(test.sqs.depth(QUEUE).await.unwrap().waiting, 1);
    open.store(true, Ordering::SeqCst);
    assert_eq!(next(&mut seen).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_for_now_has_the_gate_asked_again() {
    let test = testkit::sqs().await;
    let asked = Arc::new(AtomicU32::new(0));
    let gated = consumer(&test.sqs).gate({
        let asked = asked.clone();
        move || {
            asked.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        }
    });
    let running = run(gated, |received| async move {
        if received.receive_count <= 3 {
            Err(Failure::retry_after(Duration::ZERO, "is down"))
        } else {
            Ok(())
        }
    });
    send(&test.sqs, &job()).await;
    holds(&test.sqs, QUEUE, 0).await;
    running.stop().await;
    // Once at first, and once after each failure.
    assert!(asked.load(Ordering::SeqCst) >= 4, "{asked:?}");
}

#[tokio::test]
async fn a_stop_finishes_what_was_begun_and_takes_nothing_new() {
    let test = testkit::sqs().await;
    let (begun, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let running = run(consumer(&test.sqs).concurrency(1), {
        let (begun, finish) = (begun.clone(), finish.clone());
        move |_| {
            let (begun, finish) = (begun.clone(), finish.clone());
            async move {
                begun.add_permits(1);
                finish.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    });
    send(&test.sqs, &job()).await;
    tokio::time::timeout(WITHIN, begun.acquire()).await.expect("begun").unwrap().forget();
    send(&test.sqs, &job()).await;
    running.shutdown.cancel();
    assert!(!running.task.is_finished());
    finish.add_permits(1);
    running.stop().await;
    // The second was never begun, and can be had at once.
    assert_eq!(begun.available_permits(), 0);
    let depth = test.sqs.depth(QUEUE).await.unwrap();
    assert_eq!((depth.waiting, depth.in_flight), (1, 0));
}

#[tokio::test]
async fn a_consumer_waits_for_a_queue_that_comes_later() {
    let test = testkit::sqs().await;
    let later = Consumer::new(test.sqs.clone(), "guildhall-later").wait(Duration::from_secs(1));
    let (tell, mut seen) = mpsc::unbounded_channel();
    let running = run(later, move |received| {
        tell.send(received.job.job_id).unwrap();
        async { Ok(()) }
    });
    let job = job();
    test.client.create_queue().queue_name(test.name("guildhall-later")).send().await.unwrap();
    test.sqs.send("guildhall-later", &Outgoing::job(&job), Duration::ZERO).await.unwrap();
    assert_eq!(next(&mut seen).await, job.job_id);
    running.stop().await;
}
