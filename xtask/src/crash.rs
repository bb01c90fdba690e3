//! `cargo xtask crash`: the event backbone under kills and faults, documents and their objects under kills, money under kills and under
//! faults of its provider, and the running services under kills.

mod control;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::compile::{self, Profile};
use crate::stack::ports::Port;
use crate::stack::private::{self, Plan};
use crate::stack::{
    CRASH, Server, Stack, clamd, elasticmq, env, kafka, maildev, postgres, redis, temporal, toxiproxy,
    versitygw,
};
use crate::{paths, test};

use control::Control;

/// What `crash` can be told.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    backbone: Backbone,
}

#[derive(clap::Subcommand)]
enum What {
    /// Kills the running services during concurrent journeys instead.
    Journeys(Journeys),
    /// Kills document and worker at every step of a document's life, and compares rows, objects and events.
    Documents(Documents),
    /// Kills payment and worker at every step of a payment while the provider does everything wrong that it can, and compares bills,
    /// ledger, settlements, feeds and mails with the provider's books.
    Payments(Payments),
}

/// Append, relay, broker, inbox, offset: killed at every step.
#[derive(clap::Args)]
struct Backbone {
    /// Two minutes of it; what is done when nothing else is asked for.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Until each role was killed `--kills` times; goes on where an interrupted run stopped.
    #[arg(long)]
    full: bool,
    /// Kills of each role in a full run.
    #[arg(long, default_value_t = 500)]
    kills: u64,
    /// Forget what an interrupted full run has done.
    #[arg(long)]
    fresh: bool,
    /// Choose kills and faults as an earlier run did.
    #[arg(long)]
    seed: Option<u64>,
    /// Instead of killing: publish so many events whose transactions commit late and out of order.
    #[arg(long, conflicts_with_all = ["quick", "full"])]
    commits: Option<u64>,
    /// Build as shipped; takes many times longer.
    #[arg(long)]
    release: bool,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args)]
struct Journeys {
    /// Journeys in all.
    #[arg(long, default_value_t = 50)]
    journeys: usize,
    /// How often each service is killed.
    #[arg(long, default_value_t = 1)]
    kills: usize,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args)]
struct Documents {
    /// A minute of kills; what is done when nothing else is asked for.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Until each service was killed `--kills` times, and at each point.
    #[arg(long)]
    full: bool,
    /// Kills of each service in a full run.
    #[arg(long, default_value_t = 100)]
    kills: u64,
    /// Choose kills and journeys as an earlier run did.
    #[arg(long)]
    seed: Option<u64>,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args)]
struct Payments {
    /// A minute of kills; what is done when nothing else is asked for.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Until each service was killed `--kills` times, and at each point, and a payment was made by each script.
    #[arg(long)]
    full: bool,
    /// Kills of each service in a full run.
    #[arg(long, default_value_t = 100)]
    kills: u64,
    /// Minutes after which a full run judges what it has come to, and has failed where that is less than was asked for.
    #[arg(long, default_value_t = 40)]
    minutes: u64,
    /// Instead: a run of 10,000 bills, killed five times.
    #[arg(long, conflicts_with_all = ["quick", "full"])]
    run: bool,
    /// Instead: Temporal away for a minute under two payments a second.
    #[arg(long, conflicts_with_all = ["quick", "full", "run"])]
    temporal: bool,
    /// Choose kills and payments as an earlier run did.
    #[arg(long)]
    seed: Option<u64>,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

/// Runs what was asked for; fails when anything was lost, doubled or out of order.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        Some(What::Journeys(args)) => journeys(args),
        Some(What::Documents(args)) => documents(args),
        Some(What::Payments(args)) => payments(args),
        None => backbone(&args.backbone),
    }
}

/// Kills services during journeys, on servers of their own.
fn journeys(args: &Journeys) -> Result<ExitCode> {
    test::with_servers(false, args.yes, |stack| {
        let status = Command::new(compile::program(Profile::Dev, "crash")?)
            .args(["--journeys", &args.journeys.to_string(), "--kills", &args.kills.to_string()])
            .envs(env::variables(stack))
            .status()
            .context("cannot run the crash test")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Kills the services of `tests/custody`, on servers of their own.
fn documents(args: &Documents) -> Result<ExitCode> {
    let mut stack = Stack::private(CRASH)?;
    stack.yes = args.yes;
    let plan = Plan {
        name: CRASH,
        servers: vec![
            &kafka::SERVER,
            &elasticmq::SERVER,
            &versitygw::SERVER,
            &postgres::SERVER,
            &clamd::SERVER,
        ],
        needs: &[],
        build: |stack| {
            let log = stack.log("build");
            compile::package(&stack.root, stack.profile, "custody", "failpoints", stack.progress, &log)
        },
        keep: false,
    };
    private::with(&stack, &plan, |stack| {
        let mut command = Command::new(compile::program(stack.profile, "custody")?);
        command.arg("run").arg("--dir").arg(paths::target().join("crash-documents"));
        if args.full {
            command.args(["--kills", &args.kills.to_string()]);
        }
        if let Some(seed) = args.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        let status = command.envs(env::variables(stack)).status().context("cannot run the crash test")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Kills the services of `tests/till`, on servers of their own.
fn payments(args: &Payments) -> Result<ExitCode> {
    let mut stack = Stack::private(CRASH)?;
    stack.yes = args.yes;
    let (what, more): (_, &[&'static Server]) = match args {
        Payments { run: true, .. } => ("run", &[&clamd::SERVER]),
        Payments { temporal: true, .. } => ("temporal", &[]),
        Payments { .. } => ("payments", &[&redis::SERVER, &maildev::SERVER]),
    };
    let mut servers =
        vec![&temporal::SERVER, &kafka::SERVER, &elasticmq::SERVER, &versitygw::SERVER, &postgres::SERVER];
    servers.extend(more);
    let plan = Plan {
        name: CRASH,
        servers,
        needs: &[],
        build: |stack| {
            let log = stack.log("build");
            compile::package(&stack.root, stack.profile, "till", "failpoints", stack.progress, &log)
        },
        keep: false,
    };
    private::with(&stack, &plan, |stack| {
        let control = Control::open()?;
        let mut command = Command::new(compile::program(stack.profile, "till")?);
        command.arg(what).arg("--dir").arg(paths::target().join("crash-payments"));
        if args.full {
            command.args(["--kills", &args.kills.to_string(), "--minutes", &args.minutes.to_string()]);
        }
        if let Some(seed) = args.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        command.envs(env::variables(stack)).env("GUILDHALL_CONTROL", control.address());
        let status = control.serve(stack, &mut command)?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Kills the roles of `tests/backbone`, on servers of their own behind proxies of their own.
fn backbone(args: &Backbone) -> Result<ExitCode> {
    let mut stack = Stack::private(CRASH)?;
    stack.yes = args.yes;
    stack.kafka_advertises = Some(Port::ToxiKafka);
    if args.release {
        stack.profile = Profile::Release;
    }
    let plan = Plan {
        name: CRASH,
        servers: vec![&postgres::SERVER, &kafka::SERVER, &elasticmq::SERVER, &toxiproxy::SERVER],
        needs: &[],
        build: |stack| {
            let log = stack.log("build");
            compile::package(&stack.root, stack.profile, "backbone", "failpoints", stack.progress, &log)
        },
        keep: false,
    };
    private::with(&stack, &plan, |stack| {
        let control = Control::open()?;
        let mut command = Command::new(compile::program(stack.profile, "backbone")?);
        command
            .args(arguments(args))
            .arg("--dir")
            .arg(paths::target().join("crash"))
            .envs(env::variables(stack))
            .env("GUILDHALL_CONTROL", control.address())
            .env("BACKBONE_TOXIPROXY", toxiproxy::url(stack));
        for (name, port) in [
            ("BACKBONE_PROXY_POSTGRES", Port::ToxiPostgres),
            ("BACKBONE_PROXY_KAFKA", Port::ToxiKafka),
            ("BACKBONE_PROXY_SQS", Port::ToxiElasticmq),
        ] {
            command.env(name, format!("127.0.0.1:{}", stack.port(port)));
        }
        let status = control.serve(stack, &mut command)?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn arguments(args: &Backbone) -> Vec<String> {
    let mut words = match args.commits {
        Some(events) => vec!["commits".to_owned(), "--events".to_owned(), events.to_string()],
        None if args.full => vec!["full".to_owned(), "--kills".to_owned(), args.kills.to_string()],
        None => vec!["quick".to_owned()],
    };
    if args.full && args.fresh {
        words.push("--fresh".to_owned());
    }
    if let Some(seed) = args.seed {
        words.extend(["--seed".to_owned(), seed.to_string()]);
    }
    words
}
