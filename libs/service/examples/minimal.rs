//! The smallest service: an admin port and one background task. The tests run it as a process.
//!
//! ```sh
//! MINIMAL__ADMIN__ADDR=127.0.0.1:0 MINIMAL__TASK=well cargo run -p service --example minimal serve
//! ```

use std::process::ExitCode;

use service::{BoxError, Command, Shutdown, admin};
use settings::Env;

fn main() -> ExitCode {
    service::main(async || match service::cli() {
        Command::Serve => serve().await,
        Command::Migrate => Ok(()),
        Command::Healthcheck(args) => Ok(service::healthcheck::run("MINIMAL", args).await?),
    })
}

/// What the background task does: `well`, `fails`, or `stays` when it is asked to stop.
struct Config {
    admin: admin::Settings,
    telemetry: telemetry::Settings,
    task: String,
}

impl Config {
    fn load(env: &mut Env) -> Option<Self> {
        let admin = admin::Settings::load(env);
        let telemetry = telemetry::Settings::load(env);
        let task = env.var("TASK").required();
        Some(Self { admin: admin?, telemetry: telemetry?, task: task? })
    }
}

async fn serve() -> Result<(), BoxError> {
    let mut env = Env::from_process("MINIMAL");
    let config = Config::load(&mut env);
    let config = env.finish(config)?;
    let telemetry = telemetry::init("minimal", &config.telemetry);
    let shutdown = Shutdown::on_signals()?;
    let outcome = run(config, shutdown).await;
    telemetry.shutdown().await;
    outcome
}

async fn run(config: Config, shutdown: Shutdown) -> Result<(), BoxError> {
    let admin = admin::Server::new(&config.admin).serve(&shutdown).await?;
    let token = shutdown.token();
    shutdown.spawn("task", async move {
        match &*config.task {
            "fails" => Err(std::io::Error::other("out of luck")),
            "stays" => std::future::pending().await,
            _ => {
                token.cancelled().await;
                Ok(())
            }
        }
    });
    admin.started();
    Ok(shutdown.finished().await?)
}
