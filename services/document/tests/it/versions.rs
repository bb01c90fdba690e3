//! A corrected file is a new version of the same document.

use proto::document::v1::{self, DocumentStatus};
use rpc_error::{Code, Error, reason};
use testkit::eventually;

use crate::harness::{Actor, File, Result, SOON, TestApp, assert_refused, fetch, is_replayed, put};

impl TestApp {
    /// Id of a document's newest version.
    pub(crate) async fn version_id(&self, id: &str) -> ids::VersionId {
        sqlx::query_scalar(
            "select id from document_versions where document_id = $1::uuid order by version desc limit 1",
        )
        .bind(id)
        .fetch_one(&mut self.db.admin().await)
        .await
        .expect("a version")
    }

    /// A further version whose bytes were confirmed and that a scanner has taken, and its scan job.
    async fn scanning_version(&self, owner: &Actor, id: &str, file: &File) -> String {
        let corrected = owner.correct(id, file).await.expect("corrected");
        assert_eq!(put(&corrected.upload.expect("an upload"), &file.bytes).await, 200);
        owner.confirm(id).await.expect("confirmed");
        let job = sqlx::query_scalar::<_, ids::JobId>(
            "select id from scan_jobs where document_id = $1::uuid order by version desc limit 1",
        );
        let job = job.bind(id).fetch_one(&mut self.db.admin().await).await.expect("a job").to_string();
        let claimed = self.worker().claim(&job).await.expect("claimed");
        assert_eq!(claimed.version, corrected.document.expect("a document").version);
        let copied = self
            .state
            .blobs
            .copy_to_evidence(&claimed.intake_key, &claimed.evidence_key, claimed.size_bytes.unsigned_abs())
            .await;
        copied.expect("copied");
        job
    }

    /// A further version that can be read.
    pub(crate) async fn ready_version(&self, owner: &Actor, id: &str, file: &File) {
        let job = self.scanning_version(owner, id, file).await;
        let status = self.worker().report_clean(&job, &file.content_type).await.expect("reported");
        assert_eq!(status, DocumentStatus::Ready);
    }
}

impl Actor {
    fn correction(id: &str, file: &File) -> v1::InitiateVersionRequest {
        v1::InitiateVersionRequest {
            document_id: id.to_owned(),
            file_name: file.name.clone(),
            content_type: file.content_type.clone(),
            size_bytes: file.size(),
            sha256: file.sha256(),
        }
    }

    pub(crate) async fn correct(&self, id: &str, file: &File) -> Result<v1::InitiateVersionResponse> {
        let message = Self::correction(id, file);
        Ok(self.client().initiate_version(self.request(message)).await?.into_inner())
    }

    pub(crate) async fn versions(&self, id: &str) -> Result<Vec<v1::Document>> {
        let message = v1::ListVersionsRequest { document_id: id.to_owned() };
        Ok(self.client().list_versions(self.keyless(message)).await?.into_inner().versions)
    }

    async fn get_version(&self, id: &str, version: i32) -> Result<v1::Document> {
        let message = v1::GetDocumentRequest { document_id: id.to_owned(), version };
        let read = self.client().get_document(self.keyless(message)).await?;
        Ok(read.into_inner().document.expect("a document"))
    }

    pub(crate) async fn download_version(
        &self,
        id: &str,
        version: i32,
    ) -> Result<v1::CreateDownloadResponse> {
        self.download_for(id, version, self.purpose()).await
    }
}

/// Version, newest version, newest that can be read.
fn numbers(document: &v1::Document) -> (i32, i32, i32) {
    (document.version, document.latest_version, document.latest_ready_version)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_before_is_read_until_the_corrected_one_is_ready() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (first, mut second) = (File::pdf("first"), File::pdf("second"));
    second.name = "passport-corrected.pdf".to_owned();
    let (id, _) = app.ready(&ada, &first).await;
    assert_eq!(numbers(&ada.get(&id).await.unwrap()), (1, 1, 1));

    let job = app.scanning_version(&ada, &id, &second).await;
    let shown = ada.get(&id).await.unwrap();
    assert_eq!((numbers(&shown), shown.status()), ((2, 2, 1), DocumentStatus::Scanning));
    assert_eq!(shown.purpose, "identity", "the purpose is the document's");
    let download = ada.download(&id).await.unwrap();
    assert_eq!((download.version, fetch(&download.url).await.2), (1, first.bytes.clone()));
    assert_refused(ada.download_version(&id, 2).await, Code::Locked, reason::DOCUMENT_NOT_SCANNED);

    app.worker().report_clean(&job, &second.content_type).await.unwrap();
    assert_eq!(numbers(&ada.get(&id).await.unwrap()), (2, 2, 2));
    let download = sam.download(&id).await.unwrap();
    assert_eq!((download.version, fetch(&download.url).await.2), (2, second.bytes.clone()));
    let download = sam.download_version(&id, 1).await.unwrap();
    assert_eq!((download.version, fetch(&download.url).await.2), (1, first.bytes.clone()));

    let versions = sam.versions(&id).await.unwrap();
    let told: Vec<_> = versions.iter().map(|v| (v.version, v.file_name.as_str(), v.sha256.clone())).collect();
    assert_eq!(told, [(2, &*second.name, second.sha256()), (1, &*first.name, first.sha256())]);
    for shown in versions {
        assert_eq!(shown.latest_ready_version, 2);
        assert_eq!(ada.get_version(&id, shown.version).await.unwrap(), shown);
    }
    assert_eq!(ada.list(0, "").await.unwrap().documents, [ada.get(&id).await.unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_and_every_event_say_which_version() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("first")).await;
    ada.download(&id).await.unwrap();
    app.ready_version(&ada, &id, &File::pdf("second")).await;
    ada.download(&id).await.unwrap();
    ada.download_version(&id, 1).await.unwrap();

    let logged: Vec<i32> = sqlx::query_scalar("select version from access_log order by event_id")
        .fetch_all(&mut app.db.admin().await)
        .await
        .unwrap();
    let (mut accessed, mut told) = (Vec::new(), Vec::new());
    for event in app.events(&id).await {
        match event.type_.strip_prefix("guildhall.document.").unwrap() {
            "initiated.v1" => told.push(event.decode::<v1::DocumentInitiated>().unwrap().version),
            "uploaded.v1" => told.push(event.decode::<v1::DocumentUploaded>().unwrap().version),
            "scanning.v1" => told.push(event.decode::<v1::DocumentScanning>().unwrap().version),
            "ready.v1" => told.push(event.decode::<v1::DocumentReady>().unwrap().version),
            "accessed.v1" => {
                let version = event.decode::<v1::DocumentAccessed>().unwrap().version;
                accessed.push((event.id, version));
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(told, [1, 1, 1, 1, 2, 2, 2, 2]);
    accessed.sort_unstable_by_key(|(id, _)| *id);
    let accessed: Vec<_> = accessed.into_iter().map(|(_, version)| version).collect();
    assert_eq!(accessed, logged);
    assert_eq!(logged.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_version_at_a_time_is_on_its_way() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let file = File::pdf("next");
    let pending = app.sent(&ada, &File::pdf("1")).await;
    let (uploaded, _) = app.uploaded(&ada, &File::pdf("2")).await;
    let (scanning, _) = app.scanning(&ada, &File::pdf("3")).await;
    for id in [pending, uploaded, scanning] {
        assert_refused(ada.correct(&id, &file).await, Code::Conflict, reason::VERSION_IN_PROGRESS);
    }
    let (ready, _) = app.ready(&ada, &File::pdf("4")).await;
    ada.correct(&ready, &file).await.unwrap();
    assert_refused(ada.correct(&ready, &file).await, Code::Conflict, reason::VERSION_IN_PROGRESS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_or_abandoned_version_leaves_the_others_as_they_are() {
    let app = TestApp::start().await;
    let (ada, first) = (app.ada(), File::pdf("first"));
    let (id, _) = app.rejected(&ada, &first).await;
    app.ready_version(&ada, &id, &first).await;
    let job = app.scanning_version(&ada, &id, &File::pdf("third")).await;
    app.worker().report(&job, "", v1::RejectionReason::Infected).await.unwrap();
    ada.correct(&id, &File::pdf("fourth")).await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let expired = eventually(SOON, || async {
        match ada.get(&id).await.unwrap().status() {
            DocumentStatus::Expired => Ok(()),
            other => Err(other),
        }
    });
    expired.await.unwrap();

    let versions = ada.versions(&id).await.unwrap();
    let statuses: Vec<_> = versions.iter().map(|version| (version.version, version.status())).collect();
    let expected = [
        (4, DocumentStatus::Expired),
        (3, DocumentStatus::Rejected),
        (2, DocumentStatus::Ready),
        (1, DocumentStatus::Rejected),
    ];
    assert_eq!(statuses, expected);
    assert_eq!(ada.download(&id).await.unwrap().version, 2);
    assert_refused(ada.download_version(&id, 1).await, Code::Conflict, reason::DOCUMENT_REJECTED);
    assert_refused(ada.download_version(&id, 3).await, Code::Conflict, reason::DOCUMENT_REJECTED);
    assert_refused(ada.download_version(&id, 4).await, Code::Gone, reason::UPLOAD_EXPIRED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_there_is_told_from_a_document_that_is_not() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let ben = app.citizen("ben", "riverton");
    for version in [2, 100, 101, -1, i32::MIN, i32::MAX] {
        assert_refused(ada.get_version(&id, version).await, Code::NotFound, reason::VERSION_NOT_FOUND);
        assert_refused(ada.download_version(&id, version).await, Code::NotFound, reason::VERSION_NOT_FOUND);
        assert_refused(ben.get_version(&id, version).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
    assert_refused(ben.versions(&id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_eq!(app.count("select count(*) from access_log").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_obeys_the_policy_of_its_document() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let mut text = File::pdf("plain");
    text.content_type = "text/plain".to_owned();
    let refused = ada.correct(&id, &text).await;
    assert_refused(refused, Code::InvalidArgument, reason::CONTENT_TYPE_NOT_ALLOWED);
    let staff = app.staff("sam", "riverton").correct(&id, &File::pdf("x")).await;
    assert_refused(staff, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    let other = app.citizen("ben", "riverton").correct(&id, &File::pdf("x")).await;
    assert_refused(other, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_eq!(app.count("select count(*) from document_versions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_replayed_with_a_fresh_signature() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("second"));
    let (id, _) = app.ready(&ada, &File::pdf("first")).await;
    let correct = async || ada.client().initiate_version(ada.keyed("k", Actor::correction(&id, &file))).await;
    let first = correct().await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(2));
    let again = correct().await.unwrap();
    assert!(!is_replayed(&first) && is_replayed(&again));
    let (first, again) = (first.into_inner(), again.into_inner());
    assert_eq!(first.document, again.document);
    let (first, again) = (first.upload.unwrap(), again.upload.unwrap());
    assert_ne!(first.url, again.url);
    assert_eq!(put(&again, &file.bytes).await, 200);
    ada.confirm(&id).await.unwrap();
    let late = correct().await.map_err(Error::from);
    assert_refused(late, Code::Conflict, reason::UPLOAD_ALREADY_CONFIRMED);
    let keyless = ada.client().initiate_version(ada.keyless(Actor::correction(&id, &file))).await;
    assert_refused(keyless.map_err(Error::from), Code::Malformed, reason::IDEMPOTENCY_KEY_MISSING);
    assert_eq!(app.count("select count(*) from document_versions").await, 2);
}
