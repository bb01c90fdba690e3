//! `document serve | migrate | healthcheck`.

use std::process::ExitCode;

use document::Config;
use service::{BoxError, Command, Shutdown};
use settings::Env;

const SERVICE: &str = "DOCUMENT";

fn main() -> ExitCode {
    let command = service::cli();
    service::main(async || match command {
        Command::Serve => serve().await,
        Command::Migrate => pg::migrate_command(Env::from_process(SERVICE), document::MIGRATORS).await,
        Command::Healthcheck(args) => Ok(service::healthcheck::run(SERVICE, args).await?),
    })
}

async fn serve() -> Result<(), BoxError> {
    let config = Config::load(Env::from_process(SERVICE))?;
    let telemetry = telemetry::init("document", &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let ended = document::run(config, shutdown).await;
    telemetry.shutdown().await;
    ended
}
