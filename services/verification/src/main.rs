//! `verification serve | migrate | healthcheck | audit`.

use std::process::ExitCode;

use service::{BoxError, Shutdown};
use settings::Env;
use verification::Config;
use verification::cli::{Cli, Command};

const SERVICE: &str = "VERIFICATION";
const NAME: &str = "verification";

fn main() -> ExitCode {
    let cli: Cli = service::parse();
    service::main(async || match cli.command {
        Command::Service(service::Command::Serve) => Box::pin(serve()).await,
        Command::Service(service::Command::Migrate) => {
            pg::migrate_command(Env::from_process(SERVICE), verification::MIGRATORS).await
        }
        Command::Service(service::Command::Healthcheck(args)) => {
            Ok(service::healthcheck::run(SERVICE, args).await?)
        }
        Command::Audit(command) => audit::command::run(NAME, command, &mut std::io::stdout()).await,
    })
}

async fn serve() -> Result<(), BoxError> {
    let config = Config::load(Env::from_process(SERVICE))?;
    let telemetry = telemetry::init(NAME, &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let ended = verification::run(config, shutdown).await;
    telemetry.shutdown().await;
    ended
}
