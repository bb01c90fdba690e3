//! `document serve | migrate | healthcheck | reconcile | audit | verify`.

use std::process::ExitCode;

use document::cli::{Cli, Command, Online};
use document::{Config, reconcile, verify};
use service::{BoxError, Shutdown};
use settings::Env;

const SERVICE: &str = "DOCUMENT";
const NAME: &str = "document";

fn main() -> ExitCode {
    let cli: Cli = service::parse();
    let command = match cli.command {
        Command::Online(command) => command,
        Command::Verify(args) => return verify::run(&args, &mut std::io::stdout()),
    };
    service::main(async || match command {
        Online::Service(service::Command::Serve) => Box::pin(serve()).await,
        Online::Service(service::Command::Migrate) => {
            pg::migrate_command(Env::from_process(SERVICE), document::MIGRATORS).await
        }
        Online::Service(service::Command::Healthcheck(args)) => {
            Ok(service::healthcheck::run(SERVICE, args).await?)
        }
        Online::Reconcile(args) => {
            reconcile::run(Env::from_process(SERVICE), args, &mut std::io::stdout()).await
        }
        Online::Audit(command) => audit::command::run(NAME, command, &mut std::io::stdout()).await,
    })
}

async fn serve() -> Result<(), BoxError> {
    let config = Config::load(Env::from_process(SERVICE))?;
    let telemetry = telemetry::init(NAME, &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let ended = document::run(config, shutdown).await;
    telemetry.shutdown().await;
    ended
}
