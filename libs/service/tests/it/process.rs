//! The example `minimal` as a process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use service::healthcheck::{self, Args};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const READY: Args = Args { ready: true };

/// Cargo builds examples beside the tests.
fn minimal() -> Command {
    let here = std::env::current_exe().unwrap();
    let binary: PathBuf = here.parent().and_then(|deps| deps.parent()).unwrap().join("examples/minimal");
    let mut command = Command::new(binary);
    command.env_clear().kill_on_drop(true).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    addr: SocketAddr,
}

impl Running {
    async fn start(task: &str) -> Self {
        let mut child = minimal()
            .arg("serve")
            .env("MINIMAL__ADMIN__ADDR", "127.0.0.1:0")
            .env("MINIMAL__TASK", task)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = line(&mut lines, "listening").await.unwrap();
        let addr = listening["port.addr"].as_str().unwrap().parse().unwrap();
        Self { child, lines, addr }
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
    }

    async fn exit_code(&mut self) -> Option<i32> {
        tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await.unwrap().unwrap().code()
    }
}

/// The next line with this message.
async fn line(lines: &mut Lines<BufReader<ChildStdout>>, message: &str) -> Option<Value> {
    let next = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return Some(line);
            }
        }
        None
    };
    tokio::time::timeout(Duration::from_secs(20), next).await.unwrap()
}

async fn fail(command: &mut Command) -> (i32, String) {
    let output = command.stdout(Stdio::piped()).output().await.unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn wrong_settings_are_listed_together_and_exit_64_before_a_port_opens() {
    let (code, text) = fail(
        minimal().arg("serve").env("MINIMAL__ADMIN__ADDR", "nowhere").env("MINIMAL__TELEMETRY__LOG", "a=b=c"),
    )
    .await;
    assert_eq!(code, 64);
    assert!(text.starts_with("settings: 3 errors\n"), "{text}");
    for name in
        ["MINIMAL__ADMIN__ADDR: must be", "MINIMAL__TASK: is missing", "MINIMAL__TELEMETRY__LOG: must be"]
    {
        assert!(text.contains(name), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_exits_64_and_help_0() {
    let (code, text) = fail(minimal().arg("fly")).await;
    assert_eq!(code, 64);
    assert!(text.contains("Usage: minimal"), "{text}");
    let help = minimal().arg("--version").output().await.unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("minimal "));
}

#[tokio::test]
async fn it_says_when_it_is_ready_and_ends_in_good_order_on_sigterm_and_sigint() {
    for signal in ["TERM", "INT"] {
        let mut running = Running::start("well").await;
        let ready = line(&mut running.lines, "ready").await.unwrap();
        assert!(ready["elapsed_ms"].as_u64().unwrap() < 5_000, "{ready}");
        let addr = running.addr.to_string();
        let asked = |args: &'static [&'static str]| {
            let mut command = minimal();
            command.arg("healthcheck").args(args).env("MINIMAL__ADMIN__ADDR", &addr);
            command
        };
        assert!(asked(&[]).status().await.unwrap().success());
        assert!(asked(&["--ready"]).status().await.unwrap().success());
        running.signal(signal).await;
        let stopping = line(&mut running.lines, "asked to stop").await.unwrap();
        assert_eq!(stopping["signal"], format!("SIG{signal}"));
        assert_eq!(running.exit_code().await, Some(0));
        let (code, text) = fail(&mut asked(&[])).await;
        assert_eq!(code, 1);
        assert!(text.contains("does not answer"), "{text}");
    }
}

#[tokio::test]
async fn a_failed_task_is_logged_and_exits_1() {
    let mut running = Running::start("fails").await;
    let failed = line(&mut running.lines, "task failed, stopping").await.unwrap();
    assert_eq!((&failed["task.name"], &failed["error"]), (&"task".into(), &"out of luck".into()));
    let ended = line(&mut running.lines, "ended with an error").await.unwrap();
    assert_eq!(ended["error"], "task `task` failed: out of luck");
    assert_eq!(running.exit_code().await, Some(1));
}

#[tokio::test]
async fn while_it_finishes_it_lives_and_is_not_ready_and_a_second_signal_cuts() {
    let mut running = Running::start("stays").await;
    line(&mut running.lines, "ready").await.unwrap();
    running.signal("TERM").await;
    line(&mut running.lines, "asked to stop").await.unwrap();
    healthcheck::ask(running.addr, Args::default()).await.unwrap();
    let unwell = healthcheck::ask(running.addr, READY).await.unwrap_err().to_string();
    assert!(unwell.contains("\"stopping\""), "{unwell}");
    let start = Instant::now();
    running.signal("TERM").await;
    let ended = line(&mut running.lines, "ended with an error").await.unwrap();
    assert!(ended["error"].as_str().unwrap().ends_with(": task"), "{ended}");
    assert_eq!(running.exit_code().await, Some(1));
    assert!(start.elapsed() < Duration::from_secs(10));
}
