//! Settings, from `WORKER__*`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use service::channel::Target;
use settings::Env;

use crate::preview::sandbox::Limits;
use crate::printer::issuers::Issuers;
use crate::{smtp, temporal};

/// What this process does. Each role scales and fails alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks at what citizens have uploaded.
    Scan,
    /// Sends e-mails.
    Mail,
    /// Makes previews of documents.
    Preview,
    /// Reads what is stored again.
    Integrity,
    /// Makes bills and receipts.
    Pdf,
    /// Runs workflows.
    Workflows,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Scan, Self::Mail, Self::Preview, Self::Integrity, Self::Pdf, Self::Workflows];

    /// Its name in `WORKER__ROLES`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Mail => "mail",
            Self::Preview => "preview",
            Self::Integrity => "integrity",
            Self::Pdf => "pdf",
            Self::Workflows => "workflows",
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
    /// `ROLES` includes `preview`.
    pub preview: Option<Preview>,
    /// `ROLES` includes `integrity`.
    pub integrity: Option<Integrity>,
    /// `ROLES` includes `pdf`.
    pub pdf: Option<Pdf>,
    /// `ROLES` includes `workflows`.
    pub workflows: Option<Workflows>,
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

/// What the preview role needs.
#[derive(Clone, Debug)]
pub struct Preview {
    /// `DOCUMENT__URL`.
    pub document: Target,
    /// `S3__*`.
    pub s3: blobs::Settings,
    /// `PREVIEW__CONCURRENCY`, 1 to 64, default 2: how many files are drawn at a time.
    pub concurrency: usize,
    /// `PREVIEW__MEMORY_MIB`, 64 to 4,096, default 512, and `PREVIEW__CPU_SECONDS`, 1 to 60, default 20: what a file may take.
    pub limits: Limits,
    /// The worker's program, which runs as the child too.
    pub program: PathBuf,
}

/// What the integrity role needs.
#[derive(Clone, Debug)]
pub struct Integrity {
    /// `DOCUMENT__URL`.
    pub document: Target,
    /// `S3__*`.
    pub s3: blobs::Settings,
    /// `INTEGRITY__CONCURRENCY`, 1 to 64, default 1: how many objects are read at a time.
    pub concurrency: usize,
    /// `INTEGRITY__MIB_PER_SECOND`, 2 to 10,000, default 10: what is read at most, all objects together.
    pub bytes_per_second: u64,
}

/// What the pdf role needs.
#[derive(Clone, Debug)]
pub struct Pdf {
    /// `PAYMENT__URL`.
    pub payment: Target,
    /// `DOCUMENT__URL`.
    pub document: Target,
    /// `PDF__ISSUERS`, a JSON object by tenant as [`Issuers::parse`] has it; without it, tenants are called by their ids.
    pub issuers: Issuers,
    /// `PDF__TEMPLATES`, a folder of tenants' own templates as `libs/pdf` has them; without it, all have those that are built in.
    pub templates: Option<PathBuf>,
    /// `PDF__FONTS`, a folder of fonts for what the bundled ones lack.
    pub fonts: Option<PathBuf>,
    /// `PDF__CONCURRENCY`, 1 to 64, default 2: how many are made at a time.
    pub concurrency: usize,
}

/// What the workflows role needs.
#[derive(Clone, Debug)]
pub struct Workflows {
    /// `PAYMENT__URL`.
    pub payment: Target,
    /// `DOCUMENT__URL`.
    pub document: Target,
    /// `S3__*`.
    pub s3: blobs::Settings,
    /// `TEMPORAL__*`.
    pub temporal: temporal::Settings,
    /// `KAFKA__*`.
    pub kafka: kafka::Settings,
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
        let preview = played(env, plays(Role::Preview), PREVIEW, preview);
        let integrity = played(env, plays(Role::Integrity), INTEGRITY, integrity);
        let pdf = played(env, plays(Role::Pdf), PDF, pdf);
        let workflows = played(env, plays(Role::Workflows), WORKFLOWS, workflows);
        if !plays(Role::Workflows) {
            known(env, KAFKA);
            known(env, temporal::VARIABLES);
        }
        let sqs = queue::Settings::load(env);
        let auth = auth::Settings::load_with_client(env);
        let telemetry = telemetry::Settings::load(env);
        let admin = service::admin::Settings::load(env);
        let _named = roles?;
        Some(Self {
            scan: scan?,
            mail: mail?,
            preview: preview?,
            integrity: integrity?,
            pdf: pdf?,
            workflows: workflows?,
            sqs: sqs?,
            auth: auth?,
            telemetry: telemetry?,
            admin: admin?,
        })
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
    "S3__REPLICA_BUCKET",
    "S3__ACCESS_KEY_ID",
    "S3__SECRET_ACCESS_KEY",
];
const MAIL: &[&str] =
    &["NOTIFICATION__URL", "MAIL__CONCURRENCY", "SMTP__URL", "SMTP__FROM", "SMTP__MESSAGE_ID_DOMAIN"];

const PREVIEW: &[&str] = &["PREVIEW__CONCURRENCY", "PREVIEW__MEMORY_MIB", "PREVIEW__CPU_SECONDS"];

const INTEGRITY: &[&str] = &["INTEGRITY__CONCURRENCY", "INTEGRITY__MIB_PER_SECOND"];

const PDF: &[&str] = &["PAYMENT__URL", "PDF__ISSUERS", "PDF__TEMPLATES", "PDF__FONTS", "PDF__CONCURRENCY"];

const WORKFLOWS: &[&str] = &["PAYMENT__URL"];

/// For `worker dlq --topic`, and the workflows role.
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

fn preview(env: &mut Env) -> Option<Preview> {
    const MIB: u64 = 1024 * 1024;
    let document = Target::load(env, "DOCUMENT__URL");
    let s3 = blobs::Settings::load(env);
    let concurrency =
        env.var("PREVIEW__CONCURRENCY").check("must be 1 to 64", |n| (1..=64).contains(n)).default(2);
    let memory =
        env.var("PREVIEW__MEMORY_MIB").check("must be 64 to 4096", |n| (64..=4_096).contains(n)).default(512);
    let cpu = env.var("PREVIEW__CPU_SECONDS").check("must be 1 to 60", |n| (1..=60).contains(n)).default(20);
    let program = match std::env::current_exe() {
        Ok(program) => Some(program),
        Err(_) => {
            env.problem("ROLES", "preview needs to know where its program is, and cannot tell");
            None
        }
    };
    let cpu = Duration::from_secs(cpu?);
    // Whoever waits rather than computes has three times as long.
    let limits = Limits { memory: memory? * MIB, cpu, wall: cpu * 3 };
    Some(Preview { document: document?, s3: s3?, concurrency: concurrency?, limits, program: program? })
}

fn integrity(env: &mut Env) -> Option<Integrity> {
    let document = Target::load(env, "DOCUMENT__URL");
    let s3 = blobs::Settings::load(env);
    let concurrency =
        env.var("INTEGRITY__CONCURRENCY").check("must be 1 to 64", |n| (1..=64).contains(n)).default(1);
    let pace = env.var::<u64>("INTEGRITY__MIB_PER_SECOND");
    let pace = pace.check("must be 2 to 10000", |n| (2..=10_000).contains(n)).default(10);
    let bytes_per_second = pace? * 1024 * 1024;
    Some(Integrity { document: document?, s3: s3?, concurrency: concurrency?, bytes_per_second })
}

fn pdf(env: &mut Env) -> Option<Pdf> {
    let payment = Target::load(env, "PAYMENT__URL");
    let document = Target::load(env, "DOCUMENT__URL");
    let issuers = env.var_with("PDF__ISSUERS", Issuers::parse).default(Issuers::default());
    let templates = env.var_with("PDF__TEMPLATES", folder).optional();
    let fonts = env.var_with("PDF__FONTS", folder).optional();
    let concurrency =
        env.var("PDF__CONCURRENCY").check("must be 1 to 64", |n| (1..=64).contains(n)).default(2);
    Some(Pdf {
        payment: payment?,
        document: document?,
        issuers: issuers?,
        templates: templates?,
        fonts: fonts?,
        concurrency: concurrency?,
    })
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(text);
    if folder.is_dir() { Ok(folder) } else { Err("must be a folder".to_owned()) }
}

fn workflows(env: &mut Env) -> Option<Workflows> {
    let payment = Target::load(env, "PAYMENT__URL");
    let document = Target::load(env, "DOCUMENT__URL");
    let s3 = blobs::Settings::load(env);
    let temporal = temporal::Settings::load(env);
    let kafka = kafka::Settings::load(env);
    Some(Workflows { payment: payment?, document: document?, s3: s3?, temporal: temporal?, kafka: kafka? })
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
