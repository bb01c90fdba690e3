//! `tsa ADDRESS:PORT`: an authority until SIGTERM. Its first line is its URL.

use std::io::Write as _;
use std::process::ExitCode;

use clock::Clock;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tsa::Authority;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let (Some(addr), None) = (arguments.next(), arguments.next()) else {
        writeln!(std::io::stderr(), "usage: tsa ADDRESS:PORT")?;
        return Ok(ExitCode::from(64));
    };
    let mut term = signal(SignalKind::terminate())?;
    let authority = Authority::new(Clock::system())?;
    let listener = TcpListener::bind(&addr).await?;
    writeln!(std::io::stdout(), "http://{}/", listener.local_addr()?)?;
    tokio::select! {
        served = tsa::serve(listener, authority) => served?,
        _ = term.recv() => {}
        done = tokio::signal::ctrl_c() => done?,
    }
    Ok(ExitCode::SUCCESS)
}
