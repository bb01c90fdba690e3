//! Committed files that say again, for containers and editors, what this program knows. They are written from the same
//! functions, and a test keeps them from drifting apart: `UPDATE=1 cargo test -p xtask` writes them.

use std::collections::BTreeMap;
use std::fs;

use topology::{Bucket, Topic, Topology};

use super::ports::{Port, Ports};
use super::services::{self, Addresses};
use super::{clamd, elasticmq, postgres};
use crate::paths;

#[test]
fn generated_files_are_up_to_date() {
    let update = std::env::var_os("UPDATE").is_some();
    for (path, content) in files() {
        let file = paths::root().join(&path);
        if update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &content).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == content, "{path} is stale; write it anew: UPDATE=1 cargo test -p xtask");
    }
}

/// Path from the workspace's root, and content.
fn files() -> Vec<(String, String)> {
    let topology = Topology::get();
    let mut files = vec![
        (".env.example".to_owned(), example()),
        (
            "xtask/compose/elasticmq.conf".to_owned(),
            elasticmq::config(topology, "elasticmq", "0.0.0.0", 9324),
        ),
        ("xtask/compose/postgres.sql".to_owned(), postgres::bootstrap_sql()),
        ("xtask/compose/clamd.conf".to_owned(), clamd::config("0.0.0.0", 3310, "/signatures", "/tmp")),
        ("xtask/compose/signatures/guildhall.ndb".to_owned(), clamd::SIGNATURES.to_owned()),
        (
            "xtask/compose/providers.json".to_owned(),
            services::providers(&Addresses::on_this_machine(&Ports::default())),
        ),
        ("xtask/compose/providers-compose.json".to_owned(), services::providers(&in_containers())),
        (
            "xtask/compose/identity-providers.json".to_owned(),
            services::identity_providers(&Addresses::on_this_machine(&Ports::default())),
        ),
        (
            "xtask/compose/identity-providers-compose.json".to_owned(),
            services::identity_providers(&in_containers()),
        ),
        ("xtask/compose/topics.sh".to_owned(), topics(&topology.topics)),
        ("xtask/compose/buckets.sh".to_owned(), buckets(&topology.buckets)),
    ];
    for name in services::NAMES {
        files.push((format!("xtask/compose/{name}.env"), lines(&services::settings(&in_containers(), name))));
    }
    files
}

/// `.env.example`: settings to run a service by hand beside `cargo xtask up --servers`.
fn example() -> String {
    let mut text = "\
# Settings of the services on this machine, beside `cargo xtask up --servers`. For one of them by hand:
#   cp .env.example .env && set -a && . ./.env && set +a && cargo run -p document -- serve
# `cargo xtask up` needs none of this. Passwords here open nothing but servers of this machine.

# Ports of the local stack; set one for `cargo xtask up` where it is taken.
"
    .to_owned();
    for &port in Port::ALL {
        text += &format!("#{}={}\n", port.variable(), Ports::default().get(port));
    }
    text += "
# How the servers run: compose or processes. Without it: containers where a daemon answers and has the images.
#GUILDHALL_WAY=processes
# Where installed tools are kept.
#GUILDHALL_CACHE=~/.cache/guildhall
";
    for name in services::NAMES {
        let settings = services::settings(&Addresses::on_this_machine(&Ports::default()), name);
        text += &format!("\n# {name}\n{}", lines(&settings));
    }
    text
}

/// Everything as containers of `docker-compose.dev.yaml`, where people and browsers still come from outside.
fn in_containers() -> Addresses {
    let published = |host: &str, port: Port| {
        format!("http://{host}:${{{}:-{}}}", port.variable(), Ports::default().get(port))
    };
    Addresses {
        brokers: "kafka:9092".to_owned(),
        sqs: "http://elasticmq:9324".to_owned(),
        s3: "http://versitygw:7070".to_owned(),
        s3_public: published("127.0.0.1", Port::Versitygw),
        issuer: format!("{}/realms/guildhall", published("localhost", Port::Keycloak)),
        discovery: Some("http://keycloak:8080/realms/guildhall".to_owned()),
        redis: "redis://redis:6379".to_owned(),
        smtp: "smtp://maildev:1025".to_owned(),
        clamd: "clamd:3310".to_owned(),
        temporal: "http://temporal:7233".to_owned(),
        key_file: "/etc/guildhall/keys.json".to_owned(),
        // Empty is unset: the collector is there with profile `observability` only.
        otlp: "${GUILDHALL_OTLP:-}".to_owned(),
        bff_public: published("localhost", Port::Bff),
        bff: "0.0.0.0:8080".to_owned(),
        document: "document:8090".to_owned(),
        document_listens: "0.0.0.0:8090".to_owned(),
        payment: "payment:8120".to_owned(),
        payment_listens: "0.0.0.0:8120".to_owned(),
        psp: "http://psp:4010".to_owned(),
        callbacks: "http://bff:8080".to_owned(),
        providers_file: "/etc/guildhall/providers.json".to_owned(),
        verification_listens: "0.0.0.0:8130".to_owned(),
        idp: "http://idp:4020".to_owned(),
        identity_providers_file: "/etc/guildhall/identity-providers.json".to_owned(),
        notification: "notification:8100".to_owned(),
        notification_listens: "0.0.0.0:8100".to_owned(),
        admin: services::NAMES.map(|name| (name, "0.0.0.0:8081".to_owned())).into(),
        databases: "postgres:5432".to_owned(),
    }
}

fn lines(settings: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| {
        let plain = !value.contains([' ', '<', '>', '"', '\'']);
        if plain { format!("{name}={value}\n") } else { format!("{name}='{value}'\n") }
    };
    settings.iter().map(line).collect()
}

/// For the broker's own image: makes the topics that are not there.
fn topics(topics: &[Topic]) -> String {
    let mut text = "#!/bin/sh\nset -eu\n".to_owned();
    for topic in topics {
        text += &format!(
            "/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \\
  --topic {} --partitions {} --config retention.ms={}\n",
            topic.name,
            topic.partitions,
            u64::from(topic.retention_days) * 24 * 60 * 60 * 1000,
        );
    }
    text
}

/// For the AWS command line: makes the buckets that are not there, sets versioning, object lock and CORS.
fn buckets(buckets: &[Bucket]) -> String {
    let mut text = "\
#!/bin/sh
set -eu
s3() { aws --endpoint-url http://versitygw:7070 s3api \"$@\"; }
cors='{\"CORSRules\":[{\"AllowedOrigins\":[\"'$PORTAL'\"],\"AllowedMethods\":[\"GET\",\"HEAD\",\"PUT\"],\"AllowedHeaders\":[\"*\"],
  \"ExposeHeaders\":[\"ETag\",\"x-amz-checksum-sha256\"],\"MaxAgeSeconds\":600}]}'
"
    .to_owned();
    for bucket in buckets {
        let name = &bucket.name;
        text += &format!("s3 head-bucket --bucket {name} 2>/dev/null || s3 create-bucket --bucket {name}\n");
        if bucket.versioned {
            text += &format!(
                "s3 put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled\n"
            );
        }
        if bucket.object_lock {
            text += &format!(
                "s3 put-object-lock-configuration --bucket {name} --object-lock-configuration ObjectLockEnabled=Enabled\n"
            );
        }
        if bucket.cors {
            text += &format!("s3 put-bucket-cors --bucket {name} --cors-configuration \"$cors\"\n");
        }
    }
    text
}
