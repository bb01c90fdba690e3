//! What an environment had, as git knows it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::image::Image;
use crate::shell;

const ENVS: &str = "gitops/envs";

/// The images of one file, the newest first.
pub(super) struct History(Vec<Image>);

impl History {
    /// Of the commits that lead to `commit`.
    pub(super) fn read(root: &Path, file: &str, commit: &str) -> Result<Self> {
        let mut git = Command::new("git");
        git.args(["log", "--format=%H", commit, "--", file]).current_dir(root);
        let mut images = Vec::new();
        for commit in shell::output(&mut git)?.lines() {
            // A commit that took the file away has none.
            if let Ok(image) = Image::at(root, commit, file) {
                images.push(image);
            }
        }
        Ok(Self(images))
    }

    #[cfg(test)]
    pub(super) fn of(images: Vec<Image>) -> Self {
        Self(images)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Image> {
        self.0.iter()
    }

    /// What it runs.
    pub(super) fn now(&self) -> Option<&Image> {
        self.0.first()
    }

    /// What it ran before that, and was released.
    pub(super) fn before(&self) -> Option<&Image> {
        self.0.iter().find(|image| Some(*image) != self.now() && image.is_released())
    }

    pub(super) fn had(&self, image: &Image) -> bool {
        self.0.contains(image)
    }
}

/// Files of images that differ from what `base` and this tree have in common.
pub(super) fn changed(root: &Path, base: &str) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["diff", "--name-only", "--merge-base", base, "--", ENVS]).current_dir(root);
    Ok(shell::output(&mut git)?.lines().map(str::to_owned).collect())
}
