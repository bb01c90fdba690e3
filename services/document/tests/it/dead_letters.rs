//! What operators do with events that could not be published, through the service's own port.

use proto::operations::v1::dead_letter_service_client::DeadLetterServiceClient;
use proto::operations::v1::{
    DeadLetter, DeadLetterSource, DiscardDeadLetterRequest, GetDeadLetterRequest, GetDeadLetterResponse,
    ListDeadLettersRequest, RedriveDeadLettersRequest, RedriveDeadLettersResponse,
};
use rpc_error::{Code, Error, reason};
use testkit::eventually;
use tonic::transport::Channel;
use topology::topics;

use crate::harness::{Actor, File, Result, SOON, TestApp, assert_refused};

/// Somebody who operates.
struct Operator {
    actor: Actor,
    letters: DeadLetterServiceClient<Channel>,
}

impl Operator {
    fn new(app: &TestApp, actor: Actor) -> Self {
        Self { actor, letters: DeadLetterServiceClient::new(app.channel.clone()) }
    }

    async fn list(&self, request: ListDeadLettersRequest) -> Result<(Vec<DeadLetter>, String)> {
        let answer = self.letters.clone().list_dead_letters(self.actor.keyless(request)).await;
        let answer = answer.map_err(Error::from_status)?.into_inner();
        Ok((answer.dead_letters, answer.next_page_token))
    }

    async fn all(&self) -> Vec<DeadLetter> {
        self.list(ListDeadLettersRequest::default()).await.expect("a list").0
    }

    async fn show(&self, id: &str) -> Result<GetDeadLetterResponse> {
        let request = GetDeadLetterRequest { id: id.to_owned(), without_tenant: false };
        let answer = self.letters.clone().get_dead_letter(self.actor.keyless(request)).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    async fn redrive(&self, request: RedriveDeadLettersRequest) -> RedriveDeadLettersResponse {
        let answer = self.letters.clone().redrive_dead_letters(self.actor.request(request)).await;
        answer.expect("an answer").into_inner()
    }

    async fn discard(&self, id: &str) -> Result<()> {
        let reason = "OPS-17".to_owned();
        let request = DiscardDeadLetterRequest { id: id.to_owned(), reason, without_tenant: false };
        let answer = self.letters.clone().discard_dead_letter(self.actor.request(request)).await;
        answer.map(drop).map_err(Error::from_status)
    }

    /// Waits until so many are parked.
    async fn parked(&self, wanted: usize) -> Vec<DeadLetter> {
        let parked = eventually(SOON, || async {
            let letters = self.all().await;
            if letters.len() == wanted { Ok(letters) } else { Err(format!("{letters:?}")) }
        });
        parked.await.expect("the relay parks")
    }
}

/// A document whose events the brokers do not take.
async fn unpublishable(app: &TestApp) -> String {
    app.kafka.limit_size(topics::DOCUMENT, 100).await;
    app.sent(&app.ada(), &File::pdf("Ada")).await
}

fn all() -> RedriveDeadLettersRequest {
    RedriveDeadLettersRequest { all: true, ..RedriveDeadLettersRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_to_publish_is_listed_shown_and_redriven_in_order() {
    let app = TestApp::start().await;
    let id = unpublishable(&app).await;
    let sam = Operator::new(&app, app.staff("sam", "riverton"));
    sam.parked(1).await;
    app.ada().confirm(&id).await.unwrap();
    let letters = sam.parked(2).await;
    let reasons: Vec<_> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["RECORD_TOO_LARGE", "BEHIND_PARKED"]);
    let first = &letters[0];
    assert_eq!(
        (first.source(), first.topic.as_str(), first.tenant.as_str(), first.key.as_str()),
        (DeadLetterSource::Outbox, topics::DOCUMENT, "riverton", id.as_str())
    );
    let shown = sam.show(&first.id).await.unwrap();
    assert_eq!(shown.dead_letter.as_ref(), Some(first));
    assert_eq!(shown.message_type, "guildhall.document.v1.DocumentInitiated");
    assert!(shown.message_json.contains(&id), "{}", shown.message_json);
    let header = shown.headers.iter().find(|header| header.name == "ce_id").unwrap();
    assert_eq!(header.value, first.event_id);

    // Pages and filters.
    let page = ListDeadLettersRequest { page_size: 1, ..Default::default() };
    let (one, token) = sam.list(page.clone()).await.unwrap();
    assert_eq!(one, letters[..1]);
    let (two, _) = sam.list(ListDeadLettersRequest { page_token: token, ..page }).await.unwrap();
    assert_eq!(two, letters[1..]);
    let outbox = || ListDeadLettersRequest { source: DeadLetterSource::Outbox.into(), ..Default::default() };
    for (request, count) in [
        (ListDeadLettersRequest { key: id.clone(), ..outbox() }, 2),
        (ListDeadLettersRequest { key: "another".into(), ..outbox() }, 0),
        (ListDeadLettersRequest { group: "notification".into(), ..outbox() }, 0),
        (ListDeadLettersRequest { source: DeadLetterSource::Inbox.into(), ..Default::default() }, 0),
    ] {
        assert_eq!(sam.list(request.clone()).await.unwrap().0.len(), count, "{request:?}");
    }

    // Nothing is mended: the relay parks them again.
    let of_inbox = RedriveDeadLettersRequest { source: DeadLetterSource::Inbox.into(), ..all() };
    assert_eq!(sam.redrive(of_inbox).await, RedriveDeadLettersResponse::default());
    assert_eq!(sam.redrive(all()).await.redriven, 2);
    sam.parked(2).await;
    app.kafka.limit_size(topics::DOCUMENT, 1_000_000).await;
    let by_id = RedriveDeadLettersRequest { ids: vec![letters[1].id.clone()], ..Default::default() };
    let answer = sam.redrive(by_id).await;
    assert_eq!((answer.redriven, answer.left), (2, 0), "with what is before it");
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded"]);
    assert_eq!(sam.all().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_is_lost_and_its_key_goes_on_when_it_is_redriven() {
    let app = TestApp::start().await;
    let id = unpublishable(&app).await;
    app.ada().confirm(&id).await.unwrap();
    let sam = Operator::new(&app, app.staff("sam", "riverton"));
    let first = sam.parked(2).await.remove(0);
    sam.discard(&first.id).await.unwrap();
    assert_refused(sam.discard(&first.id).await, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
    assert_refused(sam.show(&first.id).await, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
    assert_eq!(sam.all().await[0].reason, "PREDECESSOR_DISCARDED");
    app.kafka.limit_size(topics::DOCUMENT, 1_000_000).await;
    let key = RedriveDeadLettersRequest { key: id.clone(), ..Default::default() };
    assert_eq!(sam.redrive(key).await.redriven, 1);
    assert_eq!(app.event_names(&id).await, ["uploaded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_staff_and_whoever_asks_for_nobodys_find_nothing() {
    let app = TestApp::start().await;
    unpublishable(&app).await;
    let sam = Operator::new(&app, app.staff("sam", "riverton"));
    let first = sam.parked(1).await.remove(0);
    for other in [app.staff("lea", "lakeside"), app.service("svc-worker", "lakeside")] {
        let other = Operator::new(&app, other);
        assert_eq!(other.all().await, []);
        assert_refused(other.show(&first.id).await, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
        assert_refused(other.discard(&first.id).await, Code::NotFound, reason::DEAD_LETTER_NOT_FOUND);
        let by_id = RedriveDeadLettersRequest { ids: vec![first.id.clone()], ..Default::default() };
        for request in [all(), by_id] {
            assert_eq!(other.redrive(request).await, RedriveDeadLettersResponse::default());
        }
    }
    let worker = Operator::new(&app, app.worker());
    let of_nobody = ListDeadLettersRequest { without_tenant: true, ..Default::default() };
    assert_eq!(worker.list(of_nobody).await.unwrap().0, []);
    assert_eq!(worker.all().await, [first], "nothing was changed");
}
