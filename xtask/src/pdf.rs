//! `cargo xtask pdf-check`: the samples of `libs/pdf`, validated by veraPDF against both standards.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::compile::{self, cargo};
use crate::paths;
use crate::stack::install::{self, Tool};
use crate::stack::{Stack, system};

const VERSION: &str = "1.28.2";

static VERAPDF: Tool = Tool {
    version: VERSION,
    needs: &[system::JAVA, system::MAVEN],
    fill: |dir, log| {
        install::maven_libraries(dir, log, &[&format!("org.verapdf.apps:greenfield-apps:{VERSION}")])
    },
};

/// What the samples claim to be, as veraPDF names it.
const PROFILES: [(&str, &str); 2] = [("2b", "PDF/A-2b"), ("ua1", "PDF/UA-1")];

/// What `pdf-check` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// PDFs to validate instead of the samples.
    files: Vec<PathBuf>,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

/// Renders, validates, and says what is broken.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut stack = Stack::test()?;
    stack.yes = args.yes;
    system::can_be_met(&stack, VERAPDF.needs.iter())?;
    system::require(&stack, VERAPDF.needs.iter())?;
    VERAPDF.install(&stack, "verapdf")?;
    let files = if args.files.is_empty() { samples(&stack)? } else { args.files.clone() };
    let mut faults = 0;
    for (profile, name) in PROFILES {
        let broken = validate(profile, &files)?;
        let passed = files.len() - broken.iter().map(|fault| &fault.file).collect::<BTreeSet<_>>().len();
        say!("{name}: {passed} of {} pass", files.len());
        for fault in &broken {
            say!("  {}: {}", fault.file, fault.what);
        }
        faults += broken.len();
    }
    if faults > 0 {
        bail!("{faults} faults");
    }
    Ok(())
}

/// Renders the samples anew, and nothing beside them.
fn samples(stack: &Stack) -> Result<Vec<PathBuf>> {
    let folder = paths::target().join("pdf");
    let _ = fs::remove_dir_all(&folder);
    let mut render = cargo(&stack.root)?;
    render
        .args(["run", "--quiet", "--locked", "--package", "pdf", "--example", "samples", "--"])
        .arg(&folder);
    compile::watched(&mut render, "pdf", stack.progress, &stack.log("pdf"))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        files.push(entry?.path());
    }
    files.sort();
    ensure!(!files.is_empty(), "there are no samples in {}", folder.display());
    Ok(files)
}

/// A rule that a file breaks.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    file: String,
    what: String,
}

fn validate(profile: &str, files: &[PathBuf]) -> Result<Vec<Fault>> {
    let mut command: Command = install::java(512);
    command
        .arg("-cp")
        .arg(install::folder("verapdf", VERSION)?.join("libs/*"))
        .args(["org.verapdf.apps.GreenfieldCliWrapper", "--format", "json", "--flavour", profile])
        .args(files);
    // It exits with 1 where a file breaks a rule, and with more where it could not tell.
    let out = command.output().context("cannot run veraPDF")?;
    let code = out.status.code().unwrap_or(-1);
    let complaint = || String::from_utf8_lossy(&out.stderr).trim().to_owned();
    ensure!((0..=1).contains(&code), "veraPDF failed ({}): {}", out.status, complaint());
    let report: serde_json::Value = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("veraPDF wrote no report: {}", complaint()))?;
    let faults = read(&report, files.len())?;
    ensure!(code == 0 || !faults.is_empty(), "veraPDF failed without saying why: {}", complaint());
    Ok(faults)
}

/// What a report says, once it speaks of every file.
fn read(report: &serde_json::Value, files: usize) -> Result<Vec<Fault>> {
    let jobs = report["report"]["jobs"].as_array().context("the report has no jobs")?;
    ensure!(jobs.len() == files, "the report speaks of {} files, not of {files}", jobs.len());
    let mut faults = Vec::new();
    for job in jobs {
        let path = job["itemDetails"]["name"].as_str().unwrap_or("?");
        let file = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let results = job["validationResult"].as_array().filter(|results| !results.is_empty());
        let Some(results) = results else {
            let what = job["taskException"]["exceptionMessage"].as_str().unwrap_or("was not validated");
            faults.push(Fault { file, what: what.to_owned() });
            continue;
        };
        for result in results {
            let rules = result["details"]["ruleSummaries"].as_array().map_or(&[][..], Vec::as_slice);
            for rule in rules.iter().filter(|rule| rule["ruleStatus"] == "FAILED") {
                let text = |field: &str| rule[field].as_str().unwrap_or_default().to_owned();
                let test = &rule["testNumber"];
                let what = format!(
                    "{} {} test {test}: {}",
                    text("specification"),
                    text("clause"),
                    text("description")
                );
                faults.push(Fault { file: file.clone(), what });
            }
            let is_told = faults.last().is_some_and(|fault| fault.file == file);
            if result["compliant"] != true && !is_told {
                faults.push(Fault { file: file.clone(), what: "does not conform".to_owned() });
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_names_each_rule_that_is_broken() {
        let rule = json!({
            "ruleStatus": "FAILED", "specification": "ISO 14289-1:2014", "clause": "7.1", "testNumber": 8,
            "description": "There shall be metadata",
        });
        let report = json!({ "report": { "jobs": [
            { "itemDetails": { "name": "/a/good.pdf" },
              "validationResult": [{ "compliant": true, "details": { "ruleSummaries": [] } }] },
            { "itemDetails": { "name": "/a/bad.pdf" },
              "validationResult": [{ "compliant": false, "details": { "ruleSummaries": [rule] } }] },
            { "itemDetails": { "name": "/a/odd.pdf" },
              "validationResult": [{ "compliant": false, "details": {} }] },
            { "itemDetails": { "name": "/a/none.pdf" },
              "taskException": { "exceptionMessage": "End of file is reached" } },
        ] } });
        let faults: Vec<(String, String)> =
            read(&report, 4).unwrap().into_iter().map(|fault| (fault.file, fault.what)).collect();
        let told = |file: &str, what: &str| (file.to_owned(), what.to_owned());
        assert_eq!(
            faults,
            [
                told("bad.pdf", "ISO 14289-1:2014 7.1 test 8: There shall be metadata"),
                told("odd.pdf", "does not conform"),
                told("none.pdf", "End of file is reached"),
            ]
        );
    }

    #[test]
    fn a_report_that_leaves_out_a_file_is_none() {
        assert!(read(&json!({ "report": { "jobs": [] } }), 1).is_err());
        assert!(read(&json!({}), 1).is_err());
    }
}
