//! `notification serve | migrate | healthcheck`.

use std::process::ExitCode;

use notification::Config;
use service::{BoxError, Command, Shutdown};
use settings::Env;

const SERVICE: &str = "NOTIFICATION";

fn main() -> ExitCode {
    let command = service::cli();
    service::main(async || match command {
        Command::Serve => serve().await,
        Command::Migrate => pg::migrate_command(Env::from_process(SERVICE), &notification::migrators()).await,
        Command::Healthcheck(args) => Ok(service::healthcheck::run(SERVICE, args).await?),
    })
}

async fn serve() -> Result<(), BoxError> {
    let config = Config::load(Env::from_process(SERVICE))?;
    let telemetry = telemetry::init("notification", &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let ended = notification::run(config, shutdown).await;
    telemetry.shutdown().await;
    ended
}
