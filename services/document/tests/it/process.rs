//! The binary: its subcommands and exit codes.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proto::document::v1;
use proto::document::v1::document_service_client::DocumentServiceClient;
use settings::ExposeSecret as _;
use testkit::canary::Canary;
use testkit::{Issuer, eventually};
use tonic::Request;

use crate::harness::{File, SOON, any_port};

pub(crate) fn document(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_document"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DOCUMENT__")) {
        command.env_remove(name);
    }
    command
}

fn free_port() -> u16 {
    TcpListener::bind(any_port()).unwrap().local_addr().unwrap().port()
}

/// Ends the process however the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_all_listed_and_end_it_with_64() {
    let output =
        document(&["serve"]).env("DOCUMENT__GRPC__ADDR", "nowhere").env("DOCUMENT__COLOUR", "red").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    for variable in [
        "DOCUMENT__GRPC__ADDR",
        "DOCUMENT__COLOUR",
        "DOCUMENT__DB__URL",
        "DOCUMENT__KAFKA__BROKERS",
        "DOCUMENT__AUTH__ISSUER",
        "DOCUMENT__KMS__KEY",
        "DOCUMENT__ADMIN__ADDR",
    ] {
        assert!(told.contains(variable), "{variable} is not in: {told}");
    }
    assert_eq!(document(&["fly"]).output().unwrap().status.code(), Some(64));
    let migrate = document(&["migrate"]).env("DOCUMENT__GRPC__ADDR", "127.0.0.1:0").output().unwrap();
    assert_eq!(migrate.status.code(), Some(64));
    let told = String::from_utf8(migrate.stderr).unwrap();
    assert!(told.contains("DOCUMENT__DB__OWNER_URL") && !told.contains("GRPC"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_migrates_serves_says_that_it_is_well_and_stops_when_asked() {
    let (db, s3, sqs, kafka, issuer) = tokio::join!(
        testkit::database("document_empty", &[]),
        testkit::s3(),
        testkit::sqs(),
        testkit::kafka(),
        testkit::tokens(),
    );
    let (grpc, admin) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let (s3_id, s3_secret) = s3.settings.credentials.as_ref().unwrap();
    let key_file = testkit::key_file().to_string_lossy().into_owned();
    let (sqs_id, sqs_secret) = sqs.settings.credentials.as_ref().unwrap();
    let variables = [
        ("DB__URL", db.urls.app.expose_secret()),
        ("DB__SYSTEM_URL", db.urls.system.expose_secret()),
        ("DB__OWNER_URL", db.urls.owner.expose_secret()),
        ("KAFKA__BROKERS", &kafka.settings.brokers),
        ("KAFKA__TOPIC_PREFIX", &kafka.settings.topic_prefix),
        ("SQS__ENDPOINT", sqs.settings.endpoint.as_ref().unwrap().as_str()),
        ("SQS__REGION", &sqs.settings.region),
        ("SQS__QUEUE_PREFIX", &sqs.settings.queue_prefix),
        ("SQS__ACCESS_KEY_ID", sqs_id),
        ("SQS__SECRET_ACCESS_KEY", sqs_secret.expose_secret()),
        ("S3__ENDPOINT", s3.settings.endpoint.as_str()),
        ("S3__REGION", &s3.settings.region),
        ("S3__INTAKE_BUCKET", &s3.settings.intake_bucket),
        ("S3__EVIDENCE_BUCKET", &s3.settings.evidence_bucket),
        ("S3__AUDIT_BUCKET", &s3.settings.audit_bucket),
        ("S3__EXPORTS_BUCKET", &s3.settings.exports_bucket),
        ("AUDIT__SIGNING_KEY", testkit::SIGNING_KEY),
        ("S3__ACCESS_KEY_ID", s3_id),
        ("S3__SECRET_ACCESS_KEY", s3_secret.expose_secret()),
        ("KMS__KEY_FILE", &key_file),
        ("AUTH__ISSUER", issuer.url()),
        ("TELEMETRY__LOG", "debug"),
        ("GRPC__ADDR", &grpc),
        ("ADMIN__ADDR", &admin),
    ];
    let run = |arguments: &[&str]| {
        let mut command = document(arguments);
        command.envs(variables.iter().map(|(name, value)| (format!("DOCUMENT__{name}"), *value)));
        command
    };
    assert!(!run(&["healthcheck"]).output().unwrap().status.success(), "nothing runs yet");
    for _ in 0..2 {
        let migrated = run(&["migrate"]).output().unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    }

    let log = tempfile::tempfile().unwrap();
    let serve = run(&["serve"]).stdout(log.try_clone().unwrap()).stderr(log.try_clone().unwrap()).spawn();
    let mut serving = Process(serve.unwrap());
    let well = eventually(SOON, || async {
        let mut command = run(&["healthcheck", "--ready"]);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    });
    well.await.unwrap();

    let canary = Canary::new();
    call_with(&canary, &grpc, &issuer).await;

    let pid = serving.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let stopped = eventually(Duration::from_secs(10), || {
        let ended = serving.0.try_wait().unwrap();
        async move { ended.map(|status| status.code()).ok_or("still running") }
    });
    assert_eq!(stopped.await.unwrap(), Some(0));
    let log = read_from_start(log);
    assert!(log.contains("\"ready\"") && log.contains("\"DEBUG\""), "{log}");
    assert!(!canary.leaks(&log), "{log}");
}

/// Declares a document whose every text is the canary's, well and badly.
async fn call_with(canary: &Canary, grpc: &str, issuer: &Issuer) {
    let mut client = DocumentServiceClient::connect(format!("http://{grpc}")).await.unwrap();
    let token = auth::Token::parse(&issuer.citizen("ada", "riverton")).unwrap();
    let mut file = File::pdf("Ada");
    file.name = canary.file_name();
    let good = file.declaration();
    let bad = v1::InitiateUploadRequest {
        file_name: format!("/{}", canary.name()),
        purpose: canary.email(),
        ..good.clone()
    };
    let mut outcomes = Vec::new();
    for declaration in [good, bad] {
        let mut request = Request::new(declaration);
        auth::client::authorize(&mut request, &token, None);
        request.metadata_mut().insert(idempotency::METADATA, canary.email().parse().unwrap());
        outcomes.push(client.initiate_upload(request).await.is_ok());
    }
    assert_eq!(outcomes, [true, false]);
}

fn read_from_start(mut file: std::fs::File) -> String {
    use std::io::{Read as _, Seek as _};
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}
