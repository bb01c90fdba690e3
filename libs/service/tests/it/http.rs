use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt as _;
use http::{StatusCode, header};
use serde_json::{Value, json};
use service::http::{Render, Settings, layers, serve};
use service::{RequestId, Shutdown, context};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use crate::lines::Lines;

pub(crate) fn settings() -> Settings {
    Settings {
        addr: ([127, 0, 0, 1], 0).into(),
        max_body_bytes: 1_024,
        max_concurrency: 3,
        timeout: Duration::from_millis(400),
    }
}

#[derive(Clone)]
struct App {
    gate: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    shutdown: Shutdown,
}

fn render() -> Render {
    Arc::new(|error: rpc_error::Error, id: &RequestId| {
        let status = StatusCode::from_u16(error.http_status()).unwrap();
        (status, axum::Json(error.into_problem("", id.as_str()))).into_response()
    })
}

async fn wait(State(app): State<App>) -> &'static str {
    app.waiting.add_permits(1);
    app.gate.acquire().await.unwrap().forget();
    "waited"
}

async fn events() -> Response {
    let stream = futures::stream::once(async { Ok::<_, std::io::Error>("data: 1\n\n") })
        .chain(futures::stream::pending());
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}

async fn socket(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let _open = app.shutdown.guard("websocket");
        app.shutdown.requested().await;
        let close = CloseFrame { code: 1001, reason: "going away".into() };
        let _gone = socket.send(Message::Close(Some(close))).await;
        // Until the client has closed as well.
        while let Some(Ok(_)) = socket.recv().await {}
    })
}

async fn start() -> (SocketAddr, App) {
    let shutdown = Shutdown::manual(Duration::from_secs(10));
    let app = App {
        gate: Arc::new(Semaphore::new(0)),
        waiting: Arc::new(Semaphore::new(0)),
        shutdown: shutdown.clone(),
    };
    let router = Router::new()
        .route("/wait", get(wait))
        .route("/panic", get(async || if true { panic!("as asked") } else { "" }))
        .route("/echo", post(async |body: Bytes| body))
        .route("/peer", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()))
        .route("/context/{id}", get(async || context::current().unwrap().request_id.to_string()))
        .route("/events", get(events))
        .route("/socket", get(socket))
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(app.clone());
    let settings = settings();
    let addr = serve(&settings, layers(router, &settings, &render(), &shutdown), &shutdown).await.unwrap();
    (addr, app)
}

async fn problem(answer: reqwest::Response) -> (u16, Value) {
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let status = answer.status().as_u16();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["instance"], id);
    (status, problem["code"].clone())
}

#[tokio::test]
async fn what_a_layer_refuses_is_rendered_by_the_service() {
    let (addr, _app) = start().await;
    let client = reqwest::Client::new();
    let panic = client.get(format!("http://{addr}/panic")).send().await.unwrap();
    assert_eq!(problem(panic).await, (500, json!("INTERNAL")));
    let late = client.get(format!("http://{addr}/wait")).send().await.unwrap();
    assert_eq!(problem(late).await, (504, json!("TIMEOUT")));
    let large = client.post(format!("http://{addr}/echo")).body(vec![0; 1_025]).send().await.unwrap();
    assert_eq!(problem(large).await, (413, json!("BODY_TOO_LARGE")));
    let fits = client.post(format!("http://{addr}/echo")).body(vec![0; 1_024]).send().await.unwrap();
    assert_eq!(fits.bytes().await.unwrap().len(), 1_024);
    // One that does not say how long it is, is cut by whoever reads it.
    let chunks = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![0; 100])));
    let chunked = client.post(format!("http://{addr}/echo")).body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(chunked.send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn requests_above_the_limit_are_refused_at_once_and_open_streams_do_not_count() {
    let (addr, app) = start().await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(reqwest::get(format!("http://{addr}/events")).await.unwrap());
    }
    let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(reqwest::get(format!("http://{addr}/wait")))).collect();
    app.waiting.acquire_many(3).await.unwrap().forget();
    let refused = reqwest::get(format!("http://{addr}/peer")).await.unwrap();
    assert_eq!(problem(refused).await, (429, json!("OVERLOADED")));
    app.gate.add_permits(3);
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    let answer = reqwest::get(format!("http://{addr}/peer")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn the_request_id_is_echoed_and_reaches_the_handler_and_the_log() {
    let (lines, _default, _telemetry) = Lines::capture();
    let (addr, _app) = start().await;
    let client = reqwest::Client::new();
    let request = client.get(format!("http://{addr}/context/secret-7")).header("x-request-id", "order-66");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer =
        request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")).send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "order-66");
    assert_eq!(answer.text().await.unwrap(), "order-66");
    let odd = client
        .get(format!("http://{addr}/nowhere/secret-7"))
        .header("x-request-id", "a\"b")
        .send()
        .await
        .unwrap();
    assert_eq!(odd.status(), 404);
    assert_eq!(odd.headers()["x-request-id"].len(), 32);

    let logged = testkit::eventually(Duration::from_secs(5), || async {
        let logged = lines.with_message("request");
        if logged.len() == 2 { Ok(logged) } else { Err(logged) }
    })
    .await
    .unwrap();
    assert_eq!(
        [&logged[0]["trace_id"], &logged[0]["request_id"], &logged[0]["http.route"]],
        [trace, "order-66", "/context/{id}"]
    );
    assert_eq!(logged[0]["http.response.status_code"], 200);
    assert_eq!(logged[1]["http.route"], "unknown");
    assert!(!serde_json::to_string(&logged).unwrap().contains("secret-7"), "paths hold ids");
}

#[tokio::test]
async fn when_it_stops_requests_are_answered_streams_end_and_sockets_are_closed() {
    let (addr, app) = start().await;
    let mut events = reqwest::get(format!("http://{addr}/events")).await.unwrap();
    assert_eq!(&events.chunk().await.unwrap().unwrap()[..], b"data: 1\n\n");
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{addr}/socket")).await.unwrap();
    let waiting = tokio::spawn(reqwest::get(format!("http://{addr}/wait")));
    app.waiting.acquire().await.unwrap().forget();

    app.shutdown.request();
    let end = tokio::spawn(app.shutdown.clone().finished());
    assert!(events.chunk().await.unwrap().is_none(), "the stream ends as one that is complete");
    let close = socket.next().await.unwrap().unwrap();
    let tokio_tungstenite::tungstenite::Message::Close(Some(frame)) = close else { panic!("{close:?}") };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(!end.is_finished(), "a request is in hand");
    app.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap().text().await.unwrap(), "waited");
    let _closed = socket.close(None).await;
    while socket.next().await.is_some() {}
    drop(socket);
    end.await.unwrap().unwrap();
    tokio::net::TcpStream::connect(addr).await.unwrap_err();
}

#[tokio::test]
async fn http_2_without_tls_and_kept_alive_http_1_are_understood() {
    let (addr, app) = start().await;
    let two = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let answer = two.get(format!("http://{addr}/peer")).send().await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);

    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let mut buffer = vec![0; 4_096];
    for _ in 0..2 {
        stream.write_all(b"GET /peer HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..n].starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
    // An idle connection does not hold up the end.
    app.shutdown.request();
    app.shutdown.clone().finished().await.unwrap();
    assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let (addr, _app) = start().await;
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /peer HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    closed.expect("the server hangs up").unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}
