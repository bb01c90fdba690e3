//! Keycloak with the realm of `xtask/keycloak/guildhall-realm.json`. Users have fixed ids there, so documents find
//! their owners again after the realm is imported anew.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::install::{self, Tool};
use super::ports::{Port, Ports};
use super::process::Launch;
use super::{Server, Stack, system};
use crate::{net, shell};

const VERSION: &str = "26.7.3";

pub(crate) const SERVER: Server = Server {
    name: "keycloak",
    ports: &[Port::Keycloak, Port::KeycloakManagement],
    needs: &[system::JAVA],
    tool: Some(Tool { version: VERSION, needs: &[system::MAVEN], fill: install }),
    launch,
    // Its own readiness comes before the realm is imported.
    ready: |stack| net::get(&format!("{}/.well-known/openid-configuration", issuer(&stack.ports))).map(drop),
    provision: |_| Ok(()),
};

/// The realm's issuer, as tokens name it.
pub(crate) fn issuer(ports: &Ports) -> String {
    format!("{}/realms/guildhall", base(ports))
}

fn base(ports: &Ports) -> String {
    format!("http://localhost:{}", ports.get(Port::Keycloak))
}

/// Unpacks it and builds it for the options that are fixed at build time, which halves every later start.
fn install(dir: &Path, log: &Path) -> Result<()> {
    install::maven_unpack(dir, log, &format!("org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"))?;
    let mut build = keycloak_java(&dir.join(format!("keycloak-{VERSION}")));
    build.args(["build", "--db=dev-file", "--health-enabled=true", "--metrics-enabled=true"]);
    shell::run(&mut build, log)
}

fn launch(stack: &Stack) -> Result<Launch> {
    let home = home(stack)?;
    let mut command = keycloak_java(&home);
    command
        .args(["start", "--optimized", "--import-realm", "--cache=local"])
        .args(["--http-enabled=true", "--http-host=127.0.0.1"])
        .arg(format!("--http-port={}", stack.port(Port::Keycloak)))
        .arg(format!("--http-management-port={}", stack.port(Port::KeycloakManagement)))
        .arg(format!("--hostname={}", base(&stack.ports)))
        .arg("--hostname-backchannel-dynamic=true")
        .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
        .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
        .current_dir(&home);
    Ok(Launch::new(command))
}

/// A home of this stack's own around the shared program: its database, and the realm to import. A database that was
/// made from another realm file is thrown away, because an import never changes a realm that exists.
fn home(stack: &Stack) -> Result<std::path::PathBuf> {
    let program = install::folder("keycloak", VERSION)?.join(format!("keycloak-{VERSION}"));
    let home = stack.data("keycloak")?;
    for shared in ["lib", "providers", "themes", "conf"] {
        let link = home.join(shared);
        let _ = fs::remove_file(&link);
        symlink(program.join(shared), &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    let realm =
        fs::read(stack.root.join("xtask/keycloak/guildhall-realm.json")).context("cannot read the realm")?;
    let import = home.join("data/import");
    let imported = import.join("guildhall-realm.json");
    let marker = home.join("version");
    if fs::read(&imported).ok().as_ref() != Some(&realm)
        || fs::read(&marker).ok().as_deref() != Some(VERSION.as_bytes())
    {
        let _ = fs::remove_dir_all(home.join("data"));
        fs::create_dir_all(&import)?;
        fs::write(&imported, realm)?;
        fs::write(&marker, VERSION)?;
    }
    Ok(home)
}

/// What its `kc.sh` runs, without the shell in between, so that the process recorded is the server itself.
fn keycloak_java(home: &Path) -> Command {
    let mut command = install::java(512);
    for package in ["java.util", "java.util.concurrent", "java.security", "java.lang"] {
        command.arg(format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
    }
    command
        .arg("-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory")
        .arg("-Djava.util.logging.manager=org.jboss.logmanager.LogManager")
        .args(["-Dfile.encoding=UTF-8", "-Dpicocli.disable.closures=true", "-Dquarkus-log-max-startup-records=10000"])
        .arg(format!("-Dkc.home.dir={}", home.display()))
        .arg(format!("-Djboss.server.config.dir={}", home.join("conf").display()))
        .arg("-cp")
        .arg(home.join("lib/quarkus-run.jar"))
        .arg("io.quarkus.bootstrap.runner.QuarkusEntryPoint");
    command
}
