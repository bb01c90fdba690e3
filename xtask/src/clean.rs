//! `cargo xtask clean`: stops the stacks and removes what they keep. Installed tools stay in the cache.

use std::fs;

use anyhow::{Context, Result};

use crate::stack::{PRIVATE, Stack, compose, down};

/// Stops and removes every stack.
pub(crate) fn run() -> Result<()> {
    let private = PRIVATE.iter().map(|name| Stack::private(name));
    for stack in std::iter::once(Stack::development()).chain(private) {
        let stack = stack?;
        if stack.state.has_containers() {
            compose::down(&stack, true)?;
        }
        down::stop(&stack)?;
        for outside in stack.state.outside_dirs() {
            remove(&outside)?;
        }
        remove(&stack.dir)?;
        stack.progress.step("clean", &format!("removed {}", stack.dir.display()));
    }
    Ok(())
}

fn remove(dir: &std::path::Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
