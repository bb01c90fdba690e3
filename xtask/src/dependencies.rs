//! `cargo xtask check-deps`: which crate of the workspace uses which, as a committed list, and the arrows that must
//! not be there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{compile, paths, shell};

/// The committed list.
const FILE: &str = "docs/dependencies.txt";

/// What `check-deps` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the list instead of comparing it.
    #[arg(long)]
    update: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Compares or writes the list; a forbidden arrow fails either way.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = paths::root();
    let mut command = compile::cargo(&root)?;
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Metadata = serde_json::from_str(&shell::output(&mut command)?)
        .context("cargo metadata is not what xtask expects")?;
    let packages = metadata.packages;

    let faults = forbidden(&packages);
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    let graph = render(&packages);
    let file = root.join(FILE);
    if args.update {
        return fs::write(&file, graph).with_context(|| format!("cannot write {}", file.display()));
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    if committed != graph {
        bail!(
            "{FILE} is not what the manifests say; look whether the new arrow should be there, then: cargo xtask check-deps --update\n{}",
            difference(&committed, &graph)
        );
    }
    say!("{FILE} is up to date");
    Ok(())
}

/// The folder a package lies in: `libs`, `services`, `sandbox`, `tests`, or the root.
fn group(package: &Package) -> &str {
    let folder = Path::new(&package.manifest_path).ancestors().nth(2);
    folder.and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default()
}

/// Services → libraries → third parties, and nothing against that.
fn forbidden(packages: &[Package]) -> Vec<String> {
    let groups: BTreeMap<&str, &str> =
        packages.iter().map(|package| (package.name.as_str(), group(package))).collect();
    let mut faults = Vec::new();
    for package in packages {
        for dependency in ours(package) {
            let (from, to) =
                (group(package), groups.get(dependency.name.as_str()).copied().unwrap_or_default());
            let forbidden = match from {
                // Who plays an outside party is no service: tests may talk to it.
                "libs" => to != "libs" && !(to == "sandbox" && dependency.kind.as_deref() == Some("dev")),
                "sandbox" => to != "libs",
                // Tests may bring up the real other side; what is shipped knows it through `proto` only.
                "services" => to != "libs" && dependency.kind.as_deref() != Some("dev"),
                _ => false,
            };
            if forbidden {
                faults.push(format!(
                    "{} uses {}: a {from} crate may use libraries only",
                    package.name, dependency.name
                ));
            }
        }
    }
    faults
}

fn ours(package: &Package) -> impl Iterator<Item = &Dependency> {
    package.dependencies.iter().filter(|dependency| dependency.path.is_some())
}

/// A line per crate: what it uses, and after `tests:` what only its tests use.
fn render(packages: &[Package]) -> String {
    let mut lines: Vec<String> = packages
        .iter()
        .map(|package| {
            let of_kind = |dev: bool| {
                let mut names: Vec<&str> = ours(package)
                    .filter(|dependency| (dependency.kind.as_deref() == Some("dev")) == dev)
                    .map(|dependency| dependency.name.as_str())
                    .collect();
                names.sort_unstable();
                names.dedup();
                names
            };
            let (uses, tests) = (of_kind(false), of_kind(true));
            let tests: Vec<&str> = tests.into_iter().filter(|name| !uses.contains(name)).collect();
            let mut line = format!("{}: {}", package.name, uses.join(" "));
            if !tests.is_empty() {
                line += &format!(" | tests: {}", tests.join(" "));
            }
            line.trim_end().to_owned()
        })
        .collect();
    lines.sort();
    format!(
        "# Which crate of the workspace uses which. Written by `cargo xtask check-deps --update`.\n{}\n",
        lines.join("\n")
    )
}

fn difference(old: &str, new: &str) -> String {
    let gone =
        old.lines().filter(|line| !new.lines().any(|other| other == *line)).map(|line| format!("- {line}\n"));
    let come =
        new.lines().filter(|line| !old.lines().any(|other| other == *line)).map(|line| format!("+ {line}\n"));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(group: &str, name: &str, uses: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.to_owned(),
            manifest_path: format!("/workspace/{group}/{name}/Cargo.toml"),
            dependencies: uses
                .iter()
                .map(|&(name, kind)| Dependency {
                    name: name.to_owned(),
                    kind: kind.map(str::to_owned),
                    path: Some(String::new()),
                })
                .collect(),
        }
    }

    #[test]
    fn a_service_may_not_know_another() {
        let packages =
            [package("services", "bff", &[("document", None)]), package("services", "document", &[])];
        assert_eq!(forbidden(&packages).len(), 1);
        let packages =
            [package("services", "bff", &[("document", Some("dev"))]), package("services", "document", &[])];
        assert!(forbidden(&packages).is_empty(), "its tests may");
    }

    #[test]
    fn a_library_may_not_know_a_service_even_in_tests() {
        let packages =
            [package("libs", "outbox", &[("document", Some("dev"))]), package("services", "document", &[])];
        assert_eq!(forbidden(&packages).len(), 1);
    }

    #[test]
    fn a_library_may_test_against_the_sandbox_and_not_use_it() {
        let on = |kind| [package("libs", "timestamp", &[("tsa", kind)]), package("sandbox", "tsa", &[])];
        assert!(forbidden(&on(Some("dev"))).is_empty());
        assert_eq!(forbidden(&on(None)).len(), 1);
        let on_a_service =
            [package("sandbox", "tsa", &[("document", None)]), package("services", "document", &[])];
        assert_eq!(forbidden(&on_a_service).len(), 1);
    }

    #[test]
    fn a_line_tells_uses_from_uses_of_tests() {
        let packages = [
            package("libs", "outbox", &[("pg", None), ("testkit", Some("dev"))]),
            package("libs", "pg", &[]),
            package("libs", "testkit", &[]),
        ];
        assert!(forbidden(&packages).is_empty());
        assert!(render(&packages).ends_with("outbox: pg | tests: testkit\npg:\ntestkit:\n"));
    }
}
