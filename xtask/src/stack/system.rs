//! Programs that must be on the machine, and getting them from the distribution.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Stack, apt};
use crate::{paths, shell};

/// A program a server or the build needs.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    /// How a person would call it.
    pub(crate) what: &'static str,
    /// What it is for.
    pub(crate) purpose: &'static str,
    /// What is there, in words, or `None`.
    pub(crate) find: fn() -> Option<String>,
    /// Debian packages that bring it, the first one deciding whether the distribution's is new enough.
    pub(crate) packages: &'static [&'static str],
    /// The oldest version of the first package that will do.
    pub(crate) least: u32,
    /// Where else to get it.
    pub(crate) elsewhere: &'static str,
}

pub(crate) const POSTGRES: Need = Need {
    what: "PostgreSQL 15+",
    purpose: "the services' databases",
    find: || postgres_bin().map(|dir| dir.display().to_string()),
    packages: &["postgresql"],
    least: 15,
    elsewhere: "https://www.postgresql.org/download/",
};

pub(crate) const REDIS: Need = Need {
    what: "redis-server",
    purpose: "bff's sessions",
    find: || paths::which("redis-server").map(|file| file.display().to_string()),
    packages: &["redis-server"],
    least: 6,
    elsewhere: "https://redis.io/docs/latest/operate/oss_and_stack/install/",
};

pub(crate) const CLAMD: Need = Need {
    what: "clamd",
    purpose: "scanning for malware",
    find: || paths::which("clamd").map(|file| file.display().to_string()),
    packages: &["clamav-daemon"],
    least: 1,
    elsewhere: "https://docs.clamav.net/manual/Installing.html",
};

pub(crate) const JAVA: Need = Need {
    what: "Java 17+",
    purpose: "Kafka, ElasticMQ and Keycloak",
    find: || version_at_least("java", "-version", 17, 0),
    packages: &["default-jre-headless"],
    least: 17,
    elsewhere: "https://adoptium.net/",
};

/// What only some peers of the benches are compiled with.
pub(crate) const JDK: Need = Need {
    what: "a Java compiler, 17+",
    purpose: "peers of the benches",
    find: || version_at_least("javac", "-version", 17, 0),
    packages: &["default-jdk-headless"],
    least: 17,
    elsewhere: "https://adoptium.net/",
};

pub(crate) const MAVEN: Need = Need {
    what: "Maven",
    purpose: "fetching Kafka, ElasticMQ and Keycloak",
    find: || paths::which("mvn").map(|file| file.display().to_string()),
    packages: &["maven"],
    least: 3,
    elsewhere: "https://maven.apache.org/download.cgi",
};

pub(crate) const GO: Need = Need {
    what: "Go 1.26+",
    purpose: "building versitygw, the S3 server",
    find: || version_at_least("go", "version", 1, 26),
    packages: &[],
    least: 0,
    elsewhere: "https://go.dev/dl/ (unpack to /usr/local/go and add /usr/local/go/bin to PATH)",
};

pub(crate) const NODE: Need = Need {
    what: "Node 20+ with npm",
    purpose: "maildev, the SMTP catcher",
    find: || paths::which("npm").and_then(|_| version_at_least("node", "--version", 20, 0)),
    packages: &["nodejs", "npm"],
    least: 20,
    elsewhere: "https://nodejs.org/en/download",
};

pub(crate) const COMPILER: Need = Need {
    what: "a C and C++ compiler and make",
    purpose: "building librdkafka",
    find: || {
        ["cc", "c++", "make"]
            .iter()
            .all(|tool| paths::which(tool).is_some())
            .then(|| "cc, c++, make".to_owned())
    },
    packages: &["build-essential"],
    least: 0,
    elsewhere: "your distribution's development tools",
};

pub(crate) const PKG_CONFIG: Need = Need {
    what: "pkg-config",
    purpose: "finding the C libraries",
    find: || paths::which("pkg-config").map(|file| file.display().to_string()),
    packages: &["pkg-config"],
    least: 0,
    elsewhere: "https://www.freedesktop.org/wiki/Software/pkg-config/",
};

pub(crate) const HEADERS: Need = Need {
    what: "OpenSSL and zlib headers",
    purpose: "librdkafka's TLS and compression",
    find: || {
        let mut probe = Command::new(paths::which("pkg-config")?);
        let found = probe.args(["--exists", "openssl", "zlib"]).status().ok()?.success();
        found.then(|| "openssl, zlib".to_owned())
    },
    packages: &["libssl-dev", "zlib1g-dev"],
    least: 0,
    elsewhere: "your distribution's OpenSSL and zlib development packages",
};

/// What everything is built with; xtask itself was.
pub(crate) const RUST: Need = Need {
    what: "Rust by rustup",
    purpose: "building everything",
    find: || paths::which("cargo").map(|file| file.display().to_string()),
    packages: &[],
    least: 0,
    elsewhere: "https://rustup.rs/",
};

/// What only tests need.
pub(crate) const CHROMIUM: Need = Need {
    what: "Chromium",
    purpose: "the test of the page",
    find: || paths::which("chromium").map(|file| file.display().to_string()),
    packages: &["chromium"],
    least: 0,
    elsewhere: "https://www.chromium.org/getting-involved/download-chromium/",
};

/// What only tests need.
pub(crate) const PYTHON: Need = Need {
    what: "Python 3 with venv",
    purpose: "the test of the Python client, and moto, which speaks AWS KMS",
    find: || {
        let mut probe = Command::new(paths::which("python3")?);
        let found = probe.args(["-c", "import venv, ensurepip"]).output().ok()?.status.success();
        found.then(|| "python3, venv".to_owned())
    },
    packages: &["python3", "python3-venv"],
    least: 3,
    elsewhere: "https://www.python.org/downloads/",
};

/// What only tests need.
pub(crate) const OPENSSL: Need = Need {
    what: "OpenSSL 3+",
    purpose: "the tests of time-stamps, which it makes and verifies too",
    find: || version_at_least("openssl", "version", 3, 0),
    packages: &["openssl"],
    least: 3,
    elsewhere: "https://openssl-library.org/source/",
};

/// What the tests need from the system beside the servers.
pub(crate) const TEST_NEEDS: [Need; 3] = [CHROMIUM, PYTHON, OPENSSL];

/// What the servers need from the system.
pub(crate) const SERVER_NEEDS: [Need; 7] = [POSTGRES, REDIS, CLAMD, JAVA, MAVEN, GO, NODE];

/// What building the services needs from the system.
pub(crate) const BUILD_NEEDS: [Need; 3] = [COMPILER, PKG_CONFIG, HEADERS];

/// How a missing need can be met here.
pub(crate) enum Remedy {
    /// By these packages of the distribution.
    Packages(&'static [&'static str]),
    /// By hand only.
    ByHand,
}

impl Need {
    /// Where a person gets it.
    pub(crate) fn source(&self) -> String {
        if self.packages.is_empty() {
            return self.elsewhere.to_owned();
        }
        format!("{}, or packages {} of a newer Debian or Ubuntu", self.elsewhere, self.packages.join(", "))
    }

    /// Whether the distribution has it, new enough.
    pub(crate) fn remedy(&self) -> Remedy {
        match self.packages.first().and_then(|package| apt::candidate(package)) {
            Some(major) if major >= self.least => Remedy::Packages(self.packages),
            _ => Remedy::ByHand,
        }
    }
}

/// Fails when something of `needs` is missing that xtask cannot get: with where to get it, or the line to run.
pub(crate) fn can_be_met<'a>(stack: &Stack, needs: impl Iterator<Item = &'a Need>) -> Result<()> {
    let missing: Vec<&Need> = needs.filter(|need| (need.find)().is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let may_install = is_root() || stack.yes;
    if may_install {
        apt::fill_empty_lists(stack)?;
    }
    let mut packages = BTreeSet::new();
    let mut by_hand = BTreeSet::new();
    for need in missing {
        match need.remedy() {
            Remedy::Packages(names) => packages.extend(names.iter().copied()),
            Remedy::ByHand => {
                by_hand.insert(format!("\n  {} ({}): {}", need.what, need.purpose, need.source()));
            }
        }
    }
    if !by_hand.is_empty() {
        let lines: String = by_hand.into_iter().collect();
        bail!("not installed, and this machine's package lists have nothing new enough:{lines}");
    }
    if !may_install {
        let line = apt::line(&packages.into_iter().collect::<Vec<_>>());
        bail!("system packages are missing. Run this line, or xtask again with --yes:\n  {line}");
    }
    Ok(())
}

/// Waits until `needs` are on the machine. Whoever lacks something first installs everything that is missing: apt
/// runs once, and servers that lack nothing do not wait for it.
pub(crate) fn require<'a>(stack: &Stack, needs: impl Iterator<Item = &'a Need>) -> Result<()> {
    let missing: Vec<Need> = needs.filter(|need| (need.find)().is_none()).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let installed =
        stack.packages.get_or_init(|| install_missing(stack, &missing).map_err(|error| format!("{error:#}")));
    if let Err(error) = installed {
        bail!("{error}");
    }
    for need in missing {
        if (need.find)().is_none() {
            bail!(
                "{} is not there although its packages are installed; get it from {}",
                need.what,
                need.elsewhere
            );
        }
    }
    Ok(())
}

fn install_missing(stack: &Stack, wanted: &[Need]) -> Result<()> {
    let mut packages = BTreeSet::new();
    for need in SERVER_NEEDS.iter().chain(&BUILD_NEEDS).chain(wanted).filter(|need| (need.find)().is_none()) {
        if let Remedy::Packages(names) = need.remedy() {
            packages.extend(names.iter().copied());
        }
    }
    apt::install(stack, &packages.into_iter().collect::<Vec<_>>())
}

/// A program that [`require`] has seen.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    paths::which(name)
        .with_context(|| format!("{name} is not on this machine; `cargo xtask doctor` says how to get it"))
}

/// Whether xtask runs as root.
pub(crate) fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The folder of PostgreSQL's newest server programs, 15 or later.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let major: u32 = entry.file_name().to_str()?.parse().ok()?;
        let bin = entry.path().join("bin");
        (major >= 15 && bin.join("initdb").is_file()).then_some((major, bin))
    });
    packaged.max().map(|(_, bin)| bin).or_else(|| {
        let initdb = paths::which("initdb")?;
        version_at_least("initdb", "--version", 15, 0)?;
        initdb.parent().map(Path::to_path_buf)
    })
}

/// The first version number a program prints, when it is at least `major.minor`.
fn version_at_least(program: &str, flag: &str, major: u32, minor: u32) -> Option<String> {
    let file = paths::which(program)?;
    let out = Command::new(&file).arg(flag).output().ok()?;
    let text = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let (found_major, found_minor) = first_version(&text)?;
    ((found_major, found_minor) >= (major, minor))
        .then(|| format!("{} {found_major}.{found_minor}", file.display()))
}

fn first_version(text: &str) -> Option<(u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut parts = text[start..].split(|c: char| !c.is_ascii_digit());
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().and_then(|part| part.parse().ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::first_version;

    #[test]
    fn versions_are_read_from_what_programs_print() {
        assert_eq!(first_version("openjdk version \"17.0.15\" 2025-04-15"), Some((17, 0)));
        assert_eq!(first_version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(first_version("v20.20.2"), Some((20, 20)));
        assert_eq!(first_version("initdb (PostgreSQL) 15.18"), Some((15, 18)));
        assert_eq!(first_version("OpenSSL 3.0.19 27 Jan 2026"), Some((3, 0)));
        assert_eq!(first_version("none"), None);
    }
}
