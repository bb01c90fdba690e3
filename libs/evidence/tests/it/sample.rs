//! A case with two documents, a hold, an access, and proofs of both.

use std::collections::BTreeMap;

use evidence::archive::Layout;
use evidence::{
    Access, Chain, Checkpoint, Document, Event, Hex, Hold, MANIFEST, Manifest, Proof, PublicKeys, SIGNATURE,
    Shown, Signer, TIME_STAMP, Version, sha256, sign, write,
};
use time::OffsetDateTime;
use time::macros::datetime;

const NOON: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
const EVENTS: [&str; 3] = [
    "01890a5d-ac96-774b-bcce-b302099a8051",
    "01890a5d-ac96-774b-bcce-b302099a8052",
    "01890a5d-ac96-774b-bcce-b302099a8053",
];

#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) manifest: Manifest,
    pub(crate) signer: Signer,
    pub(crate) keys: PublicKeys,
    /// The bytes of the versions that can be read.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Sample {
    /// The archive, as whoever exports writes it.
    pub(crate) fn archive(&self) -> Vec<u8> {
        archive(&self.unpacked())
    }

    /// What somebody finds who has unpacked it.
    pub(crate) fn unpacked(&self) -> BTreeMap<String, Vec<u8>> {
        self.stamped(None)
    }

    pub(crate) fn stamped(&self, time_stamp: Option<&[u8]>) -> BTreeMap<String, Vec<u8>> {
        let manifest = write(&self.manifest).unwrap();
        let signature = sign(&manifest, time_stamp, &self.signer).unwrap();
        let mut files = self.files.clone();
        files.extend([(MANIFEST.to_owned(), manifest), (SIGNATURE.to_owned(), signature)]);
        files.extend(time_stamp.map(|token| (TIME_STAMP.to_owned(), token.to_vec())));
        files
    }
}

/// The archive of these files.
pub(crate) fn archive(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let opening = [MANIFEST, SIGNATURE, TIME_STAMP];
    let first = opening.iter().filter_map(|name| files.get_key_value(*name));
    let rest = files.iter().filter(|(name, _)| !opening.contains(&name.as_str()));
    let (mut layout, mut archive) = (Layout::default(), Vec::new());
    for (name, bytes) in first.chain(rest) {
        archive.extend(layout.whole(name, bytes).unwrap());
        archive.extend(bytes);
    }
    archive.extend(layout.finish());
    archive
}

pub(crate) fn sample() -> Sample {
    let signer = Signer::ephemeral().unwrap();
    let keys = PublicKeys::default().with(&signer);
    let files: BTreeMap<_, _> =
        [("d-1/1", "passport"), ("d-1/2", "passport, both sides"), ("d-2/1", "letter")]
            .map(|(name, text)| (format!("files/{name}.pdf"), text.repeat(20).into_bytes()))
            .into();
    let version = |document: &str, number: i32| Version {
        version: number,
        file: Some(format!("files/{document}/{number}.pdf")),
        content_type: "application/pdf".into(),
        size_bytes: 160,
        sha256: Hex(sha256(&files[&format!("files/{document}/{number}.pdf")])),
        status: "ready".into(),
        rejection_reason: None,
        detected_content_type: Some("application/pdf".into()),
        retain_until: Some(NOON + time::Duration::days(365)),
        created_at: NOON,
        updated_at: NOON,
    };
    let access = Access {
        event_id: EVENTS[1].into(),
        version: 1,
        accessor: "sam".into(),
        client_id: "portal".into(),
        accessed_at: NOON,
        expires_at: NOON + time::Duration::minutes(1),
        purpose: "casework".into(),
        grant_id: None,
    };
    let document = |id: &str, versions: Vec<Version>, accesses: Vec<Access>| Document {
        id: id.into(),
        owner: "ada".into(),
        purpose: "identity".into(),
        retention_class: "casework".into(),
        created_at: NOON,
        versions,
        accesses,
    };
    let documents = vec![
        document("d-1", vec![version("d-1", 1), version("d-1", 2)], vec![access]),
        document("d-2", vec![version("d-2", 1)], Vec::new()),
    ];
    let hold = Hold {
        id: "01890a5d-ac96-774b-bcce-b302099a8060".into(),
        case_ref: "C-7".into(),
        document_id: "d-1".into(),
        version: Some(1),
        reason: Some("appeal".into()),
        placed_by: "sam".into(),
        placed_at: NOON,
        released_by: None,
        released_at: None,
        release_reason: None,
    };
    let manifest = Manifest {
        format: 1,
        service: "document".into(),
        tenant: "riverton".into(),
        case_ref: "C-7".into(),
        exported_at: NOON,
        exported_by: "sam".into(),
        export_id: "01890a5d-ac96-774b-bcce-b302099a8070".into(),
        reason: "the court asks for it".into(),
        documents,
        holds: vec![hold],
        proofs: vec![proof(&signer)],
    };
    Sample { manifest, signer, keys, files }
}

fn proof(signer: &Signer) -> Proof {
    let chain = Chain { service: "document".into(), tenant: "riverton".parse().unwrap() };
    let mut proof_of = Vec::new();
    let mut prev = chain.genesis();
    for (seq, id) in (1..).zip(EVENTS) {
        let event = Event {
            id: id.parse().unwrap(),
            type_: "guildhall.document.accessed.v1".into(),
            subject: "d-1".into(),
            time: NOON,
            schema: "proto:guildhall.document.v1.DocumentAccessed".into(),
            body: vec![7; 40],
        };
        let entry = chain.entry(seq, prev, event);
        prev = entry.hash;
        proof_of.push(entry);
    }
    Proof {
        after: 0,
        prev: chain.genesis(),
        digests: proof_of.iter().map(|entry| Hex(entry.digest)).collect(),
        events: proof_of[1..].iter().map(|entry| (entry.seq, Shown::from(&entry.event))).collect(),
        checkpoint: Checkpoint::sign(signer, &chain, 3, prev, NOON),
    }
}
