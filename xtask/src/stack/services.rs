//! Guildhall's own services as processes of the stack, with the settings that fit its servers.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use topology::{Purpose, Topology};

use super::ports::{Port, Ports};
use super::process::Launch;
use super::{Server, Stack, keycloak, postgres, versitygw};
use crate::compile::{self, Profile};
use crate::{net, shell};

/// The services in the order in which they start, behind the collector of their traces, and each behind its providers.
pub(crate) static SERVICES: [Server; 9] = [
    Server {
        name: "otlp",
        needs: &[],
        tool: None,
        ports: &[Port::Otlp],
        launch: collector,
        ready: |stack| net::connect(stack.port(Port::Otlp)).map(drop),
        provision: |_| Ok(()),
    },
    Server {
        name: "document",
        needs: &[],
        tool: None,
        ports: &[Port::Document, Port::DocumentAdmin],
        launch: |stack| service(stack, "document"),
        ready: |stack| ready(stack, Port::DocumentAdmin),
        provision: |_| Ok(()),
    },
    Server {
        name: "psp",
        needs: &[],
        tool: None,
        ports: &[Port::Psp],
        launch: |stack| provider(stack, "psp", Port::Psp),
        ready: |stack| net::connect(stack.port(Port::Psp)).map(drop),
        provision: |_| Ok(()),
    },
    Server {
        name: "payment",
        needs: &[],
        tool: None,
        ports: &[Port::Payment, Port::PaymentAdmin],
        launch: |stack| service(stack, "payment"),
        ready: |stack| ready(stack, Port::PaymentAdmin),
        provision: |_| Ok(()),
    },
    Server {
        name: "idp",
        needs: &[],
        tool: None,
        ports: &[Port::Idp],
        launch: |stack| provider(stack, "idp", Port::Idp),
        ready: |stack| net::connect(stack.port(Port::Idp)).map(drop),
        provision: |_| Ok(()),
    },
    Server {
        name: "verification",
        needs: &[],
        tool: None,
        ports: &[Port::Verification, Port::VerificationAdmin],
        launch: |stack| service(stack, "verification"),
        ready: |stack| ready(stack, Port::VerificationAdmin),
        provision: |_| Ok(()),
    },
    Server {
        name: "notification",
        needs: &[],
        tool: None,
        ports: &[Port::Notification, Port::NotificationAdmin],
        launch: |stack| service(stack, "notification"),
        ready: |stack| ready(stack, Port::NotificationAdmin),
        provision: |_| Ok(()),
    },
    Server {
        name: "worker",
        needs: &[],
        tool: None,
        ports: &[Port::WorkerAdmin],
        launch: |stack| service(stack, "worker"),
        ready: |stack| ready(stack, Port::WorkerAdmin),
        provision: |_| Ok(()),
    },
    Server {
        name: "bff",
        needs: &[],
        tool: None,
        ports: &[Port::Bff, Port::BffAdmin],
        launch: |stack| service(stack, "bff"),
        ready: |stack| ready(stack, Port::BffAdmin),
        provision: |_| Ok(()),
    },
];

/// The services' names.
#[cfg(test)]
pub(crate) const NAMES: [&str; 6] = ["document", "payment", "verification", "notification", "worker", "bff"];

/// The most memory a service should keep resident, in MiB, and the longest it should take until it is ready, in
/// milliseconds.
pub(crate) fn goals(name: &str) -> Option<(u64, u64)> {
    match name {
        "worker" => Some((60, 1_000)),
        "document" | "payment" | "verification" | "notification" | "bff" => Some((20, 1_000)),
        _ => None,
    }
}

/// Services that own a database.
const WITH_DATABASE: [&str; 4] = ["document", "payment", "verification", "notification"];

/// Services that seal personal data.
const WITH_KEYS: [&str; 4] = ["document", "payment", "verification", "notification"];

/// Services that keep an audit chain.
const WITH_AUDIT: [&str; 3] = ["document", "payment", "verification"];

/// What tenants are called on bills.
const ISSUERS: &str = r#"{"riverton":{"name":"City of Riverton","address":["Town Hall","1 Bridge Street","Riverton"]},"lakeside":{"name":"Gemeinde Lakeside","address":["Rathaus","Seestraße 1","Lakeside"],"locale":"de"}}"#;

/// Who signs checkpoints and exports; the same in every stack, so that what was signed can be verified later.
const SIGNING_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIHlsR1jyVYTDWWUOkS9rqroky3+gRMIw/B+wNwiBF1O3";

/// Keys that wrap those of subjects, below the repository's root; the same in every stack.
const KEY_FILE: &str = "xtask/compose/keys.json";

/// Accounts at the payment provider as it listens by default, below the repository's root.
const PROVIDERS_FILE: &str = "xtask/compose/providers.json";

/// Accounts at the identity providers as they listen by default, below the repository's root.
const IDENTITY_PROVIDERS_FILE: &str = "xtask/compose/identity-providers.json";

/// Secrets of webhooks that the provider's own accounts have where nobody says otherwise, by account, and whose money each takes.
const PROVIDER_ACCOUNTS: [(&str, &str, &str); 2] = [
    ("acct_town", "riverton", "whsec_HRbkVgiORG5IJpw+uFGFxRD8FCPemayp4uo1hUJAjoE="),
    ("acct_water", "lakeside", "whsec_1ayqRGPCaIoFyMpmAu6c0Dv2s1Jka1vGisw6rf6x0Iw="),
];

/// Accounts that the identity providers have by themselves, and whose cases each is for; of those that call back, the secret.
const IDENTITY_ACCOUNTS: [(&str, &str, &str, Option<&str>); 4] = [
    ("veritas", "veritas_town", "riverton", None),
    ("kompass", "kompass_town", "riverton", Some("whsec_XBt4kLBWlKEzEKGroy42e3MZV6KrMKrupVfbPhbTk4w=")),
    ("veritas", "veritas_water", "lakeside", None),
    ("kompass", "kompass_water", "lakeside", Some("whsec_kcu2XP9+TTrQ9LeAx9AB4DobyRu265wkNK9SH9LN3zg=")),
];

/// Whose documents each identity provider knows.
fn countries(provider: &str) -> &'static [&'static str] {
    match provider {
        "veritas" => &["DE", "ES", "FR", "GB", "IE", "IT", "NL", "PL", "US"],
        _ => &["AT", "CH", "DE", "LI", "LU", "NL"],
    }
}

/// Where the collector writes spans, a JSON object per line.
pub(crate) fn spans(stack_dir: &std::path::Path) -> std::path::PathBuf {
    stack_dir.join("spans.jsonl")
}

/// Where people find `bff`.
pub(crate) fn public_url(ports: &Ports) -> String {
    format!("http://localhost:{}", ports.get(Port::Bff))
}

fn collector(stack: &Stack) -> Result<Launch> {
    const KEEP: u64 = 256 << 20;
    let spans = spans(&stack.dir);
    if fs::metadata(&spans).is_ok_and(|file| file.len() > KEEP) {
        fs::remove_file(&spans)?;
    }
    let mut command = Command::new(compile::program(Profile::Dev, "otlp-collector")?);
    command.arg(format!("127.0.0.1:{}", stack.port(Port::Otlp))).arg(spans);
    Ok(Launch::new(command))
}

/// A provider of the sandbox, which knows everything again when it is started again.
fn provider(stack: &Stack, name: &str, port: Port) -> Result<Launch> {
    let mut command = Command::new(compile::program(Profile::Dev, name)?);
    command.arg(format!("127.0.0.1:{}", stack.port(port)));
    command.arg("--state").arg(stack.dir.join(format!("{name}.json")));
    Ok(Launch::new(command))
}

/// The file of `PAYMENT__PROVIDERS__FILE`: the accounts that the provider has by itself.
pub(crate) fn providers(at: &Addresses) -> String {
    let accounts = PROVIDER_ACCOUNTS.map(|(name, tenant, secret)| {
        serde_json::json!({
            "name": name,
            "tenant": tenant,
            "provider": "sandbox",
            "url": at.psp,
            "api_key": format!("sk_sandbox_{name}"),
            "webhook_secrets": [secret],
            "callback_url": format!("{}/webhooks/payments/{name}", at.callbacks),
        })
    });
    format!("{:#}\n", serde_json::json!({ "accounts": accounts }))
}

/// The file of `VERIFICATION__PROVIDERS__FILE`: the accounts that the identity providers have by themselves.
pub(crate) fn identity_providers(at: &Addresses) -> String {
    // Only where it is another machine's does an address in the clear have to be allowed.
    let is_here = at.idp.starts_with("http://127.0.0.1:");
    let accounts = IDENTITY_ACCOUNTS.map(|(provider, name, tenant, secret)| {
        let mut account = serde_json::json!({
            "name": name,
            "tenant": tenant,
            "provider": provider,
            "url": format!("{}/{provider}", at.idp),
            "api_key": format!("sk_sandbox_{name}"),
            "countries": countries(provider),
        });
        if !is_here {
            account["plain_http"] = "allowed".into();
        }
        if let Some(secret) = secret {
            account["webhook_secrets"] = [secret].into();
            account["callback_url"] = format!("{}/webhooks/identity/{name}", at.callbacks).into();
        }
        account
    });
    format!("{:#}\n", serde_json::json!({ "accounts": accounts }))
}

/// `serve`, after `migrate` where there is a database.
fn service(stack: &Stack, name: &str) -> Result<Launch> {
    let program = compile::program(stack.profile, name)?;
    let mut here = Addresses::on_this_machine(&stack.ports);
    // Services run below the stack's own folder.
    here.key_file = stack.root.join(KEY_FILE).to_string_lossy().into_owned();
    if name == "payment" {
        let file = stack.dir.join("providers.json");
        fs::write(&file, providers(&here)).context("the accounts at the payment provider")?;
        here.providers_file = file.to_string_lossy().into_owned();
    }
    if name == "verification" {
        let file = stack.dir.join("identity-providers.json");
        fs::write(&file, identity_providers(&here)).context("the accounts at the identity providers")?;
        here.identity_providers_file = file.to_string_lossy().into_owned();
    }
    let settings = settings(&here, name);
    if WITH_DATABASE.contains(&name) {
        let mut migrate = Command::new(&program);
        migrate.arg("migrate").envs(&settings).current_dir(&stack.dir);
        shell::run(&mut migrate, &stack.log(name)).context("its database could not be migrated")?;
    }
    let mut command = Command::new(program);
    command.arg("serve").envs(settings).current_dir(&stack.dir);
    Ok(Launch::new(command))
}

fn ready(stack: &Stack, port: Port) -> Result<()> {
    net::get(&format!("http://127.0.0.1:{}/ready", stack.port(port))).map(drop)
}

/// Where everything is that services are told of.
pub(crate) struct Addresses {
    pub(super) brokers: String,
    pub(super) sqs: String,
    pub(super) s3: String,
    /// S3 as browsers see it.
    pub(super) s3_public: String,
    pub(super) issuer: String,
    /// Where the issuer's discovery document is, when that is not the issuer itself.
    pub(super) discovery: Option<String>,
    pub(super) redis: String,
    pub(super) smtp: String,
    pub(super) clamd: String,
    pub(super) temporal: String,
    pub(super) key_file: String,
    pub(super) otlp: String,
    pub(super) bff_public: String,
    pub(super) bff: String,
    pub(super) document: String,
    pub(super) document_listens: String,
    pub(super) payment: String,
    pub(super) payment_listens: String,
    /// The payment provider.
    pub(super) psp: String,
    /// Where providers call.
    pub(super) callbacks: String,
    /// Accounts at the payment provider.
    pub(super) providers_file: String,
    pub(super) verification_listens: String,
    /// The identity providers.
    pub(super) idp: String,
    /// Accounts at the identity providers.
    pub(super) identity_providers_file: String,
    pub(super) notification: String,
    pub(super) notification_listens: String,
    pub(super) admin: BTreeMap<&'static str, String>,
    pub(super) databases: String,
}

impl Addresses {
    /// Everything on this machine, whichever way the servers run.
    pub(crate) fn on_this_machine(ports: &Ports) -> Self {
        let local = |port: Port| format!("127.0.0.1:{}", ports.get(port));
        Self {
            brokers: local(Port::Kafka),
            sqs: format!("http://{}", local(Port::Elasticmq)),
            s3: format!("http://{}", local(Port::Versitygw)),
            s3_public: format!("http://{}", local(Port::Versitygw)),
            discovery: None,
            issuer: keycloak::issuer(ports),
            redis: format!("redis://{}", local(Port::Redis)),
            smtp: format!("smtp://{}", local(Port::MaildevSmtp)),
            clamd: local(Port::Clamd),
            temporal: format!("http://{}", local(Port::Temporal)),
            key_file: KEY_FILE.to_owned(),
            otlp: format!("http://{}", local(Port::Otlp)),
            bff_public: public_url(ports),
            bff: local(Port::Bff),
            document: local(Port::Document),
            document_listens: local(Port::Document),
            payment: local(Port::Payment),
            payment_listens: local(Port::Payment),
            psp: format!("http://{}", local(Port::Psp)),
            callbacks: format!("http://{}", local(Port::Bff)),
            providers_file: PROVIDERS_FILE.to_owned(),
            verification_listens: local(Port::Verification),
            idp: format!("http://{}", local(Port::Idp)),
            identity_providers_file: IDENTITY_PROVIDERS_FILE.to_owned(),
            notification: local(Port::Notification),
            notification_listens: local(Port::Notification),
            admin: BTreeMap::from([
                ("bff", local(Port::BffAdmin)),
                ("document", local(Port::DocumentAdmin)),
                ("notification", local(Port::NotificationAdmin)),
                ("payment", local(Port::PaymentAdmin)),
                ("verification", local(Port::VerificationAdmin)),
                ("worker", local(Port::WorkerAdmin)),
            ]),
            databases: local(Port::Postgres),
        }
    }
}

/// A service's environment: full variable names and values.
pub(crate) fn settings(at: &Addresses, name: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let prefix = name.to_uppercase();
    let mut set = |variable: &str, value: &str| {
        settings.insert(format!("{prefix}__{variable}"), value.to_owned());
    };
    set("ADMIN__ADDR", at.admin.get(name).map_or("127.0.0.1:0", String::as_str));
    set("AUTH__ISSUER", &at.issuer);
    if let Some(discovery) = &at.discovery {
        set("AUTH__DISCOVERY_URL", discovery);
    }
    set("TELEMETRY__OTLP_ENDPOINT", &at.otlp);
    if !matches!(name, "document" | "payment") {
        set("AUTH__CLIENT_ID", &format!("svc-{name}"));
        set("AUTH__CLIENT_SECRET", &format!("svc-{name}-secret"));
    }
    set("KAFKA__BROKERS", &at.brokers);
    // The verification service sends no jobs.
    if !matches!(name, "bff" | "verification") {
        set("SQS__ENDPOINT", &at.sqs);
        set("SQS__REGION", versitygw::REGION);
        set("SQS__ACCESS_KEY_ID", "local");
        set("SQS__SECRET_ACCESS_KEY", "local");
    }
    if matches!(name, "document" | "payment" | "verification" | "worker") {
        set("S3__ENDPOINT", &at.s3);
        set("S3__PUBLIC_ENDPOINT", &at.s3_public);
        set("S3__REGION", versitygw::REGION);
        set("S3__ACCESS_KEY_ID", versitygw::ACCESS_KEY);
        set("S3__SECRET_ACCESS_KEY", versitygw::SECRET_KEY);
    }
    if matches!(name, "document" | "worker") {
        set("S3__REPLICA_BUCKET", &Topology::get().bucket(Purpose::Replica).name);
    }
    if WITH_DATABASE.contains(&name) {
        for (variable, role) in [("DB__URL", "app"), ("DB__SYSTEM_URL", "system"), ("DB__OWNER_URL", "owner")]
        {
            set(variable, &postgres::service_url(&at.databases, name, role));
        }
    }
    if WITH_KEYS.contains(&name) {
        set("KMS__KEY_FILE", &at.key_file);
    }
    if WITH_AUDIT.contains(&name) {
        set("AUDIT__SIGNING_KEY", SIGNING_KEY);
    }
    let document = format!("http://{}", at.document);
    let payment = format!("http://{}", at.payment);
    let notification = format!("http://{}", at.notification);
    match name {
        "document" => set("GRPC__ADDR", &at.document_listens),
        "payment" => {
            set("GRPC__ADDR", &at.payment_listens);
            set("PROVIDERS__FILE", &at.providers_file);
            // Whoever tries out a bank that does not answer need not wait for long.
            set("PROVIDERS__PATIENCE_SECONDS", "5");
        }
        "verification" => {
            set("GRPC__ADDR", &at.verification_listens);
            set("DOCUMENT__URL", &document);
            set("PROVIDERS__FILE", &at.identity_providers_file);
        }
        "notification" => {
            set("GRPC__ADDR", &at.notification_listens);
            set("DOCUMENT__URL", &document);
        }
        "worker" => {
            set("ROLES", "scan,mail,preview,integrity,pdf,workflows");
            set("DOCUMENT__URL", &document);
            set("PAYMENT__URL", &payment);
            set("TEMPORAL__URL", &at.temporal);
            set("NOTIFICATION__URL", &notification);
            set("PDF__ISSUERS", ISSUERS);
            set("CLAMD__ADDR", &at.clamd);
            set("SMTP__URL", &at.smtp);
            set("SMTP__FROM", "Guildhall <noreply@guildhall.local>");
        }
        _ => {
            set("HTTP__ADDR", &at.bff);
            set("HTTP__PUBLIC_URL", &at.bff_public);
            set("HTTP__UPLOAD_ORIGIN", &at.s3_public);
            set("OIDC__CLIENT_ID", "portal");
            set("OIDC__CLIENT_SECRET", "portal-secret");
            set("REDIS__URL", &at.redis);
            set("DOCUMENT__URL", &document);
            set("PAYMENT__URL", &payment);
            set("NOTIFICATION__URL", &notification);
        }
    }
    settings
}
