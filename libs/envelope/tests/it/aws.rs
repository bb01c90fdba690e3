//! AWS KMS over its real protocol: moto, and servers that are away or have had enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Region};
use clock::Clock;
use envelope::kms::AwsSettings;
use envelope::{Envelope, Error, Kms, Rewrapped, Settings, kms};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use crate::harness::World;

/// A key of moto's under an alias that no other test has.
struct Key {
    client: Client,
    alias: String,
}

fn endpoint() -> Url {
    testkit::env().get("GUILDHALL_KMS_ENDPOINT").parse().unwrap()
}

fn settings(key_id: &str, endpoint: Url) -> AwsSettings {
    let credentials = Some(("local".to_owned(), "local".to_owned().into()));
    AwsSettings {
        key_id: key_id.to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: Some(endpoint),
        credentials,
    }
}

async fn replica(settings: AwsSettings) -> Envelope {
    Envelope::new(Kms::open(&Settings::Aws(settings)).await.unwrap(), &Clock::system())
}

impl Key {
    async fn new(world: &World) -> Self {
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(endpoint())
            .credentials_provider(Credentials::from_keys("local", "local", None))
            .build();
        let (client, alias) = (Client::from_conf(config), format!("alias/{}", world.database.name));
        let key = Self { client, alias };
        let id = key.make().await;
        key.client.create_alias().alias_name(&key.alias).target_key_id(id).send().await.unwrap();
        key
    }

    async fn make(&self) -> String {
        self.client.create_key().send().await.unwrap().key_metadata.unwrap().key_id
    }

    /// The alias means another key from now on.
    async fn rotate(&self) {
        let id = self.make().await;
        self.client.update_alias().alias_name(&self.alias).target_key_id(id).send().await.unwrap();
    }

    async fn replica(&self) -> Envelope {
        replica(settings(&self.alias, endpoint())).await
    }
}

#[tokio::test]
async fn what_one_replica_seals_another_opens_and_a_moved_key_is_refused() {
    let world = World::new().await;
    let key = Key::new(&world).await;
    let (one, other) = (key.replica().await, key.replica().await);
    let sealed = world.seal(&one, "ada", "ada@example.org").await.unwrap();
    assert_eq!(world.open(&other, "ada", &sealed).await.unwrap().as_deref(), Some("ada@example.org"));
    assert_eq!(world.count("select count(*) from subject_keys where kek like 'arn:aws:kms:%'").await, 1);

    // Whoever gives ben's row ada's key: AWS was told whose it is.
    world.seal(&one, "ben", "ben@example.org").await.unwrap();
    let moved = "update subject_keys set wrapped = ada.wrapped from subject_keys ada
        where subject_keys.subject = 'ben' and ada.subject = 'ada'";
    sqlx::raw_sql(moved).execute(&mut world.database.admin().await).await.unwrap();
    let refused = world.open(&other, "ben", &sealed).await;
    assert!(matches!(refused, Err(Error::Kms(kms::Error::Refused(_)))), "{refused:?}");
    assert!(!testkit::has_word(&format!("{refused:?}"), "ada"), "{refused:?}");
}

#[tokio::test]
async fn an_alias_that_means_another_key_wraps_what_is_new_and_then_what_is_stored() {
    let world = World::new().await;
    let key = Key::new(&world).await;
    let before = key.replica().await;
    let ada = world.seal(&before, "ada", "ada@example.org").await.unwrap();
    assert_eq!(before.rewrap(&world.db).await.unwrap(), Rewrapped::default());
    key.rotate().await;
    let ben = world.seal(&before, "ben", "ben@example.org").await.unwrap();
    assert_eq!(world.count("select count(distinct kek) from subject_keys").await, 2);
    assert_eq!(before.rewrap(&world.db).await.unwrap(), Rewrapped { done: 1, refused: 0 });
    assert_eq!(world.count("select count(distinct kek) from subject_keys").await, 1);
    let after = key.replica().await;
    for (whose, sealed) in [("ada", &ada), ("ben", &ben)] {
        let opened = world.open(&after, whose, sealed).await.unwrap();
        assert_eq!(opened, Some(format!("{whose}@example.org")));
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_a_refusal() {
    let world = World::new().await;
    let none = replica(settings("alias/nobody-has-made-it", endpoint())).await;
    let refused = world.seal(&none, "ada", "x").await;
    assert!(matches!(refused, Err(Error::Kms(kms::Error::Refused(_)))), "{refused:?}");
    assert_eq!(world.count("select count(*) from subject_keys").await, 0);
}

/// Answers every request the same, and counts them.
async fn answers(status: &'static str, body: &'static str) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let mut request = vec![0; 16 * 1024];
            // One read holds the whole of these small requests.
            if client.read(&mut request).await.is_ok() {
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\n\
                     content-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _gone = client.write_all(answer.as_bytes()).await;
            }
        }
    });
    (url, asked)
}

#[tokio::test]
async fn throttling_and_faults_are_absence_after_a_few_tries() {
    let world = World::new().await;
    for (status, body) in [
        ("400 Bad Request", r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
        ("400 Bad Request", r#"{"__type":"KeyUnavailableException","message":"later"}"#),
        ("500 Internal Server Error", r#"{"__type":"KMSInternalException","message":"ours"}"#),
    ] {
        let (url, asked) = answers(status, body).await;
        let throttled = replica(settings("alias/any", url)).await;
        let error = world.seal(&throttled, "ada", "x").await.unwrap_err();
        assert!(matches!(error, Error::Kms(kms::Error::Unavailable(_))), "{body}: {error:?}");
        let tries = asked.load(Ordering::Relaxed);
        assert!((1..=3).contains(&tries), "{body}: {tries} tries");
        let told = rpc_error::Error::from(error);
        assert_eq!(told.code(), rpc_error::Code::Unavailable);
    }
}

#[tokio::test]
async fn one_that_never_answers_is_absent_within_seconds() {
    let world = World::new().await;
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let away = replica(settings("alias/any", url)).await;
    let start = Instant::now();
    let error = world.seal(&away, "ada", "x").await.unwrap_err();
    assert!(matches!(error, Error::Kms(kms::Error::Unavailable(_))), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    drop(silent);
}
