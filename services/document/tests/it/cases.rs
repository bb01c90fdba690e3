//! Cases, and the holds that they place.

use proto::document::v1::case_service_client::CaseServiceClient;
use proto::document::v1::{self, HoldState};
use rpc_error::{Code, Error, reason};
use tonic::transport::Channel;

use crate::harness::{Actor, File, Result, TestApp, assert_refused, is_replayed};

impl File {
    /// A file whose class of retention is short, and needs no second person.
    pub(crate) fn statement(text: &str) -> Self {
        Self { purpose: "statement".to_owned(), ..Self::pdf(text) }
    }
}

impl Actor {
    pub(crate) fn cases(&self) -> CaseServiceClient<Channel> {
        CaseServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn hold(&self, case: &str, id: &str, version: i32) -> Result<v1::Hold> {
        let message = v1::PlaceHoldRequest {
            case_ref: case.to_owned(),
            document_id: id.to_owned(),
            version,
            reason: "court order".to_owned(),
        };
        let placed = self.cases().place_hold(self.request(message)).await?;
        Ok(placed.into_inner().hold.expect("a hold"))
    }

    /// Holds a document for another reason than usual; returns the hold's id.
    pub(crate) async fn hold_because(&self, case: &str, id: &str, reason: &str) -> String {
        let message = v1::PlaceHoldRequest {
            case_ref: case.to_owned(),
            document_id: id.to_owned(),
            version: 0,
            reason: reason.to_owned(),
        };
        let placed = self.cases().place_hold(self.request(message)).await.expect("placed");
        placed.into_inner().hold.expect("a hold").hold_id
    }

    pub(crate) async fn release(&self, hold: &str) -> Result<v1::Hold> {
        let message =
            v1::ReleaseHoldRequest { hold_id: hold.to_owned(), reason: "the case is closed".to_owned() };
        let released = self.cases().release_hold(self.request(message)).await?;
        Ok(released.into_inner().hold.expect("a hold"))
    }

    pub(crate) async fn holds(&self, request: v1::ListHoldsRequest) -> Result<v1::ListHoldsResponse> {
        Ok(self.cases().list_holds(self.keyless(request)).await?.into_inner())
    }

    pub(crate) async fn attach(&self, case: &str, id: &str) -> Result<()> {
        let message = v1::AttachToCaseRequest { case_ref: case.to_owned(), document_id: id.to_owned() };
        self.cases().attach_to_case(self.keyless(message)).await?;
        Ok(())
    }

    pub(crate) async fn detach(&self, case: &str, id: &str) -> Result<()> {
        let message = v1::DetachFromCaseRequest { case_ref: case.to_owned(), document_id: id.to_owned() };
        self.cases().detach_from_case(self.keyless(message)).await?;
        Ok(())
    }

    pub(crate) async fn of_case(
        &self,
        case: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<v1::ListCaseDocumentsResponse> {
        let message = v1::ListCaseDocumentsRequest {
            case_ref: case.to_owned(),
            page_size,
            page_token: page_token.to_owned(),
        };
        Ok(self.cases().list_case_documents(self.keyless(message)).await?.into_inner())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_has_the_documents_that_were_attached() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let mut ids = Vec::new();
    for n in 0..3 {
        app.clock.advance(std::time::Duration::from_millis(1));
        ids.push(app.ready(&ada, &File::pdf(&n.to_string())).await.0);
    }
    for id in ids.iter().chain(&ids) {
        sam.attach("2026-1", id).await.unwrap();
    }
    sam.attach("2026-2", &ids[0]).await.unwrap();
    let page = sam.of_case("2026-1", 2, "").await.unwrap();
    let shown: Vec<_> = page.documents.iter().map(|document| document.document_id.as_str()).collect();
    assert_eq!(shown, [&ids[2], &ids[1]]);
    let rest = sam.of_case("2026-1", 2, &page.next_page_token).await.unwrap();
    assert_eq!((rest.documents.len(), rest.next_page_token.as_str()), (1, ""));

    for _ in 0..2 {
        sam.detach("2026-1", &ids[0]).await.unwrap();
    }
    assert_eq!(sam.of_case("2026-1", 0, "").await.unwrap().documents.len(), 2);
    assert_eq!(sam.of_case("2026-2", 0, "").await.unwrap().documents.len(), 1);
    let elsewhere = app.staff("lea", "lakeside");
    assert!(elsewhere.of_case("2026-1", 0, "").await.unwrap().documents.is_empty());
    assert_refused(elsewhere.attach("c", &ids[0]).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_refused(elsewhere.detach("2026-1", &ids[1]).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_refused(sam.attach("Ada Lovelace", &ids[0]).await, Code::InvalidArgument, reason::CASE_INVALID);
    assert_refused(ada.attach("c", &ids[0]).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_cases_hold_a_document_and_each_hold_ends_by_itself() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::statement("Ada")).await;
    sam.attach("2026-1", &id).await.unwrap();
    let first = sam.hold("2026-1", &id, 0).await.unwrap();
    let second = sam.hold("2026-2", &id, 1).await.unwrap();
    assert_eq!((first.state(), first.version, second.version), (HoldState::Standing, 0, 1));
    let placed = first.placed.clone().unwrap();
    assert_eq!((placed.by.as_str(), placed.reason.as_str()), ("sam", "court order"));
    assert_refused(sam.detach("2026-1", &id).await, Code::Conflict, reason::DOCUMENT_HELD);

    let released = sam.release(&first.hold_id).await.unwrap();
    assert_eq!(released.state(), HoldState::Released);
    assert_eq!(released.released.unwrap().reason, "the case is closed");
    assert_eq!(released.placed, Some(placed), "what was said when it was placed stays");
    sam.detach("2026-1", &id).await.unwrap();
    let again = sam.release(&first.hold_id).await;
    assert_refused(again, Code::Conflict, reason::HOLD_RELEASED);

    let filter = |case: &str, standing_only| v1::ListHoldsRequest {
        document_id: id.clone(),
        case_ref: case.to_owned(),
        standing_only,
        ..Default::default()
    };
    let listed = async |case, standing_only| -> Vec<String> {
        let holds = sam.holds(filter(case, standing_only)).await.unwrap().holds;
        holds.into_iter().map(|hold| hold.hold_id).collect()
    };
    assert_eq!(listed("", false).await.len(), 2);
    assert_eq!(listed("", true).await, [second.hold_id.as_str()]);
    assert_eq!(listed("2026-1", false).await, [first.hold_id.as_str()]);
    assert!(listed("2026-3", false).await.is_empty());

    let names = app.event_names(&id).await;
    assert_eq!(names[4..], ["held", "held", "released"]);
    let held: v1::DocumentHeld = app.events(&id).await[4].decode().unwrap();
    assert_eq!((held.hold_id, held.case_ref, held.version), (first.hold_id, "2026-1".to_owned(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_released_by_two_persons() {
    let app = TestApp::start().await;
    let (ada, sam, ann) = (app.ada(), app.staff("sam", "riverton"), app.staff("ann", "riverton"));
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let hold = sam.hold("2026-1", &id, 0).await.unwrap().hold_id;
    let asked = sam.release(&hold).await.unwrap();
    assert_eq!((asked.state(), asked.released), (HoldState::ReleaseAsked, None));
    assert_refused(sam.release(&hold).await, Code::Conflict, reason::SECOND_PERSON_NEEDED);
    let released = ann.release(&hold).await.unwrap();
    assert_eq!(released.state(), HoldState::Released);
    assert_eq!(
        (released.release_asked.unwrap().by, released.released.unwrap().by),
        ("sam".into(), "ann".into())
    );
    assert_eq!(app.event_names(&id).await[4..], ["held", "released"], "asking ends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_need_a_reason_a_case_and_a_version_that_is_there() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    assert_refused(sam.hold("a b", &id, 0).await, Code::InvalidArgument, reason::CASE_INVALID);
    assert_refused(sam.hold("c", &id, 2).await, Code::NotFound, reason::VERSION_NOT_FOUND);
    assert_refused(sam.hold("c", "x", 0).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_refused(sam.release("x").await, Code::NotFound, reason::HOLD_NOT_FOUND);
    let message = v1::PlaceHoldRequest {
        case_ref: "c".to_owned(),
        document_id: id.clone(),
        version: 0,
        reason: " ".to_owned(),
    };
    let silent = sam.cases().place_hold(sam.request(message)).await.map_err(Error::from);
    assert_refused(silent, Code::InvalidArgument, reason::REASON_INVALID);
    assert_refused(ada.hold("c", &id, 0).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    let hold = sam.hold("c", &id, 0).await.unwrap().hold_id;
    let lea = app.staff("lea", "lakeside");
    assert_refused(lea.hold("c", &id, 0).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_refused(lea.release(&hold).await, Code::NotFound, reason::HOLD_NOT_FOUND);
    assert!(lea.holds(v1::ListHoldsRequest::default()).await.unwrap().holds.is_empty());
    assert_eq!(app.count("select count(*) from legal_holds").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_placed_and_released_once_under_one_key() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let message = v1::PlaceHoldRequest {
        case_ref: "c".to_owned(),
        document_id: id.clone(),
        version: 1,
        reason: "court order".to_owned(),
    };
    let first = sam.cases().place_hold(sam.keyed("k", message.clone())).await.unwrap();
    let again = sam.cases().place_hold(sam.keyed("k", message)).await.unwrap();
    assert!(!is_replayed(&first) && is_replayed(&again));
    let hold = first.into_inner().hold.unwrap();
    assert_eq!(Some(&hold), again.into_inner().hold.as_ref());
    // A lost answer must not make the same person the second one.
    let message = v1::ReleaseHoldRequest { hold_id: hold.hold_id.clone(), reason: "closed".to_owned() };
    for _ in 0..2 {
        let asked = sam.cases().release_hold(sam.keyed("r", message.clone())).await.unwrap().into_inner();
        assert_eq!(asked.hold.unwrap().state(), HoldState::ReleaseAsked);
    }
    assert_eq!(app.count("select count(*) from legal_holds where released_at is null").await, 1);
}
