use queue::{DeadLetters, dead_letter_queue};

use super::*;

/// Three dead letters, the second one's job known.
async fn three(test: &testkit::TestSqs) -> [Job; 3] {
    let jobs = [job(), job(), job()];
    for job in &jobs {
        let message = Outgoing::job(job).attribute("x-request-id", "r-7");
        test.sqs.send(&dead_letter_queue(QUEUE), &message, Duration::ZERO).await.unwrap();
    }
    jobs
}

#[tokio::test]
async fn looking_leaves_them_where_they_are() {
    let test = testkit::sqs().await;
    let letters = DeadLetters::new(test.sqs.clone(), QUEUE);
    assert!(letters.list().await.unwrap().is_empty());
    let jobs = three(&test).await;
    for _ in 0..2 {
        let listed = letters.list().await.unwrap();
        assert_eq!(listed.len(), 3);
        assert!(listed.is_sorted_by_key(|letter| letter.sent_at));
    }
    let shown = letters.show(jobs[1].job_id).await.unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].body, jobs[1].to_json());
    assert_eq!(shown[0].attributes, [("x-request-id".to_owned(), "r-7".to_owned())]);
    let depth = test.sqs.depth(&dead_letter_queue(QUEUE)).await.unwrap();
    assert_eq!((depth.waiting, depth.in_flight), (3, 0));
}

#[tokio::test]
async fn one_job_or_all_go_back_as_they_were() {
    let test = testkit::sqs().await;
    let letters = DeadLetters::new(test.sqs.clone(), QUEUE);
    let jobs = three(&test).await;
    assert_eq!(letters.redrive(Some(job().job_id)).await.unwrap(), 0);
    assert_eq!(letters.redrive(Some(jobs[1].job_id)).await.unwrap(), 1);
    holds(&test.sqs, QUEUE, 1).await;
    holds(&test.sqs, &dead_letter_queue(QUEUE), 2).await;

    let url = test.client.get_queue_url().queue_name(test.name(QUEUE)).send().await.unwrap();
    let back = test
        .client
        .receive_message()
        .queue_url(url.queue_url().unwrap())
        .message_attribute_names("All")
        .send()
        .await
        .unwrap();
    let back = &back.messages()[0];
    assert_eq!(back.body(), Some(&*jobs[1].to_json()));
    assert_eq!(back.message_attributes().unwrap()["x-request-id"].string_value(), Some("r-7"));

    assert_eq!(letters.redrive(None).await.unwrap(), 2);
    holds(&test.sqs, &dead_letter_queue(QUEUE), 0).await;
    holds(&test.sqs, QUEUE, 3).await;
    assert_eq!(letters.redrive(None).await.unwrap(), 0);
}
