//! Who takes part, and a turn of each.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use bench_report::{Env, Sample, peer, rehearsed};
use secrecy::ExposeSecret as _;

use crate::database::{Ledger, Plain};
use crate::ours::Unit;

/// pgbench's unit of rows: as many branches as there are towns, so that clients wait for each other as often.
const SCALE: [&str; 2] = ["--scale", "10"];
/// What reading, then writing a row for what an account has come to adds to what we do.
const LOCK: &str = "select amount from balances where tenant = 'town-' || :town and account_id in (bench_id(5, :town), bench_id(6, :payer))
order by account_id for update;
";
const WRITE: &str =
    "update balances set amount = amount + case account_id when bench_id(5, :town) then 10000 else -10000 end
where tenant = 'town-' || :town and account_id in (bench_id(5, :town), bench_id(6, :payer));
";
const CHARGE: &str = include_str!("capture.sql");

/// How much is done, and by how many at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) clients: u32,
    /// A multiple of the clients.
    pub(crate) count: u64,
}

impl Load {
    fn each(self) -> u64 {
        self.count / u64::from(self.clients)
    }

    /// Enough for every connection to have prepared its statements, and not so few that a process is cold.
    fn warm(self) -> u64 {
        u64::from(self.clients) * 20
    }
}

/// What pgbench does with work of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balances {
    /// They are sums.
    Summed,
    /// They are rows, which are locked.
    Locked,
}

/// Everybody's databases.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) ledger: Ledger,
    pub(crate) hot: Ledger,
    tpcb: Plain,
    cala: Plain,
    /// Numbers of what comes next: what a turn that has failed did is not done again.
    next_posting: u64,
    next_transaction: u64,
}

impl World {
    pub(crate) async fn make(env: Env, towns: u64) -> Result<Self> {
        fs::create_dir_all(&env.out)?;
        let tpcb = Plain::make(&env, "bench_tpcb").await?;
        let mut fill = Command::new(env.postgres_program("pgbench")?);
        fill.args(["--initialize", "--quiet"]).args(SCALE).arg(tpcb.url.as_str());
        let filled = fill.output().context("cannot run pgbench")?;
        ensure!(filled.status.success(), "pgbench: {}", String::from_utf8_lossy(&filled.stderr));
        let cala = Plain::make(&env, "bench_cala").await?;
        if let Ok(built) = peer("cala") {
            let mut prepare = Command::new(built.join("cala"));
            let made = prepare.args(["prepare", cala.url.as_str(), &towns.to_string()]).output()?;
            ensure!(made.status.success(), "cala: {}", String::from_utf8_lossy(&made.stderr));
        }
        Ok(Self {
            ledger: Ledger::make(&env, "bench_ledger", towns, 1_000).await?,
            hot: Ledger::make(&env, "bench_ledger_hot", 1, 1_000).await?,
            env,
            tpcb,
            cala,
            next_posting: 0,
            next_transaction: 0,
        })
    }

    /// pgbench's own bank: seven statements a transaction.
    pub(crate) async fn tpcb(&mut self, load: Load) -> Result<Sample> {
        self.tpcb.rest().await?;
        let url = self.tpcb.url.as_str();
        let sample = self.env.pgbench(url, load.clients.into(), load.each(), &["--builtin=tpcb-like"])?;
        self.tpcb.check_tpcb().await?;
        Ok(sample)
    }

    /// Entries of two postings, and an event, under a key.
    pub(crate) async fn post(&mut self, load: Load) -> Result<Sample> {
        let (first, made) = (self.next_posting, load.warm() + load.count);
        self.next_posting += made;
        self.ledger.work(0).await?;
        let before = self.ledger.adjustments().await?;
        let sample = ours(&self.env, &self.ledger, Unit::Post, load, first)?;
        self.ledger.check_posted(before, made).await?;
        Ok(sample)
    }

    /// cala-ledger, whose transactions have two entries.
    pub(crate) async fn cala(&mut self, load: Load, towns: u64) -> Result<Sample> {
        let mut command = Command::new(peer("cala")?.join("cala"));
        let (first, made) = (self.next_transaction, load.warm() + load.count);
        self.next_transaction += made;
        self.cala.rest().await?;
        let before = self.cala.cala().await?;
        let numbers = [first, load.warm(), load.count, load.clients.into(), towns];
        command.args(["post", self.cala.url.as_str()]).args(numbers.map(|number| number.to_string()));
        let sample = rehearsed(&mut command, load.count, Some(self.env.postgres))?.sample(load.count);
        self.cala.check_cala(before, made).await?;
        Ok(sample)
    }
}

/// Our own process, which has the payments charged that wait in `ledger`.
pub(crate) async fn charge(env: &Env, ledger: &mut Ledger, load: Load) -> Result<Sample> {
    let made = load.warm() + load.count;
    let first = ledger.work(made).await?;
    let sample = ours(env, ledger, Unit::Charge, load, first)?;
    ledger.check_charged(first, made).await?;
    Ok(sample)
}

fn ours(env: &Env, ledger: &Ledger, unit: Unit, load: Load, first: u64) -> Result<Sample> {
    let mut command = Command::new(std::env::current_exe()?);
    let unit = if unit == Unit::Charge { "charge" } else { "post" };
    command
        .args(["ours", "--unit", unit, "--app-url", ledger.app_url()])
        .args(["--system-url", ledger.urls.system.expose_secret()]);
    let numbers = [
        ("--first", first),
        ("--warm", load.warm()),
        ("--count", load.count),
        ("--clients", load.clients.into()),
        ("--towns", ledger.towns),
    ];
    for (name, number) in numbers {
        command.arg(name).arg(number.to_string());
    }
    Ok(rehearsed(&mut command, load.count, Some(env.postgres))?.sample(load.count))
}

/// The same statements as a script of pgbench's, by the same login.
pub(crate) async fn script(env: &Env, ledger: &mut Ledger, load: Load, balances: Balances) -> Result<Sample> {
    let text = match balances {
        Balances::Summed => CHARGE.to_owned(),
        Balances::Locked => CHARGE.replace("-- lock\n", LOCK).replace("-- write\n", WRITE),
    };
    let file = env.out.join("ledger-charge.sql");
    fs::write(&file, text)?;
    let made = load.each() * u64::from(load.clients);
    let first = ledger.work(made).await?;
    let file = file.to_str().context("the result's folder has a name that is no text")?;
    let numbers = [("first", first), ("each", load.each()), ("i", 0), ("towns", ledger.towns)];
    let numbers = numbers.map(|(name, number)| format!("--define={name}={number}"));
    let mut arguments = vec!["--file", file];
    arguments.extend(numbers.iter().map(String::as_str));
    let sample = env.pgbench(ledger.app_url(), load.clients.into(), load.each(), &arguments)?;
    ledger.check_charged(first, made).await?;
    if balances == Balances::Locked {
        ledger.check_balances(made).await?;
    }
    Ok(sample)
}
