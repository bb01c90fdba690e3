//! The page in a real browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::files;

use crate::harness::{in_world, sign_in};

/// Runs a program to its end; gives what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Where tools of the tests are kept between runs.
pub(crate) fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cache"), PathBuf::from);
    base.join("guildhall")
}

#[test]
fn a_person_signs_in_uploads_watches_downloads_and_pays() {
    in_world(async |world| {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let home = cache().join("browser-test");
        std::fs::create_dir_all(&home).unwrap();
        for file in ["package.json", "page.mjs"] {
            std::fs::copy(scripts.join(file), home.join(file)).unwrap();
        }
        run(Command::new("npm").args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&home));
        let file = files::pdf();
        let path = world.dir().join(&file.name);
        std::fs::write(&path, &file.bytes).unwrap();
        let (mut ada, mut sam) = (sign_in(world, "ada").await, sign_in(world, "sam").await);
        let subject = ada.get("/v1/me").await.unwrap()["subject"].as_str().unwrap().to_owned();
        let bill = sam.issue(&subject, 4_250).await.unwrap();
        let picture = world.dir().join("page.png");
        let mut node = Command::new("node");
        node.arg("page.mjs")
            .arg(world.bff.as_str())
            .args(["ada", "ada-pw", "max", "max-pw"])
            .arg(&path)
            .arg(bill["id"].as_str().unwrap())
            .arg(&picture);
        let said = tokio::task::spawn_blocking(move || run(node.current_dir(&home))).await.unwrap();
        assert_eq!(said.trim(), format!("ok {} bytes, paid", file.bytes.len()));
        assert!(picture.metadata().unwrap().len() > 10_000, "the picture is empty");
    });
}
