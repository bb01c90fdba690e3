//! The program, which is killed and started again.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures::future::join_all;
use psp::cards;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, terms};
use crate::receiver::Receiver;

const KEY: &str = "sk_sandbox_acct_town";

struct Program {
    child: Child,
    api: Api,
}

impl Program {
    fn start(addr: &str, state: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_psp"))
            .args([addr, "--state", state.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, api: Api::new(url.trim(), KEY) }
    }

    fn addr(&self) -> String {
        self.api.base.strip_prefix("http://").unwrap().to_owned()
    }

    /// With SIGKILL, which is what a test that fails does too.
    fn kill(self) {
        drop(self);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("psp.json");
    let receiver = Receiver::start().await;
    let mut program = Program::start("127.0.0.1:0", &state);
    let addr = program.addr();
    let account = json!({ "notify_url": receiver.url, "retry_seconds": vec![0; 16], "name": "Town" });
    program.api.control(Method::PUT, "/accounts/acct_town", &account).await;
    program.api.tell("/clock", json!({ "advance_seconds": 60 })).await;
    program.api.tell("/faults", json!({ "operation": "get_refund", "answer": "status", "times": 2 })).await;
    let mut acknowledged: Vec<(String, Value)> = Vec::new();
    for round in 0..4 {
        // Calls are under way when it is killed; those that were answered count.
        let calls = (0..8).map(|n| {
            let api = program.api.clone();
            async move {
                let mut answered = Vec::new();
                for i in 0..100 {
                    let key = format!("{round}-{n}-{i}");
                    let Ok(made) = Answer::of(api.posting("/v1/payments", &key, &terms(&key, 1_000))).await
                    else {
                        break;
                    };
                    let made = made.is(201);
                    let id = made["id"].as_str().unwrap().to_owned();
                    answered.push((key, made));
                    let pay = api.request(Method::POST, &format!("/control/payments/{id}/pay"));
                    if Answer::of(pay.json(&json!({ "card": cards::APPROVE }))).await.is_err() {
                        break;
                    }
                }
                answered
            }
        });
        let calls = tokio::spawn(join_all(calls));
        receiver.wait(receiver.hooks().len() + 40).await;
        program.kill();
        acknowledged.extend(calls.await.unwrap().into_iter().flatten());
        program = Program::start(&addr, &state);
    }
    let api = &program.api;
    for (key, made) in &acknowledged {
        let again = Answer::of(api.posting("/v1/payments", key, &terms(key, 1_000))).await.unwrap();
        assert_eq!(again.is(201), *made);
        assert!(again.headers.contains_key("idempotent-replayed"));
    }
    // Payments, books and webhooks agree, and what a test set up is still so.
    api.settle().await;
    let payments = api.look("/payments").await["data"].as_array().unwrap().clone();
    assert!(payments.len() >= acknowledged.len());
    let charged: i64 = payments.iter().map(|payment| payment["amount_captured"].as_i64().unwrap()).sum();
    assert_eq!(api.totals().await["EUR"]["charged"], charged);
    let mut told: Vec<_> =
        receiver.hooks().iter().map(|hook| hook.json()["sequence"].as_u64().unwrap()).collect();
    told.sort_unstable();
    told.dedup();
    let events = u64::try_from(charged / 1_000 * 2).unwrap();
    assert_eq!(told, (1..=events).collect::<Vec<_>>());
    let script = api.look("/script").await;
    assert_eq!((&script["offset_seconds"], &script["faults"][0]["times"]), (&json!(60), &json!(2)));
    assert_eq!(api.look("/accounts").await["data"][0]["name"], "Town");
    program.kill();
}

#[tokio::test]
async fn a_state_is_one_process_and_a_torn_end_of_it_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("psp.json");
    let program = Program::start("127.0.0.1:0", &state);
    let id = program.api.create(&terms("kept", 1_000)).await;
    let second = Command::new(env!("CARGO_BIN_EXE_psp"))
        .args(["127.0.0.1:0", "--state", state.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another process"), "{second:?}");
    program.kill();

    let mut text = std::fs::read(&state).unwrap();
    text.extend(b"{\"payments\":[{\"id\":\"pay_torn\"");
    std::fs::write(&state, &text).unwrap();
    let program = Program::start("127.0.0.1:0", &state);
    assert_eq!(program.api.payment(&id).await["state"], "created");
    assert_eq!(program.api.look("/payments").await["data"].as_array().unwrap().len(), 1);
    program.kill();

    // A line that was finished and cannot be read is no kill's doing.
    let mut text = std::fs::read(&state).unwrap();
    text.extend(b"{\"payments\":7}\n");
    std::fs::write(&state, &text).unwrap();
    let broken = Command::new(env!("CARGO_BIN_EXE_psp"))
        .args(["127.0.0.1:0", "--state", state.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!broken.status.success());
    assert!(String::from_utf8_lossy(&broken.stderr).contains("line 2"), "{broken:?}");
}

#[test]
fn wrong_arguments_end_it_with_64() {
    for wrong in [&[][..], &["127.0.0.1:0", "--speed", "9"]] {
        let ended = Command::new(env!("CARGO_BIN_EXE_psp")).args(wrong).output().unwrap();
        assert_eq!(ended.status.code(), Some(64));
    }
    let help = Command::new(env!("CARGO_BIN_EXE_psp")).arg("--help").output().unwrap();
    assert!(help.status.success());
}

#[tokio::test]
async fn a_file_that_has_become_long_is_written_anew_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("psp.json");
    let program = Program::start("127.0.0.1:0", &state);
    let mut large = terms("large", 1_000);
    large["metadata"] = (0..20).map(|n| (n.to_string(), json!("m".repeat(500)))).collect();
    let id = program.api.create(&large).await;
    program.api.pay(&id, cards::APPROVE).await;
    let (mut length, mut shrunk) = (0, false);
    for n in 0..100 {
        program.api.refund(&id, &format!("refund-{n}"), 1).await.is(201);
        let now = std::fs::metadata(&state).unwrap().len();
        shrunk |= now < length;
        length = now;
    }
    assert!(shrunk);
    let (payment, books) = (program.api.payment(&id).await, program.api.look("/books").await);
    let addr = program.addr();
    program.kill();
    let program = Program::start(&addr, &state);
    assert_eq!(program.api.payment(&id).await, payment);
    assert_eq!(program.api.look("/books").await, books);
    program.kill();
}
