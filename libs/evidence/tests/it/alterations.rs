use std::collections::BTreeMap;

use evidence::{Finding, PublicKeys, Signer, seal, sha256, verify};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::sample::sample;

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

#[test]
fn an_archive_as_it_was_made_is_whole() {
    let sample = sample();
    let archive = seal(&sample.manifest, &sample.signer).unwrap();
    let summary = verify(&archive, &sample.keys, &sample.digests()).unwrap();
    assert_eq!(summary.manifest, sample.manifest);
    assert_eq!((summary.files, summary.absent.len(), summary.unproven.len()), (3, 0, 0));
    let summary = verify(&archive, &sample.keys, &BTreeMap::new()).unwrap();
    assert_eq!((summary.files, summary.absent.len()), (0, 3));
}

#[test]
fn every_alteration_of_an_archive_is_found() {
    let sample = sample();
    let good = seal(&sample.manifest, &sample.signer).unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let mut altered = 0;
    while altered < ROUNDS {
        let mut archive = good.clone();
        alter(&mut archive, &mut random);
        if archive == good {
            continue;
        }
        altered += 1;
        let findings = verify(&archive, &sample.keys, &BTreeMap::new());
        assert!(findings.is_err(), "alteration {altered} was not found");
    }
}

#[test]
fn every_alteration_of_a_file_is_found_and_named() {
    let sample = sample();
    let archive = seal(&sample.manifest, &sample.signer).unwrap();
    let names: Vec<_> = sample.files.keys().cloned().collect();
    let mut random = StdRng::seed_from_u64(2);
    let mut altered = 0;
    while altered < ROUNDS {
        let name = &names[random.random_range(0..names.len())];
        let mut bytes = sample.files[name].clone();
        alter(&mut bytes, &mut random);
        if bytes == sample.files[name] {
            continue;
        }
        altered += 1;
        let mut digests = sample.digests();
        digests.insert(name.clone(), sha256(&bytes));
        assert_eq!(verify(&archive, &sample.keys, &digests), Err(vec![Finding::File(name.clone())]));
    }
}

#[test]
fn what_a_stranger_signed_or_a_proof_does_not_show_is_named() {
    let sample = sample();
    let stranger = Signer::ephemeral().unwrap();
    let archive = seal(&sample.manifest, &stranger).unwrap();
    assert_eq!(verify(&archive, &sample.keys, &BTreeMap::new()), Err(vec![Finding::Signature]));

    let mut manifest = sample.manifest.clone();
    manifest.proofs[0].events.get_mut(&2).unwrap().subject = "d-2".into();
    let archive = seal(&manifest, &sample.signer).unwrap();
    assert_eq!(verify(&archive, &sample.keys, &BTreeMap::new()), Err(vec![Finding::Proof(0)]));

    // A key that signs manifests today says nothing of checkpoints that another one signed.
    let keys = PublicKeys::default().with(&stranger);
    let archive = seal(&sample.manifest, &stranger).unwrap();
    assert_eq!(verify(&archive, &keys, &BTreeMap::new()), Err(vec![Finding::Proof(0)]));

    let mut manifest = sample.manifest.clone();
    manifest.tenant = "lakeside".into();
    let archive = seal(&manifest, &sample.signer).unwrap();
    assert_eq!(verify(&archive, &sample.keys, &BTreeMap::new()), Err(vec![Finding::Proof(0)]));

    let mut manifest = sample.manifest.clone();
    manifest.format = 2;
    let archive = seal(&manifest, &sample.signer).unwrap();
    let findings = verify(&archive, &sample.keys, &BTreeMap::new()).unwrap_err();
    assert!(matches!(&findings[..], [Finding::Manifest(_)]));

    let mut digests = sample.digests();
    digests.insert("d-9/1".into(), [0; 32]);
    let archive = seal(&sample.manifest, &sample.signer).unwrap();
    assert_eq!(verify(&archive, &sample.keys, &digests), Err(vec![Finding::Member("d-9/1".into())]));
}

#[test]
fn an_access_that_no_proof_shows_is_told() {
    let mut sample = sample();
    sample.manifest.proofs.clear();
    let archive = seal(&sample.manifest, &sample.signer).unwrap();
    let summary = verify(&archive, &sample.keys, &BTreeMap::new()).unwrap();
    assert_eq!(summary.unproven, ["01890a5d-ac96-774b-bcce-b302099a8052"]);
}
