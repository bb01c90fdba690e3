//! Settings, from `WORKER__*`.

use std::collections::BTreeSet;

use service::channel::Target;
use settings::Env;

use crate::smtp;

/// What this process does. Each role scales and fails alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks at what citizens have uploaded.
    Scan,
    /// Sends e-mails.
    Mail,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Scan, Self::Mail];

    /// Its name in `WORKER__ROLES`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Mail => "mail",
        }
    }
}

/// Everything the service can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ROLES` includes `scan`.
    pub scan: Option<Scan>,
    /// `ROLES` includes `mail`.
    pub mail: Option<Mail>,
    /// `SQS__*`.
    pub sqs: queue::Settings,
    /// `AUTH__*`, with the client `svc-worker`.
    pub auth: auth::Settings,
    /// `TELEMETRY__*`.
    pub telemetry: telemetry::Settings,
    /// `ADMIN__*`.
    pub admin: service::admin::Settings,
}

/// What the scan role needs.
#[derive(Clone, Debug)]
pub struct Scan {
    /// `DOCUMENT__URL`.
    pub document: Target,
    /// `CLAMD__ADDR`, `host:port`.
    pub clamd: String,
    /// `S3__*`.
    pub s3: blobs::Settings,
    /// `SCAN__CONCURRENCY`, 1 to 64, default 4: how many objects are scanned at a time.
    pub concurrency: usize,
}

/// What the mail role needs.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `NOTIFICATION__URL`.
    pub notification: Target,
    /// `SMTP__*`.
    pub smtp: smtp::Settings,
    /// `MAIL__CONCURRENCY`, 1 to 64, default 4: how many e-mails are sent at a time.
    pub concurrency: usize,
}

impl Config {
    /// Reads every section and tells everything that is wrong at once. What only a role that is not played needs may be
    /// missing, but where it is given it must be right.
    ///
    /// # Errors
    /// One line per variable.
    pub fn load(mut env: Env) -> Result<Self, settings::Error> {
        let config = Self::sections(&mut env);
        env.finish(config)
    }

    fn sections(env: &mut Env) -> Option<Self> {
        // Each section is read before the first that is wrong ends this.
        let roles = env.var_with("ROLES", roles).required();
        let plays = |role| roles.as_ref().is_some_and(|roles| roles.contains(&role));
        let scan = played(env, plays(Role::Scan), SCAN, scan);
        let mail = played(env, plays(Role::Mail), MAIL, mail);
        known(env, KAFKA);
        let sqs = queue::Settings::load(env);
        let auth = auth::Settings::load_with_client(env);
        let telemetry = telemetry::Settings::load(env);
        let admin = service::admin::Settings::load(env);
        let _named = roles?;
        Some(Self { scan: scan?, mail: mail?, sqs: sqs?, auth: auth?, telemetry: telemetry?, admin: admin? })
    }
}

const SCAN: &[&str] = &[
    "DOCUMENT__URL",
    "CLAMD__ADDR",
    "SCAN__CONCURRENCY",
    "S3__ENDPOINT",
    "S3__PUBLIC_ENDPOINT",
    "S3__REGION",
    "S3__INTAKE_BUCKET",
    "S3__EVIDENCE_BUCKET",
    "S3__ACCESS_KEY_ID",
    "S3__SECRET_ACCESS_KEY",
];
const MAIL: &[&str] =
    &["NOTIFICATION__URL", "MAIL__CONCURRENCY", "SMTP__URL", "SMTP__FROM", "SMTP__MESSAGE_ID_DOMAIN"];

/// For `worker dlq --topic` alone.
const KAFKA: &[&str] = &[
    "KAFKA__BROKERS",
    "KAFKA__TOPIC_PREFIX",
    "KAFKA__SECURITY",
    "KAFKA__INSTANCE_ID",
    "KAFKA__USERNAME",
    "KAFKA__PASSWORD",
    "KAFKA__TLS_CA",
    "KAFKA__REGION",
];

/// A role's section where it is played; else its variables are known and not looked at, so that one set of variables
/// serves deployments of different roles.
fn played<T>(
    env: &mut Env,
    plays: bool,
    variables: &[&str],
    load: impl FnOnce(&mut Env) -> Option<T>,
) -> Option<Option<T>> {
    if plays {
        return load(env).map(Some);
    }
    known(env, variables);
    Some(None)
}

/// Variables that may be there and are not looked at.
fn known(env: &mut Env, variables: &[&str]) {
    for variable in variables {
        let _ = env.var_with(variable, |_| Ok(())).optional();
    }
}

fn scan(env: &mut Env) -> Option<Scan> {
    let document = Target::load(env, "DOCUMENT__URL");
    let clamd = env.var_with("CLAMD__ADDR", host_and_port).required();
    let s3 = blobs::Settings::load(env);
    let concurrency = concurrency(env, "SCAN__CONCURRENCY");
    Some(Scan { document: document?, clamd: clamd?, s3: s3?, concurrency: concurrency? })
}

fn mail(env: &mut Env) -> Option<Mail> {
    let notification = Target::load(env, "NOTIFICATION__URL");
    let smtp = smtp::Settings::load(env);
    let concurrency = concurrency(env, "MAIL__CONCURRENCY");
    Some(Mail { notification: notification?, smtp: smtp?, concurrency: concurrency? })
}

fn concurrency(env: &mut Env, name: &str) -> Option<usize> {
    env.var(name).check("must be 1 to 64", |n| (1..=64).contains(n)).default(4)
}

fn roles(text: &str) -> Result<BTreeSet<Role>, String> {
    let parse = |name: &str| Role::ALL.into_iter().find(|role| role.name() == name.trim());
    text.split(',').map(parse).collect::<Option<_>>().ok_or_else(|| {
        let names = Role::ALL.map(Role::name).join(", ");
        format!("must be one or more of {names}, separated by commas")
    })
}

fn host_and_port(text: &str) -> Result<String, String> {
    let good =
        text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if good { Ok(text.to_owned()) } else { Err("must be host:port".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: [(&str, &str); 4] = [
        ("WORKER__ADMIN__ADDR", "127.0.0.1:0"),
        ("WORKER__AUTH__ISSUER", "http://id.example/realms/guildhall"),
        ("WORKER__AUTH__CLIENT_ID", "svc-worker"),
        ("WORKER__AUTH__CLIENT_SECRET", "s3cret"),
    ];

    fn load(more: &[(&str, &str)]) -> Result<Config, settings::Error> {
        Config::load(Env::from_pairs("WORKER", BASE.iter().chain(more).copied()))
    }

    fn variables(error: &settings::Error) -> Vec<&str> {
        error.problems.iter().map(|problem| problem.variable.as_str()).collect()
    }

    #[test]
    fn a_role_needs_its_own_settings_only() {
        let scan = [("WORKER__DOCUMENT__URL", "http://document:8090"), ("WORKER__CLAMD__ADDR", "clamd:3310")];
        let config = load(&[&scan[..], &[("WORKER__ROLES", "scan")]].concat()).unwrap();
        assert!(config.scan.is_some() && config.mail.is_none());
        let error = load(&[&scan[..], &[("WORKER__ROLES", "scan, mail")]].concat()).unwrap_err();
        let missing = ["WORKER__NOTIFICATION__URL", "WORKER__SMTP__FROM", "WORKER__SMTP__URL"];
        assert_eq!(variables(&error), missing);
        // What another deployment of the same variables plays is no mistake here.
        let mail = [
            ("WORKER__NOTIFICATION__URL", "http://notification:8100"),
            ("WORKER__SMTP__URL", "smtp://mail"),
            ("WORKER__SMTP__FROM", "a@example.org"),
            ("WORKER__ROLES", "mail"),
        ];
        let config = load(&[&scan[..], &mail[..]].concat()).unwrap();
        assert!(config.scan.is_none() && config.mail.is_some());
    }

    #[test]
    fn an_unknown_role_is_refused_with_the_list() {
        for roles in ["scan,print", "", ",", "SCAN"] {
            let error = load(&[("WORKER__ROLES", roles)]).unwrap_err();
            assert_eq!(variables(&error), ["WORKER__ROLES"], "{roles}");
            let rule = &error.problems[0].rule;
            assert!(roles.is_empty() || rule.contains("scan, mail"), "{rule}");
        }
    }
}
