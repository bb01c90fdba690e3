//! Everything with an `if`: the local stack, the tests' servers, and the repository's own checks.
//!
//! It builds without protoc and without any server, because it is what installs and starts them.
#![expect(clippy::print_stderr, reason = "a command line tool speaks to its terminal")]

/// `println!` that goes on when nobody reads any more, as in `cargo xtask trace … | head`: a stack must still be
/// stopped in good order.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod bench;
mod charts;
mod checks;
mod clean;
mod compile;
mod crash;
mod demo;
mod dependencies;
mod doctor;
mod fuzz;
mod large;
mod logs;
mod mutants;
mod net;
mod paths;
mod pdf;
mod progress;
mod promote;
mod release_notes;
mod repository;
mod shell;
mod sqlx;
mod stack;
mod status;
mod terraform;
mod test;
mod tidy;
mod token;
mod trace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs, tests and checks Guildhall.", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Takes one citizen's documents through the whole stack and shows each step.
    Demo(demo::Args),
    /// Installs what is missing, starts the servers and the services, and leaves them running.
    Up(stack::up::Args),
    /// Stops exactly what `up` started; data stays.
    Down,
    /// Says what runs, how much memory it takes, and how long it took until it served.
    Status,
    /// Shows what a server or service wrote.
    Logs(logs::Args),
    /// Says which way the stack goes here, what is missing, and how to get it.
    Doctor(doctor::Args),
    /// Hands in documents of several people, to have something to look at.
    Seed,
    /// Prints an access token of the local realm.
    Token(token::Args),
    /// Prints one trace as a tree.
    Trace(trace::Args),
    /// Stops the stacks and removes their data; installed tools stay.
    Clean,
    /// Runs every test on servers of its own, on free ports.
    Test(test::Args),
    /// Measures a path beside raw tools and peers, on servers of its own.
    Bench(bench::Args),
    /// Feeds made-up inputs to every parser on a document's path, and says which it could not take.
    Fuzz(fuzz::Args),
    /// Puts faults into the code that decides, one by one, and says which of them its unit tests do not notice.
    Mutants(mutants::Args),
    /// Kills processes at every step of a fact's way and counts what was lost, doubled or out of order.
    Crash(crash::Args),
    /// Hands in gigabytes over a link that is cut, and follows them to the download after a review.
    LargeUpload(large::Args),
    /// Checks house rules that no compiler knows.
    Tidy,
    /// Checks terraform/ without an account: tests, policies over what would be made, the charts' contract.
    Terraform(terraform::Args),
    /// Prints what an environment's Terraform tells the charts, once it is as its schema says.
    TfOutputs(terraform::OutputArgs),
    /// Checks helm/ and gitops/ without a cluster: renders, policies, schemas, mistakes in values.
    Charts(charts::Args),
    /// Writes which released image an environment runs; the commit of it is the promotion.
    Promote(promote::Args),
    /// Prints what operators have to know of a version: its part of CHANGELOG.md, and the changes behind it.
    ReleaseNotes(release_notes::Args),
    /// Compares which crate uses which with the committed list.
    CheckDeps(dependencies::Args),
    /// Has the PDFs that are sent validated as PDF/A-2b and PDF/UA-1.
    PdfCheck(pdf::Args),
    /// Stops a private stack's servers once the xtask that started them is gone.
    #[command(hide = true)]
    Guard(stack::guard::Args),
    /// Renews the descriptions of SQL statements that builds check against.
    Sqlx(sqlx::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(args) => return demo::run(&args),
        Command::Seed => return demo::seed(),
        Command::Bench(args) => return bench::run(&args),
        Command::Crash(args) => return crash::run(&args),
        Command::Fuzz(args) => return fuzz::run(&args),
        Command::Mutants(args) => return mutants::run(&args),
        Command::LargeUpload(args) => return large::run(&args),
        Command::Up(args) => stack::up::run(&args)?,
        Command::Down => stack::down::run()?,
        Command::Status => status::run()?,
        Command::Logs(args) => logs::run(&args)?,
        Command::Doctor(args) => doctor::run(&args)?,
        Command::Token(args) => token::run(&args)?,
        Command::Trace(args) => trace::run(&args)?,
        Command::Clean => clean::run()?,
        Command::Test(args) => return test::run(&args),
        Command::Tidy => tidy::run()?,
        Command::Terraform(args) => terraform::run(&args)?,
        Command::TfOutputs(args) => return terraform::outputs(&args),
        Command::Charts(args) => charts::run(&args)?,
        Command::Promote(args) => promote::run(&args)?,
        Command::ReleaseNotes(args) => release_notes::run(&args)?,
        Command::CheckDeps(args) => dependencies::run(&args)?,
        Command::PdfCheck(args) => pdf::run(&args)?,
        Command::Guard(args) => stack::guard::run(&args)?,
        Command::Sqlx(args) => sqlx::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
