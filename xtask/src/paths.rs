//! Where things are: the workspace, its target folder, and the cache of installed tools.

use std::env;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The workspace's root. Cargo tells it at run time, so that a moved checkout still works.
pub(crate) fn root() -> PathBuf {
    let member = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    member.parent().map_or_else(|| member.clone(), Path::to_path_buf)
}

/// Cargo's build folder of this workspace.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where cargo builds the services: [`target`], unless its path has white space. librdkafka's configure script cannot be
/// run below such a path, so the build then goes to the cache, a folder per workspace.
pub(crate) fn build() -> Result<PathBuf> {
    let target = target();
    if !target.to_string_lossy().contains(char::is_whitespace) {
        return Ok(target);
    }
    let mut hasher = std::hash::DefaultHasher::new();
    root().hash(&mut hasher);
    Ok(cache()?.join("builds").join(format!("{:016x}", hasher.finish())))
}

/// `~/.cache/guildhall`, or what `GUILDHALL_CACHE` says: installed tools, one folder per name and version.
pub(crate) fn cache() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("GUILDHALL_CACHE") {
        return Ok(PathBuf::from(dir));
    }
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context(
            "neither XDG_CACHE_HOME nor HOME is set; set GUILDHALL_CACHE to a folder for installed tools",
        )?;
    Ok(base.join("guildhall"))
}

/// The first file of this name on `PATH`.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        // Debian keeps servers where only root's PATH looks.
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from).into_iter().filter(|_| !path.is_empty()))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}
