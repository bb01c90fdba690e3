//! `bff serve | healthcheck`.

use std::process::ExitCode;

use bff::Config;
use clock::Clock;
use service::{BoxError, Command, Shutdown};
use settings::Env;

const SERVICE: &str = "BFF";

fn main() -> ExitCode {
    let command = service::cli();
    service::main(async || match command {
        Command::Serve => serve().await,
        Command::Migrate => Err("bff has no database; there is nothing to migrate".into()),
        Command::Healthcheck(args) => Ok(service::healthcheck::run(SERVICE, args).await?),
    })
}

async fn serve() -> Result<(), BoxError> {
    let config = Config::from_env(Env::from_process(SERVICE))?;
    let telemetry = telemetry::init("bff", &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let ended = bff::run(config, Clock::system(), shutdown).await;
    telemetry.shutdown().await;
    ended
}
