//! An image as an environment's file has it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// A released version, and what it was when it was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) tag: String,
    pub(super) digest: String,
}

/// Where nothing was released yet; no application is made of it.
const NOTHING: &str = "0.0.0";

impl Image {
    pub(super) fn new(tag: &str, digest: &str) -> Result<Self> {
        let image = Self { tag: tag.to_owned(), digest: digest.to_owned() };
        ensure!(
            image.numbers().is_some(),
            "{tag:?} is no released version, which is like 1.4.0 or 1.4.0-rc.1"
        );
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        let good = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        ensure!(good, "{digest:?} is no digest, which is sha256: and 64 digits");
        Ok(image)
    }

    /// Where nothing was released yet.
    pub(super) fn nothing() -> Self {
        Self { tag: NOTHING.to_owned(), digest: format!("sha256:{}", "0".repeat(64)) }
    }

    /// Out of a file's text, which is as [`Image::text`] writes it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
            line.map(str::trim).with_context(|| format!("has no {key}"))
        };
        Self::new(value("tag:")?, value("digest:")?)
    }

    pub(super) fn read(file: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    /// As a commit has it.
    pub(super) fn at(root: &Path, commit: &str, file: &str) -> Result<Self> {
        let mut git = Command::new("git");
        git.arg("show").arg(format!("{commit}:{file}")).current_dir(root);
        Self::parse(&shell::output(&mut git)?).with_context(|| format!("{commit}:{file}"))
    }

    pub(super) fn text(&self) -> String {
        format!("service:\n  image:\n    tag: {}\n    digest: {}\n", self.tag, self.digest)
    }

    pub(super) fn is_released(&self) -> bool {
        self.tag != NOTHING
    }

    /// In the order of versions: numbers by their size, what comes before a release below it.
    pub(super) fn version(&self) -> impl Ord + use<> {
        let (numbers, before) = self.numbers().unwrap_or_default();
        // Within what comes before a release, numbers count by size and words by letters.
        let parts: Vec<(Option<u64>, String)> =
            before.split('.').map(|part| (part.parse().ok(), part.to_owned())).collect();
        (numbers, before.is_empty(), parts)
    }

    fn numbers(&self) -> Option<([u64; 3], String)> {
        let (numbers, before) = self.tag.split_once('-').unwrap_or((&self.tag, ""));
        let parts: Vec<u64> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let good =
            before.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
        good.then_some((parts.try_into().ok()?, before.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_is_written() {
        let image = Image::new("1.4.0", &format!("sha256:{}", "a".repeat(64))).unwrap();
        assert_eq!(Image::parse(&image.text()).unwrap(), image);
    }

    #[test]
    fn what_is_no_version_or_digest_is_refused() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for tag in ["latest", "1.4", "v1.4.0", "1.4.0+b", ""] {
            assert!(Image::new(tag, &digest).is_err(), "{tag}");
        }
        for digest in ["", "sha256:", "sha256:AA", &"a".repeat(64)] {
            assert!(Image::new("1.4.0", digest).is_err(), "{digest}");
        }
    }
}
