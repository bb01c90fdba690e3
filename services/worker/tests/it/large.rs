//! Files that come in parts, through the real clamd.

use std::collections::BTreeMap;

use proto::document::v1::{
    ConfirmUploadRequest, DocumentStatus, InitiateUploadRequest, PartDigest, RejectionReason,
    SignPartsRequest,
};
use proto::operations::v1::policy_service_client::PolicyServiceClient;
use proto::operations::v1::{GetPolicyRequest, PublishPolicyRequest};
use service::channel::balanced;
use sha2::{Digest, Sha256};

use super::harness::*;

const MIB: usize = 1024 * 1024;
/// Four parts and a byte: the smallest file that comes in parts, and below what clamd looks into.
const SMALLEST: usize = 64 * MIB + 1;
/// Above what clamd takes at all.
const BEYOND_CLAMD: usize = 101 * MIB;

/// A film of that size, of which only the beginning says so.
fn film(size: usize) -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    bytes.resize(size, 0);
    bytes
}

impl TestApp {
    /// Declares a film, sends it in parts and confirms. Returns the document's id.
    async fn hand_in_parts(&self, citizen: &Citizen, bytes: &[u8], sha256: Vec<u8>) -> String {
        let client = &self.documents;
        let message = InitiateUploadRequest {
            purpose: "recording".to_owned(),
            file_name: citizen.canary.file_name(),
            content_type: "video/mp4".to_owned(),
            size_bytes: i64::try_from(bytes.len()).unwrap(),
            sha256,
        };
        let initiated = patiently(&citizen.token, &message, |request| {
            let mut client = client.clone();
            async move { client.initiate_upload(request).await }
        });
        let document = initiated.await.document.unwrap();
        let size = usize::try_from(document.upload_parts.unwrap().part_size_bytes).unwrap();

        // Most parts are the same.
        let mut digests = BTreeMap::new();
        let parts = (1..).zip(bytes.chunks(size)).map(|(number, part)| PartDigest {
            number,
            sha256: digests.entry(part).or_insert_with(|| Sha256::digest(part).to_vec()).clone(),
        });
        let document_id = document.document_id;
        let message = SignPartsRequest { document_id: document_id.clone(), parts: parts.collect() };
        let signed = patiently(&citizen.token, &message, |request| {
            let mut client = client.clone();
            async move { client.sign_parts(request).await }
        });
        for (part, bytes) in signed.await.parts.iter().zip(bytes.chunks(size)) {
            let upload = part.upload.as_ref().unwrap();
            let mut put = reqwest::Client::new().put(&upload.url).body(bytes.to_vec());
            for (name, value) in upload.headers.iter().filter(|(name, _)| *name != "content-length") {
                put = put.header(name, value);
            }
            put.send().await.unwrap().error_for_status().unwrap();
        }
        let message = ConfirmUploadRequest { document_id: document_id.clone() };
        patiently(&citizen.token, &message, |request| {
            let mut client = client.clone();
            async move { client.confirm_upload(request).await }
        })
        .await;
        document_id
    }

    /// Has recordings refused that the scanner cannot look into.
    async fn refuse_unscannable_recordings(&self) {
        let (client, admin) = (PolicyServiceClient::new(balanced(&self.document)), self.admin());
        let message = GetPolicyRequest { kind: "upload".to_owned(), version: None };
        let policy = patiently(&admin, &message, |request| {
            let mut client = client.clone();
            async move { client.get_policy(request).await }
        });
        let mut body: serde_json::Value =
            serde_json::from_str(&policy.await.policy.unwrap().body_json).unwrap();
        body["purposes"]["recording"]["unscannable"] = "refuse".into();
        let message = PublishPolicyRequest {
            kind: "upload".to_owned(),
            body_json: body.to_string(),
            expected_version: 0,
            note: "OPS-1".to_owned(),
        };
        patiently(&admin, &message, |request| {
            let mut client = client.clone();
            async move { client.publish_policy(request).await }
        })
        .await;
    }
}

#[tokio::test]
async fn a_clean_file_of_five_parts_is_ready() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let bytes = film(SMALLEST);
    let id = app.hand_in_parts(&ada, &bytes, Sha256::digest(&bytes).to_vec()).await;
    let document = app.becomes(&ada, &id, DocumentStatus::Ready).await;
    assert_eq!(document.detected_content_type, "application/mp4");
    worker.stop().await;
}

#[tokio::test]
async fn what_clamd_cannot_look_into_is_reviewed_or_refused_by_the_policy() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let bytes = film(BEYOND_CLAMD);
    let sha256 = Sha256::digest(&bytes).to_vec();
    let id = app.hand_in_parts(&ada, &bytes, sha256.clone()).await;
    let document = app.becomes(&ada, &id, DocumentStatus::Quarantined).await;
    assert_eq!(document.detected_content_type, "application/mp4");
    app.told(&ada, "document.quarantined").await;

    // Parts that are not the declared whole: read to the end, though clamd has stopped long before.
    let other = app.hand_in_parts(&ada, &bytes, vec![1; 32]).await;
    let document = app.becomes(&ada, &other, DocumentStatus::Rejected).await;
    assert_eq!(document.rejection_reason(), RejectionReason::ChecksumMismatch);

    app.refuse_unscannable_recordings().await;
    let refused = app.hand_in_parts(&ada, &bytes, sha256).await;
    let document = app.becomes(&ada, &refused, DocumentStatus::Rejected).await;
    assert_eq!(document.rejection_reason(), RejectionReason::Unscannable);
    worker.stop().await;
}
