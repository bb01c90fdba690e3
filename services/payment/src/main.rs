//! `payment serve | migrate | healthcheck | ledger | settlement | audit`.

use std::process::ExitCode;

use payment::cli::{Cli, Command};
use payment::{Config, books, settlements};
use service::{BoxError, Shutdown};
use settings::Env;

const SERVICE: &str = "PAYMENT";
const NAME: &str = "payment";

fn main() -> ExitCode {
    let cli: Cli = service::parse();
    service::main(async || match cli.command {
        Command::Service(service::Command::Serve) => Box::pin(serve()).await,
        Command::Service(service::Command::Migrate) => {
            pg::migrate_command(Env::from_process(SERVICE), payment::MIGRATORS).await
        }
        Command::Service(service::Command::Healthcheck(args)) => {
            Ok(service::healthcheck::run(SERVICE, args).await?)
        }
        Command::Ledger(command) => {
            books::run(Env::from_process(SERVICE), command, &mut std::io::stdout()).await
        }
        Command::Settlement(command) => {
            settlements::run(Env::from_process(SERVICE), command, &mut std::io::stdout()).await
        }
        Command::Audit(command) => audit::command::run(NAME, command, &mut std::io::stdout()).await,
    })
}

async fn serve() -> Result<(), BoxError> {
    let config = Config::load(Env::from_process(SERVICE))?;
    let telemetry = telemetry::init(NAME, &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let ended = payment::run(config, shutdown).await;
    telemetry.shutdown().await;
    ended
}
