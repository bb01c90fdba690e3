//! Everything that the services of a world keep and say, as bytes to look through.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::ObjectVersion;
use testkit::canary::Canary;
use topology::Topology;

use crate::{Service, World};

/// What something was found to hold.
#[derive(Debug)]
pub struct Remains(Vec<(String, Vec<u8>)>);

impl Remains {
    /// Reads all of it: a plain dump of each database, every topic from its beginning with keys and headers, what waits in each
    /// queue and its dead-letter queue, every version of every object with its metadata, the logs and the spans of the
    /// services.
    ///
    /// Messages that wait are taken for a second only, so that whoever should get them still does.
    ///
    /// # Errors
    ///
    /// When something cannot be read.
    pub async fn of(world: &World) -> Result<Self> {
        let mut all = Vec::new();
        for service in Service::ALL {
            if let Some(database) = world.database_name(service) {
                all.push((format!("database {}", service.name()), dump(&database)?));
            }
            all.push((format!("log {}", service.name()), fs::read(world.log_path(service))?));
        }
        for topic in &Topology::get().topics {
            for record in world.kafka.records(&topic.name).await {
                let mut bytes = format!("{:?} {:?}", record.key, record.headers).into_bytes();
                bytes.extend(record.key.unwrap_or_default());
                bytes.extend(record.payload.unwrap_or_default());
                all.push((format!("topic {}", topic.name), bytes));
            }
        }
        for queue in &Topology::get().queues {
            for name in [queue.name.clone(), queue.dead_letter_name()] {
                for body in waiting(world, &name).await? {
                    all.push((format!("queue {name}"), body.into_bytes()));
                }
            }
        }
        let buckets = &world.s3.settings;
        for bucket in [&buckets.intake_bucket, &buckets.evidence_bucket, &buckets.audit_bucket] {
            objects(world, bucket, &mut all).await?;
        }
        if let Some(replica) = &world.s3.settings.replica_bucket {
            objects(world, replica, &mut all).await?;
        }
        all.push(("spans".to_owned(), format!("{:?}", world.spans.spans()).into_bytes()));
        Ok(Self(all))
    }

    /// Where a canary is found, in whatever spelling; each place once.
    #[must_use]
    pub fn of_canary(&self, canary: &Canary) -> Vec<&str> {
        let mut places: Vec<_> =
            self.0.iter().filter(|(_, bytes)| canary.leaks(bytes)).map(|(place, _)| place.as_str()).collect();
        places.dedup();
        places
    }

    /// Keys under which buckets have something, and markers of what was deleted.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        let kept = self.0.iter().filter(|(place, _)| place.starts_with("bucket"));
        kept.filter_map(|(place, _)| place.rsplit(' ').next()).collect()
    }

    /// How many things of a kind there are, `topic` for example.
    #[must_use]
    pub fn count(&self, kind: &str) -> usize {
        self.0.iter().filter(|(place, _)| place.starts_with(kind)).count()
    }
}

/// `pg_dump --format=plain` as the superuser, who sees every row.
fn dump(database: &str) -> Result<Vec<u8>> {
    let mut url = url::Url::parse(&testkit::env().pg_admin_url())?;
    url.set_path(database);
    let output = Command::new(pg_dump()?).args(["--format=plain", url.as_str()]).output()?;
    ensure!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// The newest `pg_dump` there is, since it refuses servers newer than itself.
fn pg_dump() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> =
        versions.map(|version| version.path().join("bin/pg_dump")).filter(|path| path.is_file()).collect();
    found.sort();
    Ok(found.pop().unwrap_or_else(|| PathBuf::from("pg_dump")))
}

async fn waiting(world: &World, queue: &str) -> Result<Vec<String>> {
    let client = &world.sqs.client;
    let url = client.get_queue_url().queue_name(world.sqs.name(queue)).send().await?;
    let url = url.queue_url.context("no queue url")?;
    let mut bodies = Vec::new();
    loop {
        let request = client.receive_message().queue_url(&url).max_number_of_messages(10);
        let messages = request.visibility_timeout(1).send().await?.messages.unwrap_or_default();
        if messages.is_empty() || bodies.len() > 1_000 {
            return Ok(bodies);
        }
        bodies.extend(messages.into_iter().map(|message| format!("{message:?}")));
    }
}

async fn objects(world: &World, bucket: &str, all: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let client = &world.s3.client;
    let listed = client.list_object_versions().bucket(bucket).send().await?;
    ensure!(listed.is_truncated() != Some(true), "more versions than one page");
    for ObjectVersion { key, version_id, .. } in listed.versions() {
        let key = key.as_deref().context("no key")?;
        let object = client.get_object().bucket(bucket).key(key).set_version_id(version_id.clone());
        let object = object.send().await?;
        let mut bytes = format!("{key} {object:?}").into_bytes();
        bytes.extend(object.body.collect().await?.into_bytes());
        all.push((format!("bucket {bucket} {key}"), bytes));
    }
    for marker in listed.delete_markers() {
        let key = marker.key().unwrap_or_default();
        all.push((format!("bucket {bucket} {key}"), format!("{marker:?}").into_bytes()));
    }
    Ok(())
}
