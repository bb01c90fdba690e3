//! Tools that no distribution packages: fetched by Maven, Go, npm and pip into `~/.cache/guildhall/<name>-<version>`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Stack;
use super::system::Need;
use crate::compile::cargo;
use crate::{paths, shell};

/// Fetches with Maven; newer ones of the 3.x line work the same.
const MAVEN_DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// A server that is installed into the cache.
pub(crate) struct Tool {
    pub(crate) version: &'static str,
    /// Programs of the system that install it.
    pub(crate) needs: &'static [Need],
    /// Fills an empty folder; what it runs is logged to the file.
    pub(crate) fill: fn(dir: &Path, log: &Path) -> Result<()>,
}

impl Tool {
    /// Whether it is there already.
    pub(crate) fn is_cached(&self, name: &str) -> bool {
        folder(name, self.version).is_ok_and(|dir| dir.is_dir())
    }

    /// Installs it unless it is in the cache. The folder gets its name only when filling has worked, so an
    /// interrupted install starts again instead of being believed.
    pub(crate) fn install(&self, stack: &Stack, name: &str) -> Result<()> {
        if self.is_cached(name) {
            return Ok(());
        }
        let version = self.version;
        stack.progress.step(name, &format!("installing {version}"));
        let done = folder(name, version)?;
        let partial = done.with_file_name(format!("{name}-{version}.partial-{}", std::process::id()));
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
        let filled = (self.fill)(&partial, &stack.log(&format!("install-{name}")));
        if filled.is_err() {
            let _ = fs::remove_dir_all(&partial);
        }
        filled.with_context(|| format!("installing {name} {version} failed"))?;
        // Another xtask may have been faster; its folder is as good.
        if let Err(error) = fs::rename(&partial, &done) {
            let _ = fs::remove_dir_all(&partial);
            if !done.is_dir() {
                return Err(error).with_context(|| format!("cannot make {}", done.display()));
            }
        }
        stack.progress.step(name, "installed");
        Ok(())
    }
}

/// A tool's folder in the cache.
pub(crate) fn folder(name: &str, version: &str) -> Result<PathBuf> {
    Ok(paths::cache()?.join(format!("{name}-{version}")))
}

/// A jar with everything it needs at run time, into `<dir>/libs`. `artifacts` are `group:artifact:version`.
pub(crate) fn maven_libraries(dir: &Path, log: &Path, artifacts: &[&str]) -> Result<()> {
    let dependencies: String = artifacts
        .iter()
        .map(|artifact| {
            let mut part = artifact.splitn(3, ':');
            let mut next = || part.next().unwrap_or_default();
            format!(
                "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>",
                next(),
                next(),
                next()
            )
        })
        .collect();
    let pom = format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>guildhall</groupId><artifactId>tool</artifactId><version>1</version>
<dependencies>{dependencies}</dependencies></project>
"#
    );
    fs::write(dir.join("pom.xml"), pom)?;
    let mut command = maven(dir);
    command
        .arg(format!("{MAVEN_DEPENDENCY_PLUGIN}:copy-dependencies"))
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", dir.join("libs").display()));
    shell::run(&mut command, log)
}

/// A zip of Maven's, unpacked into `dir`. `artifact` is `group:artifact:version:zip`.
pub(crate) fn maven_unpack(dir: &Path, log: &Path, artifact: &str) -> Result<()> {
    let mut command = maven(dir);
    command
        .arg(format!("{MAVEN_DEPENDENCY_PLUGIN}:unpack"))
        .arg(format!("-Dartifact={artifact}"))
        .arg(format!("-DoutputDirectory={}", dir.display()));
    shell::run(&mut command, log)
}

/// A Rust program, built into `<dir>/bin`.
pub(crate) fn rust_program(dir: &Path, log: &Path, name: &str, version: &str) -> Result<()> {
    let build = dir.join("build");
    let mut install = cargo(dir)?;
    install.args(["install", name, "--version", version, "--locked", "--root"]).arg(dir);
    install.env("CARGO_TARGET_DIR", &build);
    shell::run(&mut install, log)?;
    fs::remove_dir_all(build).context("cannot remove what it was built from")
}

/// A Go program, built into `dir`. `package` is `import/path@version`.
pub(crate) fn go_program(dir: &Path, log: &Path, package: &str) -> Result<()> {
    go_program_tagged(dir, log, package, "")
}

/// The same with build tags, separated by commas.
pub(crate) fn go_program_tagged(dir: &Path, log: &Path, package: &str, tags: &str) -> Result<()> {
    let mut command = Command::new("go");
    command.args(["install", "-tags", tags, package]);
    command.env("GOBIN", dir).env("CGO_ENABLED", "0").current_dir(dir);
    shell::run(&mut command, log)
}

/// An npm package with its dependencies, into `<dir>/node_modules`; no scripts of theirs are run.
pub(crate) fn npm_package(dir: &Path, log: &Path, package: &str) -> Result<()> {
    let mut command = Command::new("npm");
    command
        .args(["install", "--no-fund", "--no-audit", "--no-update-notifier", "--ignore-scripts", "--prefix"])
        .arg(dir)
        .arg(package)
        .current_dir(dir);
    shell::run(&mut command, log)
}

/// Packages of Python's index with what they need, into a virtual environment that `dir` becomes. They are compiled when
/// they are used, which most of them never are.
pub(crate) fn python_packages(dir: &Path, log: &Path, packages: &[&str]) -> Result<()> {
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(dir), log)?;
    let mut command = Command::new(dir.join("bin/python"));
    command.args(["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]);
    shell::run(command.args(packages), log)
}

fn maven(dir: &Path) -> Command {
    let mut command = Command::new("mvn");
    command.args(["--quiet", "--batch-mode"]).current_dir(dir);
    command
}

/// `java` with the settings every server here wants: start fast, stay small.
pub(crate) fn java(heap_mib: u32) -> Command {
    let mut command = Command::new("java");
    command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).arg(format!("-Xmx{heap_mib}m"));
    command
}

/// `java` with the settings of a server that runs for long and fast.
pub(crate) fn java_server(heap_mib: u32) -> Command {
    let mut command = Command::new("java");
    command.args(["-server", "-XX:+UseG1GC"]).arg(format!("-Xmx{heap_mib}m"));
    command
}
