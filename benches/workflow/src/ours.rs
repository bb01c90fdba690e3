//! The process under test that is ours: the worker's workflows and activities, as its role `workflows` runs them, without its consumer
//! of requests.

use anyhow::Result;
use auth::TokenSource;
use blobs::Blobs;
use clock::Clock;
use service::channel::{Target, balanced};
use settings::Env;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use worker::activities::Activities;
use worker::owners::{Deliveries, Documents, Payments};
use worker::temporal::{self, Temporal};

/// Runs until SIGTERM, by the settings that the worker has.
pub(crate) async fn run() -> Result<()> {
    let mut env = Env::from_process("WORKER");
    let sections = (
        auth::Settings::load_with_client(&mut env),
        temporal::Settings::load(&mut env),
        Target::load(&mut env, "PAYMENT__URL"),
        blobs::Settings::load(&mut env),
    );
    let all = match sections {
        (Some(auth), Some(temporal), Some(payment), Some(s3)) => Some((auth, temporal, payment, s3)),
        _ => None,
    };
    let (auth, temporal, payment, s3) = env.finish(all)?;
    let telemetry = telemetry::init("bench-workflow", &telemetry::Settings::default());
    let clock = Clock::system();
    let tokens = TokenSource::new(&auth, clock.clone())?;
    let channel = balanced(&payment);
    let payments = Payments::new(channel.clone(), tokens.clone());
    // Payments need no documents.
    let (documents, recipients) =
        (Documents::new(channel.clone(), tokens.clone()), Deliveries::new(channel, tokens));
    let activities = Activities::new(payments, documents, recipients, Blobs::new(&s3, clock).await);
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = shutdown.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        stop.cancel();
    });
    Temporal::new(&temporal).run(activities, shutdown).await;
    telemetry.shutdown().await;
    Ok(())
}
