//! Toxiproxy stands between Guildhall and its servers where a test cuts, slows or resets their connections.

use std::process::Command;

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::net;

/// The newest that the Go module proxy has below its path `v2`.
const VERSION: &str = "2.5.0";

/// Not among the servers of every stack: `cargo xtask crash` and `large-upload` start it.
pub(crate) static SERVER: Server = Server {
    name: "toxiproxy",
    needs: &[],
    tool: Some(Tool {
        version: VERSION,
        needs: &[system::GO],
        fill: |dir, log| {
            install::go_program(dir, log, &format!("github.com/Shopify/toxiproxy/v2/cmd/server@v{VERSION}"))
        },
    }),
    ports: &[Port::Toxiproxy, Port::ToxiPostgres, Port::ToxiKafka, Port::ToxiElasticmq],
    launch: |stack| {
        let mut command = Command::new(install::folder("toxiproxy", VERSION)?.join("server"));
        command.args(["-host", "127.0.0.1", "-port", &stack.port(Port::Toxiproxy).to_string()]);
        Ok(Launch::new(command))
    },
    ready: |stack| net::get(&format!("{}/version", url(stack))).map(drop),
    provision: |_| Ok(()),
};

/// The base URL of its API.
pub(crate) fn url(stack: &Stack) -> String {
    format!("http://127.0.0.1:{}", stack.port(Port::Toxiproxy))
}
