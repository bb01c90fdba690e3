//! The process under test: the relay as a service runs it, and, where asked, the service's writers beside it.

use anyhow::Result;
use clock::Clock;
use pg::{Db, Settings, Urls};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::latency::{self, Writing};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    app_url: String,
    #[arg(long)]
    system_url: String,
    #[arg(long)]
    brokers: String,
    /// Also append events, as a service that runs its own relay does.
    #[command(flatten)]
    writing: Option<Writing>,
}

pub(crate) async fn run(args: Args) -> Result<()> {
    // Spans and metrics cost what they cost in a service.
    let telemetry = telemetry::init("bench-outbox", &telemetry::Settings::default());
    let urls = Urls {
        owner: SecretString::from(args.app_url.clone()),
        app: SecretString::from(args.app_url),
        system: SecretString::from(args.system_url),
    };
    let db = Db::connect(&Settings::from_urls(urls), "bench-relay")?;
    let clock = Clock::system();
    // The queue lane polls an empty table; SQS itself is never called.
    let sqs = queue::Sqs::new(&queue::Settings {
        endpoint: Some("http://127.0.0.1:9".parse()?),
        region: "bench".to_owned(),
        queue_prefix: String::new(),
        credentials: Some(("bench".to_owned(), "bench".to_owned().into())),
    })
    .await;
    let kafka = kafka::Settings::plaintext(args.brokers, "");
    let relay = outbox::Relay::new(db.clone(), kafka, sqs, clock.clone())?;
    let stop = CancellationToken::new();
    let running = tokio::spawn(relay.run(stop.clone()));
    if let Some(writing) = args.writing {
        latency::write(&db, &clock, &writing).await?.save(&writing.commits)?;
    }
    signal(SignalKind::terminate())?.recv().await;
    stop.cancel();
    running.await?;
    telemetry.shutdown().await;
    Ok(())
}
