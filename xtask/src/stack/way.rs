//! The two ways to run the servers: containers where a daemon answers and has the images, processes elsewhere.

use std::env;
use std::process::Command;

use crate::doctor::succeeds;
use crate::paths;

use super::compose;

/// How the servers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `docker compose` with `docker-compose.dev.yaml`.
    Compose,
    /// Plain processes of this machine.
    Processes,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Compose => "containers of docker compose",
            Self::Processes => "plain processes",
        })
    }
}

/// The way for this machine and the reason, for people. `GUILDHALL_WAY=compose|processes` decides it beforehand.
pub(crate) fn choose() -> (Way, String) {
    match env::var("GUILDHALL_WAY").as_deref() {
        Ok("compose") => return (Way::Compose, "GUILDHALL_WAY says so".to_owned()),
        Ok("processes") => return (Way::Processes, "GUILDHALL_WAY says so".to_owned()),
        _ => {}
    }
    if paths::which("docker").is_none() {
        return (Way::Processes, "there is no docker".to_owned());
    }
    if !succeeds(Command::new("docker").arg("info")) {
        return (Way::Processes, "no docker daemon answers".to_owned());
    }
    if !succeeds(Command::new("docker").args(["compose", "version"])) {
        return (Way::Processes, "docker has no compose".to_owned());
    }
    match compose::missing_image() {
        Ok(None) => (Way::Compose, "a daemon answers and has the images".to_owned()),
        Ok(Some(image)) => (
            Way::Processes,
            format!(
                "image {image} is not here; for containers: docker compose -f {} --profile core pull",
                compose::FILE
            ),
        ),
        Err(error) => (Way::Processes, format!("docker compose does not read {}: {error:#}", compose::FILE)),
    }
}
