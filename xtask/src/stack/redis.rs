//! Redis from the distribution, keeping nothing on disk: its loss changes no outcome.

use std::process::Command;

use anyhow::Result;

use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::net;

pub(crate) const SERVER: Server = Server {
    name: "redis",
    needs: &[system::REDIS],
    ports: &[Port::Redis],
    tool: None,
    launch,
    ready: |stack| net::greet(stack.port(Port::Redis), "PING\r\n", "+PONG"),
    provision: |_| Ok(()),
};

fn launch(stack: &Stack) -> Result<Launch> {
    let mut command = Command::new(system::program("redis-server")?);
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
        .args(["--port", &stack.port(Port::Redis).to_string()])
        .arg("--dir")
        .arg(stack.data("redis")?);
    Ok(Launch::new(command))
}
