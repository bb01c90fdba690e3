//! Citizens: each hands in one document.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clock::Clock;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::{ConfirmUploadRequest, DocumentStatus, GetDocumentRequest, InitiateUploadRequest};
use rand::RngCore as _;
use service::channel::{Channel, Target, balanced};
use sha2::{Digest as _, Sha256};
use testkit::Issuer;
use tonic::Request;

use crate::world::World;

const TENANT: &str = "riverton";
/// Uploads at a time, before anything is measured.
const UPLOADS: usize = 4;
/// Confirmations at a time, where the rate is not fixed.
const AT_ONCE: usize = 16;

/// A document that was uploaded, and waits to be confirmed.
#[derive(Clone, Debug)]
pub(crate) struct Staged {
    owner: String,
    id: String,
    /// Of everything that its confirmation sets off.
    pub(crate) trace_id: String,
}

/// A confirmation.
#[derive(Clone, Debug)]
pub(crate) struct Confirmed {
    pub(crate) document: Staged,
    /// When it was due, nanoseconds since 1970: one that is sent late has waited.
    pub(crate) due: u64,
}

/// Speaks to the document service.
#[derive(Clone)]
pub(crate) struct Citizens {
    client: DocumentServiceClient<Channel>,
    http: reqwest::Client,
}

impl Citizens {
    pub(crate) fn new(world: &World) -> Result<Self> {
        let target: Target = world.document.parse().map_err(|_| anyhow::anyhow!("no target"))?;
        Ok(Self { client: DocumentServiceClient::new(balanced(&target)), http: reqwest::Client::new() })
    }

    /// Declares and uploads so many documents of a size.
    pub(crate) async fn stage(&self, issuer: &Issuer, count: usize, bytes: usize) -> Result<Vec<Staged>> {
        let one = |_| async move {
            let owner = format!("{:016x}", rand::rng().next_u64());
            let file = pdf(bytes);
            let message = InitiateUploadRequest {
                purpose: "income".to_owned(),
                file_name: "payslip.pdf".to_owned(),
                content_type: "application/pdf".to_owned(),
                size_bytes: i64::try_from(file.len())?,
                sha256: Sha256::digest(&file).to_vec(),
            };
            let trace_id = hex(16);
            let request = call(issuer, &owner, &hex(16), message)?;
            let initiated = self.client.clone().initiate_upload(request).await?.into_inner();
            let upload = initiated.upload.context("no upload")?;
            let mut put = self.http.put(&upload.url).body(file);
            for (name, value) in upload.headers.iter().filter(|(name, _)| *name != "content-length") {
                put = put.header(name, value);
            }
            put.send().await?.error_for_status()?;
            let id = initiated.document.context("no document")?.document_id;
            anyhow::Ok(Staged { owner, id, trace_id })
        };
        stream::iter(0..count).map(one).buffer_unordered(UPLOADS).try_collect().await
    }

    /// Confirms all of them, some at a time, as fast as they are answered.
    pub(crate) async fn confirm_all(&self, issuer: &Issuer, staged: Vec<Staged>) -> Result<Vec<Confirmed>> {
        let one = |document: Staged| async move {
            let due = now();
            self.client.clone().confirm_upload(document.confirmation(issuer)?).await?;
            Ok(Confirmed { document, due })
        };
        stream::iter(staged).map(one).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Confirms so many a second, whether or not earlier ones are done.
    pub(crate) async fn confirm_at(
        &self,
        issuer: &Issuer,
        staged: Vec<Staged>,
        rate: f64,
    ) -> Result<Vec<Confirmed>> {
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        let mut calls = Vec::new();
        let mut confirmed = Vec::new();
        for document in staged {
            ticks.tick().await;
            let due = now();
            let (request, mut client) = (document.confirmation(issuer)?, self.client.clone());
            calls.push(tokio::spawn(async move { client.confirm_upload(request).await }));
            confirmed.push(Confirmed { document, due });
        }
        for call in calls {
            call.await??;
        }
        Ok(confirmed)
    }

    /// Fails unless every document is ready.
    pub(crate) async fn all_ready(&self, issuer: &Issuer, confirmed: &[Confirmed]) -> Result<()> {
        for Confirmed { document, .. } in confirmed {
            let message = GetDocumentRequest { document_id: document.id.clone(), version: 0 };
            let request = call(issuer, &document.owner, &hex(16), message)?;
            let read = self.client.clone().get_document(request).await?.into_inner();
            let status = read.document.context("no document")?.status();
            ensure!(status == DocumentStatus::Ready, "a document is {}", status.as_str_name());
        }
        Ok(())
    }
}

impl Staged {
    fn confirmation(&self, issuer: &Issuer) -> Result<Request<ConfirmUploadRequest>> {
        let message = ConfirmUploadRequest { document_id: self.id.clone() };
        call(issuer, &self.owner, &self.trace_id, message)
    }
}

/// A call as a citizen's portal makes it.
fn call<M>(issuer: &Issuer, owner: &str, trace_id: &str, message: M) -> Result<Request<M>> {
    let mut request = Request::new(message);
    let token = auth::Token::parse(&issuer.citizen(owner, TENANT))?;
    auth::client::authorize(&mut request, &token, Some(&TENANT.parse()?));
    request.metadata_mut().insert("idempotency-key", hex(16).parse()?);
    request.metadata_mut().insert("traceparent", format!("00-{trace_id}-{}-01", hex(8)).parse()?);
    Ok(request)
}

/// One page with one picture of noise, which no other document has.
fn pdf(bytes: usize) -> Vec<u8> {
    let mut picture = vec![0; bytes.saturating_sub(600)];
    rand::rng().fill_bytes(&mut picture);
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /XObject << /P 4 0 R >> >> >>".to_vec(),
        [
            format!(
                "<< /Type /XObject /Subtype /Image /Width {} /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length {} >>\nstream\n",
                picture.len(),
                picture.len()
            )
            .as_bytes(),
            &picture,
            b"\nendstream",
        ]
        .concat(),
    ];
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        places.push(file.len());
        file.extend(format!("{number} 0 obj\n").as_bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for place in places {
        file.extend(format!("{place:010} 00000 n \n").as_bytes());
    }
    file.extend(
        format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1)
            .as_bytes(),
    );
    file
}

/// Nanoseconds since 1970, as spans count them.
pub(crate) fn now() -> u64 {
    u64::try_from(Clock::system().now().unix_timestamp_nanos()).unwrap_or(0)
}

fn hex(bytes: usize) -> String {
    (0..bytes).map(|_| format!("{:02x}", rand::random::<u8>())).collect()
}
