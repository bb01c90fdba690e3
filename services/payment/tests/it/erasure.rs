//! The erasure of a person: words go when nothing is owed any more, numbers stay.

use ids::{ErasureId, EventId};
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::{CloudEvent, Tracing};
use prost::Message as _;
use proto::payment::v1::{self, PaymentSubjectErased};
use proto::subject::v1::ErasureRequested;
use rpc_error::{Code, reason};
use testkit::canary::Canary;
use testkit::eventually;
use topology::topics;

use crate::harness::{SOON, TestApp, assert_refused, bill};

impl TestApp {
    /// What notification asks for.
    pub(crate) async fn erase(&self, id: ErasureId, subject: &str) {
        let message = ErasureRequested { erasure_id: id.to_string(), subject: subject.to_owned() };
        let event = CloudEvent {
            id: EventId::mint(&self.clock),
            type_: "guildhall.subject.erasure_requested.v1".to_owned(),
            source: "/guildhall/notification".to_owned(),
            subject: id.to_string(),
            time: self.clock.now(),
            tenant: "riverton".parse().expect("a tenant"),
            dataschema: kafka::dataschema::<ErasureRequested>(),
            traceparent: None,
            key: subject.to_owned(),
            payload: message.encode_to_vec(),
        };
        let producer: FutureProducer = self.kafka.settings.producer().create().expect("a producer");
        let topic = self.kafka.topic(topics::SUBJECT);
        let headers = event.headers(Tracing::AsIs);
        let record = FutureRecord::to(&topic).key(&event.key).payload(&event.payload).headers(headers);
        producer.send(record, SOON).await.map_err(|(error, _)| error).expect("acknowledged");
    }

    /// The last report once it says this.
    async fn reported(
        &self,
        id: ErasureId,
        right: impl Fn(&PaymentSubjectErased) -> bool,
    ) -> PaymentSubjectErased {
        let found = eventually(SOON, || async {
            let records = self.records(topics::PAYMENT, &id.to_string()).await;
            let mut reports = records
                .iter()
                .map(|record| CloudEvent::parse(record).expect("an event").decode().expect("a report"));
            let last: Option<PaymentSubjectErased> = reports.next_back();
            last.clone().filter(&right).ok_or(last)
        });
        found.await.expect("it is reported")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_go_when_no_bill_is_open_and_the_books_stay_right() {
    let app = TestApp::start().await;
    let canary = Canary::new();
    let named = v1::CreateBillRequest { payer_name: canary.name(), ..bill(10_000) };
    let open = app.sam().create(named.clone()).await.unwrap();
    let payment = app.submitted(&open.bill_id).await;
    app.card(&payment, psp::cards::APPROVE).await;
    app.finished(&payment.payment_id).await;
    app.fin().refund(&payment.payment_id, 100, 10_000).await.unwrap();
    let second = v1::CreateBillRequest { reference: "second".to_owned(), ..named.clone() };
    let second = app.sam().create(second).await.unwrap();

    let id = ErasureId::mint(&app.clock);
    app.erase(id, "ada").await;
    let kept = app.reported(id, |_| true).await;
    assert_eq!((kept.erased, kept.kept, kept.kept_reasons), (0, 2, vec!["BILL_OPEN".to_owned()]));
    assert_eq!(app.ada().bill(&second.bill_id).await.unwrap().payer_name, canary.name(), "it is still owed");
    let new = v1::CreateBillRequest { reference: "third".to_owned(), ..named };
    assert_refused(app.sam().create(new).await, Code::Gone, reason::SUBJECT_ERASED);

    app.sam().cancel_bill(&second.bill_id).await.unwrap();
    let gone = app.reported(id, |report| report.kept == 0).await;
    assert_eq!((gone.erased, gone.kept_reasons.len()), (2, 0));
    let emptied = app.sam().bill(&open.bill_id).await.unwrap();
    assert_eq!((emptied.payer_name.as_str(), emptied.lines[0].description.as_str()), ("", ""));
    assert_eq!(app.fin().refunds(&payment.payment_id).await.unwrap()[0].reason, "");
    for sql in [
        "select count(*) from bill_acts where reason is not null",
        "select count(*) from refunds where reason is not null",
        "select count(*) from callbacks where body is not null",
    ] {
        assert_eq!(app.count(sql).await, 0, "{sql}");
    }
    app.assert_books().await;

    // Asked again, it reports again.
    let again = ErasureId::mint(&app.clock);
    app.erase(again, "ada").await;
    assert_eq!(app.reported(again, |_| true).await.erased, 2);
    // Of somebody unknown nothing is left.
    let stranger = ErasureId::mint(&app.clock);
    app.erase(stranger, "nobody").await;
    assert_eq!(app.reported(stranger, |_| true).await.erased, 0);
}
