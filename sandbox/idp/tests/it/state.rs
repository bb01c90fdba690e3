//! The program, which is killed, stopped, and started again.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use futures::future::join_all;
use idp::{KOMPASS_TOWN, VERITAS_TOWN, names};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, ORDINARY, check, verification};
use crate::receiver::Receiver;

struct Program {
    child: Child,
    api: Api,
}

impl Program {
    fn start(addr: &str, state: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_idp"))
            .args([addr, "--state", state.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, api: Api::new(url.trim(), VERITAS_TOWN, KOMPASS_TOWN) }
    }

    fn addr(&self) -> String {
        self.api.base.strip_prefix("http://").unwrap().to_owned()
    }

    /// With SIGTERM.
    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    fn ends(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

/// With SIGKILL.
impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("idp.json");
    let receiver = Receiver::start().await;
    let mut program = Program::start("127.0.0.1:0", &state);
    let addr = program.addr();
    let account = json!({ "callback_url": receiver.url, "retry_seconds": vec![0; 16] });
    program.api.control(Method::PUT, "/accounts/kompass_town", &account).await;
    program.api.tell("/clock", json!({ "advance_seconds": 60 })).await;
    program.api.tell("/faults", json!({ "operation": "get_coverage", "answer": "status", "times": 2 })).await;
    program.api.tell("/lying", json!({ "provider": "kompass", "lies": true })).await;
    let mut acknowledged: Vec<(String, Value, Value)> = Vec::new();
    for round in 0..3 {
        // Calls are under way when it is killed; those that were answered count.
        let calls = (0..8).map(|n| {
            let api = program.api.clone();
            async move {
                let mut answered = Vec::new();
                for i in 0..100 {
                    let key = format!("{round}-{n}-{i}");
                    let asked = check("identity", &key, names::CONTRADICTORY);
                    let Ok(made) = Answer::of(api.asking(&key, &asked)).await else { break };
                    let asked = verification("SANCTIONS", &key, ORDINARY);
                    let Ok(submitted) = Answer::of(api.submitting(&asked)).await else { break };
                    answered.push((key, made.is(201), submitted.is(202)["id"].clone()));
                }
                answered
            }
        });
        let calls = tokio::spawn(join_all(calls));
        receiver.wait(receiver.hooks().len() + 30).await;
        drop(program);
        acknowledged.extend(calls.await.unwrap().into_iter().flatten());
        program = Program::start(&addr, &state);
    }
    let api = &program.api;
    for (key, made, submitted) in &acknowledged {
        let asked = check("identity", key, names::CONTRADICTORY);
        let again = Answer::of(api.asking(key, &asked)).await.unwrap();
        assert_eq!(again.is(201), *made);
        assert!(again.headers.contains_key("idempotent-replayed"));
        assert_eq!(api.check(&made["id"]).await["result"], "consider");
        let again = api.submit(&verification("SANCTIONS", key, ORDINARY)).await.is(200);
        assert_eq!((&again["id"], &again["outcome"]), (submitted, &json!("MATCH")));
    }
    // Everything is told of, and what a test set up is still so.
    api.settle().await;
    let mut told: Vec<String> = receiver.outcomes().into_iter().map(|(reference, _)| reference).collect();
    told.sort_unstable();
    told.dedup();
    let books = api.look("/books").await["data"].as_array().unwrap().clone();
    let mut of_kompass: Vec<&str> = books
        .iter()
        .filter(|one| one["provider"] == "kompass")
        .map(|one| one["reference"].as_str().unwrap())
        .collect();
    of_kompass.sort_unstable();
    assert_eq!(told, of_kompass);
    assert!(acknowledged.iter().all(|(key, ..)| told.contains(key)) && acknowledged.len() > 60);
    let script = api.look("/script").await;
    assert_eq!((&script["offset_seconds"], &script["faults"][0]["times"]), (&json!(60), &json!(2)));
    assert_eq!(script["lying"], json!(["kompass"]));
}

#[tokio::test]
async fn what_waits_at_a_kill_comes_about_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("idp.json");
    let receiver = Receiver::start().await;
    let program = Program::start("127.0.0.1:0", &state);
    let account = json!({ "callback_url": receiver.url, "delay_ms": 3_600_000 });
    program.api.control(Method::PUT, "/accounts/kompass_town", &account).await;
    let id = program.api.submit(&verification("PERSON_MATCH", "waits", names::REFUSED)).await.is(202)["id"]
        .clone();
    let failing = check("identity", "failing", &names::failing(2));
    program.api.ask(&failing).await.refuses(500, "internal");
    let addr = program.addr();
    drop(program);
    let program = Program::start(&addr, &state);
    assert_eq!(program.api.verification(&id).await["state"], "ACCEPTED");
    program.api.tell("/clock", json!({ "advance_seconds": 3_600 })).await;
    assert_eq!(receiver.wait(1).await[0].told(), (1, "NO_MATCH".to_owned()));
    program.api.ask(&failing).await.refuses(500, "internal");
    program.api.ask(&failing).await.is(201);
}

#[tokio::test]
async fn a_state_is_one_process_and_a_torn_end_of_it_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("idp.json");
    let second = || {
        let arguments = ["127.0.0.1:0", "--state", state.to_str().unwrap()];
        Command::new(env!("CARGO_BIN_EXE_idp")).args(arguments).output().unwrap()
    };
    let program = Program::start("127.0.0.1:0", &state);
    let made = program.api.ask(&check("identity", "kept", ORDINARY)).await.is(201);
    let taken = second();
    assert_eq!(taken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&taken.stderr).contains("another process"), "{taken:?}");
    drop(program);

    let mut text = std::fs::read(&state).unwrap();
    text.extend(b"{\"checks\":[{\"id\":\"chk_torn\"");
    std::fs::write(&state, &text).unwrap();
    let program = Program::start("127.0.0.1:0", &state);
    assert_eq!(program.api.check(&made["id"]).await, made);
    assert_eq!(program.api.look("/books").await["data"].as_array().unwrap().len(), 1);
    drop(program);

    // A line that was finished and cannot be read is no kill's doing.
    let mut text = std::fs::read(&state).unwrap();
    text.extend(b"{\"checks\":7}\n");
    std::fs::write(&state, &text).unwrap();
    let broken = second();
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("line 2"), "{broken:?}");
}

#[tokio::test]
async fn a_file_that_has_become_long_is_written_anew_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("idp.json");
    let program = Program::start("127.0.0.1:0", &state);
    let reference = "r".repeat(200);
    let asked = check("identity", &reference, ORDINARY);
    Answer::of(program.api.asking("key", &asked)).await.unwrap().is(201);
    let body = "b".repeat(20_000);
    let (mut length, mut shrunk) = (0, false);
    for _ in 0..100 {
        // The whole script is written with each change of it.
        program.api.tell("/faults", json!({ "account": "nobody", "answer": "status", "body": body })).await;
        let now = std::fs::metadata(&state).unwrap().len();
        shrunk |= now < length;
        length = now;
    }
    assert!(shrunk);
    let (books, script) = (program.api.look("/books").await, program.api.look("/script").await);
    let addr = program.addr();
    drop(program);
    let program = Program::start(&addr, &state);
    assert_eq!(program.api.look("/books").await, books);
    assert_eq!(program.api.look("/script").await, script);
}

#[tokio::test]
async fn sigterm_lets_calls_end_and_cuts_those_that_hang() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("idp.json");
    let mut program = Program::start("127.0.0.1:0", &state);
    let fault = json!({ "reference": "late", "when": "before", "delay_ms": 500 });
    program.api.tell("/faults", fault).await;
    let spawn = |reference: &'static str, name: &str| {
        let (api, asked) = (program.api.clone(), check("identity", reference, name));
        tokio::spawn(async move { Answer::of(api.asking(reference, &asked)).await })
    };
    let (late, hanging) = (spawn("late", ORDINARY), spawn("hanging", names::NEVER_ANSWERS));
    program.api.until_hanging(1).await;
    crate::harness::until(async || {
        program.api.look("/calls?reference=late").await["data"].as_array().unwrap().len() == 1
    })
    .await;
    program.terminate();
    late.await.unwrap().unwrap().is(201);
    assert!(hanging.await.unwrap().is_err());
    assert_eq!(program.ends().code(), Some(0));
    // What was done for a call that hung was done.
    let program = Program::start("127.0.0.1:0", &state);
    assert_eq!(program.api.checks_of("hanging").await.len(), 1);
}

#[tokio::test]
async fn accounts_can_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.json");
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let account =
        json!({ "id": "own", "provider": "veritas", "api_key": "own-key", "webhook_secrets": [secret] });
    let run = |accounts: Value| {
        std::fs::write(&file, accounts.to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_idp"));
        command.args(["127.0.0.1:0", "--limit", "1", "--accounts", file.to_str().unwrap()]);
        command
    };
    let mut child = run(json!([account])).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let mut api = Api::new(url.trim(), "own", "own");
    let program = Program { child, api: api.clone() };
    api.ask(&check("identity", "first", ORDINARY)).await.refuses(401, "unauthenticated");
    api.veritas_key = "own-key".to_owned();
    api.ask(&check("identity", "first", ORDINARY)).await.is(201);
    api.ask(&check("identity", "second", ORDINARY)).await.refuses(503, "sandbox_full");
    drop(program);
    for wrong in [json!({}), json!([{ "id": "own" }])] {
        assert_eq!(run(wrong).output().unwrap().status.code(), Some(1));
    }
}

#[test]
fn wrong_arguments_end_it_with_64() {
    for wrong in [&[][..], &["127.0.0.1:0", "--speed", "9"]] {
        let ended = Command::new(env!("CARGO_BIN_EXE_idp")).args(wrong).output().unwrap();
        assert_eq!(ended.status.code(), Some(64));
    }
    let help = Command::new(env!("CARGO_BIN_EXE_idp")).arg("--help").output().unwrap();
    assert!(help.status.success());
}
