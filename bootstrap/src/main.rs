//! `bootstrap`: makes databases, logins and topics, and ends. It takes no arguments; the one that every image of ours has by
//! default says nothing here.

use std::process::ExitCode;

use bootstrap::Config;
use clock::Clock;

fn main() -> ExitCode {
    service::main(async || {
        let config = Config::from_process()?;
        let telemetry = telemetry::init("bootstrap", &config.telemetry);
        let ended = bootstrap::run(&config, &Clock::system()).await;
        telemetry.shutdown().await;
        ended
    })
}
