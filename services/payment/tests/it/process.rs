//! The binary: its subcommands and exit codes.

use std::process::{Command, Stdio};

use settings::ExposeSecret as _;

use crate::harness::TestApp;

fn payment(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payment"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PAYMENT__")) {
        command.env_remove(name);
    }
    command
}

#[test]
fn wrong_settings_are_all_listed_and_end_it_with_64() {
    let output = payment(&["serve"])
        .env("PAYMENT__GRPC__ADDR", "nowhere")
        .env("PAYMENT__COLOUR", "red")
        .env("PAYMENT__PROVIDERS__FILE", "/does/not/exist")
        .env("PAYMENT__PROVIDERS__PATIENCE_SECONDS", "0")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    for variable in [
        "PAYMENT__GRPC__ADDR",
        "PAYMENT__COLOUR",
        "PAYMENT__DB__URL",
        "PAYMENT__KAFKA__BROKERS",
        "PAYMENT__AUTH__ISSUER",
        "PAYMENT__KMS__KEY",
        "PAYMENT__ADMIN__ADDR",
        "PAYMENT__PROVIDERS__FILE",
        "PAYMENT__PROVIDERS__PATIENCE_SECONDS",
    ] {
        assert!(told.contains(variable), "{variable} is not in: {told}");
    }
    assert_eq!(payment(&["fly"]).output().unwrap().status.code(), Some(64));
}

#[test]
fn everything_that_is_wrong_with_the_accounts_is_told_by_its_field_and_no_secret_is() {
    let file = std::env::temp_dir().join(format!("accounts-{}.json", std::process::id()));
    let accounts = r#"{"accounts": [{"name": "a b", "tenant": "riverton", "provider": "stripe", "secret_key": "pk_verysecret"}]}"#;
    std::fs::write(&file, accounts).unwrap();
    let output = payment(&["serve"]).env("PAYMENT__PROVIDERS__FILE", &file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    for field in ["accounts[0].name", "accounts[0].secret_key", "accounts[0].webhook_secrets"] {
        assert!(told.contains(field), "{field} is not in: {told}");
    }
    assert!(!told.contains("verysecret"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_proven_from_the_command_line() {
    let app = TestApp::start().await;
    app.paid().await;
    let run = |arguments: &[&str]| {
        payment(arguments)
            .env("PAYMENT__DB__URL", app.db.urls.app.expose_secret())
            .env("PAYMENT__DB__SYSTEM_URL", app.db.urls.system.expose_secret())
            .output()
            .unwrap()
    };
    let right = run(&["ledger", "verify", "--tenant", "riverton"]);
    let told = String::from_utf8(right.stdout).unwrap();
    assert!(right.status.success() && told.contains("2 entries, 4 postings"), "{told}");
    assert!(told.ends_with("the books are right\n"), "{told}");
    let balances = run(&["ledger", "balances", "--tenant", "riverton"]);
    assert!(String::from_utf8(balances.stdout).unwrap().contains("sum,,EUR,20000,20000,0"));
    let mut admin = app.db.admin().await;
    sqlx::raw_sql("update payments set captured = 1").execute(&mut admin).await.unwrap();
    let wrong = run(&["ledger", "verify", "--tenant", "riverton"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8(wrong.stdout).unwrap().contains("PAYMENT_DIFFERS"));
}
