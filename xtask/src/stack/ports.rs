//! Which port is whose, and who sits on one that should be free.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::state::State;

macro_rules! ports {
    ($($variant:ident $name:literal $default:literal),+ $(,)?) => {
        /// A port of the stack, named for `GUILDHALL_PORT_<NAME>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Port { $($variant),+ }

        impl Port {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// The variable's last part, in capitals.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            fn default(self) -> u16 {
                match self { $(Self::$variant => $default),+ }
            }
        }
    };
}

ports! {
    Postgres "POSTGRES" 15432,
    Redis "REDIS" 16379,
    Kafka "KAFKA" 19092,
    KafkaController "KAFKA_CONTROLLER" 19093,
    Elasticmq "ELASTICMQ" 19324,
    Versitygw "VERSITYGW" 17070,
    Keycloak "KEYCLOAK" 18180,
    KeycloakManagement "KEYCLOAK_MANAGEMENT" 18190,
    MaildevSmtp "MAILDEV_SMTP" 11025,
    MaildevWeb "MAILDEV_WEB" 11080,
    Clamd "CLAMD" 13310,
    Temporal "TEMPORAL" 17233,
    TemporalWeb "TEMPORAL_WEB" 17280,
    TemporalMetrics "TEMPORAL_METRICS" 17290,
    Otlp "OTLP" 14317,
    Bff "BFF" 8080,
    BffAdmin "BFF_ADMIN" 8081,
    Document "DOCUMENT" 8090,
    DocumentAdmin "DOCUMENT_ADMIN" 8091,
    Notification "NOTIFICATION" 8100,
    NotificationAdmin "NOTIFICATION_ADMIN" 8101,
    WorkerAdmin "WORKER_ADMIN" 8111,
    Payment "PAYMENT" 8120,
    PaymentAdmin "PAYMENT_ADMIN" 8121,
    Psp "PSP" 14010,
    Verification "VERIFICATION" 8130,
    VerificationAdmin "VERIFICATION_ADMIN" 8131,
    Idp "IDP" 14020,
    Toxiproxy "TOXIPROXY" 18474,
    ToxiPostgres "TOXI_POSTGRES" 18475,
    ToxiKafka "TOXI_KAFKA" 18476,
    ToxiElasticmq "TOXI_ELASTICMQ" 18477,
    Moto "MOTO" 15000,
    StripeMock "STRIPE_MOCK" 12111,
    StripeMockTls "STRIPE_MOCK_TLS" 12112,
}

impl Port {
    /// The variable that overrides it.
    pub(crate) fn variable(self) -> String {
        format!("GUILDHALL_PORT_{}", self.name())
    }
}

/// A number for every port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports(BTreeMap<String, u16>);

impl Ports {
    /// The stack's ports as it runs; where nothing runs, the environment's or the defaults.
    pub(crate) fn from_env(state: &State) -> Result<Self> {
        let mut wanted = BTreeMap::new();
        for &port in Port::ALL {
            let number =
                match env::var(port.variable()) {
                    Ok(text) => text.parse().ok().filter(|&number: &u16| number != 0).with_context(|| {
                        format!("{} must be a port number, not {text:?}", port.variable())
                    })?,
                    Err(_) => port.default(),
                };
            if let Some((other, _)) = wanted.iter().find(|&(_, &taken)| taken == number) {
                bail!("{} and GUILDHALL_PORT_{other} are both {number}", port.variable());
            }
            wanted.insert(port.name().to_owned(), number);
        }
        let Some(running) = state.ports() else { return Ok(Self(wanted)) };
        for &port in Port::ALL {
            let (runs, wants) = (running.get(port), wanted[port.name()]);
            if env::var_os(port.variable()).is_some() && runs != wants {
                bail!(
                    "the stack runs with port {runs} where {} says {wants}; stop it first: cargo xtask down",
                    port.variable()
                );
            }
        }
        Ok(running)
    }

    /// Ports nobody uses now, below the range the kernel hands out for outgoing connections.
    pub(crate) fn free() -> Result<Self> {
        // Two test runs at once start looking in different places.
        let start = 20_000 + u16::try_from(std::process::id() % 1_000).unwrap_or(0) * 10;
        let mut candidates = (start..32_000).filter(|&port| is_free(port));
        let mut ports = BTreeMap::new();
        for port in Port::ALL {
            let number = candidates.next().context("no free port below 32000")?;
            ports.insert(port.name().to_owned(), number);
        }
        Ok(Self(ports))
    }

    /// The number of one port.
    pub(crate) fn get(&self, port: Port) -> u16 {
        self.0.get(port.name()).copied().unwrap_or_else(|| port.default())
    }
}

/// Fails with the name of whoever listens on a port that `who` is to have.
pub(crate) fn require_free(who: &str, port: Port, number: u16) -> Result<()> {
    if is_free(number) {
        return Ok(());
    }
    let holder = holder(number).map_or_else(
        || "a process this user cannot see".to_owned(),
        |(pid, name)| format!("{name} (pid {pid})"),
    );
    bail!(
        "port {number} of {who} is taken by {holder}; stop it, or choose another: {}=<port>",
        port.variable()
    )
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Who listens on a port, as far as `/proc` lets this user see.
fn holder(port: u16) -> Option<(u32, String)> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, port))?;
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == socket.as_str()));
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        holds.then(|| (pid, name.trim().to_owned()))
    })
}

/// The inode of the socket in state LISTEN on this port, from a table like `/proc/net/tcp`.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        (local == port && *fields.get(3)? == LISTEN).then(|| fields.get(9)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_variable_and_holder() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = listener.local_addr().unwrap().port();

        let error = require_free("kafka", Port::Kafka, number).unwrap_err().to_string();

        assert!(error.contains(&format!("port {number} of kafka is taken by")), "{error}");
        assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
        assert!(error.contains("GUILDHALL_PORT_KAFKA"), "{error}");
    }

    #[test]
    fn free_ports_are_distinct() {
        let ports = Ports::free().unwrap();
        let mut numbers: Vec<u16> = Port::ALL.iter().map(|&port| ports.get(port)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), Port::ALL.len());
    }
}
