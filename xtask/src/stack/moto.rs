//! moto speaks AWS KMS, for the tests of `libs/envelope`. It keeps everything in memory.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::net;

const VERSION: &str = "5.2.5";

/// What its server needs for KMS: its extra `server` would bring three times as much, for services that are not used here.
const FLASK: &str = "flask==3.1.2";
const FLASK_CORS: &str = "flask-cors==6.0.1";

/// Not among the servers of every stack: only `cargo xtask test` starts it.
pub(crate) static SERVER: Server = Server {
    name: "moto",
    needs: &[system::PYTHON],
    tool: Some(Tool { version: VERSION, needs: &[system::PYTHON], fill }),
    ports: &[Port::Moto],
    launch: |stack| {
        let mut command = Command::new(install::folder("moto", VERSION)?.join("bin/python"));
        // By hand, since the folder was given its name after its scripts were written.
        command.args(["-c", "import sys; from moto.server import main; main(sys.argv[1:])"]);
        command.args(["-H", "127.0.0.1", "-p", &stack.port(Port::Moto).to_string()]);
        Ok(Launch::new(command))
    },
    ready: |stack| net::get(&format!("{}/moto-api/", url(stack))).map(drop),
    provision: |_| Ok(()),
};

/// Its base URL.
pub(crate) fn url(stack: &Stack) -> String {
    format!("http://127.0.0.1:{}", stack.port(Port::Moto))
}

fn fill(dir: &Path, log: &Path) -> Result<()> {
    install::python_packages(dir, log, &[&format!("moto=={VERSION}"), FLASK, FLASK_CORS])
}
