//! `cargo xtask demo` and `seed`: the journeys of `tests/e2e` on a stack.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::compile::{self, Profile};
use crate::paths;
use crate::stack::ports::{Port, Ports};
use crate::stack::{Stack, down, env, services, up};

/// What `demo` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Stop everything afterwards.
    #[arg(long)]
    once: bool,
    /// Services as they are shipped; building them takes many times longer.
    #[arg(long)]
    release: bool,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

/// Brings the stack up, takes a citizen's documents through it, and says what happened.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut stack = Stack::development()?;
    stack.yes = args.yes;
    if args.release {
        stack.profile = Profile::Release;
    }
    let outcome = up::everything(&stack).and_then(|()| {
        say!();
        let status = program(&stack, &[])?.status().context("cannot run the demo")?;
        Ok(status.success() && books(&stack)?)
    });
    if args.once {
        say!();
        let stopped = down::stop(&stack);
        let good = outcome?;
        stopped?;
        return Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if !outcome? {
        say!("\nThe stack still runs: `cargo xtask logs`, `cargo xtask status`, `cargo xtask down`.");
        return Ok(ExitCode::FAILURE);
    }
    invite(&stack.ports);
    Ok(ExitCode::SUCCESS)
}

/// Proves the books of the tenant that the demo is about, and prints what its accounts have come to. Says whether they are right.
fn books(stack: &Stack) -> Result<bool> {
    let settings = services::settings(&services::Addresses::on_this_machine(&stack.ports), "payment");
    let ledger = |what: &str| {
        let mut command = Command::new(compile::program(stack.profile, "payment")?);
        command.args(["ledger", what, "--tenant", "riverton"]).envs(&settings).current_dir(&stack.dir);
        Ok::<_, anyhow::Error>(
            command.status().context("cannot run the payment service's program")?.success(),
        )
    };
    say!();
    Ok(ledger("balances")? && ledger("verify")?)
}

/// Hands in a few documents of several people, to have something to look at.
pub(crate) fn seed() -> Result<ExitCode> {
    let stack = Stack::development()?;
    let running = services::SERVICES.iter().all(|service| stack.state.get(service.name).is_some());
    ensure!(running, "the services do not run; start them with `cargo xtask up`");
    let status = program(&stack, &["--seed"])?.status().context("cannot run the demo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn program(stack: &Stack, args: &[&str]) -> Result<Command> {
    let mut command = Command::new(compile::program(stack.profile, "demo")?);
    command
        .args(args)
        .arg("--keep")
        .arg(paths::target().join("demo"))
        .envs(env::variables(stack))
        .env("GUILDHALL_BFF_URL", format!("{}/", services::public_url(&stack.ports).trim_end_matches('/')));
    Ok(command)
}

/// Who can sign in, where to look, and three lines to paste.
fn invite(ports: &Ports) {
    let bff = services::public_url(ports);
    let bff = bff.trim_end_matches('/');
    let (grpc, mail) = (ports.get(Port::Document), ports.get(Port::MaildevWeb));
    say!(
        "
Everything runs. Sign in at {bff} with Chromium or Firefox:
  ada, ben   citizens of riverton     cleo  citizen of lakeside     sam  staff of riverton
  max  admin of riverton, who publishes policies
  the password is the name with -pw

  page       {bff}
  API        {bff}/docs
  mails      http://localhost:{mail}
  gRPC       localhost:{grpc}

  curl -H \"authorization: Bearer $(cargo xtask token ada)\" {bff}/v1/documents
  curl -N -H \"authorization: Bearer $(cargo xtask token ada)\" '{bff}/v1/events?after=0'
  grpcurl -plaintext -H \"authorization: Bearer $(cargo xtask token ada)\" localhost:{grpc} guildhall.document.v1.DocumentService/ListDocuments

`cargo xtask status` shows it, `cargo xtask down` stops it."
    );
}
