//! What of a stack runs, kept in `state.json` from the moment a process exists, so that an xtask that was
//! interrupted leaves nothing behind that `down` does not know.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::ports::Ports;
use super::process::Identity;

/// One process of the stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) identity: Identity,
    /// The signal that stops it in good order.
    pub(crate) stop_signal: String,
    /// Milliseconds from start to serving; absent while it has not served yet.
    pub(crate) ready_ms: Option<u64>,
    /// A program of ours, built quickly: several times the size of what is shipped.
    #[serde(default)]
    pub(crate) dev_build: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    ports: Option<Ports>,
    entries: Vec<Entry>,
    /// The servers run in containers.
    #[serde(default)]
    containers: bool,
    /// Folders outside the stack's own that `clean` removes with it.
    outside: Vec<PathBuf>,
}

impl Content {
    /// Once nothing runs, the next start may choose other ports.
    fn forget_ports(&mut self) {
        if self.entries.is_empty() && !self.containers {
            self.ports = None;
        }
    }
}

/// The file and its content; shared by the threads that start servers.
pub(crate) struct State {
    file: PathBuf,
    content: Mutex<Content>,
}

impl State {
    /// Reads the state of the stack in `dir`, forgetting processes that are gone.
    pub(crate) fn load(dir: &Path) -> Result<Self> {
        let file = dir.join("state.json");
        let mut content: Content = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} cannot be read; stop its processes by hand and delete it", file.display())
            })?,
            Err(_) => Content::default(),
        };
        content.entries.retain(|entry| entry.identity.is_alive());
        content.forget_ports();
        Ok(Self { file, content: Mutex::new(content) })
    }

    /// The ports the running processes were started with; `None` when nothing runs.
    pub(crate) fn ports(&self) -> Option<Ports> {
        self.lock().ports.clone()
    }

    /// The running process of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Entry> {
        self.lock().entries.iter().find(|entry| entry.name == name && entry.identity.is_alive()).cloned()
    }

    /// Everything that runs, in the order in which it was started.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Records a process that was just started.
    pub(crate) fn started(&self, entry: Entry, ports: &Ports) -> Result<()> {
        let mut content = self.lock();
        content.entries.retain(|old| old.name != entry.name);
        content.entries.push(entry);
        content.ports = Some(ports.clone());
        self.save(&content)
    }

    /// Records how long a process took until it served.
    pub(crate) fn ready(&self, name: &str, millis: u64) -> Result<()> {
        let mut content = self.lock();
        for entry in content.entries.iter_mut().filter(|entry| entry.name == name) {
            entry.ready_ms = Some(millis);
        }
        self.save(&content)
    }

    /// Forgets a process that was stopped.
    pub(crate) fn stopped(&self, name: &str) -> Result<()> {
        let mut content = self.lock();
        content.entries.retain(|entry| entry.name != name);
        content.forget_ports();
        self.save(&content)
    }

    /// Records that the servers run in containers, or no longer do.
    pub(crate) fn containers(&self, ports: &Ports, run: bool) -> Result<()> {
        let mut content = self.lock();
        content.containers = run;
        content.ports = Some(ports.clone());
        content.forget_ports();
        self.save(&content)
    }

    /// Whether the servers run in containers.
    pub(crate) fn has_containers(&self) -> bool {
        self.lock().containers
    }

    /// Remembers a folder outside the stack's own.
    pub(crate) fn outside(&self, dir: &Path) -> Result<()> {
        let mut content = self.lock();
        if !content.outside.iter().any(|known| known == dir) {
            content.outside.push(dir.to_owned());
        }
        self.save(&content)
    }

    /// The folders outside the stack's own.
    pub(crate) fn outside_dirs(&self) -> Vec<PathBuf> {
        self.lock().outside.clone()
    }

    fn save(&self, content: &Content) -> Result<()> {
        // Written beside and renamed, so that a reader never sees half a file.
        let next = self.file.with_extension("json.next");
        fs::write(&next, serde_json::to_vec_pretty(content)?)
            .and_then(|()| fs::rename(&next, &self.file))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
