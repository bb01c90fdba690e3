//! `cargo xtask token`: an access token of the local realm.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::net;
use crate::stack::ports::Ports;
use crate::stack::state::State;
use crate::stack::{development_dir, keycloak};

/// What `token` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A person (`ada`, `ben`, `cleo`, `sam`) or a client (`partner-riverton`, `svc-worker`, …).
    who: String,
}

/// Prints a token and nothing else.
pub(crate) fn run(args: &Args) -> Result<()> {
    let ports = Ports::from_env(&State::load(&development_dir())?)?;
    say!("{}", fetch(&ports, &args.who)?);
    Ok(())
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
}

/// Signs in with what the local realm has: a person's password is the name with `-pw`, a client's secret with `-secret`.
pub(crate) fn fetch(ports: &Ports, who: &str) -> Result<String> {
    let client = who.starts_with("svc-") || who.starts_with("partner-");
    let (secret, password) = (format!("{who}-secret"), format!("{who}-pw"));
    let form: Vec<(&str, &str)> = if client {
        vec![("grant_type", "client_credentials"), ("client_id", who), ("client_secret", &secret)]
    } else {
        vec![
            ("grant_type", "password"),
            ("client_id", "portal"),
            ("client_secret", "portal-secret"),
            ("username", who),
            ("password", &password),
            ("scope", "openid"),
        ]
    };
    let url = format!("{}/protocol/openid-connect/token", keycloak::issuer(ports));
    let mut response = net::agent(Duration::from_secs(15))
        .post(&url)
        .send_form(form)
        .with_context(|| format!("{url} does not answer; start the stack: cargo xtask up"))?;
    let body = response.body_mut().read_to_string()?;
    if response.status() != 200 {
        bail!("{who} gets no token ({}): {body}", response.status());
    }
    let answer: Answer = serde_json::from_str(&body).context("Keycloak's answer holds no token")?;
    Ok(answer.access_token)
}
