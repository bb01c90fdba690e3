//! Where the brokers are and how to prove who we are.

use std::path::PathBuf;

use ::settings::{Env, ExposeSecret as _, Secret};
use rdkafka::ClientConfig;

/// Settings `KAFKA__*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `KAFKA__BROKERS`: `host:port`, separated by commas.
    pub brokers: String,
    /// `KAFKA__TOPIC_PREFIX`, default empty: put before every topic and group, so that environments can share a
    /// cluster.
    pub topic_prefix: String,
    /// `KAFKA__SECURITY`: `plaintext` (default), `scram_tls` or `msk_iam`.
    pub security: Security,
    /// `KAFKA__INSTANCE_ID`: name under which a restarted consumer gets its partitions back at once (the pod's name).
    pub instance_id: Option<String>,
}

/// How a connection is secured.
#[derive(Clone, Debug)]
pub enum Security {
    /// Neither encrypted nor authenticated: for one machine only.
    Plaintext,
    /// SCRAM-SHA-512 over TLS; the broker's certificate must name its host.
    ScramTls {
        /// `KAFKA__USERNAME`.
        username: String,
        /// `KAFKA__PASSWORD`.
        password: Secret,
        /// `KAFKA__TLS_CA`: PEM file of the authorities to trust; without it the system's.
        ca: Option<PathBuf>,
    },
    /// Amazon MSK's IAM authentication (OAUTHBEARER over TLS) with the AWS default credential chain.
    MskIam {
        /// `KAFKA__REGION`, for example `eu-central-1`.
        region: String,
        /// `KAFKA__TLS_CA`: PEM file of the authorities to trust; without it the system's.
        ca: Option<PathBuf>,
    },
}

impl Settings {
    /// Reads the variables; what is wrong is noted in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        let brokers = env.var_with("KAFKA__BROKERS", brokers).required();
        let topic_prefix = env.var_with("KAFKA__TOPIC_PREFIX", topic_prefix).default(String::new());
        let security = security(env);
        let instance_id = env.var::<String>("KAFKA__INSTANCE_ID").optional();
        Some(Self {
            brokers: brokers?,
            topic_prefix: topic_prefix?,
            security: security?,
            instance_id: instance_id?,
        })
    }

    /// Settings for brokers without security, for tests and tools.
    #[must_use]
    pub fn plaintext(brokers: impl Into<String>, topic_prefix: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topic_prefix: topic_prefix.into(),
            security: Security::Plaintext,
            instance_id: None,
        }
    }

    /// Name of a topic or group on the cluster: the prefix before the name that the code knows.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// What every client needs.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "guildhall")
            .set("socket.keepalive.enable", "true")
            // Requests are whole batches already: do not wait for the answer to the last one to fill a packet.
            .set("socket.nagle.disable", "true")
            // Back within seconds after a broker was away; the default waits up to ten.
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "30000")
            .set("allow.auto.create.topics", "false")
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Warning);
        match &self.security {
            Security::Plaintext => {
                config.set("security.protocol", "plaintext");
            }
            Security::ScramTls { username, password, ca } => {
                tls(&mut config, ca.as_ref());
                config
                    .set("sasl.mechanism", "SCRAM-SHA-512")
                    .set("sasl.username", username)
                    .set("sasl.password", password.expose_secret());
            }
            Security::MskIam { ca, .. } => {
                tls(&mut config, ca.as_ref());
                config.set("sasl.mechanism", "OAUTHBEARER");
            }
        }
        config
    }

    /// A producer that neither loses, nor doubles, nor reorders what it was given while it lives: idempotent,
    /// acknowledged by all in-sync replicas, without a time limit per record, and dead after a gap.
    #[must_use]
    pub fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("message.timeout.ms", "0")
            .set("linger.ms", "5")
            // Bounds the memory of a producer whose brokers are away; whoever hands over waits then.
            .set("queue.buffering.max.kbytes", "65536")
            .set("compression.type", "zstd")
            // What the Java clients do, so that every producer of a key agrees on its partition.
            .set("partitioner", "murmur2_random");
        config
    }

    /// A member of `group` that stores an offset only when it is told to, and starts at the earliest event.
    #[must_use]
    pub fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", self.topic(group))
            .set("group.protocol", "classic")
            // Each assignment is whole. A cooperative one takes two rounds, and a static member that dies between them
            // comes back to the first round's: what was to move would be nobody's until the group changes again.
            .set("partition.assignment.strategy", "roundrobin")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "2000")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            // Bounds the memory of a consumer that is slower than its topic.
            .set("queued.max.messages.kbytes", "16384")
            // A partition with fewer messages waiting is fetched at once, one with more is looked at again after so
            // long: together they must not be what bounds a consumer that reads one partition.
            .set("queued.min.messages", "10000")
            .set("fetch.queue.backoff.ms", "10");
        if let Some(instance_id) = &self.instance_id {
            config.set("group.instance.id", instance_id);
        }
        config
    }
}

fn tls(config: &mut ClientConfig, ca: Option<&PathBuf>) {
    let ca = ca.map_or_else(|| "probe".into(), |path| path.to_string_lossy());
    config
        .set("security.protocol", "sasl_ssl")
        .set("ssl.ca.location", ca)
        .set("enable.ssl.certificate.verification", "true")
        .set("ssl.endpoint.identification.algorithm", "https");
}

fn security(env: &mut Env) -> Option<Security> {
    let kind = env.var_with("KAFKA__SECURITY", kind).default(Kind::Plaintext);
    // All are read whatever the kind, so that the other kinds' variables count as known, and then judged.
    let username = env.var::<String>("KAFKA__USERNAME").optional();
    let password = env.secret("KAFKA__PASSWORD").optional();
    let ca = env.var::<PathBuf>("KAFKA__TLS_CA").check("must be a file", |path| path.is_file()).optional();
    let region = env.var::<String>("KAFKA__REGION").optional();
    match kind? {
        Kind::Plaintext => Some(Security::Plaintext),
        Kind::ScramTls => {
            let username = needed(env, "KAFKA__USERNAME", username?, "scram_tls");
            let password = needed(env, "KAFKA__PASSWORD", password?, "scram_tls");
            Some(Security::ScramTls { username: username?, password: password?, ca: ca? })
        }
        Kind::MskIam => {
            let region = needed(env, "KAFKA__REGION", region?, "msk_iam");
            Some(Security::MskIam { region: region?, ca: ca? })
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Plaintext,
    ScramTls,
    MskIam,
}

fn kind(text: &str) -> Result<Kind, String> {
    match text {
        "plaintext" => Ok(Kind::Plaintext),
        "scram_tls" => Ok(Kind::ScramTls),
        "msk_iam" => Ok(Kind::MskIam),
        _ => Err("must be plaintext, scram_tls or msk_iam".to_owned()),
    }
}

fn needed<T>(env: &mut Env, name: &str, value: Option<T>, kind: &str) -> Option<T> {
    if value.is_none() {
        env.problem(name, format!("is needed when KAFKA__SECURITY is {kind}"));
    }
    value
}

fn brokers(text: &str) -> Result<String, String> {
    let good = |broker: &str| {
        broker.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if text.split(',').all(|broker| good(broker.trim())) {
        Ok(text.to_owned())
    } else {
        Err("must be host:port, separated by commas".to_owned())
    }
}

fn topic_prefix(text: &str) -> Result<String, String> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if text.len() <= 64 && text.bytes().all(good) {
        Ok(text.to_owned())
    } else {
        Err("must be at most 64 of a-z, A-Z, 0-9, '.', '_' and '-'".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, ::settings::Error> {
        let mut env = Env::from_pairs("WORKER", pairs.iter().copied());
        let settings = Settings::load(&mut env);
        env.finish(settings)
    }

    #[test]
    fn a_consumer_never_stores_an_offset_by_itself() {
        let settings = load(&[
            ("WORKER__KAFKA__BROKERS", "a:9092,b:9092"),
            ("WORKER__KAFKA__TOPIC_PREFIX", "staging-"),
            ("WORKER__KAFKA__INSTANCE_ID", "worker-0"),
        ])
        .unwrap();
        let config = settings.consumer("worker");
        for (key, value) in [
            ("bootstrap.servers", "a:9092,b:9092"),
            ("group.id", "staging-worker"),
            ("group.instance.id", "worker-0"),
            ("group.protocol", "classic"),
            ("partition.assignment.strategy", "roundrobin"),
            ("session.timeout.ms", "6000"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
        ] {
            assert_eq!(config.get(key), Some(value), "{key}");
        }
        config.create_native_config().unwrap();
    }

    #[test]
    fn a_producer_leaves_no_gap() {
        let config = Settings::plaintext("a:9092", "").producer();
        for (key, value) in [
            ("enable.idempotence", "true"),
            ("enable.gapless.guarantee", "true"),
            ("message.timeout.ms", "0"),
            ("partitioner", "murmur2_random"),
        ] {
            assert_eq!(config.get(key), Some(value), "{key}");
        }
        config.create_native_config().unwrap();
    }

    #[test]
    fn scram_always_goes_over_verified_tls() {
        let settings = load(&[
            ("WORKER__KAFKA__BROKERS", "a:9096"),
            ("WORKER__KAFKA__SECURITY", "scram_tls"),
            ("WORKER__KAFKA__USERNAME", "worker"),
            ("WORKER__KAFKA__PASSWORD", "s3cret"),
        ])
        .unwrap();
        let config = settings.client();
        assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert_eq!(config.get("enable.ssl.certificate.verification"), Some("true"));
        assert_eq!(config.get("ssl.endpoint.identification.algorithm"), Some("https"));
        assert!(!format!("{settings:?} {config:?}").contains("s3cret"));
        config.create_native_config().unwrap();
    }

    #[test]
    fn what_a_kind_of_security_lacks_is_named() {
        let error = load(&[
            ("WORKER__KAFKA__BROKERS", "nowhere"),
            ("WORKER__KAFKA__SECURITY", "scram_tls"),
            ("WORKER__KAFKA__TLS_CA", "/does/not/exist"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "settings: 4 errors\
             \n  WORKER__KAFKA__BROKERS: must be host:port, separated by commas\
             \n  WORKER__KAFKA__PASSWORD: is needed when KAFKA__SECURITY is scram_tls\
             \n  WORKER__KAFKA__TLS_CA: must be a file\
             \n  WORKER__KAFKA__USERNAME: is needed when KAFKA__SECURITY is scram_tls"
        );
        let error =
            load(&[("WORKER__KAFKA__BROKERS", "a:1"), ("WORKER__KAFKA__SECURITY", "msk_iam")]).unwrap_err();
        assert_eq!(error.problems[0].rule, "is needed when KAFKA__SECURITY is msk_iam");
        let error =
            load(&[("WORKER__KAFKA__BROKERS", "a:1"), ("WORKER__KAFKA__SECURITY", "ssl")]).unwrap_err();
        assert_eq!(error.problems[0].rule, "must be plaintext, scram_tls or msk_iam");
    }
}
