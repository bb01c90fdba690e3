//! Citizens who hand in, and staff who hold, release and erase. Every call is repeated under its key until it is
//! answered; what was answered goes to the books.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use proto::document::v1::case_service_client::CaseServiceClient;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::{self, DocumentStatus};
use rand::Rng as _;
use rand::rngs::StdRng;
use rpc_error::{Error, reason};
use sha2::{Digest as _, Sha256};
use testkit::place::Phase;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use super::world::World;

const TENANTS: [&str; 2] = ["riverton", "lakeside"];
/// How long a call is repeated before it counts as never answered.
const ANSWER: Duration = Duration::from_secs(120);
/// How long somebody waits for a verdict or an erasure before they go on with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// The antivirus industry's harmless test file, in two parts so that this source is not found itself.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// What somebody does with a document.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Keep,
    Infected,
    OtherType,
    Abandon,
    EraseEarly,
    Hold,
    EndRetention,
    EraseAfterEnd,
    Correct,
}

impl Fate {
    fn choose(random: &mut StdRng) -> Self {
        match random.random_range(0..100) {
            0..18 => Self::Keep,
            18..24 => Self::Infected,
            24..30 => Self::OtherType,
            30..38 => Self::Abandon,
            38..50 => Self::EraseEarly,
            50..70 => Self::Hold,
            70..80 => Self::EndRetention,
            80..90 => Self::EraseAfterEnd,
            _ => Self::Correct,
        }
    }
}

/// Somebody, and the two of staff who deal with them.
struct Person {
    world: Arc<World>,
    subject: String,
    tenant: &'static str,
    documents: DocumentServiceClient<Channel>,
    cases: CaseServiceClient<Channel>,
    random: StdRng,
}

/// Who makes a call.
#[derive(Clone, Copy)]
enum Who {
    Citizen,
    Staff(&'static str),
}

/// Lives until everybody leaves.
pub(super) async fn live(world: Arc<World>, number: u64, random: StdRng) -> Result<()> {
    let channel = Endpoint::from_shared(format!("http://{}", world.grpc[usize::from(number % 2 == 1)]))?
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10))
        .connect_lazy();
    let mut person = Person {
        subject: format!("citizen-{number}"),
        tenant: TENANTS[usize::from(number % 4 == 3)],
        documents: DocumentServiceClient::new(channel.clone()),
        cases: CaseServiceClient::new(channel),
        random,
        world,
    };
    while *person.world.phase.borrow() == Phase::Killing {
        person.journey().await?;
    }
    Ok(())
}

impl Person {
    async fn journey(&mut self) -> Result<()> {
        let fate = Fate::choose(&mut self.random);
        let file = self.file(fate);
        let Some(initiated) = self.initiate(&file).await? else { return Ok(()) };
        let (document, upload) = (initiated.document.context("a document")?, initiated.upload);
        let id = document.document_id;
        if !matches!(fate, Fate::Abandon) || self.random.random::<bool>() {
            self.put(&upload.context("an upload")?, &file.bytes).await?;
        }
        if matches!(fate, Fate::Abandon) {
            self.world.did("abandoned");
            return self.world.end_upload(Some(&id)).await;
        }
        self.confirm(&id, 1).await?;
        if matches!(fate, Fate::EraseEarly) {
            self.erase(&id, Who::Citizen).await?;
            return Ok(());
        }
        if self.decided(&id).await? != Some(DocumentStatus::Ready) {
            return Ok(());
        }
        match fate {
            Fate::Hold => self.hold(&id).await,
            Fate::EndRetention => {
                self.world.end_retention(&id).await?;
                self.world.did("retention ended");
                self.becomes(&id, &[DocumentStatus::Erased]).await.map(drop)
            }
            Fate::EraseAfterEnd => {
                self.world.end_retention(&id).await?;
                self.world.did("retention ended");
                self.erase(&id, Who::Staff("sam")).await.map(drop)
            }
            Fate::Correct => self.correct(&id).await,
            _ => Ok(()),
        }
    }

    fn file(&mut self, fate: Fate) -> File {
        let tag: u64 = self.random.random();
        let (content_type, text) = match fate {
            Fate::Infected => ("text/plain", EICAR.concat()),
            Fate::OtherType => ("application/pdf", format!("I am {tag:x}, only text.\n")),
            _ => (
                "application/pdf",
                format!("%PDF-1.7\n{tag:x}\n{}", "x".repeat(self.random.random_range(1..16_000))),
            ),
        };
        File { content_type, bytes: text.into_bytes() }
    }

    async fn initiate(&mut self, file: &File) -> Result<Option<v1::InitiateUploadResponse>> {
        let message = v1::InitiateUploadRequest {
            purpose: "statement".to_owned(),
            file_name: "statement".to_owned(),
            content_type: file.content_type.to_owned(),
            size_bytes: i64::try_from(file.bytes.len())?,
            sha256: Sha256::digest(&file.bytes).to_vec(),
        };
        let client = self.documents.clone();
        let answer = self.call(Who::Citizen, &message, move |request| {
            let mut client = client.clone();
            async move { client.initiate_upload(request).await }
        });
        let answer = answer.await;
        Ok(self.expect("initiate", answer))
    }

    /// A hold, attempts to erase in spite of it, the end of the retention meanwhile, and the release.
    async fn hold(&mut self, id: &str) -> Result<()> {
        let message = v1::PlaceHoldRequest {
            case_ref: format!("case-{}", self.random.random::<u16>()),
            document_id: id.to_owned(),
            version: i32::from(self.random.random::<bool>()),
            reason: "court order".to_owned(),
        };
        let client = self.cases.clone();
        let answer = self.call(Who::Staff("sam"), &message, move |request| {
            let mut client = client.clone();
            async move { client.place_hold(request).await }
        });
        let answer = answer.await;
        let Some(placed) = self.expect("hold", answer) else { return Ok(()) };
        let hold = placed.hold.context("a hold")?.hold_id;
        self.world.books.open().held.insert(hold.clone(), id.to_owned());
        self.world.did("held");
        self.world.end_retention(id).await?;
        if self.erase(id, Who::Staff("ann")).await? {
            self.world.fault(format!("{id} was erased by request under hold {hold}"));
        }
        if self.random.random_range(0..4) == 0 {
            return Ok(());
        }
        let message = v1::ReleaseHoldRequest { hold_id: hold.clone(), reason: "closed".to_owned() };
        let client = self.cases.clone();
        let answer = self.call(Who::Staff("sam"), &message, move |request| {
            let mut client = client.clone();
            async move { client.release_hold(request).await }
        });
        let answer = answer.await;
        if self.expect("release", answer).is_some() {
            self.world.books.open().released.insert(hold);
            self.world.did("released");
        }
        Ok(())
    }

    async fn correct(&mut self, id: &str) -> Result<()> {
        let file = self.file(Fate::Keep);
        let message = v1::InitiateVersionRequest {
            document_id: id.to_owned(),
            file_name: "statement-2".to_owned(),
            content_type: file.content_type.to_owned(),
            size_bytes: i64::try_from(file.bytes.len())?,
            sha256: Sha256::digest(&file.bytes).to_vec(),
        };
        let client = self.documents.clone();
        let answer = self.call(Who::Citizen, &message, move |request| {
            let mut client = client.clone();
            async move { client.initiate_version(request).await }
        });
        let answer = answer.await;
        let Some(initiated) = self.expect("correct", answer) else { return Ok(()) };
        self.put(&initiated.upload.context("an upload")?, &file.bytes).await?;
        self.confirm(id, 2).await?;
        self.world.did("corrected");
        self.decided(id).await.map(drop)
    }

    async fn confirm(&mut self, id: &str, version: i32) -> Result<()> {
        let message = v1::ConfirmUploadRequest { document_id: id.to_owned() };
        let client = self.documents.clone();
        let answer = self.call(Who::Citizen, &message, move |request| {
            let mut client = client.clone();
            async move { client.confirm_upload(request).await }
        });
        let answer = answer.await;
        if self.expect("confirm", answer).is_some() {
            self.world.books.open().confirmed.insert((id.to_owned(), version));
            self.world.did("confirmed");
        }
        Ok(())
    }

    /// Whether it was erased. What is kept is refused.
    async fn erase(&mut self, id: &str, who: Who) -> Result<bool> {
        let message = v1::EraseDocumentRequest { document_id: id.to_owned() };
        let client = self.documents.clone();
        let answer = self.call(who, &message, move |request| {
            let mut client = client.clone();
            async move { client.erase_document(request).await }
        });
        match answer.await {
            Ok(_) => {
                self.world.books.open().erased.insert(id.to_owned());
                self.world.did("erased by request");
                Ok(true)
            }
            Err(error)
                if [reason::DOCUMENT_HELD, reason::DOCUMENT_RETAINED, reason::DOCUMENT_ERASED]
                    .contains(&error.reason()) =>
            {
                self.world.did("erasure refused");
                Ok(false)
            }
            Err(error) => {
                self.world.fault(format!("erase: {error}"));
                Ok(false)
            }
        }
    }

    /// The verdict, where it comes in time.
    async fn decided(&mut self, id: &str) -> Result<Option<DocumentStatus>> {
        let settled = [
            DocumentStatus::Ready,
            DocumentStatus::Rejected,
            DocumentStatus::Expired,
            DocumentStatus::Erased,
        ];
        self.becomes(id, &settled).await
    }

    async fn becomes(&mut self, id: &str, wanted: &[DocumentStatus]) -> Result<Option<DocumentStatus>> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let message = v1::GetDocumentRequest { document_id: id.to_owned(), version: 0 };
            let client = self.documents.clone();
            let answer = self.call(Who::Citizen, &message, move |request| {
                let mut client = client.clone();
                async move { client.get_document(request).await }
            });
            let answer = answer.await;
            let Some(read) = self.expect("get", answer) else { return Ok(None) };
            let status = read.document.context("a document")?.status();
            if wanted.contains(&status) {
                return Ok(Some(status));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(None)
    }

    /// Sends bytes as a browser would; the store is never killed.
    async fn put(&self, upload: &v1::SignedUpload, bytes: &[u8]) -> Result<()> {
        let mut request = reqwest::Client::new().put(&upload.url).body(bytes.to_vec());
        for (name, value) in upload.headers.iter().filter(|(name, _)| *name != "content-length") {
            request = request.header(name, value);
        }
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Repeats a call under one key until it is answered.
    async fn call<M: Clone, T, F>(
        &mut self,
        who: Who,
        message: &M,
        call: impl Fn(Request<M>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let (issuer, subject, tenant) = (&self.world.issuer, &self.subject, self.tenant);
        let call = |key: String| {
            let token = match who {
                Who::Citizen => issuer.citizen(subject, tenant),
                Who::Staff(name) => issuer.staff(name, tenant),
            };
            call(testkit::request(&token, &key, message.clone()))
        };
        testkit::answered(ANSWER, &mut self.random, call).await
    }

    /// The answer; one that must not be is noted.
    fn expect<T>(&self, what: &str, answer: Result<T, Error>) -> Option<T> {
        answer.inspect_err(|error| self.world.fault(format!("{what}: {error} ({})", error.reason()))).ok()
    }
}

/// What is handed in.
struct File {
    content_type: &'static str,
    bytes: Vec<u8>,
}
