//! Building what a bench is compared with: `benches/<path>/<peer>/` has pinned versions and the build file of its own
//! language, and is built into `~/.cache/guildhall/bench-<path>-<peer>-<digest of its files>`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::compile::cargo;
use crate::stack::Stack;
use crate::stack::system::{self, GO, JDK, MAVEN, NODE, Need, PYTHON};
use crate::{paths, shell};

/// How a peer is built, told by its build file.
struct Way {
    file: &'static str,
    needs: &'static [Need],
    build: fn(peer: &Peer, into: &Path, stack: &Stack) -> Result<()>,
}

const WAYS: [Way; 5] = [
    Way { file: "Cargo.toml", needs: &[], build: rust },
    Way { file: "go.mod", needs: &[GO], build: go },
    Way { file: "pom.xml", needs: &[JDK, MAVEN], build: java },
    Way { file: "requirements.txt", needs: &[PYTHON], build: python },
    Way { file: "package.json", needs: &[NODE], build: node },
];

struct Peer {
    name: String,
    source: PathBuf,
    log: PathBuf,
}

/// Builds every peer of a bench that is not in the cache; gives `BENCH_PEER_<NAME>` for each that there is.
pub(super) fn build(stack: &Stack, path: &str) -> Result<Vec<(String, PathBuf)>> {
    let folder = stack.root.join("benches").join(path);
    let mut variables = Vec::new();
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut sources: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    sources.sort();
    for source in sources.into_iter().filter(|source| source.is_dir()) {
        let Some(way) = WAYS.iter().find(|way| source.join(way.file).is_file()) else { continue };
        let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = stack.log(&format!("peer-{name}"));
        let peer = Peer { name, source, log };
        let built = paths::cache()?.join(format!("bench-{path}-{}-{}", peer.name, digest(&peer.source)?));
        if !built.is_dir() {
            let made = make(stack, way, &peer, &built);
            if let Err(error) = made {
                // The others are worth measuring without it; its row says that it has no figures.
                stack.progress.step(&peer.name, &format!("cannot be built: {error:#}"));
                continue;
            }
        }
        variables.push((format!("BENCH_PEER_{}", peer.name.to_uppercase().replace('-', "_")), built));
    }
    Ok(variables)
}

/// Builds into a folder that gets its name only when that has worked.
fn make(stack: &Stack, way: &Way, peer: &Peer, built: &Path) -> Result<()> {
    system::can_be_met(stack, way.needs.iter())?;
    system::require(stack, way.needs.iter())?;
    stack.progress.step(&peer.name, "building; the first time takes minutes");
    let partial = built.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    (way.build)(peer, &partial, stack)?;
    fs::rename(&partial, built).with_context(|| format!("cannot make {}", built.display()))?;
    stack.progress.step(&peer.name, "built");
    Ok(())
}

/// The program, by its own lock file and apart from the workspace.
fn rust(peer: &Peer, into: &Path, _: &Stack) -> Result<()> {
    let target = paths::cache()?.join("bench-builds").join(&peer.name);
    let mut build = cargo(&peer.source)?;
    build.args(["build", "--locked", "--release"]).env("CARGO_TARGET_DIR", &target);
    shell::run(&mut build, &peer.log)?;
    fs::copy(target.join("release").join(&peer.name), into.join(&peer.name))?;
    Ok(())
}

fn go(peer: &Peer, into: &Path, _: &Stack) -> Result<()> {
    let mut build = Command::new("go");
    build
        .args(["build", "-mod=readonly", "-o"])
        .arg(into.join(&peer.name))
        .arg(".")
        .current_dir(&peer.source);
    shell::run(&mut build, &peer.log)
}

/// Its classes and everything they need, as `libs/*`.
fn java(peer: &Peer, into: &Path, _: &Stack) -> Result<()> {
    // Maven writes beside what it builds.
    copy(&peer.source, into)?;
    let mut build = Command::new("mvn");
    build
        .args(["--quiet", "--batch-mode", "package"])
        .arg(format!("-Dlibs={}", into.join("libs").display()))
        .current_dir(into);
    shell::run(&mut build, &peer.log)
}

/// `venv/bin/python` with what it requires, and its own files.
fn python(peer: &Peer, into: &Path, _: &Stack) -> Result<()> {
    copy(&peer.source, into)?;
    let venv = into.join("venv");
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv), &peer.log)?;
    // Its interpreter is called by its path, so that it may be moved; scripts like pip's own may not.
    let mut install = Command::new(venv.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(into.join("requirements.txt"));
    shell::run(&mut install, &peer.log)
}

/// `node_modules` with what it requires, and its own files; no scripts of theirs are run.
fn node(peer: &Peer, into: &Path, _: &Stack) -> Result<()> {
    copy(&peer.source, into)?;
    let mut install = Command::new("npm");
    install
        .args(["ci", "--no-fund", "--no-audit", "--no-update-notifier", "--ignore-scripts"])
        .current_dir(into);
    shell::run(&mut install, &peer.log)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let target = to.join(file.strip_prefix(from)?);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&file, &target).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(())
}

/// A short name for the content of every file.
fn digest(folder: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files(folder)? {
        hash.update(file.strip_prefix(folder)?.to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update(fs::read(&file)?);
    }
    Ok(hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}

/// Every file of a peer; what builds leave behind is no part of it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "__pycache__" | "venv" | "node_modules") {
                found.extend(files(&path)?);
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_built_again_when_a_file_of_it_changes() {
        let folder = std::env::temp_dir().join(format!("xtask-peer-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("go.mod"), "module a").unwrap();
        fs::write(folder.join("src/main.go"), "package main").unwrap();
        let before = digest(&folder).unwrap();
        assert_eq!(digest(&folder).unwrap(), before);
        fs::write(folder.join("src/main.go"), "package main // changed").unwrap();
        assert_ne!(digest(&folder).unwrap(), before);
        fs::remove_dir_all(folder).unwrap();
    }
}
