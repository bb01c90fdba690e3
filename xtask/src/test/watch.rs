//! Runs tests, shows what they print and ends a binary in which one hangs: nothing may hold up a run for ever.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::totals::Totals;
use crate::shell;

/// How long a binary with a slow test may print nothing. Each test that ends prints a line.
const SILENCE: Duration = Duration::from_secs(240);

/// Lines that wait to be shown.
const LINES: usize = 1_024;

/// Runs tests to their end, showing what they print and counting their results.
pub(super) fn counted(command: &mut Command) -> Result<Totals> {
    watched(command, SILENCE, &mut std::io::stdout())
}

fn watched(command: &mut Command, silence: Duration, shown: &mut impl Write) -> Result<Totals> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let stdout = child.stdout.take().context("no output of cargo")?;
    let (sender, lines) = sync_channel(LINES);
    let reader = std::thread::spawn(move || read(stdout, &sender));
    let mut totals = Totals::default();
    loop {
        match lines.recv_timeout(silence) {
            Ok(line) => {
                // Whoever read it may be gone; the tests go on.
                let _ = shown.write_all(&line);
                totals.add(String::from_utf8_lossy(&line).trim_end());
            }
            // Cargo builds for minutes without a word here; then no test is slow.
            Err(RecvTimeoutError::Timeout) if totals.slow().is_empty() => {}
            Err(RecvTimeoutError::Timeout) => {
                say!("\nhanging, ended: {}", totals.slow().join(", "));
                end(&child)?;
                totals.ended();
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    reader.join().ok().context("the reader of cargo's output panicked")??;
    totals.success = child.wait()?.success();
    Ok(totals)
}

fn read(stdout: impl Read, lines: &SyncSender<Vec<u8>>) -> Result<()> {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if lines.send(std::mem::take(&mut line)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Kills what cargo runs now, and cargo goes on with the next; before that it shows where its threads are.
fn end(cargo: &Child) -> Result<()> {
    let running = shell::output(Command::new("pgrep").args(["-P", &cargo.id().to_string()]))?;
    for id in running.split_whitespace() {
        match shell::output(Command::new("timeout").args(["120", "gdb", "-p", id, "-batch"]).args(STACKS)) {
            Ok(stacks) => say!("{stacks}"),
            Err(error) => say!("no stacks: {error}"),
        }
        shell::output(Command::new("kill").args(["-KILL", id]))?;
    }
    Ok(())
}

const STACKS: [&str; 2] = ["-ex", "thread apply all backtrace 24"];

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::watched;

    fn script(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn a_binary_that_hangs_is_ended_and_what_it_did_not_do_has_failed() {
        let mut hanging = script(
            "echo 'running 4 tests'; echo 'test a ... ok'; echo 'test b has been running for over 60 seconds'; \
             echo 'test c ... FAILED'; sleep 600 >&- || echo ended; echo 'running 1 test'; \
             echo 'test d ... ok'; \
             echo 'test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'; exit 101",
        );
        let totals = watched(&mut hanging, Duration::from_millis(500), &mut std::io::sink()).unwrap();
        assert_eq!((totals.passed, totals.failed, totals.success), (2, 3, false));
        assert_eq!(totals.failures, ["c", "b"]);
        assert!(!totals.may_be_flaky(), "one was not run");
    }

    #[test]
    fn a_silence_in_which_no_test_is_slow_is_waited_for() {
        let mut building = script(
            "sleep 1; echo 'running 1 test'; echo 'test a ... ok'; \
             echo 'test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'",
        );
        let totals = watched(&mut building, Duration::from_millis(100), &mut std::io::sink()).unwrap();
        assert_eq!((totals.passed, totals.failed, totals.success), (1, 0, true));
    }
}
