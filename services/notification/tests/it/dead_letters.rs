//! What operators do with events that could not be applied, through the service's own port.

use ids::DocumentId;
use kafka::rdkafka::message::OwnedHeaders;
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use proto::operations::v1::dead_letter_service_client::DeadLetterServiceClient;
use proto::operations::v1::{
    DeadLetter, DeadLetterSource, DiscardDeadLetterRequest, GetDeadLetterRequest, GetDeadLetterResponse,
    ListDeadLettersRequest, RedriveDeadLettersRequest, RedriveDeadLettersResponse,
};
use rpc_error::{Code, Error, reason};
use tonic::Response;
use topology::topics;

use crate::harness::{Actor, LAKESIDE, RIVERTON, Result, SOON, TestApp, What, assert_refused};

/// Somebody who operates.
struct Operator<'a> {
    actor: &'a Actor,
    letters: DeadLetterServiceClient<tonic::transport::Channel>,
}

impl<'a> Operator<'a> {
    fn new(app: &TestApp, actor: &'a Actor) -> Self {
        Self { actor, letters: DeadLetterServiceClient::new(app.channel.clone()) }
    }

    async fn list(&self, request: ListDeadLettersRequest) -> Result<(Vec<DeadLetter>, String)> {
        let answer = self.letters.clone().list_dead_letters(self.actor.request(request)).await;
        let answer = answer.map_err(Error::from_status)?.into_inner();
        Ok((answer.dead_letters, answer.next_page_token))
    }

    async fn all(&self) -> Result<Vec<DeadLetter>> {
        Ok(self.list(ListDeadLettersRequest::default()).await?.0)
    }

    async fn show(&self, id: &str) -> Result<GetDeadLetterResponse> {
        let request = GetDeadLetterRequest { id: id.to_owned(), without_tenant: false };
        let answer = self.letters.clone().get_dead_letter(self.actor.request(request)).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    async fn redrive(
        &self,
        key: &str,
        request: RedriveDeadLettersRequest,
    ) -> Result<Response<RedriveDeadLettersResponse>> {
        let answer = self.letters.clone().redrive_dead_letters(self.actor.keyed(key, request)).await;
        answer.map_err(Error::from_status)
    }

    async fn discard(&self, key: &str, id: &str, reason: &str) -> Result<()> {
        let request =
            DiscardDeadLetterRequest { id: id.to_owned(), reason: reason.to_owned(), without_tenant: false };
        let answer = self.letters.clone().discard_dead_letter(self.actor.keyed(key, request)).await;
        answer.map(drop).map_err(Error::from_status)
    }
}

fn all() -> RedriveDeadLettersRequest {
    RedriveDeadLettersRequest { all: true, ..RedriveDeadLettersRequest::default() }
}

/// A document of which nobody can be told, and its three events parked.
async fn parked(app: &TestApp) -> DocumentId {
    let id = app.document();
    sql(
        app,
        &format!("alter table notifications add constraint broken check (subject_id <> '{id}') not valid"),
    )
    .await;
    for what in [What::Uploaded, What::Scanning, What::Ready] {
        app.publish(&app.event(id, "ada", what)).await;
    }
    app.eventually_count("select count(*) from parked", 3).await;
    id
}

/// What ada was told of documents, in order.
async fn told(app: &TestApp) -> Vec<String> {
    app.bff().upsert("ada", "ada@example.org", "en").await.expect("a recipient");
    let mut statuses = app.adas_statuses().await;
    statuses.retain(|status| status.starts_with("document."));
    statuses
}

async fn mended(app: &TestApp) {
    sql(app, "alter table notifications drop constraint broken").await;
}

async fn sql(app: &TestApp, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut app.db.admin().await).await.expect("the statement runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_what_is_parked_and_redrive_it_in_order_once() {
    let app = TestApp::start().await;
    let id = parked(&app).await;
    let sam = app.staff("sam", RIVERTON);
    let sam = Operator::new(&app, &sam);

    let letters = sam.all().await.expect("a list");
    let reasons: Vec<_> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["STATEMENT_FAILED", "BEHIND_PARKED", "BEHIND_PARKED"]);
    let first = &letters[0];
    assert_eq!(
        (first.source(), first.group.as_str(), first.tenant.as_str(), first.key.as_str(), first.attempts),
        (DeadLetterSource::Inbox, "notification", RIVERTON, id.to_string().as_str(), 1)
    );
    let shown = sam.show(&first.id).await.expect("it is there");
    assert_eq!(shown.dead_letter.as_ref(), Some(first));
    assert_eq!(shown.message_type, "guildhall.document.v1.DocumentUploaded");
    let message = format!(r#"{{"documentId":"{id}","owner":"ada","purpose":"identity","version":1}}"#);
    assert_eq!(shown.message_json, message);
    let header = shown.headers.iter().find(|header| header.name == "ce_id").expect("the header");
    assert_eq!(header.value, first.event_id);

    // Not mended yet: it stops where it stopped.
    let answer = sam.redrive("k1", all()).await.expect("an answer").into_inner();
    assert_eq!((answer.redriven, answer.left, answer.stopped.len()), (0, 3, 1));
    assert_eq!(
        (answer.stopped[0].id.as_str(), answer.stopped[0].reason.as_str()),
        (&*first.id, "STATEMENT_FAILED")
    );
    assert_eq!(sam.all().await.expect("a list")[0].attempts, 2);

    mended(&app).await;
    let replayed = sam.redrive("k1", all()).await.expect("the stored answer");
    assert_eq!(replayed.metadata().get("idempotent-replayed").expect("said so"), "true");
    assert_eq!(replayed.into_inner(), answer, "a key has one answer");
    let by_id = RedriveDeadLettersRequest { ids: vec![letters[2].id.clone()], ..Default::default() };
    let answer = sam.redrive("k2", by_id).await.expect("an answer").into_inner();
    assert_eq!((answer.redriven, answer.left, answer.stopped.len()), (3, 0, 0), "with what is before it");
    let wanted = ["document.uploaded", "document.scanning", "document.ready"];
    assert_eq!(told(&app).await, wanted);
    let answer = sam.redrive("k3", all()).await.expect("an answer").into_inner();
    assert_eq!(answer, RedriveDeadLettersResponse::default());
    assert_eq!(told(&app).await, wanted, "nothing twice");
    let reused = sam.redrive("k2", all()).await;
    assert_refused(reused, Code::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_the_tenants_staffs_and_the_workers_who_names_it() {
    let app = TestApp::start().await;
    parked(&app).await;
    let worker = app.worker();
    let worker = Operator::new(&app, &worker);
    let id = worker.all().await.expect("a list")[0].id.clone();

    let (ada, bff) = (app.ada(), app.bff());
    for stranger in [&ada, &bff] {
        let stranger = Operator::new(&app, stranger);
        assert_refused(stranger.all().await, Code::PermissionDenied, reason::PERMISSION_DENIED);
        assert_refused(stranger.show(&id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
        let redriven = stranger.redrive("k", all()).await;
        assert_refused(redriven, Code::PermissionDenied, reason::PERMISSION_DENIED);
        let discarded = stranger.discard("k", &id, "OPS-1").await;
        assert_refused(discarded, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    let (lea, elsewhere) = (app.staff("lea", LAKESIDE), app.service("svc-worker", LAKESIDE));
    for other in [&lea, &elsewhere] {
        let other = Operator::new(&app, other);
        assert_eq!(other.all().await.expect("a list"), []);
        assert_refused(other.show(&id).await, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
        let discarded = other.discard("k", &id, "OPS-1").await;
        assert_refused(discarded, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
        let by_id = RedriveDeadLettersRequest { ids: vec![id.clone()], ..Default::default() };
        for (key, request) in [("a", all()), ("b", by_id)] {
            let answer = other.redrive(key, request).await.expect("an answer").into_inner();
            assert_eq!(answer, RedriveDeadLettersResponse::default());
        }
    }
    assert_eq!(worker.all().await.expect("a list").len(), 3, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_nobody_is_the_workers_alone_and_by_request() {
    let app = TestApp::start().await;
    let producer: FutureProducer = app.config.kafka.client().create().expect("a producer");
    let topic = app.kafka.topic(topics::DOCUMENT);
    let junk = FutureRecord::to(&topic).key("k").payload("junk").headers(OwnedHeaders::new());
    producer.send(junk, SOON).await.expect("acknowledged");
    app.eventually_count("select count(*) from parked", 1).await;
    let (worker, sam) = (app.worker(), app.staff("sam", RIVERTON));
    let (worker, sam) = (Operator::new(&app, &worker), Operator::new(&app, &sam));
    let of_nobody = ListDeadLettersRequest { without_tenant: true, ..Default::default() };
    for operator in [&worker, &sam] {
        assert_eq!(operator.all().await.expect("a list"), []);
    }
    let refused = sam.list(of_nobody.clone()).await;
    assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    let (letters, _) = worker.list(of_nobody).await.expect("a list");
    assert_eq!((letters[0].tenant.as_str(), letters[0].reason.as_str()), ("", "EVENT_HEADER_MISSING"));
    let redrive = RedriveDeadLettersRequest { without_tenant: true, ..all() };
    let refused = sam.redrive("k", redrive.clone()).await;
    assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    let answer = worker.redrive("k", redrive).await.expect("an answer").into_inner();
    assert_eq!((answer.redriven, answer.stopped.len(), answer.left), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_pages_and_filters() {
    let app = TestApp::start().await;
    let id = parked(&app).await;
    let sam = app.staff("sam", RIVERTON);
    let sam = Operator::new(&app, &sam);
    let all = sam.all().await.expect("a list");
    let mut paged = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListDeadLettersRequest { page_size: 2, page_token: token, ..Default::default() };
        let (letters, next) = sam.list(request).await.expect("a page");
        assert!(letters.len() <= 2);
        paged.extend(letters);
        if next.is_empty() {
            break;
        }
        token = next;
    }
    assert_eq!(paged, all);
    let inbox = || ListDeadLettersRequest { source: DeadLetterSource::Inbox.into(), ..Default::default() };
    for (request, count) in [
        (ListDeadLettersRequest { key: id.to_string(), group: "notification".into(), ..inbox() }, 3),
        (ListDeadLettersRequest { key: "another".into(), ..inbox() }, 0),
        (ListDeadLettersRequest { group: "another".into(), ..inbox() }, 0),
        (ListDeadLettersRequest { source: DeadLetterSource::Outbox.into(), ..Default::default() }, 0),
    ] {
        assert_eq!(sam.list(request.clone()).await.expect("a page").0.len(), count, "{request:?}");
    }
    let too_many = sam.list(ListDeadLettersRequest { page_size: 201, ..Default::default() }).await;
    assert_refused(too_many, Code::InvalidArgument, reason::PAGE_SIZE_INVALID);
    let foreign = sam.list(ListDeadLettersRequest { page_token: "x".into(), ..Default::default() }).await;
    assert_refused(foreign, Code::InvalidArgument, reason::PAGE_TOKEN_INVALID);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_is_one_of_three_and_what_is_unknown_is_passed_over() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", RIVERTON);
    let sam = Operator::new(&app, &sam);
    let none = RedriveDeadLettersRequest::default;
    for (request, field) in [
        (none(), "all"),
        (RedriveDeadLettersRequest { key: "a".into(), ..all() }, "all"),
        (RedriveDeadLettersRequest { ids: vec!["inbox-1".into()], ..all() }, "all"),
        (RedriveDeadLettersRequest { ids: vec!["inbox-1".into(); 101], ..none() }, "ids"),
        (RedriveDeadLettersRequest { limit: 1_001, ..all() }, "limit"),
        (RedriveDeadLettersRequest { limit: -1, ..all() }, "limit"),
    ] {
        let refused = sam.redrive("k", request).await;
        let error = assert_refused(refused, Code::InvalidArgument, reason::DEAD_LETTER_SELECTION_INVALID);
        assert_eq!(error.violations()[0].field, field);
    }
    let unknown = vec!["inbox-999".to_owned(), "nonsense".to_owned()];
    let request = RedriveDeadLettersRequest { ids: unknown.clone(), ..none() };
    let answer = sam.redrive("k", request).await.expect("an answer").into_inner();
    assert_eq!(answer, RedriveDeadLettersResponse::default());
    for id in unknown {
        assert_refused(sam.show(&id).await, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
    }
    let keyless = sam.letters.clone().redrive_dead_letters(sam.actor.request(all())).await;
    let error = keyless.map_err(Error::from_status);
    assert_refused(error, Code::Malformed, reason::IDEMPOTENCY_KEY_MISSING);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_discarded_for_a_reason_and_its_key_goes_on() {
    let app = TestApp::start().await;
    parked(&app).await;
    let sam = app.staff("sam", RIVERTON);
    let sam = Operator::new(&app, &sam);
    let first = sam.all().await.expect("a list")[0].id.clone();
    for bad in ["", "because ada@example.org asked", &"x".repeat(65)] {
        let refused = sam.discard("k", &first, bad).await;
        assert_refused(refused, Code::InvalidArgument, reason::DEAD_LETTER_REASON_INVALID);
    }
    for _ in 0..2 {
        sam.discard("k", &first, "OPS-17").await.expect("discarded, and the answer again");
    }
    let again = sam.discard("k2", &first, "OPS-17").await;
    assert_refused(again, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
    mended(&app).await;
    let answer = sam.redrive("k", all()).await.expect("an answer").into_inner();
    assert_eq!((answer.redriven, answer.left), (2, 0));
    assert_eq!(told(&app).await, ["document.scanning", "document.ready"]);
}
