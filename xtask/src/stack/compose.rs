//! The servers as containers, from `docker-compose.dev.yaml`. The services still run as processes, built by cargo, so
//! that changing one takes seconds; profile `services` has them as containers too.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::ports::Port;
use super::{Stack, env, kafka, keycloak, versitygw};
use crate::{paths, shell};

/// The compose file, in the workspace's root.
pub(crate) const FILE: &str = "docker-compose.dev.yaml";

/// An image of profile `core` that the daemon does not have.
pub(crate) fn missing_image() -> Result<Option<String>> {
    let images = shell::output(compose().args(["config", "--images"]))?;
    let missing = images.lines().find(|image| {
        shell::output(Command::new("docker").args(["image", "inspect", "--format", "{{.Id}}", image]))
            .is_err()
    });
    Ok(missing.map(str::to_owned))
}

/// Starts the servers and waits until they are healthy and hold what the services expect.
pub(crate) fn up(stack: &Stack) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(30);
    stack.progress.step("compose", "starting containers");
    let mut command = with_ports(stack);
    command.args(["up", "--detach", "--wait"]);
    shell::run(&mut command, &stack.log("compose")).context("docker compose did not bring the servers up")?;
    stack.state.containers(&stack.ports, true)?;
    // PostgreSQL and ElasticMQ were told by files what belongs in them; these are told through their ports.
    for server in [&kafka::SERVER, &versitygw::SERVER, &keycloak::SERVER] {
        shell::until(PATIENCE, || (server.ready)(stack))
            .with_context(|| format!("{} does not serve", server.name))?;
        (server.provision)(stack).with_context(|| format!("making what belongs in {}", server.name))?;
    }
    stack.progress.step("compose", "ready");
    env::write(stack)
}

/// Stops the containers. Their volumes stay, unless they are to go too.
pub(crate) fn down(stack: &Stack, volumes: bool) -> Result<()> {
    let mut command = with_ports(stack);
    command.args(["--profile", "*", "down"]);
    if volumes {
        command.arg("--volumes");
    }
    shell::run(&mut command, &stack.log("compose"))?;
    stack.state.containers(&stack.ports, false)?;
    stack.progress.step("compose", "stopped");
    Ok(())
}

/// `psql` in the container, as the superuser.
pub(crate) fn psql(stack: &Stack) -> Command {
    let mut command = with_ports(stack);
    command.args(["exec", "--no-TTY", "postgres", "psql", "--username=postgres"]);
    command
}

fn with_ports(stack: &Stack) -> Command {
    let mut command = compose();
    for &port in Port::ALL {
        command.env(port.variable(), stack.port(port).to_string());
    }
    command
}

fn compose() -> Command {
    let mut command = Command::new("docker");
    command.args(["compose", "--file", FILE, "--profile", "core"]).current_dir(paths::root());
    command
}
