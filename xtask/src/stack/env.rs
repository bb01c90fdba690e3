//! `target/stack/env`: how to reach the servers, as `KEY=VALUE` lines. `testkit` reads it, and so can a shell.

use std::fs;

use anyhow::{Context, Result};

use super::ports::Port;
use super::{Stack, kafka, keycloak, moto, postgres, stripe_mock, temporal, versitygw};

/// The variables tests find the servers by.
pub(crate) fn variables(stack: &Stack) -> Vec<(&'static str, String)> {
    let local = |port: Port| format!("127.0.0.1:{}", stack.port(port));
    let mut variables = vec![
        ("GUILDHALL_PG_ADMIN_URL", postgres::admin_url(stack)),
        ("GUILDHALL_REDIS_URL", format!("redis://{}", local(Port::Redis))),
        ("GUILDHALL_KAFKA_BROKERS", kafka::brokers(stack)),
        ("GUILDHALL_SQS_ENDPOINT", format!("http://{}", local(Port::Elasticmq))),
        ("GUILDHALL_S3_ENDPOINT", format!("http://{}", local(Port::Versitygw))),
        ("GUILDHALL_S3_ACCESS_KEY", versitygw::ACCESS_KEY.to_owned()),
        ("GUILDHALL_S3_SECRET_KEY", versitygw::SECRET_KEY.to_owned()),
        ("GUILDHALL_OIDC_ISSUER", keycloak::issuer(&stack.ports)),
        ("GUILDHALL_SMTP_URL", format!("smtp://{}", local(Port::MaildevSmtp))),
        ("GUILDHALL_MAIL_API", format!("http://{}", local(Port::MaildevWeb))),
        ("GUILDHALL_CLAMD_ADDR", local(Port::Clamd)),
        ("GUILDHALL_TEMPORAL_URL", temporal::url(stack)),
    ];
    // Started for tests alone.
    if stack.state.get(moto::SERVER.name).is_some() {
        variables.push(("GUILDHALL_KMS_ENDPOINT", moto::url(stack)));
    }
    if stack.state.get(stripe_mock::SERVER.name).is_some() {
        variables.push(("GUILDHALL_STRIPE_URL", stripe_mock::url(stack)));
    }
    variables
}

/// Writes the file.
pub(crate) fn write(stack: &Stack) -> Result<()> {
    let text: String = variables(stack).iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let file = stack.dir.join("env");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}
