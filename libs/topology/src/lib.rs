#![doc = include_str!("../README.md")]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

/// Topics that code writes to or reads from.
pub mod topics {
    /// Events of documents, keyed by document.
    pub const DOCUMENT: &str = "guildhall.document.v1";
    /// Events of bills, keyed by bill.
    pub const BILLING: &str = "guildhall.billing.v1";
    /// Events of payments and their refunds, keyed by payment.
    pub const PAYMENT: &str = "guildhall.payment.v1";
    /// Events of cases and their checks, keyed by case.
    pub const VERIFICATION: &str = "guildhall.verification.v1";
    /// Rows of feeds, keyed by recipient.
    pub const NOTIFICATION: &str = "guildhall.notification.v1";
    /// Erasures, keyed by subject.
    pub const SUBJECT: &str = "guildhall.subject.v1";
    /// What workflows are to look at, keyed by that.
    pub const WORK: &str = "guildhall.work.v1";
}

/// Queues that code sends to or receives from.
pub mod queues {
    /// Documents to scan.
    pub const SCAN: &str = "guildhall-scan";
    /// E-mails to send.
    pub const MAIL: &str = "guildhall-mail";
    /// Versions to make a preview of.
    pub const PREVIEW: &str = "guildhall-preview";
    /// Versions to read again.
    pub const INTEGRITY: &str = "guildhall-integrity";
    /// Bills and receipts to make.
    pub const PDF: &str = "guildhall-pdf";
}

/// The whole list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Kafka topics, dead-letter topics included.
    #[serde(rename = "topic")]
    pub topics: Vec<Topic>,
    /// SQS queues, without their dead-letter queues.
    #[serde(rename = "queue")]
    pub queues: Vec<Queue>,
    /// S3 buckets, one per purpose.
    #[serde(rename = "bucket")]
    pub buckets: Vec<Bucket>,
}

/// A Kafka topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Name without prefix.
    pub name: String,
    /// How many partitions; never changed, because the order within a key depends on it.
    pub partitions: u32,
    /// How long events and offsets are kept, in days.
    pub retention_days: u32,
}

/// An SQS queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Name without prefix.
    pub name: String,
    /// How long a received message is hidden from others, in seconds.
    pub visibility_seconds: u32,
    /// After how many receives a message goes to the dead-letter queue.
    pub max_receive_count: u32,
    /// How long a message is kept, in days.
    pub retention_days: u32,
}

impl Queue {
    /// Name of its dead-letter queue.
    #[must_use]
    pub fn dead_letter_name(&self) -> String {
        format!("{}-dlq", self.name)
    }
}

/// An S3 bucket.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Name; deployments may rename it by settings.
    pub name: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether old versions are kept.
    pub versioned: bool,
    /// Whether versions can be locked against deletion.
    pub object_lock: bool,
    /// Whether browsers may call it directly.
    pub cors: bool,
}

/// What a bucket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Uploads that have no verdict yet.
    Intake,
    /// Clean copies, the only ones that are ever read.
    Evidence,
    /// What proves what happened: checkpoints of audit chains.
    Audit,
    /// A second copy of the evidence, to restore it from.
    Replica,
    /// Archives of cases, for as long as somebody is to fetch them.
    Exports,
}

/// Why a list is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not TOML of this shape.
    #[error("topology is not readable")]
    Toml(#[from] toml::de::Error),
    /// A rule is broken.
    #[error("topology: {name}: {rule}")]
    Rule {
        /// What breaks it.
        name: String,
        /// What must hold.
        rule: &'static str,
    },
}

impl Topology {
    /// The list of `proto/topology.toml`.
    ///
    /// # Panics
    /// Never with a list that passed this crate's tests: it is compiled in.
    #[must_use]
    pub fn get() -> &'static Self {
        static LIST: LazyLock<Topology> = LazyLock::new(|| {
            Topology::parse(include_str!("../../../proto/topology.toml")).expect("checked by a test")
        });
        &LIST
    }

    /// Reads and checks a list.
    ///
    /// # Errors
    /// When the text is not of this shape, or a rule is broken.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let list: Self = toml::from_str(text)?;
        list.check()?;
        Ok(list)
    }

    /// The topic of that name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The queue of that name.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// The bucket for that purpose.
    ///
    /// # Panics
    /// Never: a list without it is refused when it is read.
    #[must_use]
    pub fn bucket(&self, purpose: Purpose) -> &Bucket {
        self.buckets.iter().find(|bucket| bucket.purpose == purpose).expect("checked when read")
    }

    fn check(&self) -> Result<(), Error> {
        let rule = |holds: bool, name: &str, rule| {
            if holds { Ok(()) } else { Err(Error::Rule { name: name.to_owned(), rule }) }
        };
        let mut names = BTreeSet::new();
        for topic in &self.topics {
            let name = &topic.name;
            rule(names.insert(name), name, "is listed twice")?;
            rule(well_formed(name, b"._-", 200), name, "must be of a-z, 0-9, '.', '_' and '-'")?;
            rule((1..=1_000).contains(&topic.partitions), name, "must have 1 to 1000 partitions")?;
            rule(topic.retention_days >= 14, name, "must keep events for 14 days or more")?;
        }
        for queue in &self.queues {
            let name = &queue.name;
            rule(names.insert(name), name, "is listed twice")?;
            // SQS allows 80 characters; a prefix and `-dlq` need room.
            rule(well_formed(name, b"-_", 60), name, "must be of a-z, 0-9, '-' and '_'")?;
            rule((1..=43_200).contains(&queue.visibility_seconds), name, "must be hidden for 1 s to 12 h")?;
            rule((1..=1_000).contains(&queue.max_receive_count), name, "must be received 1 to 1000 times")?;
            rule((1..=14).contains(&queue.retention_days), name, "must keep messages for 1 to 14 days")?;
        }
        for bucket in &self.buckets {
            let name = &bucket.name;
            rule(names.insert(name), name, "is listed twice")?;
            rule(well_formed(name, b"-.", 63), name, "must be of a-z, 0-9, '-' and '.'")?;
            rule(bucket.versioned || !bucket.object_lock, name, "must be versioned to be locked")?;
        }
        for purpose in
            [Purpose::Intake, Purpose::Evidence, Purpose::Audit, Purpose::Replica, Purpose::Exports]
        {
            let count = self.buckets.iter().filter(|bucket| bucket.purpose == purpose).count();
            rule(count == 1, "bucket", "must be one per purpose")?;
        }
        Ok(())
    }
}

/// Name of the topic where consumers without a database put what they cannot handle.
#[must_use]
pub fn worker_dlq(topic: &str) -> String {
    format!("{topic}.worker.dlq")
}

fn well_formed(name: &str, others: &[u8], limit: usize) -> bool {
    (3..=limit).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || others.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_list_is_good_and_has_every_constant() {
        let topology = Topology::get();
        for name in [topics::DOCUMENT, topics::NOTIFICATION, topics::SUBJECT, topics::WORK] {
            assert!(topology.topic(name).is_some(), "{name}");
        }
        for name in [queues::SCAN, queues::MAIL, queues::PREVIEW, queues::INTEGRITY] {
            assert!(topology.queue(name).is_some(), "{name}");
        }
        assert!(topology.topic(&worker_dlq(topics::DOCUMENT)).is_some());
        for purpose in [Purpose::Evidence, Purpose::Audit] {
            let kept = topology.bucket(purpose);
            assert!(kept.versioned && kept.object_lock, "{}", kept.name);
        }
        // An archive that is erased is gone.
        assert!(!topology.bucket(Purpose::Exports).versioned);
        assert_ne!(topology.bucket(Purpose::Evidence).name, topology.bucket(Purpose::Intake).name);
    }

    #[test]
    fn a_bad_list_is_refused_by_name_and_rule() {
        let good = include_str!("../../../proto/topology.toml");
        let table = [
            ("partitions = 12", "partitions = 0", "guildhall.document.v1: must have 1 to 1000 partitions"),
            ("guildhall.notification.v1", "guildhall.document.v1", "guildhall.document.v1: is listed twice"),
            ("guildhall-mail", "Guildhall Mail", "Guildhall Mail: must be of a-z"),
            ("purpose = \"evidence\"", "purpose = \"intake\"", "bucket: must be one per purpose"),
            ("versioned = true", "versioned = false", "guildhall-evidence: must be versioned to be locked"),
            (
                "retention_days = 14",
                "retention_days = 1",
                "guildhall.document.v1: must keep events for 14 days",
            ),
        ];
        for (from, to, message) in table {
            let error = Topology::parse(&good.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
        assert!(matches!(Topology::parse(&format!("colour = 1\n{good}")), Err(Error::Toml(_))));
    }
}
