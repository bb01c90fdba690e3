//! versitygw: S3 over a folder. Of the servers that can be had it is the one that refuses a wrong SHA-256 and a
//! wrong signed length, which is what an upload's signature relies on.

use std::fs;

use std::process::Command;

use anyhow::Result;

use topology::Topology;

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::s3::S3;
use super::{Server, Stack, system};

const VERSION: &str = "1.8.0";

/// Local keys; the same in every stack.
pub(crate) const ACCESS_KEY: &str = "guildhall";
pub(crate) const SECRET_KEY: &str = "guildhall-secret";
pub(crate) const REGION: &str = "us-east-1";

pub(crate) const SERVER: Server = Server {
    name: "versitygw",
    ports: &[Port::Versitygw],
    needs: &[],
    tool: Some(Tool {
        version: VERSION,
        needs: &[system::GO],
        fill: |dir, log| {
            install::go_program(dir, log, &format!("github.com/versity/versitygw/cmd/versitygw@v{VERSION}"))
        },
    }),
    launch,
    ready: |stack| client(stack).list_buckets(),
    provision: |stack| {
        let origins = portal_origins(stack);
        client(stack).make_buckets(&Topology::get().buckets, &origins)
    },
};

/// A client of the stack's server.
pub(crate) fn client(stack: &Stack) -> S3 {
    S3 {
        host: format!("127.0.0.1:{}", stack.port(Port::Versitygw)),
        region: REGION,
        access_key: ACCESS_KEY,
        secret_key: SECRET_KEY,
    }
}

/// Where the browser's page comes from: it puts files to S3 directly.
fn portal_origins(stack: &Stack) -> Vec<String> {
    let port = stack.port(Port::Bff);
    vec![format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")]
}

fn launch(stack: &Stack) -> Result<Launch> {
    let dir = stack.data("versitygw")?;
    let (objects, versions) = (dir.join("objects"), dir.join("versions"));
    fs::create_dir_all(&objects)?;
    fs::create_dir_all(&versions)?;
    let mut command = Command::new(install::folder("versitygw", VERSION)?.join("versitygw"));
    command
        .args([
            "--port",
            &format!("127.0.0.1:{}", stack.port(Port::Versitygw)),
            "--region",
            REGION,
            "--quiet",
        ])
        .args(["--access", ACCESS_KEY, "--secret", SECRET_KEY])
        .args(["posix", "--versioning-dir"])
        .arg(&versions)
        .arg(&objects);
    Ok(Launch::new(command))
}
