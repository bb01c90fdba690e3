//! Getting packages of the distribution, without letting their servers start.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Stack;
use super::system::is_root;
use crate::{paths, shell};

/// What a person runs to get packages.
pub(crate) fn line(packages: &[&str]) -> String {
    format!("sudo apt-get install --no-install-recommends {}", packages.join(" "))
}

/// Fetches the package lists where there are none, as in a fresh container: without them nothing has a version.
pub(crate) fn fill_empty_lists(stack: &Stack) -> Result<()> {
    if !lists_are_empty() {
        return Ok(());
    }
    stack.progress.step("system", "fetching package lists");
    run(stack, &["-q", "update"])
}

/// Whether this machine has apt and no package lists.
pub(crate) fn lists_are_empty() -> bool {
    let lists = fs::read_dir("/var/lib/apt/lists").into_iter().flatten().flatten();
    let mut names = lists.map(|entry| entry.file_name().to_string_lossy().into_owned());
    paths::which("apt-get").is_some() && !names.any(|name| name.contains("_Packages"))
}

/// `apt-get install` as root, or through sudo when `--yes` allowed it.
pub(crate) fn install(stack: &Stack, packages: &[&str]) -> Result<()> {
    if !is_root() && !stack.yes {
        bail!("system packages are missing. Run this line, or xtask again with --yes:\n  {}", line(packages));
    }
    stack.progress.step("system", &format!("installing {}", packages.join(", ")));
    let _quiet = ServersStayOff::start(is_root())?;
    run(stack, &["-q", "update"])?;
    run(stack, &[&["-q", "-y", "install", "--no-install-recommends"], packages].concat())
        .with_context(|| format!("installing system packages failed; by hand: {}", line(packages)))?;
    stack.progress.step("system", "installed");
    Ok(())
}

fn run(stack: &Stack, args: &[&str]) -> Result<()> {
    let mut command = if is_root() { Command::new("apt-get") } else { Command::new("sudo") };
    if !is_root() {
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
    shell::run(&mut command, &stack.log("install-system"))
}

/// While it lives, packages that bring a server neither start nor enable it.
struct ServersStayOff {
    root: bool,
    policy_is_ours: bool,
    before: BTreeSet<String>,
}

impl ServersStayOff {
    const POLICY: &str = "/usr/sbin/policy-rc.d";
    const MARK: &str = "Written by Guildhall's xtask";

    fn start(root: bool) -> Result<Self> {
        // Where the machine's owner has a policy, it stands; one that a killed xtask left does not.
        let policy_is_ours = !Path::new(Self::POLICY).exists()
            || fs::read_to_string(Self::POLICY).is_ok_and(|text| text.contains(Self::MARK));
        if policy_is_ours {
            let script = &format!("#!/bin/sh\n# {} while it installs packages.\nexit 101\n", Self::MARK);
            if root {
                fs::write(Self::POLICY, script)?;
                fs::set_permissions(Self::POLICY, fs::Permissions::from_mode(0o755))?;
            } else {
                let write = format!("printf '%s' \"$1\" > {0} && chmod 755 {0}", Self::POLICY);
                shell::output(Command::new("sudo").args(["sh", "-c", &write, "sh", script]))?;
            }
        }
        Ok(Self { root, policy_is_ours, before: enabled_units() })
    }

    fn privileged(&self, program: &str, args: &[&str]) {
        let mut command = if self.root { Command::new(program) } else { Command::new("sudo") };
        if !self.root {
            command.arg(program);
        }
        // Nothing to do about it: the packages are installed and the user's next line of output says how that went.
        let _ = command.args(args).output();
    }
}

impl Drop for ServersStayOff {
    fn drop(&mut self) {
        if self.policy_is_ours {
            self.privileged("rm", &["-f", Self::POLICY]);
        }
        for unit in enabled_units().difference(&self.before) {
            self.privileged("systemctl", &["disable", unit]);
        }
    }
}

/// The distribution's server units that start with the machine.
fn enabled_units() -> BTreeSet<String> {
    let ours = ["postgresql", "redis-server", "clamav-daemon", "clamav-freshclam"];
    ours.iter()
        .filter(|unit| {
            Command::new("systemctl")
                .args(["is-enabled", "--quiet", unit])
                .output()
                .is_ok_and(|out| out.status.success())
        })
        .map(|&unit| unit.to_owned())
        .collect()
}

/// The major version apt would install, its epoch and revision apart.
pub(crate) fn candidate(package: &str) -> Option<u32> {
    let text = shell::output(Command::new("apt-cache").args(["policy", package])).ok()?;
    let version = text.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    let upstream = version.split_once(':').map_or(version, |(epoch, rest)| {
        // default-jre-headless is 2:1.17-74: the epoch and `1.` come before what counts.
        if epoch == "2" { rest.strip_prefix("1.").unwrap_or(rest) } else { rest }
    });
    upstream.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
