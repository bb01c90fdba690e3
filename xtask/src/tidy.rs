//! `cargo xtask tidy`: house rules that no compiler knows.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::paths;
use crate::repository::{files, members, name_of};

/// No file of code is longer, tests and generated code apart.
const LINES: usize = 500;
/// A service's `main` is a list of steps.
const MAIN_LINES: usize = 60;
const README_LINES: usize = 150;

/// Checks every file of the repository.
pub(crate) fn run() -> Result<()> {
    let root = paths::root();
    let mut faults = Vec::new();
    for file in files(&root)? {
        if file.starts_with(".github/workflows/") {
            let text = fs::read_to_string(root.join(&file))?;
            faults.extend(workflow(&text).into_iter().map(|fault| format!("{file}{fault}")));
        }
        if Path::new(&file).extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(root.join(&file))?;
            faults.extend(source(&file, &text).into_iter().map(|fault| format!("{file}{fault}")));
        }
    }
    faults.extend(layout(&root)?);
    faults.extend(crate::terraform::faults(&root)?);
    for fault in &faults {
        say!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults; the rules are in docs/ARCHITECTURE.md and xtask/src/tidy.rs", faults.len());
    }
    say!("tidy");
    Ok(())
}

/// Faults of one source file, as `:line: what`.
fn source(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if file.contains("/src/gen/") {
        return faults;
    }
    let lines = text.lines().count();
    let in_tests = file.contains("/tests/");
    if file.ends_with("/mod.rs") {
        faults.push(": a module is `name.rs` beside `name/`, not `mod.rs`".to_owned());
    }
    if lines > LINES && !in_tests {
        faults.push(format!(": {lines} lines; split what is over {LINES}"));
    }
    if file.starts_with("services/") && file.ends_with("/src/main.rs") && lines > MAIN_LINES {
        faults.push(format!(": {lines} lines; a main of over {MAIN_LINES} is more than a list of steps"));
    }
    // This file names what it forbids.
    if file == "xtask/src/tidy.rs" {
        return faults;
    }
    for (number, line) in text.lines().enumerate() {
        let mut fault = |what: &str| faults.push(format!(":{}: {what}", number + 1));
        let code = line.split("//").next().unwrap_or_default();
        if code.contains("#[ignore") {
            fault("an ignored test is a test that cannot fail");
        }
        if code.contains("#[allow(") || code.contains("#![allow(") {
            fault("say `#[expect(…, reason = …)]`, which tells when it is no longer needed");
        }
        if line.contains("TODO") || line.contains("FIXME") || code.contains("todo!(") {
            fault("do it, or leave it out");
        }
        if opens_transaction(code)
            && !in_tests
            && !file.starts_with("libs/pg/")
            && !file.starts_with("benches/")
        {
            fault("only libs/pg opens transactions; a unit of work is `pg::Db::tenant` or `system`");
        }
        if in_tests && (code.contains("time::sleep(") || code.contains("thread::sleep(")) {
            fault("wait for what must happen (`testkit::eventually`), not for time to pass");
        }
    }
    faults
}

/// Actions of a workflow that somebody could change under us: a tag can be moved, a commit cannot.
fn workflow(text: &str) -> Vec<String> {
    let uses = text.lines().enumerate().filter_map(|(number, line)| {
        let action = line.trim().trim_start_matches("- ").strip_prefix("uses:")?;
        Some((number + 1, action.trim()))
    });
    uses.filter(|(_, action)| {
        let (commit, version) =
            action.split_once('@').and_then(|(_, at)| at.split_once(" # ")).unwrap_or_default();
        commit.len() != 40 || !commit.bytes().all(|b| b.is_ascii_hexdigit()) || version.is_empty()
    })
    .map(|(number, action)| {
        format!(":{number}: {action}: name the commit, and the version behind it as a comment")
    })
    .collect()
}

/// Whether a line holds a statement that begins or ends a transaction; what calls sqlx's `begin` is clippy.toml's.
fn opens_transaction(code: &str) -> bool {
    let lower = code.to_ascii_lowercase();
    ["begin", "start transaction", "commit", "rollback", "savepoint", "prepare transaction"].iter().any(
        |word| {
            lower.match_indices(word).any(|(at, _)| {
                let opens = lower[..at].trim_end().ends_with(['"', ';']);
                let after = &lower[at + word.len()..];
                opens && after.starts_with(['"', ';', ' ']) && lower[..at].matches('"').count() % 2 == 1
            })
        },
    )
}

/// Faults of where things are.
fn layout(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let readme = fs::read_to_string(root.join("README.md")).unwrap_or_default().lines().count();
    if readme > README_LINES {
        faults.push(format!("README.md: {readme} lines; over {README_LINES} nobody reads it"));
    }
    for member in members(root)? {
        let name = name_of(&member);
        let manifest = fs::read_to_string(member.join("Cargo.toml"))?;
        let at = member.strip_prefix(root).unwrap_or(&member).display().to_string();
        if !manifest.contains(&format!("\nname = \"{name}\"")) {
            faults.push(format!("{at}: the package is not named like its folder"));
        }
        if !manifest.contains("[lints]\nworkspace = true") {
            faults.push(format!("{at}/Cargo.toml: does not take the workspace's lints"));
        }
        for (number, line) in manifest.lines().enumerate() {
            let version_here = line.split_once('=').is_some_and(|(_, value)| {
                value.trim_start().starts_with('"') && line.starts_with(|c: char| c.is_ascii_lowercase())
            });
            let in_dependencies = manifest.lines().take(number).filter(|line| line.starts_with('[')).last();
            if version_here && in_dependencies.is_some_and(|section| section.contains("dependencies")) {
                faults.push(format!(
                    "{at}/Cargo.toml:{}: versions are the workspace's; say `.workspace = true`",
                    number + 1
                ));
            }
        }
        if !member.join("README.md").is_file() && !at.starts_with("tests/") {
            faults.push(format!("{at}: has no README.md"));
        }
        faults.extend(one_test_binary(&member, &at));
    }
    Ok(faults)
}

/// Linking is what makes tests slow: one binary per crate, `tests/it`.
fn one_test_binary(member: &Path, at: &str) -> Vec<String> {
    fs::read_dir(member.join("tests"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| {
            name.ends_with(".rs")
                || (name != "it" && member.join("tests").join(name).join("main.rs").is_file())
        })
        .map(|name| format!("{at}/tests/{name}: a second test binary; make it a module of tests/it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{source, workflow};

    #[test]
    fn actions_are_by_commit() {
        let commit = "a".repeat(40);
        let text =
            format!("steps:\n  - uses: a/b@{commit} # v1.2.3\n  - uses: a/b@v1\n    uses: a/b@{commit}\n");
        let found = workflow(&text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with(":3: a/b@v1"));
    }

    #[test]
    fn each_rule_finds_its_fault_and_the_line() {
        let marker = ["TO", "DO"].concat();
        assert_eq!(source("libs/a/src/b/mod.rs", "").len(), 1);
        assert_eq!(source("libs/a/src/b.rs", &"\n".repeat(501)).len(), 1);
        assert!(source("libs/a/tests/it/b.rs", &"\n".repeat(501)).is_empty());
        assert_eq!(source("services/a/src/main.rs", &"\n".repeat(61)).len(), 1);
        assert_eq!(
            source("libs/a/src/b.rs", &format!("\n// {marker} later")),
            [":2: do it, or leave it out"]
        );
        assert_eq!(source("libs/a/src/b.rs", "#[allow(dead_code)]").len(), 1);
        assert_eq!(source("libs/a/tests/it/b.rs", "tokio::time::sleep(SECOND).await;").len(), 1);
        assert!(source("libs/a/src/gen/b.rs", "#[allow(dead_code)]").is_empty());
        for statement in [
            "raw_sql(\"begin\")",
            "query(\"BEGIN; select 1\")",
            "query(\"select 1; commit\")",
            "(\"rollback\")",
        ] {
            assert_eq!(source("services/a/src/db.rs", statement).len(), 1, "{statement}");
            assert!(source("libs/pg/src/unit.rs", statement).is_empty());
            assert!(source("libs/a/tests/it/b.rs", statement).is_empty());
        }
        for other in
            ["self.provider.begin(to)", "let begin = 1;", "info!(\"beginning\")", "name(\"commit_failed\")"]
        {
            assert!(source("services/a/src/db.rs", other).is_empty(), "{other}");
        }
    }
}
