use std::time::Duration;

use clap::Parser;
use clock::Clock;
use ids::JobId;
use queue::{Job, Outgoing, Sqs, dead_letter_queue};
use topology::queues::SCAN;
use worker::dlq;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: dlq::Args,
}

async fn run(sqs: &Sqs, line: &[&str]) -> String {
    let cli = Cli::try_parse_from(std::iter::once(&"dlq").chain(line)).unwrap();
    let mut out = Vec::new();
    dlq::on(sqs.clone(), cli.args, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn dead_letters_are_listed_shown_and_sent_back() {
    let test = testkit::sqs().await;
    let jobs = [(); 2].map(|()| Job::new(JobId::mint(&Clock::system()), "riverton".parse().unwrap(), "scan"));
    for job in &jobs {
        let message = Outgoing::job(job).attribute("x-request-id", "r-9");
        test.sqs.send(&dead_letter_queue(SCAN), &message, Duration::ZERO).await.unwrap();
    }
    let id = jobs[1].job_id.to_string();
    let listed = run(&test.sqs, &["list", SCAN]).await;
    assert!(listed.contains(&id) && listed.contains("riverton"), "{listed}");
    assert!(listed.ends_with("2 in guildhall-scan-dlq\n"), "{listed}");
    let shown = run(&test.sqs, &["show", SCAN, &id]).await;
    assert!(shown.contains(&jobs[1].to_json()) && shown.contains("x-request-id: r-9"), "{shown}");
    assert!(!shown.contains(&jobs[0].job_id.to_string()), "{shown}");
    assert_eq!(run(&test.sqs, &["redrive", SCAN, &id]).await, "1 sent back to guildhall-scan\n");
    assert_eq!(run(&test.sqs, &["redrive", SCAN]).await, "1 sent back to guildhall-scan\n");
    assert_eq!(test.sqs.depth(SCAN).await.unwrap().waiting, 2);
}

#[tokio::test]
async fn an_unknown_queue_is_refused_with_the_list() {
    let refused = Cli::try_parse_from(["dlq", "list", "guildhall-scan-dlq"]).err().unwrap().to_string();
    assert!(refused.contains("guildhall-scan, guildhall-mail"), "{refused}");
    assert!(Cli::try_parse_from(["dlq", "show", SCAN, "not-an-id"]).is_err());
}
