//! A case with two documents, a hold, an access, and proofs of both.

use std::collections::BTreeMap;

use evidence::{
    Access, Chain, Checkpoint, Digest, Document, Event, Hex, Hold, Manifest, Proof, PublicKeys, Shown,
    Signer, Version, sha256,
};
use time::OffsetDateTime;
use time::macros::datetime;

const NOON: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
const EVENTS: [&str; 3] = [
    "01890a5d-ac96-774b-bcce-b302099a8051",
    "01890a5d-ac96-774b-bcce-b302099a8052",
    "01890a5d-ac96-774b-bcce-b302099a8053",
];

pub(crate) struct Sample {
    pub(crate) manifest: Manifest,
    pub(crate) signer: Signer,
    pub(crate) keys: PublicKeys,
    /// The bytes of the versions that can be read.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Sample {
    pub(crate) fn digests(&self) -> BTreeMap<String, Digest> {
        self.files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect()
    }
}

pub(crate) fn sample() -> Sample {
    let signer = Signer::ephemeral().unwrap();
    let keys = PublicKeys::default().with(&signer);
    let files: BTreeMap<_, _> =
        [("d-1/1", "passport"), ("d-1/2", "passport, both sides"), ("d-2/1", "letter")]
            .map(|(name, text)| (name.to_owned(), text.repeat(20).into_bytes()))
            .into();
    let version = |document: &str, number: i32| Version {
        version: number,
        file_name: Some(format!("file-{number}.pdf")),
        content_type: "application/pdf".into(),
        size_bytes: 160,
        sha256: Hex(sha256(&files[&format!("{document}/{number}")])),
        status: "ready".into(),
        rejection_reason: None,
        detected_content_type: Some("application/pdf".into()),
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
    };
    let document = |id: &str, versions: Vec<Version>, accesses: Vec<Access>| Document {
        id: id.into(),
        owner: "ada".into(),
        purpose: "identity".into(),
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
        reason: "appeal".into(),
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
