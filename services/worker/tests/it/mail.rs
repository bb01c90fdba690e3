use std::time::Duration;

use proto::document::v1::DocumentStatus;
use service::admin::Status;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;
use topology::queues::MAIL;

use super::harness::*;

#[tokio::test]
async fn a_verdict_is_told_by_one_mail_whose_id_is_the_deliverys() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let id = app.hand_in(&ada, "text/plain", b"three months of rent\n").await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    let mails = testkit::mailbox().to(&ada.canary.email(), SOON).await.unwrap();
    assert_eq!(mails.len(), 1);
    let (local, domain) = mails[0].message_id().trim_matches(['<', '>']).split_once('@').unwrap();
    assert!(
        local.parse::<ids::DeliveryId>().is_ok() && domain == "guildhall.local",
        "{}",
        mails[0].message_id()
    );
    assert!(!mails[0].subject.is_empty() && !mails[0].text.is_empty() && !mails[0].html.is_empty());
    let feed = app.told(&ada, "delivery.sent").await;
    assert!(feed.iter().map(|item| item.seq).eq(1..=i64::try_from(feed.len()).unwrap()), "{feed:?}");
    app.empty(MAIL).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_delays_and_loses_nothing() {
    let app = TestApp::start().await;
    let ada = app.citizen().await;
    // A port nobody listens on.
    let closed = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let mut config = app.config();
    config.mail.as_mut().unwrap().smtp = smtp_at(&format!("smtp://{closed}"));
    let worker = app.work(&config).await;
    let id = app.hand_in(&ada, "text/plain", b"three months of rent\n").await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    testkit::eventually(SOON, || async {
        let (depth, report) = (app.sqs.sqs.depth(MAIL).await.unwrap(), worker.admin.report().await);
        let waits = depth.waiting == 1 && depth.in_flight == 0 && report.status == Status::NotReady;
        if waits { Ok(()) } else { Err((depth, report)) }
    })
    .await
    .unwrap();
    worker.stop().await;
    let worker = app.work(&app.config()).await;
    assert_eq!(testkit::mailbox().to(&ada.canary.email(), SOON).await.unwrap().len(), 1);
    app.told(&ada, "delivery.sent").await;
    worker.stop().await;
}

#[tokio::test]
async fn an_address_that_is_refused_for_good_ends_the_delivery() {
    let app = TestApp::start().await;
    let ada = app.citizen().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut config = app.config();
    config.mail.as_mut().unwrap().smtp = smtp_at(&format!("smtp://{}", listener.local_addr().unwrap()));
    let server = tokio::spawn(refuse(listener));
    let worker = app.work(&config).await;
    let id = app.hand_in(&ada, "text/plain", b"three months of rent\n").await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    let feed = app.told(&ada, "delivery.failed").await;
    assert!(!feed.iter().any(|item| item.status == "delivery.sent"), "{feed:?}");
    app.empty(MAIL).await;
    app.empty(&queue::dead_letter_queue(MAIL)).await;
    assert!(testkit::mailbox().to(&ada.canary.email(), Duration::ZERO).await.is_err());
    worker.stop().await;
    server.abort();
}

/// A mail server that knows nobody.
async fn refuse(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut stream = BufStream::new(stream);
            stream.write_all(b"220 refusing\r\n").await.unwrap();
            stream.flush().await.unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|n| n > 0) {
                let answer = match line.get(..4).unwrap_or_default() {
                    "RCPT" => "550 5.1.1 no such user\r\n",
                    "QUIT" => "221 bye\r\n",
                    _ => "250 fine\r\n",
                };
                line.clear();
                if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
            }
        });
    }
}
