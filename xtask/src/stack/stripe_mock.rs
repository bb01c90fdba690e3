//! stripe-mock holds calls against Stripe's own specification, for the tests of `services/payment`. It keeps nothing.

use std::process::Command;

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::net;

/// Its specification is of the version that `services/payment` asks for, and it refuses calls of any other.
const VERSION: &str = "0.203.0";

/// Not among the servers of every stack: only `cargo xtask test` starts it.
pub(crate) static SERVER: Server = Server {
    name: "stripe-mock",
    needs: &[],
    tool: Some(Tool {
        version: VERSION,
        needs: &[system::GO],
        fill: |dir, log| install::go_program(dir, log, &format!("github.com/stripe/stripe-mock@v{VERSION}")),
    }),
    ports: &[Port::StripeMock, Port::StripeMockTls],
    launch: |stack| {
        let mut command = Command::new(install::folder("stripe-mock", VERSION)?.join("stripe-mock"));
        let local = |port: Port| format!("127.0.0.1:{}", stack.port(port));
        command.args(["-strict-version-check", "-http-addr", &local(Port::StripeMock)]);
        // Else it takes a port of its own choice on every interface.
        command.args(["-https-addr", &local(Port::StripeMockTls)]);
        Ok(Launch::new(command))
    },
    ready: |stack| net::connect(stack.port(Port::StripeMock)).map(drop),
    provision: |_| Ok(()),
};

/// Its base URL.
pub(crate) fn url(stack: &Stack) -> String {
    format!("http://127.0.0.1:{}", stack.port(Port::StripeMock))
}
