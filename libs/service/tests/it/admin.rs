use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use service::admin::{Admin, Server, Settings};
use service::{Shutdown, healthcheck};
use settings::Env;

#[derive(Clone, Default)]
struct Dependency {
    down: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Dependency {
    async fn ping(self) -> Result<(), std::io::Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            Err(std::io::Error::other("connection refused"))
        } else {
            Ok(())
        }
    }
}

fn server() -> Server {
    Server::new(&Settings { addr: ([127, 0, 0, 1], 0).into() })
}

async fn get(admin: &Admin, path: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("http://{}{path}", admin.addr())).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn ready_follows_needed_dependencies_from_starting_to_stopping() {
    let shutdown = Shutdown::manual(Duration::from_secs(10));
    let (postgres, redis) = (Dependency::default(), Dependency::default());
    let server = server().check("postgres", &postgres, Dependency::ping);
    let admin = server.optional_check("redis", &redis, Dependency::ping).serve(&shutdown).await.unwrap();

    let (status, body) = get(&admin, "/ready").await;
    assert_eq!((status, &body["status"]), (503, &"starting".into()));
    admin.started();
    let (status, body) = get(&admin, "/ready").await;
    assert_eq!((status, &body["status"]), (200, &"ready".into()));
    let check = &body["checks"]["postgres"];
    assert_eq!((&check["status"], &check["error"]), (&"up".into(), &Value::Null));
    assert!(check["latency_ms"].is_u64());

    redis.down.store(true, Ordering::SeqCst);
    postgres.down.store(true, Ordering::SeqCst);
    let (body, health) = testkit::eventually(Duration::from_secs(5), || async {
        let (status, body) = get(&admin, "/ready").await;
        if status == 503 { Ok((body, get(&admin, "/health").await)) } else { Err(body) }
    })
    .await
    .unwrap();
    assert_eq!(body["status"], "not_ready");
    assert_eq!(body["checks"]["postgres"]["error"], "connection refused");
    assert_eq!(body["checks"]["redis"]["status"], "down");
    assert_eq!(health, (200, serde_json::json!({"status": "ok", "checks": {}})), "the process is well");

    postgres.down.store(false, Ordering::SeqCst);
    testkit::eventually(Duration::from_secs(5), || async {
        let (status, body) = get(&admin, "/ready").await;
        if status == 200 && body["checks"]["redis"]["status"] == "down" { Ok(()) } else { Err(body) }
    })
    .await
    .unwrap();

    let open = shutdown.guard("something that finishes");
    shutdown.request();
    let end = tokio::spawn(shutdown.clone().finished());
    let (status, body) = get(&admin, "/ready").await;
    assert_eq!((status, &body["status"]), (503, &"stopping".into()));
    assert_eq!(get(&admin, "/health").await.0, 200);
    drop(open);
    end.await.unwrap().unwrap();
    testkit::eventually(Duration::from_secs(5), || async {
        match healthcheck::ask(admin.addr(), healthcheck::Args::default()).await {
            Err(healthcheck::Error::Silent(..)) => Ok(()),
            other => Err(other),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn slow_and_broken_checks_fail_alone_and_all_within_their_time() {
    let shutdown = Shutdown::manual(Duration::from_secs(10));
    let hang = |()| std::future::pending::<Result<(), std::io::Error>>();
    let admin = server()
        .check("kafka", &(), hang)
        .check("s3", &(), hang)
        .check("broken", &(), |()| async { if true { panic!("as asked") } else { std::io::Result::Ok(()) } })
        .check("postgres", &Dependency::default(), Dependency::ping)
        .serve(&shutdown)
        .await
        .unwrap();
    admin.started();
    let start = Instant::now();
    let (status, body) = get(&admin, "/ready").await;
    assert!(start.elapsed() < Duration::from_millis(4_500), "{:?}", start.elapsed());
    assert_eq!(status, 503);
    let checks = &body["checks"];
    assert_eq!(checks["postgres"]["status"], "up");
    assert_eq!(checks["broken"]["error"], "the check panicked");
    for name in ["kafka", "s3"] {
        assert_eq!(checks[name]["error"], "no answer within 2000 ms");
        assert!(checks[name]["latency_ms"].as_u64().unwrap() >= 2_000);
    }
}

#[tokio::test]
async fn however_many_ask_a_dependency_is_asked_once_a_second() {
    let shutdown = Shutdown::manual(Duration::from_secs(10));
    let postgres = Dependency::default();
    let admin = server().check("postgres", &postgres, Dependency::ping).serve(&shutdown).await.unwrap();
    let start = Instant::now();
    let asking: Vec<_> = (0..100)
        .map(|_| {
            let admin = admin.clone();
            tokio::spawn(async move { admin.report().await })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap();
    }
    let most = 1 + usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(postgres.asked.load(Ordering::SeqCst) <= most);
}

#[tokio::test]
async fn metrics_are_on_the_admin_port_and_not_among_the_public_probes() {
    let shutdown = Shutdown::manual(Duration::from_secs(10));
    let admin = server().serve(&shutdown).await.unwrap();
    let answer = reqwest::get(format!("http://{}/metrics", admin.addr())).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");

    let settings = crate::http::settings();
    let addr = service::http::serve(&settings, admin.probes(), &shutdown).await.unwrap();
    admin.started();
    assert_eq!(reqwest::get(format!("http://{addr}/ready")).await.unwrap().status(), 200);
    assert_eq!(reqwest::get(format!("http://{addr}/metrics")).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let shutdown = Shutdown::manual(Duration::from_secs(10));
    let taken = server().serve(&shutdown).await.unwrap();
    let error = Server::new(&Settings { addr: taken.addr() }).serve(&shutdown).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}", taken.addr()));
}

#[test]
fn sections_are_read_and_checked() {
    let mut env = Env::from_pairs(
        "BFF",
        [
            ("BFF__ADMIN__ADDR", "0.0.0.0:8081"),
            ("BFF__GRPC__ADDR", "0.0.0.0:8090"),
            ("BFF__HTTP__ADDR", "[::]:8080"),
            ("BFF__HTTP__TIMEOUT_SECONDS", "0"),
            ("BFF__DOCUMENT__URL", "https://document"),
        ],
    );
    assert_eq!(Settings::load(&mut env).unwrap().addr.port(), 8081);
    assert_eq!(service::grpc::Settings::load(&mut env).unwrap().max_concurrency, 512);
    assert!(service::http::Settings::load(&mut env).is_none());
    assert!(service::channel::Target::load(&mut env, "DOCUMENT__URL").is_none());
    let rules = env.finish(None::<()>).unwrap_err().to_string();
    assert_eq!(
        rules,
        "settings: 2 errors\n  BFF__DOCUMENT__URL: must be http://<host>:<port>\n  BFF__HTTP__TIMEOUT_SECONDS: must be 1 to 300"
    );
}
