//! `worker dlq`: what was given up, and sending it back.

mod jobs;
mod print;
mod service;
mod topic;

use std::io::{self, Write};

use ::service::channel::Target;
use clock::Clock;
use ids::{JobId, Tenant};
use queue::Sqs;
use settings::Env;
use topology::Topology;

pub use self::service::Operations;
pub use self::topic::DeadTopic;

/// `worker dlq …`
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Three kinds of dead letters, by where they are:
  guildhall-scan          jobs that a worker received too often, in the queue's dead-letter queue (needs WORKER__SQS__*)
  --service notification  events that a service could not apply (inbox-…) or publish (outbox-…), in its database (needs
                          WORKER__AUTH__* and --url or WORKER__<SERVICE>__URL); staff see their tenant's by the staff API
  --topic guildhall.document.v1
                          events that a consumer without a database could not handle, in <topic>.worker.dlq (needs
                          WORKER__KAFKA__*)

First find out why (show), then mend it, then redrive. A redrive is safe to repeat.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// List dead letters, a line each; they stay where they are
    List(List),
    /// Print one dead letter with all that is known of it (of a queue: without a job, all)
    Show(Show),
    /// Send jobs back to their queue, apply or publish a service's events in their order, publish a topic's records again
    Redrive(Redrive),
    /// Remove an event that can never be applied or published from a service; it is lost for its receivers
    Discard(Discard),
}

#[derive(Clone, Debug, clap::Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// With --service or --topic: only those of this key
    #[arg(long)]
    key: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    place: Place,
    /// Of a queue: id of the job; all without it
    job: Option<JobId>,
    /// With --service or --topic: id of the dead letter, as list prints it
    #[arg(long)]
    id: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
struct Redrive {
    #[command(flatten)]
    place: Place,
    /// Of a queue: id of the job; all without it
    job: Option<JobId>,
    /// With --service or --topic: these; of a service with everything else of their keys
    #[arg(long, conflicts_with_all = ["key", "all"])]
    id: Vec<String>,
    /// With --service or --topic: those of this key
    #[arg(long, conflicts_with = "all")]
    key: Option<String>,
    /// With --service or --topic: all
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct Discard {
    #[command(flatten)]
    place: Place,
    /// Id of the dead letter
    #[arg(long)]
    id: String,
    /// Why, for the log: a code or the id of a ticket, 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'
    #[arg(long)]
    reason: String,
}

/// Where the dead letters are.
#[derive(Clone, Debug, clap::Args)]
struct Place {
    /// The queue, without prefix and without -dlq, for example guildhall-scan
    #[arg(value_parser = queue_name, required_unless_present_any = ["service", "topic"],
        conflicts_with_all = ["service", "topic"])]
    queue: Option<String>,
    /// The service that parked them
    #[arg(long, value_enum, conflicts_with = "topic")]
    service: Option<Owner>,
    /// With --service: whose they are
    #[arg(long, requires = "service")]
    tenant: Option<Tenant>,
    /// With --service: those that do not say whose they are
    #[arg(long, requires = "service", conflicts_with = "tenant")]
    without_tenant: bool,
    /// With --service: where it is, http://host:port; else as WORKER__<SERVICE>__URL says
    #[arg(long, requires = "service")]
    url: Option<Target>,
    /// The topic, without prefix and without .worker.dlq
    #[arg(long, value_parser = topic_name)]
    topic: Option<String>,
    /// Print JSON, a line each
    #[arg(long)]
    json: bool,
}

/// A service that has dead letters.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Owner {
    Document,
    Notification,
    Payment,
}

/// Why `dlq` failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(&'static str),
    /// SQS has a problem.
    #[error("dead letters could not be reached")]
    Queue(#[from] queue::Error),
    /// The service refuses, or cannot be asked.
    #[error("the service did not do it")]
    Service(#[from] rpc_error::Error),
    /// The identity provider has a problem.
    #[error("no token can be had")]
    Token(#[from] auth::Error),
    /// Kafka has a problem.
    #[error("the topic of dead letters could not be reached")]
    Kafka(#[from] kafka::rdkafka::error::KafkaError),
    /// The connection to Kafka cannot be prepared.
    #[error("the connection to Kafka cannot be prepared")]
    Connection(#[from] kafka::MskIamError),
    /// Nothing can be printed.
    #[error("output failed")]
    Output(#[from] io::Error),
}

/// A connection to where dead letters are.
#[derive(Debug)]
pub enum Reach {
    /// To queues.
    Jobs(Sqs),
    /// To a service.
    Service(Operations),
    /// To a topic.
    Topic(DeadTopic),
}

/// Runs the command, printing to `out`.
///
/// # Errors
/// When the settings are wrong or what keeps the dead letters does not do it.
pub async fn run(name: &str, args: Args, out: &mut impl Write) -> Result<(), Error> {
    let reach = connect(Env::from_process(name), &args).await?;
    on(reach, args, out).await
}

async fn connect(env: Env, args: &Args) -> Result<Reach, Error> {
    let place = args.place();
    if let Some(topic) = &place.topic {
        let settings = section(env, &["__KAFKA__"], kafka::Settings::load)?;
        return Ok(Reach::Topic(DeadTopic::new(settings, Clock::system(), topic)));
    }
    let Some(owner) = place.service else {
        let settings = section(env, &["__SQS__"], queue::Settings::load)?;
        return Ok(Reach::Jobs(Sqs::new(&settings).await));
    };
    let url = match owner {
        Owner::Document => "DOCUMENT__URL",
        Owner::Notification => "NOTIFICATION__URL",
        Owner::Payment => "PAYMENT__URL",
    };
    let (auth, target) = section(env, &["__AUTH__", url], |env| {
        let auth = auth::Settings::load_with_client(env);
        let target = place.url.clone().or_else(|| Target::load(env, url));
        Some((auth?, target?))
    })?;
    let whose = match (&place.tenant, place.without_tenant) {
        (tenant, false) => {
            Some(tenant.clone().ok_or(Error::Usage("--service needs --tenant or --without-tenant"))?)
        }
        (_, true) => None,
    };
    Ok(Reach::Service(Operations::new(&target, &auth, Clock::system(), whose)?))
}

/// Reads only some sections; the other variables are `serve`'s to check.
fn section<T>(
    mut env: Env,
    names: &[&str],
    load: impl FnOnce(&mut Env) -> Option<T>,
) -> Result<T, settings::Error> {
    load(&mut env).map_or_else(
        || {
            env.finish(None).map_err(|mut error| {
                error.problems.retain(|problem| names.iter().any(|name| problem.variable.contains(name)));
                error
            })
        },
        Ok,
    )
}

/// Runs the command on a connection that fits its arguments.
///
/// # Errors
/// When what keeps the dead letters does not do it.
pub async fn on(reach: Reach, args: Args, out: &mut impl Write) -> Result<(), Error> {
    match reach {
        Reach::Jobs(sqs) => jobs::run(sqs, args.command, out).await,
        Reach::Service(operations) => operations.run(args.command, out).await,
        Reach::Topic(topic) => topic.run(args.command, out).await,
    }
}

impl Args {
    fn place(&self) -> &Place {
        match &self.command {
            Command::List(List { place, .. })
            | Command::Show(Show { place, .. })
            | Command::Redrive(Redrive { place, .. })
            | Command::Discard(Discard { place, .. }) => place,
        }
    }
}

fn queue_name(text: &str) -> Result<String, String> {
    if Topology::get().queue(text).is_some() {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = Topology::get().queues.iter().map(|queue| queue.name.as_str()).collect();
    Err(format!("must be one of {}", names.join(", ")))
}

fn topic_name(text: &str) -> Result<String, String> {
    let topics = &Topology::get().topics;
    let has_letters = |name: &str| topics.iter().any(|topic| topic.name == kafka::dead_letter_topic(name));
    if has_letters(text) {
        return Ok(text.to_owned());
    }
    let names: Vec<_> =
        topics.iter().map(|topic| topic.name.as_str()).filter(|name| has_letters(name)).collect();
    Err(format!("must be one of {}", names.join(", ")))
}
