use queue::Error;

use super::*;

#[tokio::test]
async fn a_batch_of_any_length_arrives_whole() {
    let test = testkit::sqs().await;
    let messages: Vec<_> = (0..23).map(|_| Outgoing::job(&job())).collect();
    let results = test.sqs.send_batch(QUEUE, &messages).await;
    assert_eq!(results.len(), 23);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    holds(&test.sqs, QUEUE, 23).await;
}

#[tokio::test]
async fn a_refused_entry_does_not_hold_back_the_others() {
    let test = testkit::sqs().await;
    // A control character that SQS allows in no body.
    let messages = [Outgoing::job(&job()), Outgoing::body("\u{1}"), Outgoing::job(&job())];
    let results = test.sqs.send_batch(QUEUE, &messages).await;
    let refused = results[1].as_ref().unwrap_err();
    assert!(!refused.code.is_empty() && !refused.message.is_empty(), "{refused:?}");
    let taken = results.iter().filter(|r| r.is_ok()).count();
    // AWS refuses the entry; ElasticMQ the request it came in. What was taken is there, what was not is reported.
    assert!(taken == 2 || (taken == 0 && results.iter().all(Result::is_err)), "{results:?}");
    holds(&test.sqs, QUEUE, taken as u64).await;
}

#[tokio::test]
async fn a_server_that_is_away_fails_every_entry() {
    let mut settings = testkit::sqs().await.settings.clone();
    // A port nobody listens on.
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    settings.endpoint = Some(format!("http://{free}").parse().unwrap());
    let sqs = Sqs::new(&settings).await;
    let results = sqs.send_batch(QUEUE, &[Outgoing::job(&job()), Outgoing::job(&job())]).await;
    for result in &results {
        let error = result.as_ref().unwrap_err();
        assert_eq!((error.code.as_str(), error.sender_fault), ("REQUEST_FAILED", false));
    }
    assert_eq!(results.len(), 2);
    assert!(matches!(sqs.depth(QUEUE).await, Err(Error::Request { .. })));
}

#[tokio::test]
async fn a_missing_queue_is_named() {
    let test = testkit::sqs().await;
    let error = test.sqs.depth("guildhall-nobody").await.unwrap_err();
    let Error::Missing(name) = &error else { panic!("{error:?}") };
    assert_eq!(*name, test.name("guildhall-nobody"));
}
