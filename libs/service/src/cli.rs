//! The command line, exit codes, and the runtime around a service.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rpc_error::Chain;

use crate::{BoxError, healthcheck};

/// What a service's binary can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the service until SIGTERM or SIGINT
    Serve,
    /// Bring the database to this version and end
    Migrate,
    /// Ask the running service how it is: exit 0 when well, 1 when not
    Healthcheck(healthcheck::Args),
}

#[derive(Parser)]
#[command(version, about = "One service of Guildhall. Settings come from the environment.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Reads the command line of a service without subcommands of its own.
///
/// A wrong one ends the process with [`settings::EXIT_CODE`], `--help` and `--version` with 0.
#[must_use]
pub fn cli() -> Command {
    parse::<Cli>().command
}

/// The same for a service with subcommands of its own: flatten [`Command`] into them.
#[must_use]
pub fn parse<C: Parser>() -> C {
    parse_from(std::env::args_os()).unwrap_or_else(|error| {
        let wrong = error.use_stderr();
        // Nothing is left to be told when the terminal is gone.
        let _printed = error.print();
        std::process::exit(if wrong { i32::from(settings::EXIT_CODE) } else { 0 })
    })
}

fn parse_from<C: Parser>(args: impl Iterator<Item = OsString>) -> Result<C, clap::Error> {
    let mut args = args.peekable();
    let binary = args.peek().map(Path::new).and_then(Path::file_name).and_then(OsStr::to_str);
    // The derived name would be this library's.
    let mut command = C::command().display_name(binary.unwrap_or_default().to_owned());
    C::from_arg_matches(&command.try_get_matches_from_mut(args)?)
}

/// Runs a service's `main` on a new runtime and turns its outcome into an exit code: 0, [`settings::EXIT_CODE`] with all
/// errors listed when settings are wrong, else 1 with the error and its sources.
pub fn main<F>(run: F) -> ExitCode
where
    F: AsyncFnOnce() -> Result<(), BoxError>,
{
    crate::admin::mark_start();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let outcome = runtime.block_on(run());
    // Tasks that nobody waits for must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    if let Some(settings) = error.downcast_ref::<settings::Error>() {
        say(settings);
        return ExitCode::from(settings::EXIT_CODE);
    }
    if tracing::dispatcher::has_been_set() {
        tracing::error!(error, "ended with an error");
    } else {
        say(&Chain(error));
    }
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "there is no log before its settings are known")]
fn say(what: &dyn std::fmt::Display) {
    eprintln!("{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(args: &[&str]) -> Result<Command, clap::Error> {
        parse_from::<Cli>(args.iter().map(OsString::from)).map(|cli| cli.command)
    }

    #[test]
    fn each_subcommand_is_known() {
        assert_eq!(command(&["document", "serve"]).unwrap(), Command::Serve);
        assert_eq!(command(&["document", "migrate"]).unwrap(), Command::Migrate);
        let Command::Healthcheck(args) = command(&["/app/document", "healthcheck", "--ready"]).unwrap()
        else {
            panic!("not a healthcheck")
        };
        assert!(args.ready);
    }

    #[test]
    fn messages_name_the_binary_and_not_this_library() {
        for args in [&["/app/document"][..], &["/app/document", "fly"], &["/app/document", "--help"]] {
            let text = command(args).unwrap_err().to_string();
            assert!(text.contains("Usage: document"), "{text}");
        }
        let version = command(&["/app/document", "--version"]).unwrap_err().to_string();
        assert_eq!(version, format!("document {}\n", env!("CARGO_PKG_VERSION")));
    }
}
