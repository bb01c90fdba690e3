use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proto::document::v1::document_service_client::DocumentServiceClient;
use service::channel::{self, Channel, Target};
use service::{RequestId, context};
use testkit::Issuer;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::Code;

use crate::api::{Api, get, reason, serve, serve_at, told};
use crate::lines::Lines;

fn target() -> Target {
    "http://document:8090".parse().unwrap()
}

/// A channel over exactly these addresses.
fn over(addresses: &[SocketAddr]) -> (Channel, watch::Sender<Vec<SocketAddr>>) {
    let (found, known) = watch::channel(addresses.to_vec());
    (Channel::over(&target(), known), found)
}

async fn ask(channel: &Channel, issuer: &Issuer, id: &str) -> Result<String, tonic::Status> {
    let answer = DocumentServiceClient::new(channel.clone()).get_document(get(issuer, id)).await?;
    Ok(told(answer.get_ref()).0.to_owned())
}

#[tokio::test]
async fn calls_go_to_all_replicas_and_to_those_that_come_and_not_to_those_that_go() {
    let issuer = testkit::tokens().await;
    let apis = ["a", "b", "c"].map(Api::new);
    let (a, _) = serve(apis[0].clone(), &issuer).await;
    let (b, _) = serve(apis[1].clone(), &issuer).await;
    let (c, _) = serve(apis[2].clone(), &issuer).await;
    let (channel, found) = over(&[a, b]);
    for _ in 0..100 {
        ask(&channel, &issuer, "x").await.unwrap();
    }
    let counts = apis.each_ref().map(Api::calls);
    assert!(counts[0] >= 20 && counts[1] >= 20 && counts[2] == 0, "{counts:?}");
    found.send(vec![b, c]).unwrap();
    for _ in 0..100 {
        assert_ne!(ask(&channel, &issuer, "x").await.unwrap(), "a");
    }
    assert!(apis[2].calls() >= 20);
}

#[tokio::test]
async fn each_replica_has_two_connections_however_many_call() {
    let issuer = testkit::tokens().await;
    let (behind, _shutdown) = serve(Api::new("a"), &issuer).await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let front = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(behind).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    let (channel, _found) = over(&[front]);
    let calls = (0..50).map(|_| ask(&channel, &issuer, "x"));
    for name in futures::future::join_all(calls).await {
        assert_eq!(name.unwrap(), "a");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_less_busy_replica_is_preferred() {
    let issuer = testkit::tokens().await;
    let (slow, fast) = (Api::new("slow"), Api::new("fast"));
    let (a, _) = serve(slow.clone(), &issuer).await;
    let (b, _) = serve(fast.clone(), &issuer).await;
    let (channel, found) = over(&[a]);
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let (mut client, request) = (DocumentServiceClient::new(channel.clone()), get(&issuer, "wait"));
            tokio::spawn(async move { client.get_document(request).await })
        })
        .collect();
    slow.until_waiting(5).await;
    found.send(vec![a, b]).unwrap();
    for _ in 0..100 {
        ask(&channel, &issuer, "x").await.unwrap();
    }
    assert_eq!((fast.calls(), slow.calls()), (100, 5));
    slow.gate.add_permits(5);
    for call in waiting {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_replica_that_stops_or_never_was_costs_no_call() {
    let issuer = testkit::tokens().await;
    let (a, stops) = serve(Api::new("a"), &issuer).await;
    let (b, _) = serve(Api::new("b"), &issuer).await;
    let nobody = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let (channel, _found) = over(&[a, b, nobody]);
    let calling: Vec<_> = (0..20)
        .map(|caller| {
            let (channel, stops) = (channel.clone(), stops.clone());
            let requests: Vec<_> = (0..50).map(|_| get(&issuer, "x")).collect();
            tokio::spawn(async move {
                for (round, request) in requests.into_iter().enumerate() {
                    if (caller, round) == (7, 20) {
                        stops.request();
                    }
                    DocumentServiceClient::new(channel.clone()).get_document(request).await?;
                }
                Ok::<_, tonic::Status>(())
            })
        })
        .collect();
    for caller in calling {
        caller.await.unwrap().unwrap();
    }
    stops.finished().await.unwrap();
    for _ in 0..50 {
        assert_eq!(ask(&channel, &issuer, "x").await.unwrap(), "b");
    }
}

#[tokio::test]
async fn it_is_there_before_its_target_and_finds_it_when_it_comes() {
    let issuer = testkit::tokens().await;
    let addr = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let channel = channel::balanced(&format!("http://localhost:{}", addr.port()).parse().unwrap());
    let start = Instant::now();
    let status = ask(&channel, &issuer, "x").await.unwrap_err();
    assert_eq!(reason(&status), (Code::Unavailable, "UNAVAILABLE".into()));
    assert!(start.elapsed() < Duration::from_secs(3));
    let (_, _shutdown) = serve_at(addr, Api::new("a"), &issuer, 10).await;
    let name = testkit::eventually(Duration::from_secs(10), || ask(&channel, &issuer, "x")).await.unwrap();
    assert_eq!(name, "a");
}

#[tokio::test]
async fn a_name_nobody_knows_is_unavailable_and_not_for_long() {
    let issuer = testkit::tokens().await;
    let channel = channel::balanced(&"http://nobody.invalid:8090".parse().unwrap());
    let start = Instant::now();
    let status = ask(&channel, &issuer, "x").await.unwrap_err();
    assert_eq!(reason(&status), (Code::Unavailable, "UNAVAILABLE".into()));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_call_that_was_sent_is_never_repeated() {
    let issuer = testkit::tokens().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (b, _) = serve(Api::new("b"), &issuer).await;
    // Takes the request and hangs up.
    let server = tokio::spawn(async move {
        let mut taken = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            // An empty SETTINGS frame of ours lets the client go on.
            tokio::io::AsyncWriteExt::write_all(&mut stream, &[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
            while !seen.windows(9).any(|bytes| bytes == b"no repeat") {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => seen.extend_from_slice(&buffer[..n]),
                }
            }
            taken += 1;
            if taken == 2 {
                return;
            }
        }
    });
    let (channel, found) = over(&[addr]);
    let status = ask(&channel, &issuer, "no repeat").await.unwrap_err();
    assert_eq!(reason(&status), (Code::Unavailable, "UNAVAILABLE".into()));
    assert!(!server.is_finished(), "sent once");
    found.send(vec![b]).unwrap();
    assert_eq!(ask(&channel, &issuer, "x").await.unwrap(), "b");
}

#[tokio::test]
async fn deadline_request_id_and_trace_reach_what_a_handler_calls() {
    let (lines, _default, _telemetry) = Lines::capture();
    let issuer = testkit::tokens().await;
    let (b, _) = serve(Api::new("b"), &issuer).await;
    let (to_b, _found_b) = over(&[b]);
    let (a, _) = serve(Api::new("a").forwarding_to(to_b), &issuer).await;
    let (to_a, _found_a) = over(&[a]);

    let deadline = tokio::time::Instant::now() + Duration::from_secs(7);
    let request_id = RequestId::parse("order-66").unwrap();
    let call = context::scope(context::Context { request_id, deadline }, async {
        DocumentServiceClient::new(to_a).get_document(get(&issuer, "forward")).await
    });
    let answer = call.await.unwrap();
    let (name, request_id, left) = told(answer.get_ref());
    assert_eq!((name, request_id), ("b", "order-66"));
    assert!(left > 4_000 && left <= 7_000, "{left}");

    let calls = testkit::eventually(Duration::from_secs(5), || async {
        let calls = lines.with_message("call");
        if calls.len() == 2 { Ok(calls) } else { Err(calls) }
    })
    .await
    .unwrap();
    assert!(calls[0]["trace_id"].is_string());
    assert_eq!(calls[0]["trace_id"], calls[1]["trace_id"]);
    assert_ne!(calls[0]["span_id"], calls[1]["span_id"]);
}

#[tokio::test]
async fn a_call_ends_by_the_soonest_deadline_and_both_sides_know() {
    let issuer = testkit::tokens().await;
    let api = Api::new("a");
    let (a, _) = serve(api.clone(), &issuer).await;
    let (channel, _found) = over(&[a]);
    let ask = async |timeout: Option<Duration>, id: &str| {
        let mut request = get(&issuer, id);
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        DocumentServiceClient::new(channel.clone()).get_document(request).await
    };
    let start = Instant::now();
    let late = ask(Some(Duration::from_millis(100)), "wait").await.unwrap_err();
    assert_eq!(reason(&late), (Code::DeadlineExceeded, "TIMEOUT".into()));
    assert!(start.elapsed() < Duration::from_secs(5));

    let within = |left: Duration| context::Context {
        request_id: RequestId::new(),
        deadline: tokio::time::Instant::now() + left,
    };
    let late = context::scope(within(Duration::from_millis(100)), ask(None, "wait")).await.unwrap_err();
    assert_eq!(reason(&late).0, Code::DeadlineExceeded);
    let over_already = context::scope(within(Duration::ZERO), ask(None, "x")).await.unwrap_err();
    assert_eq!(reason(&over_already).0, Code::DeadlineExceeded);
    for (timeout, left, most) in [(Some(5), Some(8), 5_000), (Some(8), Some(5), 5_000), (None, None, 10_000)]
    {
        let call = ask(timeout.map(Duration::from_secs), "x");
        let answer = match left {
            Some(left) => context::scope(within(Duration::from_secs(left)), call).await.unwrap(),
            None => call.await.unwrap(),
        };
        let left = told(answer.get_ref()).2;
        assert!(left <= most && left > most - 3_000, "{timeout:?}: {left}");
    }
}

#[tokio::test]
async fn a_refusal_by_the_service_is_passed_on_and_not_tried_elsewhere() {
    let issuer = testkit::tokens().await;
    let (one, two) = (Api::new("a"), Api::new("b"));
    let (a, _) = serve(one.clone(), &issuer).await;
    let (b, _) = serve(two.clone(), &issuer).await;
    let (channel, _found) = over(&[a, b]);
    let status = ask(&channel, &issuer, "ours").await.unwrap_err();
    assert_eq!(reason(&status), (Code::NotFound, "DOCUMENT_NOT_FOUND".into()));
    assert_eq!(one.calls() + two.calls(), 1);
}
