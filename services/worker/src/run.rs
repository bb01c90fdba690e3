//! From settings to running roles.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::pdf::{Fonts, Renderer};
use auth::TokenSource;
use blobs::Blobs;
use clock::Clock;
use queue::{Consumer, Failure, Received, Sqs};
use service::context::{self, Context};
use service::{BoxError, RequestId, Shutdown, admin, channel};
use tokio::time::Instant;
use topology::queues;

use crate::activities::Activities;
use crate::clamd::Clamd;
use crate::integrity::{self, Auditor};
use crate::mail::Postman;
use crate::owners::{Deliveries, Documents, Payments};
use crate::persist::LEASE;
use crate::preview::Previewer;
use crate::preview::sandbox::Sandbox;
use crate::printer::Printer;
use crate::scan::Scanner;
use crate::smtp::Mailer;
use crate::temporal::Temporal;
use crate::{Config, config, requests};

/// A worker whose roles run.
#[derive(Debug)]
pub struct Running {
    /// The admin port.
    pub admin: admin::Admin,
}

/// Runs the worker until it is asked to stop, then until what it has begun is finished.
///
/// # Errors
/// When the port cannot be opened, or a task failed.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), BoxError> {
    let running = start(&config, Clock::system(), &shutdown).await?;
    running.admin.started();
    Ok(shutdown.finished().await?)
}

/// Starts the roles and opens the port. Waits for no dependency: `/ready` says which are missing.
///
/// # Errors
/// When a setting cannot be used or the port cannot be opened.
pub async fn start(config: &Config, clock: Clock, shutdown: &Shutdown) -> Result<Running, BoxError> {
    let sqs = Sqs::new(&config.sqs).await;
    let tokens = TokenSource::new(&config.auth, clock.clone())?;
    let mut admin = admin::Server::new(&config.admin);
    if let Some(role) = &config.scan {
        let documents = Documents::new(channel::balanced(&role.document), tokens.clone());
        let blobs = Blobs::new(&role.s3, clock.clone()).await;
        let clamd = Clamd::new(&role.clamd);
        admin = admin
            .check("sqs scan", &sqs, |sqs| async move { sqs.depth(queues::SCAN).await.map(drop) })
            .check("clamd", &clamd, |clamd| async move { clamd.ping().await })
            .check("s3", &blobs, |blobs| async move { blobs.check().await })
            .check("document", &documents, |documents| async move { documents.check().await });
        let scanner = Scanner::new(documents, blobs, clamd, shutdown.clone());
        let gate = scanner.clone();
        let consumer = Consumer::new(sqs.clone(), queues::SCAN)
            .concurrency(role.concurrency)
            .gate(move || owned(&gate, |scanner| async move { scanner.gate().await }));
        play(shutdown, ("scan", LEASE), consumer, scanner, |scanner, received| async move {
            scanner.work(&received).await
        });
    }
    if let Some(role) = &config.preview {
        let documents = Documents::new(channel::balanced(&role.document), tokens.clone());
        let blobs = Blobs::new(&role.s3, clock.clone()).await;
        let sandbox = Sandbox::new(role.program.clone(), role.limits);
        admin = admin
            .check("sqs preview", &sqs, |sqs| async move { sqs.depth(queues::PREVIEW).await.map(drop) })
            .check("sandbox", &sandbox, |sandbox| async move { sandbox.check().await })
            .check("preview s3", &blobs, |blobs| async move { blobs.check().await })
            .check("preview document", &documents, |documents| async move { documents.check().await });
        let previewer = Previewer::new(documents, blobs, sandbox, shutdown.clone());
        let gate = previewer.clone();
        let consumer = Consumer::new(sqs.clone(), queues::PREVIEW)
            .concurrency(role.concurrency)
            .gate(move || owned(&gate, |previewer| async move { previewer.gate().await }));
        play(shutdown, ("preview", LEASE), consumer, previewer, |previewer, received| async move {
            previewer.work(&received).await
        });
    }
    if let Some(role) = &config.integrity {
        let documents = Documents::new(channel::balanced(&role.document), tokens.clone());
        let blobs = Blobs::new(&role.s3, clock.clone()).await;
        admin = admin
            .check("sqs integrity", &sqs, |sqs| async move { sqs.depth(queues::INTEGRITY).await.map(drop) })
            .check("integrity s3", &blobs, |blobs| async move { integrity::check(&blobs).await })
            .check("integrity document", &documents, |documents| async move { documents.check().await });
        let auditor = Auditor::new(documents, blobs, role.bytes_per_second, shutdown.clone());
        let gate = auditor.clone();
        let consumer = Consumer::new(sqs.clone(), queues::INTEGRITY)
            .concurrency(role.concurrency)
            .gate(move || owned(&gate, |auditor| async move { auditor.gate().await }));
        play(shutdown, ("integrity", integrity::LEASE), consumer, auditor, |auditor, received| async move {
            auditor.work(&received).await
        });
    }
    if let Some(role) = &config.pdf {
        let payments = Payments::new(channel::balanced(&role.payment), tokens.clone());
        let documents = Documents::new(channel::balanced(&role.document), tokens.clone());
        admin = admin
            .check("sqs pdf", &sqs, |sqs| async move { sqs.depth(queues::PDF).await.map(drop) })
            .check("pdf payment", &payments, |payments| async move { payments.check().await })
            .check("pdf document", &documents, |documents| async move { documents.check().await });
        let renderer = renderer(role)?;
        let printer = Printer::new(payments, documents, renderer, role.issuers.clone(), shutdown.clone());
        let gate = printer.clone();
        let consumer = Consumer::new(sqs.clone(), queues::PDF)
            .concurrency(role.concurrency)
            .gate(move || owned(&gate, |printer| async move { printer.gate().await }));
        play(shutdown, ("pdf", LEASE), consumer, printer, |printer, received| async move {
            printer.work(&received).await
        });
    }
    if let Some(role) = &config.workflows {
        let temporal = Temporal::new(&role.temporal);
        let payments = Payments::new(channel::balanced(&role.payment), tokens.clone());
        let documents = Documents::new(channel::balanced(&role.document), tokens.clone());
        let blobs = Blobs::new(&role.s3, clock.clone()).await;
        admin = admin
            .check("temporal", &temporal, |temporal| async move { temporal.check().await })
            .check("payment", &payments, |payments| async move { payments.check().await })
            .check("workflows document", &documents, |documents| async move { documents.check().await })
            .check("workflows s3", &blobs, |blobs| async move { blobs.check().await });
        let requests = requests::consumer(&role.kafka, &clock, &temporal)?;
        shutdown.keep("requests", requests.run(shutdown.token()));
        let activities = Activities::new(payments, documents, blobs);
        shutdown.keep("workflows", temporal.run(activities, shutdown.token()));
    }
    if let Some(role) = &config.mail {
        let deliveries = Deliveries::new(channel::balanced(&role.notification), tokens);
        let mailer = Mailer::new(&role.smtp)?;
        admin = admin
            .check("sqs mail", &sqs, |sqs| async move { sqs.depth(queues::MAIL).await.map(drop) })
            .check("smtp", &mailer, |mailer| async move { mailer.check().await })
            .check("notification", &deliveries, |deliveries| async move { deliveries.check().await });
        let postman = Postman::new(deliveries, mailer, clock);
        let gate = postman.clone();
        let consumer = Consumer::new(sqs, queues::MAIL)
            .concurrency(role.concurrency)
            .gate(move || owned(&gate, |postman| async move { postman.gate().await }));
        play(shutdown, ("mail", LEASE), consumer, postman, |postman, received| async move {
            postman.work(&received).await
        });
    }
    Ok(Running { admin: admin.serve(shutdown).await? })
}

/// The renderer of a role's fonts and templates.
fn renderer(role: &config::Pdf) -> Result<Renderer, ::pdf::LoadError> {
    let fonts = match &role.fonts {
        Some(folder) => Fonts::with_folder(folder)?,
        None => Fonts::bundled(),
    };
    match &role.templates {
        Some(folder) => Renderer::with_overrides(fonts, folder),
        None => Ok(Renderer::new(fonts)),
    }
}

/// Calls `with` on a clone, for futures that must not borrow.
fn owned<S: Clone, F>(state: &S, with: impl FnOnce(S) -> F) -> F {
    with(state.clone())
}

/// Runs a role until the worker is asked to stop; what it does for one job has to be done within its lease.
fn play<S, W, F>(
    shutdown: &Shutdown,
    (name, lease): (&'static str, Duration),
    consumer: Consumer,
    state: S,
    work: W,
) where
    S: Clone + Send + Sync + 'static,
    W: Fn(S, Received) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let state = Arc::new(state);
    let token = shutdown.token();
    shutdown.keep(name, async move {
        let handler = move |received: Received| {
            // Calls made for the job carry the id of the request that caused it.
            let request_id = received.attribute("x-request-id").and_then(RequestId::parse);
            let context = Context {
                request_id: request_id.unwrap_or_else(RequestId::new),
                deadline: Instant::now() + lease,
            };
            context::scope(context, work(S::clone(&state), received))
        };
        consumer.run(handler, token).await;
    });
}
