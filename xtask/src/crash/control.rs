//! Stopping and starting the stack's servers at the request of the program that tests them: a line per request
//! (`stop postgres QUIT`, `start postgres`), a line as its answer (`ok`, or what went wrong).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitStatus};
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::stack::{Server, Stack, kafka, postgres, temporal, up};

/// What may be stopped: servers that keep what they were given.
const SERVERS: [&Server; 3] = [&postgres::SERVER, &kafka::SERVER, &temporal::SERVER];

/// How long a server may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open port of this machine.
pub(super) struct Control {
    listener: TcpListener,
    address: SocketAddr,
}

impl Control {
    pub(super) fn open() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot open a port")?;
        listener.set_nonblocking(true)?;
        Ok(Self { address: listener.local_addr()?, listener })
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Runs the program to its end and does what it asks for meanwhile, one request after the other.
    pub(super) fn serve(&self, stack: &Stack, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command.spawn().context("cannot run the crash test")?;
        thread::scope(|scope| {
            loop {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
                match self.listener.accept() {
                    Ok((stream, _)) => {
                        scope.spawn(move || answer(stack, stream));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        shell::pause(Duration::from_millis(20));
                    }
                    Err(error) => return Err(error).context("cannot hear the crash test's requests"),
                }
            }
        })
    }
}

/// One connection: its requests until it is closed.
fn answer(stack: &Stack, stream: TcpStream) -> Result<()> {
    stream.set_nonblocking(false)?;
    let mut answers = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let answer = match obey(stack, &line?) {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("{error:#}").replace('\n', " "),
        };
        writeln!(answers, "{answer}")?;
    }
    Ok(())
}

fn obey(stack: &Stack, request: &str) -> Result<()> {
    let words: Vec<&str> = request.split_whitespace().collect();
    let known = |name: &str| {
        SERVERS.into_iter().find(|server| server.name == name).with_context(|| format!("no server {name}"))
    };
    match words[..] {
        ["stop", name, signal] => {
            let server = known(name)?;
            let Some(entry) = stack.state.get(server.name) else { bail!("{name} does not run") };
            entry.identity.stop(signal, PATIENCE)?;
            stack.state.stopped(server.name)
        }
        ["start", name] => up::start(stack, known(name)?),
        _ => bail!("not a request: {request}"),
    }
}
