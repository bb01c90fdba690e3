//! Signed archives of a case, and what is wrong with one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::archive::{self, Malformed, Member, TooLarge};
use crate::chain::{hash, sha256};
use crate::{Digest, Manifest, PublicKeys, Signer};

const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";
const FORMAT: u32 = 1;

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
    /// Versions whose bytes were compared.
    pub files: usize,
    /// Versions that can be read whose bytes were not there to be compared, as `<document>/<version>`.
    pub absent: Vec<String>,
    /// Accesses of which no proof is in it: the next checkpoint came after the export.
    pub unproven: Vec<String>,
}

/// Something that does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The archive is not as it was written.
    Archive(Malformed),
    /// A file that must be there is not, or one that must not be is.
    Member(String),
    /// The manifest is not what was signed, or by nobody known.
    Signature,
    /// The manifest cannot be read.
    Manifest(String),
    /// What a proof shows is not in the chain that was signed; by its place in the manifest.
    Proof(usize),
    /// The bytes of a version are not those that were handed in, as `<document>/<version>`.
    File(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(malformed) => write!(f, "archive: {malformed}"),
            Self::Member(name) => write!(f, "archive: {name} is missing, or should not be there"),
            Self::Signature => write!(f, "{MANIFEST}: not what was signed, or signed by nobody known"),
            Self::Manifest(rule) => write!(f, "{MANIFEST}: {rule}"),
            Self::Proof(index) => write!(f, "{MANIFEST}: proofs[{index}] does not hold"),
            Self::File(name) => write!(f, "{name}: not the bytes that were handed in"),
        }
    }
}

/// Signs a manifest and puts both into an archive.
///
/// # Errors
/// [`TooLarge`].
pub fn seal(manifest: &Manifest, signer: &Signer) -> Result<Vec<u8>, TooLarge> {
    let json = serde_json::to_vec_pretty(manifest).map_err(|_| TooLarge)?;
    let signature = Signature { key: signer.key_id().to_owned(), signature: signer.sign(&signed(&json)) };
    let signature = serde_json::to_vec_pretty(&signature).map_err(|_| TooLarge)?;
    archive::write(&[Member { name: MANIFEST, bytes: &json }, Member { name: SIGNATURE, bytes: &signature }])
}

/// Verifies an archive, and the bytes of the versions in it as far as `files` has their digests, by
/// `<document>/<version>`. Needs nothing but the public keys.
///
/// # Errors
/// Everything that does not match, at least one.
pub fn verify(
    bytes: &[u8],
    keys: &PublicKeys,
    files: &BTreeMap<String, Digest>,
) -> Result<Summary, Vec<Finding>> {
    let manifest = genuine(bytes, keys).map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    for (index, proof) in manifest.proofs.iter().enumerate() {
        let own = proof.checkpoint.tenant == manifest.tenant;
        if !own || !proof.holds(keys, &manifest.service) {
            findings.push(Finding::Proof(index));
        }
    }
    let (mut compared, mut absent, mut known) = (0, Vec::new(), BTreeSet::new());
    for document in &manifest.documents {
        for version in &document.versions {
            let name = format!("{}/{}", document.id, version.version);
            match files.get(&name) {
                Some(digest) if *digest == version.sha256.0 => compared += 1,
                Some(_) => findings.push(Finding::File(name.clone())),
                None if version.status == "ready" => absent.push(name.clone()),
                None => {}
            }
            known.insert(name);
        }
    }
    let strangers = files.keys().filter(|name| !known.contains(*name));
    findings.extend(strangers.map(|name| Finding::Member(name.clone())));
    if !findings.is_empty() {
        return Err(findings);
    }
    let proven: BTreeSet<&str> = manifest
        .proofs
        .iter()
        .flat_map(|proof| proof.events.values().map(|event| event.event_id.as_str()))
        .collect();
    let accesses = manifest.documents.iter().flat_map(|document| &document.accesses);
    let unproven = accesses.filter(|access| !proven.contains(access.event_id.as_str()));
    let unproven = unproven.map(|access| access.event_id.clone()).collect();
    Ok(Summary { files: compared, absent, unproven, manifest })
}

/// The manifest, if it is what was signed.
fn genuine(bytes: &[u8], keys: &PublicKeys) -> Result<Manifest, Finding> {
    let members = archive::read(bytes).map_err(Finding::Archive)?;
    let [manifest, signature] = &members[..] else {
        return Err(Finding::Member(members.get(2).map_or(SIGNATURE, |member| member.name).to_owned()));
    };
    for (member, name) in [(manifest, MANIFEST), (signature, SIGNATURE)] {
        if member.name != name {
            return Err(Finding::Member(name.to_owned()));
        }
    }
    let by: Signature = serde_json::from_slice(signature.bytes).map_err(|_| Finding::Signature)?;
    // One spelling only.
    let same = serde_json::to_vec_pretty(&by).is_ok_and(|written| written == signature.bytes);
    if !same || !keys.verify(&by.key, &signed(manifest.bytes), &by.signature) {
        return Err(Finding::Signature);
    }
    // From here on somebody known has written it.
    let parsed: Manifest =
        serde_json::from_slice(manifest.bytes).map_err(|error| Finding::Manifest(error.to_string()))?;
    if parsed.format != FORMAT {
        return Err(Finding::Manifest(format!("format {} is not known here", parsed.format)));
    }
    Ok(parsed)
}

fn signed(json: &[u8]) -> Digest {
    hash("guildhall.evidence.manifest.v1", &[&sha256(json)])
}
