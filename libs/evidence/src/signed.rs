//! Signed archives of a case, and what is wrong with one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::archive::{self, Error as ArchiveError};
use crate::chain::{hash, sha256};
use crate::{Digest, Manifest, PublicKeys, Sha256, Signer};

/// The first member of an archive.
pub const MANIFEST: &str = "manifest.json";
/// The second: who signed the first.
pub const SIGNATURE: &str = "manifest.sig";
/// Where there is a third that is no file: the time-stamp (RFC 3161) of the first one's SHA-256.
pub const TIME_STAMP: &str = "manifest.tsr";
const FORMAT: u32 = 1;
/// Largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 256 * 1024 * 1024;
/// Largest signature or time-stamp that is read, in bytes.
const MAX_SIGNATURE: u64 = 64 * 1024;

/// Who signed the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    key: String,
    signature: String,
}

/// What an archive was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What is in it, whole and as it was signed.
    pub manifest: Manifest,
    /// Files that were compared: all of them.
    pub files: usize,
    /// Accesses of which no proof is in it: the next checkpoint came after the export.
    pub unproven: Vec<String>,
    /// SHA-256 of the manifest, which a time-stamp is of.
    pub digest: Digest,
    /// The time-stamp, if it has one. The signature covers it; what it says is for somebody else to look at.
    pub time_stamp: Option<Vec<u8>>,
}

/// Something that does not match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The archive is not as it was written, first at this byte.
    Archive(u64),
    /// The manifest is not what was signed, or by nobody known.
    Signature,
    /// The manifest cannot be read, or says what none of ours does.
    Manifest(String),
    /// What a proof shows is not in the chain that was signed; by its place in the manifest.
    Proof(usize),
    /// The bytes of a file are not those that were exported.
    File(String),
    /// A file is not there.
    Missing(String),
    /// A file was not exported.
    Stranger(String),
    /// The time-stamp does not hold; why. Whoever has the certificates of its authority finds it.
    TimeStamp(String),
}

impl Finding {
    /// What kind of finding it is, for programs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Archive(_) => "archive",
            Self::Signature => "signature",
            Self::Manifest(_) => "manifest",
            Self::Proof(_) => "proof",
            Self::File(_) => "file",
            Self::Missing(_) => "missing",
            Self::Stranger(_) => "stranger",
            Self::TimeStamp(_) => "time_stamp",
        }
    }

    /// Which file, or which part of the manifest, does not match.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Archive(_) => "archive".to_owned(),
            Self::Signature | Self::Manifest(_) => MANIFEST.to_owned(),
            Self::Proof(index) => format!("{MANIFEST}: proofs[{index}]"),
            Self::File(name) | Self::Missing(name) | Self::Stranger(name) => name.clone(),
            Self::TimeStamp(_) => TIME_STAMP.to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(at) => write!(f, "archive: not as it was written at byte {at}"),
            Self::Signature => write!(f, "{MANIFEST}: not what was signed, or signed by nobody known"),
            Self::Manifest(rule) => write!(f, "{MANIFEST}: {rule}"),
            Self::Proof(index) => write!(f, "{MANIFEST}: proofs[{index}] does not hold"),
            Self::File(name) => write!(f, "{name}: not the bytes that were exported"),
            Self::Missing(name) => write!(f, "{name}: not there"),
            Self::Stranger(name) => write!(f, "{name}: was not exported"),
            Self::TimeStamp(why) => write!(f, "{TIME_STAMP}: {why}"),
        }
    }
}

/// The manifest's bytes, as they are signed.
///
/// # Errors
/// None that is known: everything in a manifest has a spelling.
pub fn write(manifest: &Manifest) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec_pretty(manifest)
}

/// Signs a manifest's bytes, and its time-stamp where it has one.
///
/// # Errors
/// As [`write`].
pub fn sign(
    manifest: &[u8],
    time_stamp: Option<&[u8]>,
    signer: &Signer,
) -> Result<Vec<u8>, serde_json::Error> {
    let signature = signer.sign(&signed(manifest, time_stamp));
    serde_json::to_vec_pretty(&Signature { key: signer.key_id().to_owned(), signature })
}

/// Compares an archive's manifest, then its files, with what was signed. Needs nothing but the public keys.
#[derive(Debug)]
pub struct Check {
    manifest: Option<Manifest>,
    digest: Digest,
    time_stamp: Option<Vec<u8>>,
    findings: BTreeSet<Finding>,
    /// Files that were not met yet.
    wanted: BTreeMap<String, Digest>,
    compared: usize,
}

impl Check {
    /// Looks at the manifest, its signature, and the proofs in it. A manifest that nobody has signed says which files there
    /// were all the same, so that those which do not match are named too.
    #[must_use]
    pub fn new(manifest: &[u8], signature: &[u8], time_stamp: Option<Vec<u8>>, keys: &PublicKeys) -> Self {
        let mut check = Self {
            manifest: None,
            digest: sha256(manifest),
            findings: BTreeSet::new(),
            wanted: BTreeMap::new(),
            compared: 0,
            time_stamp,
        };
        if !is_genuine(manifest, signature, check.time_stamp.as_deref(), keys) {
            check.findings.insert(Finding::Signature);
        }
        match serde_json::from_slice::<Manifest>(manifest) {
            Ok(manifest) if manifest.format == FORMAT => check.content(manifest, keys),
            Ok(manifest) => check.rule(format!("format {} is not known here", manifest.format)),
            Err(error) => check.rule(error.to_string()),
        }
        check
    }

    fn content(&mut self, manifest: Manifest, keys: &PublicKeys) {
        for (index, proof) in manifest.proofs.iter().enumerate() {
            let own = proof.checkpoint.tenant == manifest.tenant;
            if !own || !proof.holds(keys, &manifest.service) {
                self.findings.insert(Finding::Proof(index));
            }
        }
        for (place, document) in manifest.documents.iter().enumerate() {
            for (index, version) in document.versions.iter().enumerate() {
                let Some(file) = &version.file else { continue };
                // A path of ours, so that nothing else is ever looked at by it.
                let ours = version.path(&document.id).is_some_and(|path| path == *file);
                if !ours || self.wanted.insert(file.clone(), version.sha256.0).is_some() {
                    self.rule(format!("documents[{place}].versions[{index}].file is not one of ours"));
                }
            }
        }
        self.manifest = Some(manifest);
    }

    fn rule(&mut self, rule: String) {
        self.findings.insert(Finding::Manifest(rule));
    }

    /// The files that were not compared yet.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.wanted.keys().map(String::as_str)
    }

    /// Compares the SHA-256 of a file.
    pub fn file(&mut self, name: &str, digest: &Digest) {
        let finding = match self.wanted.remove(name) {
            Some(wanted) if wanted == *digest => {
                self.compared += 1;
                return;
            }
            Some(_) => Finding::File(name.to_owned()),
            None => Finding::Stranger(name.to_owned()),
        };
        // What cannot be read names no files, and makes none a stranger.
        if self.manifest.is_some() {
            self.findings.insert(finding);
        }
    }

    /// What it has come to.
    ///
    /// # Errors
    /// Everything that does not match, at least one.
    pub fn finish(mut self) -> Result<Summary, Vec<Finding>> {
        self.findings.extend(std::mem::take(&mut self.wanted).into_keys().map(Finding::Missing));
        let Self { findings, manifest, compared, digest, time_stamp, .. } = self;
        let manifest = manifest.filter(|_| findings.is_empty());
        let Some(manifest) = manifest else { return Err(findings.into_iter().collect()) };
        let shown = manifest.proofs.iter().flat_map(|proof| proof.events.values());
        let proven: BTreeSet<&str> = shown.map(|event| event.event_id.as_str()).collect();
        let accesses = manifest.documents.iter().flat_map(|document| &document.accesses);
        let unproven = accesses.filter(|access| !proven.contains(access.event_id.as_str()));
        let unproven = unproven.map(|access| access.event_id.clone()).collect();
        Ok(Summary { files: compared, unproven, digest, time_stamp, manifest })
    }
}

/// Verifies an archive, and holds no more of it than its manifest.
///
/// # Errors
/// Where it cannot be read. What does not match is the inner one: everything, at least one.
pub fn verify(archive: impl Read, keys: &PublicKeys) -> io::Result<Result<Summary, Vec<Finding>>> {
    let mut opening = Opening::default();
    let mut check: Option<Check> = None;
    let read = archive::read(archive, |name, size, content| {
        if check.is_none() && opening.take(name, size, content)? {
            return Ok(());
        }
        let check = check.get_or_insert_with(|| std::mem::take(&mut opening).check(keys));
        check.file(name, &digest(content)?);
        Ok(())
    });
    let mut check = check.unwrap_or_else(|| opening.check(keys));
    match read {
        // A file whose bytes were found to be other ones is named once.
        Ok(damaged) => check.findings.extend(damaged.into_iter().map(Finding::File)),
        Err(ArchiveError::Malformed(at)) => check.findings.extend([Finding::Archive(at)]),
        Err(ArchiveError::Io(error)) => return Err(error),
    }
    Ok(check.finish())
}

/// SHA-256 of what is left to be read.
///
/// # Errors
/// Where it cannot be read.
pub fn digest(from: &mut (impl Read + ?Sized)) -> io::Result<Digest> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hash.finish()),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// The members that come before the files.
#[derive(Default)]
struct Opening {
    manifest: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    time_stamp: Option<Vec<u8>>,
}

impl Opening {
    /// Takes a member if it is the next of them.
    fn take(&mut self, name: &str, size: u64, content: &mut dyn Read) -> io::Result<bool> {
        let (place, limit) = match (name, &self.manifest, &self.signature, &self.time_stamp) {
            (MANIFEST, None, ..) => (&mut self.manifest, MAX_MANIFEST),
            (SIGNATURE, Some(_), None, _) => (&mut self.signature, MAX_SIGNATURE),
            (TIME_STAMP, _, Some(_), None) => (&mut self.time_stamp, MAX_SIGNATURE),
            _ => return Ok(false),
        };
        // What is larger is none of ours, and cut off it matches nothing.
        let mut bytes = Vec::new();
        content.take(limit.min(size)).read_to_end(&mut bytes)?;
        *place = Some(bytes);
        Ok(true)
    }

    fn check(self, keys: &PublicKeys) -> Check {
        let missing = [(MANIFEST, &self.manifest), (SIGNATURE, &self.signature)];
        let missing = missing.into_iter().filter(|(_, bytes)| bytes.is_none());
        let missing: Vec<_> = missing.map(|(name, _)| Finding::Missing(name.to_owned())).collect();
        let (manifest, signature) = (self.manifest.unwrap_or_default(), self.signature.unwrap_or_default());
        let mut check = Check::new(&manifest, &signature, self.time_stamp, keys);
        check.findings.extend(missing);
        check
    }
}

/// Whether somebody known has signed it.
fn is_genuine(manifest: &[u8], signature: &[u8], time_stamp: Option<&[u8]>, keys: &PublicKeys) -> bool {
    let Ok(by) = serde_json::from_slice::<Signature>(signature) else { return false };
    // One spelling only.
    serde_json::to_vec_pretty(&by).is_ok_and(|written| written == signature)
        && keys.verify(&by.key, &signed(manifest, time_stamp), &by.signature)
}

fn signed(manifest: &[u8], time_stamp: Option<&[u8]>) -> Digest {
    let manifest = sha256(manifest);
    match time_stamp.map(sha256) {
        None => hash("guildhall.evidence.manifest.v1", &[&manifest]),
        Some(time_stamp) => hash("guildhall.evidence.manifest.v1", &[&manifest, &time_stamp]),
    }
}
