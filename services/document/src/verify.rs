//! `document verify`: an exported case, checked without settings and without a network.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use evidence::{Check, Finding, MANIFEST, PublicKeys, SIGNATURE, Summary, TIME_STAMP};
use rpc_error::Chain;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use timestamp::{Stamp, Trusted};

/// Something does not match.
const DIFFERS: u8 = 1;
/// The input cannot be read: `EX_NOINPUT`.
const NO_INPUT: u8 = 66;

/// What to verify.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The archive; or its manifest (*.json), or the folder with it, where it was unpacked
    path: PathBuf,
    /// Public keys that are believed: base64 of SubjectPublicKeyInfo in DER, comma-separated, or a file with one a line. Get
    /// them on another way than the archive
    #[arg(long)]
    keys: String,
    /// Certificates of those who certify the time-stamp's authority, a PEM file; without it a time-stamp is not looked at
    #[arg(long)]
    tsa: Option<PathBuf>,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Why it was not verified.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("--keys {0}")]
    Keys(#[source] evidence::Invalid),
    #[error("--keys has no key")]
    NoKey,
    #[error("--tsa")]
    Tsa(#[source] timestamp::NotTrusted),
    #[error("{} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
}

/// Verifies, and prints what it is or what does not match. Ends with 0 when everything matches, 1 when something does not, 64
/// when the keys are none, 66 when something cannot be read.
pub fn run(args: &Args, out: &mut impl Write) -> ExitCode {
    let error = match verified(args) {
        Ok(outcome) => {
            let told = if args.json { tell_json(&outcome, out) } else { tell(&outcome, out) };
            // Who reads along is gone; the verdict counts.
            drop(told);
            return if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) };
        }
        Err(error) => error,
    };
    complain(&error);
    match error {
        Error::Keys(_) | Error::NoKey | Error::Tsa(_) => ExitCode::from(settings::EXIT_CODE),
        Error::Unreadable(..) => ExitCode::from(NO_INPUT),
    }
}

#[expect(clippy::print_stderr, reason = "a command for people has no log")]
fn complain(error: &Error) {
    eprintln!("{}", Chain(error));
}

/// What was found, and what the time-stamp says where it was looked at.
type Outcome = Result<(Summary, Option<Stamp>), Vec<Finding>>;

fn verified(args: &Args) -> Result<Outcome, Error> {
    let trusted = args.tsa.as_deref().map(trusted).transpose()?;
    let summary = match compared(args)? {
        Ok(summary) => summary,
        Err(findings) => return Ok(Err(findings)),
    };
    let (Some(trusted), Some(token)) = (trusted, &summary.time_stamp) else { return Ok(Ok((summary, None))) };
    Ok(match timestamp::verify(token, &summary.digest, &trusted) {
        Ok(stamp) => Ok((summary, Some(stamp))),
        Err(why) => Err(vec![Finding::TimeStamp(Chain(&why).to_string())]),
    })
}

fn compared(args: &Args) -> Result<Result<Summary, Vec<Finding>>, Error> {
    let keys = keys(&args.keys)?;
    if args.path.is_dir() {
        return unpacked(&args.path, &args.path.join(MANIFEST), &keys);
    }
    if args.path.extension().is_some_and(|ending| ending == "json") {
        let folder = args.path.parent().unwrap_or(Path::new(""));
        return unpacked(folder, &args.path, &keys);
    }
    let archive = File::open(&args.path).map_err(|error| unreadable(&args.path, error))?;
    evidence::verify(archive, &keys).map_err(|error| unreadable(&args.path, error))
}

/// A manifest beside the files that came with it.
fn unpacked(
    folder: &Path,
    manifest: &Path,
    keys: &PublicKeys,
) -> Result<Result<Summary, Vec<Finding>>, Error> {
    let bytes = fs::read(manifest).map_err(|error| unreadable(manifest, error))?;
    let (signature, time_stamp) = (beside(folder, SIGNATURE)?, beside(folder, TIME_STAMP)?);
    let mut check = Check::new(&bytes, &signature.unwrap_or_default(), time_stamp, keys);
    compare(folder, "files", &mut check)?;
    Ok(check.finish())
}

/// What a file beside the manifest has, if it is there.
fn beside(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, error)),
    }
}

/// Compares every file below a folder.
fn compare(root: &Path, below: &str, check: &mut Check) -> Result<(), Error> {
    let folder = root.join(below);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(&folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&folder, error))?;
        let (path, name) = (entry.path(), format!("{below}/{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            compare(root, &name, check)?;
            continue;
        }
        let digest = File::open(&path).and_then(|mut file| evidence::digest(&mut file));
        check.file(&name, &digest.map_err(|error| unreadable(&path, error))?);
    }
    Ok(())
}

fn keys(text: &str) -> Result<PublicKeys, Error> {
    let path = Path::new(text);
    let text = if path.is_file() {
        fs::read_to_string(path).map_err(|error| unreadable(path, error))?.replace('\n', ",")
    } else {
        text.to_owned()
    };
    let keys = PublicKeys::parse(&text).map_err(Error::Keys)?;
    if keys == PublicKeys::default() { Err(Error::NoKey) } else { Ok(keys) }
}

fn trusted(path: &Path) -> Result<Trusted, Error> {
    let pem = fs::read(path).map_err(|error| unreadable(path, error))?;
    Trusted::from_pem(&pem).map_err(Error::Tsa)
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::Unreadable(path.to_owned(), error)
}

fn tell(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let (summary, stamp) = match outcome {
        Ok(found) => found,
        Err(findings) => {
            writeln!(out, "NOT AS EXPORTED: {} findings", findings.len())?;
            return findings.iter().try_for_each(|finding| writeln!(out, "{finding}"));
        }
    };
    let manifest = &summary.manifest;
    let accesses: usize = manifest.documents.iter().map(|document| document.accesses.len()).sum();
    let proven: usize = manifest.proofs.iter().map(|proof| proof.events.len()).sum();
    writeln!(
        out,
        "case {} of {}: as exported at {} by {}",
        manifest.case_ref,
        manifest.tenant,
        manifest.exported_at.format(&Rfc3339).unwrap_or_default(),
        manifest.exported_by,
    )?;
    writeln!(
        out,
        "{} documents, {} holds, {accesses} accesses; {} files compared; {proven} events proven",
        manifest.documents.len(),
        manifest.holds.len(),
        summary.files,
    )?;
    if !summary.unproven.is_empty() {
        writeln!(out, "{} accesses without a proof: newer than the last checkpoint", summary.unproven.len())?;
    }
    match stamp {
        Some(Stamp { at, authority, .. }) => {
            writeln!(out, "time-stamp: there at {} says {authority}", at.format(&Rfc3339).unwrap_or_default())
        }
        None if summary.time_stamp.is_some() => {
            writeln!(out, "time-stamp: present, not looked at; --tsa names whom to believe")
        }
        None => writeln!(out, "time-stamp: absent"),
    }
}

fn tell_json(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let told = match outcome {
        Ok((summary, stamp)) => json!({
            "as_exported": true,
            "tenant": summary.manifest.tenant,
            "case": summary.manifest.case_ref,
            "export_id": summary.manifest.export_id,
            "exported_at": summary.manifest.exported_at.format(&Rfc3339).unwrap_or_default(),
            "exported_by": summary.manifest.exported_by,
            "manifest_sha256": evidence::Hex(summary.digest),
            "documents": summary.manifest.documents.len(),
            "files": summary.files,
            "unproven_accesses": summary.unproven,
            "time_stamp": time_stamp(summary, stamp.as_ref()),
            "findings": [],
        }),
        Err(findings) => json!({
            "as_exported": false,
            "findings": findings.iter().map(|finding| json!({
                "kind": finding.kind(),
                "name": finding.name(),
                "message": finding.to_string(),
            })).collect::<Vec<_>>(),
        }),
    };
    writeln!(out, "{told}")
}

/// `null` where there is none. The signature covers one that was not looked at, too.
fn time_stamp(summary: &Summary, stamp: Option<&Stamp>) -> serde_json::Value {
    match stamp {
        Some(stamp) => json!({
            "looked_at": true,
            "at": stamp.at.format(&Rfc3339).unwrap_or_default(),
            "authority": stamp.authority,
            "policy": stamp.policy,
            "serial": stamp.serial,
        }),
        None if summary.time_stamp.is_some() => json!({ "looked_at": false }),
        None => serde_json::Value::Null,
    }
}
