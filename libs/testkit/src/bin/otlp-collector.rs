//! Writes the spans it is sent to a file, a JSON object per line, for `cargo xtask trace`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use testkit::otlp::{Sink, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(addr), Some(file), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        writeln!(std::io::stderr(), "usage: otlp-collector ADDRESS:PORT FILE")?;
        return Ok(ExitCode::from(64));
    };
    let path = PathBuf::from(file);
    let mut file = File::options().create(true).append(true).open(&path)?;
    let sink: Sink = Box::new(move |spans| {
        let mut lines = Vec::new();
        for span in spans {
            serde_json::to_writer(&mut lines, &span)?;
            lines.push(b'\n');
        }
        // One write per export, so that a reader sees whole lines.
        file.write_all(&lines)
    });
    let addr = addr.into_string().map_err(|_| anyhow::anyhow!("the address is not text"))?;
    let listener = TcpListener::bind(&addr).await?;
    tokio::select! {
        served = serve(listener, sink) => served?,
        stop = stopped() => stop?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = term.recv() => Ok(()),
        done = tokio::signal::ctrl_c() => done,
    }
}
