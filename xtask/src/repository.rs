//! What is in the repository: its crates and the files git knows or would take.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// The folders of the workspace's crates but xtask; a crate's folder has its name.
pub(crate) fn members(root: &Path) -> Result<Vec<PathBuf>> {
    let mut members = Vec::new();
    for group in ["libs", "services", "sandbox", "tests", "benches"] {
        let group = root.join(group);
        for entry in fs::read_dir(&group).with_context(|| format!("cannot list {}", group.display()))? {
            let path = entry?.path();
            if path.join("Cargo.toml").is_file() {
                members.push(path);
            }
        }
    }
    members.push(root.join("bootstrap"));
    members.sort();
    Ok(members)
}

/// A member's name: its folder's, for a bench with `bench-` before it, since it is called like the library it measures.
pub(crate) fn name_of(member: &Path) -> String {
    let folder = member.file_name().unwrap_or_default().to_string_lossy();
    let is_bench = member.parent().is_some_and(|group| group.ends_with("benches"));
    if is_bench { format!("bench-{folder}") } else { folder.into_owned() }
}

/// Every file that is committed or could be, relative to the root.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let mut files: Vec<String> = shell::output(&mut git)?
        .split('\0')
        .filter(|name| !name.is_empty() && root.join(name).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}
