//! maildev: takes every mail and delivers none; a page for people, `GET /email` for tests.

use std::process::Command;

use anyhow::Result;

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::net;

const VERSION: &str = "2.2.1";

pub(crate) const SERVER: Server = Server {
    name: "maildev",
    ports: &[Port::MaildevSmtp, Port::MaildevWeb],
    needs: &[system::NODE],
    tool: Some(Tool {
        version: VERSION,
        needs: &[system::NODE],
        fill: |dir, log| install::npm_package(dir, log, &format!("maildev@{VERSION}")),
    }),
    launch,
    ready: |stack| {
        net::greet(stack.port(Port::MaildevSmtp), "", "220")?;
        net::get(&format!("http://127.0.0.1:{}/healthz", stack.port(Port::MaildevWeb))).map(drop)
    },
    provision: |_| Ok(()),
};

fn launch(stack: &Stack) -> Result<Launch> {
    let mut command = Command::new("node");
    command
        .arg(install::folder("maildev", VERSION)?.join("node_modules/maildev/bin/maildev"))
        .args(["--ip", "127.0.0.1"])
        .args(["--smtp", &stack.port(Port::MaildevSmtp).to_string()])
        .args(["--web", &stack.port(Port::MaildevWeb).to_string()])
        .arg("--mail-directory")
        .arg(stack.data("maildev")?);
    Ok(Launch::new(command))
}
