//! `worker dlq`: what was given up, and sending it back.

use std::io::{self, Write};

use ids::JobId;
use queue::{DeadLetter, DeadLetters, Sqs};
use settings::Env;
use time::format_description::well_known::Rfc3339;
use topology::Topology;

/// `worker dlq …`; needs `WORKER__SQS__*` only.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// List the dead letters of a queue, a line each; they stay where they are
    List {
        /// The queue, without prefix and without -dlq, for example guildhall-scan
        #[arg(value_parser = queue_name)]
        queue: String,
    },
    /// Print the dead letters of one job, or of all, body and attributes included
    Show {
        /// The queue, without prefix and without -dlq
        #[arg(value_parser = queue_name)]
        queue: String,
        /// Id of the job; all without it
        job: Option<JobId>,
    },
    /// Send dead letters back to their queue, under the same job ids
    Redrive {
        /// The queue, without prefix and without -dlq
        #[arg(value_parser = queue_name)]
        queue: String,
        /// Id of the job; all without it
        job: Option<JobId>,
    },
}

/// Why `dlq` failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// SQS has a problem.
    #[error("dead letters could not be reached")]
    Queue(#[from] queue::Error),
    /// Nothing can be printed.
    #[error("output failed")]
    Output(#[from] io::Error),
}

/// Runs the command, printing to `out`.
///
/// # Errors
/// When the settings are wrong or SQS does not do it.
pub async fn run(service: &str, args: Args, out: &mut impl Write) -> Result<(), Error> {
    let mut env = Env::from_process(service);
    let Some(settings) = queue::Settings::load(&mut env) else {
        // The other variables are `serve`'s to check.
        let Err(mut error) = env.finish(None::<()>) else { return Ok(()) };
        error.problems.retain(|problem| problem.variable.contains("__SQS__"));
        return Err(error.into());
    };
    on(Sqs::new(&settings).await, args, out).await
}

/// Runs the command on a client.
///
/// # Errors
/// When SQS does not do it.
pub async fn on(sqs: Sqs, args: Args, out: &mut impl Write) -> Result<(), Error> {
    match args.command {
        Command::List { queue } => {
            let letters = DeadLetters::new(sqs, &queue).list().await?;
            for letter in &letters {
                let job = letter.job.as_ref();
                let id = job.map_or("-".to_owned(), |job| job.job_id.to_string());
                let kind = job.map_or("not a job", |job| job.kind.as_str());
                let tenant = job.map_or("-", |job| job.tenant.as_str());
                writeln!(out, "{}  {id}  {kind}  {tenant}", sent_at(letter))?;
            }
            writeln!(out, "{} in {}", letters.len(), queue::dead_letter_queue(&queue))?;
        }
        Command::Show { queue, job } => {
            let letters = DeadLetters::new(sqs, &queue);
            let letters = match job {
                Some(job) => letters.show(job).await?,
                None => letters.list().await?,
            };
            for letter in &letters {
                writeln!(out, "message {}\nsent    {}", letter.message_id, sent_at(letter))?;
                for (name, value) in &letter.attributes {
                    writeln!(out, "{name}: {value}")?;
                }
                writeln!(out, "{}\n", letter.body)?;
            }
            writeln!(out, "{} in {}", letters.len(), queue::dead_letter_queue(&queue))?;
        }
        Command::Redrive { queue, job } => {
            let count = DeadLetters::new(sqs, &queue).redrive(job).await?;
            writeln!(out, "{count} sent back to {queue}")?;
        }
    }
    Ok(())
}

fn sent_at(letter: &DeadLetter) -> String {
    letter.sent_at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned())
}

fn queue_name(text: &str) -> Result<String, String> {
    if Topology::get().queue(text).is_some() {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = Topology::get().queues.iter().map(|queue| queue.name.as_str()).collect();
    Err(format!("must be one of {}", names.join(", ")))
}
