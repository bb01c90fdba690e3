//! Kafka in KRaft mode: one node that is broker and controller.

pub(crate) mod wire;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use topology::Topology;

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, Tuning, system};
use crate::shell;

/// 4.4.0 names an artifact that Maven Central does not have.
const VERSION: &str = "4.3.0";

/// The cluster's id: any 16 bytes, fixed so that a data folder is recognised.
const CLUSTER_ID: &str = "R3VpbGRoYWxsTG9jYWwwMQ";

pub(crate) const SERVER: Server = Server {
    name: "kafka",
    ports: &[Port::Kafka, Port::KafkaController],
    needs: &[system::JAVA],
    tool: Some(Tool {
        version: VERSION,
        needs: &[system::MAVEN],
        fill: |dir, log| {
            let broker = format!("org.apache.kafka:kafka_2.13:{VERSION}");
            // Without a back end for its log calls the broker would be silent.
            install::maven_libraries(dir, log, &[&broker, "org.slf4j:slf4j-simple:1.7.36"])
        },
    }),
    launch,
    ready: |stack| wire::create_topics(stack.port(Port::Kafka), &Topology::get().topics),
    provision: |_| Ok(()),
};

/// The folder of its jars, with its own tools among them.
pub(crate) fn libraries() -> Result<PathBuf> {
    Ok(install::folder("kafka", VERSION)?.join("libs"))
}

/// The bootstrap list of the stack's broker.
pub(crate) fn brokers(stack: &Stack) -> String {
    format!("127.0.0.1:{}", stack.port(Port::Kafka))
}

fn launch(stack: &Stack) -> Result<Launch> {
    let dir = stack.data("kafka")?;
    let (broker, controller) = (stack.port(Port::Kafka), stack.port(Port::KafkaController));
    let advertised = stack.kafka_advertises.map_or(broker, |port| stack.port(port));
    let file = dir.join("server.properties");
    let logs = dir.join("logs");
    fs::write(
        &file,
        format!(
            "\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={logs}
# Topics are the topology's; a misspelt name is an error, not a new topic.
auto.create.topics.enable=false
# Consumers may be away as long as topics keep.
offsets.retention.minutes=20160
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# Small, because tests make many partitions.
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
",
            logs = logs.display(),
        ),
    )?;
    if !logs.join("meta.properties").is_file() {
        let mut format = kafka_java(stack, "kafka.tools.StorageTool")?;
        format.args(["format", "--ignore-formatted", "--cluster-id", CLUSTER_ID, "--config"]).arg(&file);
        shell::run(&mut format, &stack.log("kafka")).context("cannot format Kafka's storage")?;
    }
    let mut command = kafka_java(stack, "kafka.Kafka")?;
    command.arg(&file);
    Ok(Launch::new(command))
}

fn kafka_java(stack: &Stack, main: &str) -> Result<Command> {
    let mut command = match stack.tuning {
        Tuning::Quick => install::java(512),
        // As its own start script runs it.
        Tuning::Measured => install::java_server(1024),
    };
    command
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-Dorg.slf4j.simpleLogger.log.kafka.server=info")
        .arg("-Dorg.slf4j.simpleLogger.showDateTime=true")
        .arg("-cp")
        .arg(libraries()?.join("*"))
        .arg(main);
    Ok(command)
}
