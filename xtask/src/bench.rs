//! `cargo xtask bench`: a path of the system beside the raw tools and its peers, on servers of its own.

mod peers;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::compile::{self, cargo};
use crate::stack::private::{self, Plan};
use crate::stack::system::{BUILD_NEEDS, postgres_bin};
use crate::stack::{BENCHES, SERVERS, Stack, Tuning, env, kafka, system};
use crate::{paths, shell};

/// Beside what every stack sets: durable, room enough that no checkpoint falls into one contender's turn and not into
/// another's, and ready for logical decoding, which some peers need, for all of them.
const POSTGRES: [&str; 8] = [
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "wal_level=logical",
    "max_replication_slots=8",
    "max_wal_senders=8",
];

/// A bench and the servers it needs.
struct Bench {
    path: &'static str,
    servers: &'static [&'static str],
    /// Services that the harness starts, from the folder that it is built into.
    services: &'static [&'static str],
}

const PATHS: [Bench; 8] = [
    Bench { path: "outbox", servers: &["postgres", "kafka"], services: &[] },
    Bench { path: "consumer", servers: &["postgres", "kafka"], services: &[] },
    Bench { path: "idempotency", servers: &["postgres"], services: &[] },
    Bench { path: "ledger", servers: &["postgres"], services: &[] },
    Bench { path: "presign", servers: &["versitygw"], services: &[] },
    Bench { path: "pdf", servers: &[], services: &[] },
    Bench { path: "workflow", servers: &["temporal"], services: &[] },
    Bench {
        path: "documents",
        servers: &["postgres", "kafka", "elasticmq", "versitygw", "clamd"],
        services: &["document", "worker"],
    },
];

/// What `bench` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// outbox, consumer, idempotency, ledger, presign, pdf, workflow or documents.
    path: String,
    /// Small runs that show whether it works; their figures mean little.
    #[arg(long)]
    quick: bool,
    /// Rounds of each measurement; five unless told, two with --quick.
    #[arg(long)]
    rounds: Option<usize>,
    /// A millisecond more for each fdatasync of PostgreSQL, as disks have that a data centre can lose.
    #[arg(long)]
    slow_disk: bool,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
    /// Handed to the harness.
    #[arg(last = true)]
    harness: Vec<OsString>,
}

/// Builds the peers and the harness, starts the servers, measures, stops the servers.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Some(bench) = PATHS.iter().find(|bench| bench.path == args.path) else {
        let paths: Vec<&str> = PATHS.iter().map(|bench| bench.path).collect();
        bail!("there is no bench {:?}; there are {}", args.path, paths.join(", "));
    };
    let mut stack = Stack::private(BENCHES)?;
    stack.yes = args.yes;
    stack.tuning = Tuning::Measured;
    stack.postgres_settings = POSTGRES.map(str::to_owned).to_vec();
    // Before the servers start: what is measured must not share the machine with a compiler.
    system::can_be_met(&stack, BUILD_NEEDS.iter())?;
    system::require(&stack, BUILD_NEEDS.iter())?;
    let peers = peers::build(&stack, bench.path)?;
    let package = format!("bench-{}", bench.path);
    let mut build = cargo(&stack.root)?;
    // Nothing but what runs: the others have dependencies that take minutes.
    build.args(["build", "--locked", "--profile", "bench", "--package", &package]);
    build.args(bench.services.iter().flat_map(|service| ["--package", service]));
    compile::watched(&mut build, &package, stack.progress, &stack.log("build"))?;

    if args.slow_disk {
        stack.postgres_preload = Some(slow_disk(&stack)?);
    }
    let servers = SERVERS.iter().filter(|server| bench.servers.contains(&server.name)).collect();
    let plan = Plan { name: BENCHES, servers, needs: &[], build: |_| Ok(()), keep: false };
    let status = private::with(&stack, &plan, |stack| {
        let mut harness = Command::new(paths::build()?.join("release").join(&package));
        harness.current_dir(&stack.root).envs(env::variables(stack)).envs(peers);
        for &server in bench.servers {
            let entry = stack.state.get(server).with_context(|| format!("{server} is gone"))?;
            harness.env(format!("BENCH_PID_{}", server.to_uppercase()), entry.identity.pid.to_string());
        }
        harness
            .env("BENCH_OUT", paths::target().join("bench"))
            .env("BENCH_POSTGRES_BIN", postgres_bin().context("PostgreSQL is gone")?)
            .env("BENCH_KAFKA_LIBS", kafka::libraries()?);
        if args.quick {
            harness.arg("--quick");
        }
        if let Some(rounds) = args.rounds {
            harness.arg("--rounds").arg(rounds.to_string());
        }
        if args.slow_disk {
            harness.args(["--result", &format!("{}-slow-disk", bench.path)]);
        }
        harness.args(&args.harness).status().with_context(|| format!("cannot run {package}"))
    })?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What makes fdatasync slow; PostgreSQL calls it for each flush of its log.
const SLOW_DISK: &str = r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int fdatasync(int fd) {
    static int (*real)(int);
    struct timespec more = {0, 1000000};
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    nanosleep(&more, 0);
    return real(fd);
}
"#;

/// Compiles it where PostgreSQL's user may read it.
fn slow_disk(stack: &Stack) -> Result<PathBuf> {
    let source = stack.dir.join("slow-disk.c");
    fs::write(&source, SLOW_DISK)?;
    let library = std::env::temp_dir().join(format!("guildhall-slow-disk-{}.so", std::process::id()));
    let mut compile = Command::new("cc");
    compile.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    shell::run(&mut compile, &stack.log("build"))?;
    Ok(library)
}
