//! ElasticMQ speaks SQS. Its queues are declared in its settings, so that they are back when it is.

use std::fs;

use anyhow::Result;

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::net;
use topology::Topology;

const VERSION: &str = "1.7.1";

pub(crate) const SERVER: Server = Server {
    name: "elasticmq",
    ports: &[Port::Elasticmq],
    needs: &[system::JAVA],
    tool: Some(Tool {
        version: VERSION,
        needs: &[system::MAVEN],
        fill: |dir, log| {
            install::maven_libraries(dir, log, &[&format!("org.elasticmq:elasticmq-server_2.13:{VERSION}")])
        },
    }),
    launch,
    ready: |stack| {
        net::get(&format!("http://127.0.0.1:{}/?Action=ListQueues", stack.port(Port::Elasticmq))).map(drop)
    },
    provision: |_| Ok(()),
};

fn launch(stack: &Stack) -> Result<Launch> {
    let file = stack.data("elasticmq")?.join("elasticmq.conf");
    fs::write(&file, config(Topology::get(), "localhost", "127.0.0.1", stack.port(Port::Elasticmq)))?;
    let mut command = install::java(192);
    command
        .arg(format!("-Dconfig.file={}", file.display()))
        .arg("-cp")
        .arg(install::folder("elasticmq", VERSION)?.join("libs/*"))
        .arg("org.elasticmq.server.Main");
    Ok(Launch::new(command))
}

/// Its settings: every queue of the topology with its dead-letter queue. `host` is what queue URLs name.
pub(crate) fn config(topology: &Topology, host: &str, bind: &str, port: u16) -> String {
    let mut text = format!(
        r#"node-address {{ protocol = http, host = "{host}", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-hostname = "{bind}", bind-port = {port}, sqs-limits = strict }}
rest-stats {{ enabled = false }}

queues {{
"#
    );
    for queue in &topology.queues {
        text += &format!(
            r#"  "{name}" {{
    defaultVisibilityTimeout = {visibility} seconds
    deadLettersQueue {{ name = "{dead}", maxReceiveCount = {receives} }}
  }}
  "{dead}" {{}}
"#,
            name = queue.name,
            dead = queue.dead_letter_name(),
            visibility = queue.visibility_seconds,
            receives = queue.max_receive_count,
        );
    }
    text + "}\n"
}
