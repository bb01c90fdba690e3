//! The program as operators run it.

use std::process::Command;

#[test]
fn wrong_settings_are_all_listed_and_end_it_with_64() {
    let run = Command::new(env!("CARGO_BIN_EXE_verification"))
        .arg("serve")
        .env_clear()
        .env("VERIFICATION__DOCUMENT__URL", "nowhere")
        .env("VERIFICATION__PROVIDERS__FILE", "/nowhere")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(64), "{told}");
    for name in ["VERIFICATION__DB__URL", "VERIFICATION__DOCUMENT__URL", "VERIFICATION__PROVIDERS__FILE"] {
        assert!(told.contains(name), "{name} is not in {told}");
    }
}

#[test]
fn help_says_what_it_can_be_asked() {
    let run = Command::new(env!("CARGO_BIN_EXE_verification")).arg("--help").output().unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    for command in ["serve", "migrate", "healthcheck", "audit"] {
        assert!(told.contains(command), "{told}");
    }
}
