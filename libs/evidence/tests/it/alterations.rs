use std::collections::BTreeMap;

use evidence::{Check, Finding, MANIFEST, PublicKeys, SIGNATURE, Signer, Summary, sha256, verify};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::sample::{Sample, archive, sample};

const ROUNDS: usize = 10_000;

/// Changes bytes in one of the ways in which files go wrong or are made to.
fn alter(bytes: &mut Vec<u8>, random: &mut StdRng) {
    let (at, to) = (random.random_range(0..bytes.len()), random.random_range(0..bytes.len()));
    let (from, to) = (at.min(to), at.max(to));
    match random.random_range(0..7) {
        0 | 1 => bytes[at] ^= 1 << random.random_range(0..8),
        2 => bytes[at] = random.random(),
        3 => drop(bytes.drain(from..to.min(from + 64))),
        4 => bytes.truncate(at),
        5 => {
            let copy: Vec<u8> = bytes[from..to.min(from + 64)].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => bytes.swap(from, to),
    }
}

fn check(archive: &[u8], keys: &PublicKeys) -> Result<Summary, Vec<Finding>> {
    verify(archive, keys).unwrap()
}

/// What whoever has unpacked the archive finds.
fn check_unpacked(files: &BTreeMap<String, Vec<u8>>, sample: &Sample) -> Result<Summary, Vec<Finding>> {
    let opening = |name| files.get(name).cloned().unwrap_or_default();
    let mut check = Check::new(&opening(MANIFEST), &opening(SIGNATURE), None, &sample.keys);
    for (name, bytes) in files.iter().filter(|(name, _)| ![MANIFEST, SIGNATURE].contains(&name.as_str())) {
        check.file(name, &sha256(bytes));
    }
    check.finish()
}

#[test]
fn an_archive_as_it_was_made_is_whole() {
    let sample = sample();
    for summary in [check(&sample.archive(), &sample.keys), check_unpacked(&sample.unpacked(), &sample)] {
        let summary = summary.unwrap();
        assert_eq!(summary.manifest, sample.manifest);
        assert_eq!((summary.files, summary.unproven.len(), summary.time_stamp), (3, 0, None));
    }
    let summary = check(&archive(&sample.stamped(Some(b"token"))), &sample.keys).unwrap();
    assert_eq!(summary.time_stamp.as_deref(), Some(&b"token"[..]));
}

#[test]
fn every_alteration_of_an_archive_is_found() {
    let sample = sample();
    let good = archive(&sample.stamped(Some(&[7; 200])));
    let mut random = StdRng::seed_from_u64(1);
    let mut altered = 0;
    while altered < ROUNDS {
        let mut archive = good.clone();
        alter(&mut archive, &mut random);
        if archive == good {
            continue;
        }
        altered += 1;
        let findings = check(&archive, &sample.keys);
        assert!(findings.is_err_and(|findings| !findings.is_empty()), "alteration {altered} was not found");
    }
}

#[test]
fn every_alteration_of_a_file_is_found_and_named() {
    let sample = sample();
    let names: Vec<_> = sample.files.keys().cloned().collect();
    let good = sample.unpacked();
    let mut random = StdRng::seed_from_u64(2);
    let mut altered = 0;
    while altered < ROUNDS {
        let name = &names[random.random_range(0..names.len())];
        let mut files = good.clone();
        let bytes = files.get_mut(name).unwrap();
        alter(bytes, &mut random);
        if bytes == &sample.files[name] {
            continue;
        }
        altered += 1;
        // In an archive whose checksums were made to fit, or unpacked, by turns.
        let found = match altered % 2 {
            0 => check(&archive(&files), &sample.keys),
            _ => check_unpacked(&files, &sample),
        };
        assert_eq!(found, Err(vec![Finding::File(name.clone())]));
    }
}

#[test]
fn files_that_are_gone_or_were_put_in_are_named_and_so_are_those_of_a_manifest_that_nobody_signed() {
    let sample = sample();
    let mut files = sample.unpacked();
    files.remove("files/d-1/2.pdf").unwrap();
    files.insert("files/d-9/1.pdf".into(), Vec::new());
    let missing = Finding::Missing("files/d-1/2.pdf".into());
    let stranger = Finding::Stranger("files/d-9/1.pdf".into());
    assert_eq!(check_unpacked(&files, &sample), Err(vec![missing.clone(), stranger]));

    let mut other = sample.clone();
    other.files.remove("files/d-1/2.pdf").unwrap();
    assert_eq!(check(&other.archive(), &sample.keys), Err(vec![missing]));

    // Whoever alters a file and has the manifest fit is found by the signature; the files it does not fit are named still.
    let mut files = sample.unpacked();
    let text = String::from_utf8(files[MANIFEST].clone()).unwrap();
    files.insert(MANIFEST.into(), text.replace("casework", "Casework").into_bytes());
    files.insert("files/d-2/1.pdf".into(), b"another".to_vec());
    let named = vec![Finding::Signature, Finding::File("files/d-2/1.pdf".into())];
    assert_eq!(check_unpacked(&files, &sample), Err(named));
    files.remove(SIGNATURE).unwrap();
    assert!(check_unpacked(&files, &sample).unwrap_err().contains(&Finding::Signature));
}

#[test]
fn a_time_stamp_can_neither_be_taken_away_nor_changed() {
    let sample = sample();
    let manifest = evidence::write(&sample.manifest).unwrap();
    let signature = evidence::sign(&manifest, Some(b"token"), &sample.signer).unwrap();
    for (time_stamp, good) in
        [(Some(b"token".to_vec()), true), (Some(b"taken".to_vec()), false), (None, false)]
    {
        let check = Check::new(&manifest, &signature, time_stamp, &sample.keys);
        let found = check.finish().unwrap_err().contains(&Finding::Signature);
        assert_eq!(found, !good);
    }
}

#[test]
fn what_a_stranger_signed_or_a_proof_does_not_show_is_named() {
    let good = sample();
    let stranger = Signer::ephemeral().unwrap();
    let altered = |change: fn(&mut Sample)| {
        let mut sample = good.clone();
        change(&mut sample);
        check(&sample.archive(), &good.keys).unwrap_err()
    };
    let by_stranger = Sample { signer: stranger.clone(), ..good.clone() };
    assert_eq!(check(&by_stranger.archive(), &good.keys), Err(vec![Finding::Signature]));
    // A key that signs manifests today says nothing of checkpoints that another one signed.
    let keys = PublicKeys::default().with(&stranger);
    assert_eq!(check(&by_stranger.archive(), &keys), Err(vec![Finding::Proof(0)]));

    let change = |sample: &mut Sample| {
        sample.manifest.proofs[0].events.get_mut(&2).unwrap().subject = "d-2".into();
    };
    assert_eq!(altered(change), [Finding::Proof(0)]);
    assert_eq!(altered(|sample| sample.manifest.tenant = "lakeside".into()), [Finding::Proof(0)]);

    assert!(matches!(altered(|sample| sample.manifest.format = 2)[..], [Finding::Manifest(_)]));
    // Nothing of a path leads anywhere else.
    let elsewhere = |sample: &mut Sample| {
        sample.manifest.documents[1].versions[0].file = Some("files/../../etc/passwd".into());
    };
    assert!(matches!(altered(elsewhere)[0], Finding::Manifest(_)));
    let twice = |sample: &mut Sample| {
        let version = sample.manifest.documents[1].versions[0].clone();
        sample.manifest.documents[1].versions.push(version);
    };
    assert!(matches!(altered(twice)[..], [Finding::Manifest(_)]));
}

/// Who has the signing key can write any manifest, and none of what the chain shows in it.
#[test]
fn every_alteration_of_an_audit_entry_is_found_even_where_the_manifest_is_signed_again() {
    let sample = sample();
    let good = evidence::write(&sample.manifest).unwrap();
    let from = String::from_utf8(good.clone()).unwrap().find("\"proofs\"").unwrap();
    let mut random = StdRng::seed_from_u64(4);
    let mut altered = 0;
    while altered < ROUNDS {
        let mut manifest = good.clone();
        let at = random.random_range(from..manifest.len());
        manifest[at] = *b"0123456789abcdefghijkLMNOPQRSTUVWxyz+/=:-".get(random.random_range(0..41)).unwrap();
        let Ok(parsed) = serde_json::from_slice::<evidence::Manifest>(&manifest) else { continue };
        if parsed == sample.manifest {
            continue;
        }
        altered += 1;
        let signature = evidence::sign(&manifest, None, &sample.signer).unwrap();
        let mut check = Check::new(&manifest, &signature, None, &sample.keys);
        for (name, bytes) in &sample.files {
            check.file(name, &sha256(bytes));
        }
        assert_eq!(check.finish(), Err(vec![Finding::Proof(0)]), "byte {at}");
    }
}

#[test]
fn an_access_that_no_proof_shows_is_told() {
    let mut sample = sample();
    sample.manifest.proofs.clear();
    let summary = check(&sample.archive(), &sample.keys).unwrap();
    assert_eq!(summary.unproven, ["01890a5d-ac96-774b-bcce-b302099a8052"]);
}
