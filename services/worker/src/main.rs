//! `worker serve | healthcheck | dlq`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use service::{BoxError, Shutdown, healthcheck};
use settings::Env;
use worker::{Config, dlq, preview};

const SERVICE: &str = "WORKER";

#[derive(Parser)]
#[command(version, about = "Background jobs of Guildhall. Settings come from the environment.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the roles of WORKER__ROLES until SIGTERM or SIGINT
    Serve,
    /// Ask the running worker how it is: exit 0 when well, 1 when not
    Healthcheck(healthcheck::Args),
    /// Look into dead-letter queues, and send jobs back
    Dlq(Box<dlq::Args>),
}

fn main() -> ExitCode {
    // Before anything else: a child has one thread, and is locked down before it looks at a file.
    if let Some(ended) = preview::child::run_if_asked() {
        return ended;
    }
    let cli: Cli = service::parse();
    service::main(async || match cli.command {
        Command::Serve => serve().await,
        Command::Healthcheck(args) => Ok(healthcheck::run(SERVICE, args).await?),
        Command::Dlq(args) => Ok(dlq::run(SERVICE, *args, &mut std::io::stdout()).await?),
    })
}

async fn serve() -> Result<(), BoxError> {
    let config = Config::load(Env::from_process(SERVICE))?;
    let telemetry = telemetry::init("worker", &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let ended = Box::pin(worker::run(config, shutdown)).await;
    telemetry.shutdown().await;
    ended
}
