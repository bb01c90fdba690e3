//! Init, validate and test of every folder, some at a time; an environment's test is held against policies and contract.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::Result;

use super::plan::{State, Terraform};
use super::{contract, costs, policy};
use crate::checks::Check;

/// Checks `folders`, `jobs` at a time, and reports each as it is done. `write_costs` renews what environments cost.
pub(super) fn run(
    root: &Path,
    terraform: &Terraform,
    folders: &[PathBuf],
    jobs: usize,
    write_costs: bool,
    mut report: impl FnMut(Check),
) -> Result<()> {
    // The environments take longest.
    let queue: Mutex<VecDeque<&PathBuf>> = Mutex::new(folders.iter().rev().collect());
    let (done, checks) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (queue, done) = (&queue, done.clone());
            scope.spawn(move || {
                let next = || queue.lock().ok().and_then(|mut queue| queue.pop_front());
                while let Some(folder) = next() {
                    let begun = Instant::now();
                    let checked = one(root, terraform, folder, write_costs).map(|faults| Check {
                        name: folder.display().to_string(),
                        seconds: begun.elapsed().as_secs_f32(),
                        faults,
                    });
                    if done.send(checked).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for check in checks {
            report(check?);
        }
        Ok(())
    })
}

fn one(root: &Path, terraform: &Terraform, folder: &Path, write_costs: bool) -> Result<Vec<String>> {
    let path = root.join(folder);
    if !has_tests(&path) {
        return Ok(vec!["has no tests/*.tftest.hcl".to_owned()]);
    }
    if let Some(fault) = terraform.init(&path)? {
        return Ok(vec![fault]);
    }
    if let Some(fault) = terraform.validate(&path)? {
        return Ok(vec![fault]);
    }
    if folder.parent().is_some_and(|parent| parent.ends_with("envs")) {
        let (state, mut faults) = environment(root, terraform, folder)?;
        if faults.is_empty() {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            faults = costs::faults(root, &name, &state, write_costs)?;
        }
        return Ok(faults);
    }
    Ok(terraform.test(&path)?.into_iter().collect())
}

/// One run per environment: its own test, and what it made against policies and contract.
pub(super) fn environment(root: &Path, terraform: &Terraform, folder: &Path) -> Result<(State, Vec<String>)> {
    let (state, mut faults) = terraform.test_state(&root.join(folder))?;
    if faults.is_empty() {
        faults.extend(policy::faults(&state));
        faults.extend(contract::faults(root, &state)?);
    }
    Ok((state, faults))
}

fn has_tests(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder.join("tests")).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().ends_with(".tftest.hcl"))
}
