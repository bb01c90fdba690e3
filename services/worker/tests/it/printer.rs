//! Bills and receipts: asked for by a payment service, made by the worker, kept by a document service, and read back.

use proto::document::v1::{Document, DocumentStatus};
use proto::payment::v1::{AdvancePaymentRequest, GetBillRequest};
use psp::cards;
use service::channel::Target;
use testkit::{Proxy, eventually};
use topology::queues;
use worker::printer::issuers::Issuers;
use worker::{Config, config};

use crate::harness::{Citizen, SOON, TestApp, patiently};
use crate::till::Till;

const ISSUERS: &str = r#"{"riverton": {"name": "City of Riverton", "address": ["1 Bridge Street"]}}"#;

impl TestApp {
    async fn till(&self) -> Till {
        Till::start(&self.issuer, &self.kafka, &self.sqs, &self.s3).await
    }

    /// Settings of a worker that makes PDFs, and previews to read them by.
    fn printing(&self, till: &Till, document: &Target) -> Config {
        Config {
            scan: None,
            mail: None,
            integrity: None,
            pdf: Some(config::Pdf {
                payment: till.payment.clone(),
                document: document.clone(),
                issuers: Issuers::parse(ISSUERS).unwrap(),
                templates: None,
                fonts: None,
                concurrency: 2,
            }),
            ..self.config()
        }
    }

    /// A bill's PDF, once it is kept.
    async fn pdf_of(&self, till: &Till, citizen: &Citizen, bill_id: &str) -> Document {
        let message = GetBillRequest { bill_id: bill_id.to_owned() };
        let made = eventually(SOON, || async {
            let read = patiently(&citizen.token, &message, |request| {
                let mut bills = till.bills.clone();
                async move { bills.get_bill(request).await }
            });
            let id = read.await.bill.unwrap().pdf_document_id;
            if id.is_empty() { Err("no PDF yet") } else { Ok(id) }
        });
        self.document(citizen, &made.await.unwrap()).await
    }

    /// What a document says.
    async fn text(&self, citizen: &Citizen, document: &Document) -> String {
        let preview = self.previewed(citizen, &document.document_id).await;
        reqwest::get(&preview.text_url).await.unwrap().text().await.unwrap()
    }

    fn sam(&self) -> String {
        self.issuer.person("sam", "riverton", "staff")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_and_its_receipt_are_made_kept_and_can_be_read() {
    let app = TestApp::start().await;
    let (till, ada) = (app.till().await, app.citizen().await);
    let _worker = app.work(&app.printing(&till, &app.document)).await;
    let bill = till.bill(&app.sam(), ada.subject(), "Ada Lovelace").await;
    let pdf = app.pdf_of(&till, &ada, &bill.bill_id).await;
    assert_eq!((pdf.status(), pdf.purpose.as_str()), (DocumentStatus::Ready, "bill"));
    assert_eq!(pdf.file_name, format!("bill-{}.pdf", bill.reference));
    let text = app.text(&ada, &pdf).await;
    for said in
        ["City of Riverton", "1 Bridge Street", "Ada Lovelace", "Dog licence", &bill.reference, "€100.00"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }

    // No workflow runs here: the payment is advanced as one would.
    let payment = till.pay(&ada.token, bill.bill_id).await;
    let message = AdvancePaymentRequest { payment_id: payment.payment_id.clone() };
    let advance = || async {
        patiently(&app.issuer.service("svc-worker"), &message, |request| {
            let mut payments = till.payments.clone();
            async move { payments.advance_payment(request).await }
        })
        .await;
    };
    advance().await;
    let submitted = till.until(&ada.token, &payment.payment_id, |payment| !payment.next_url.is_empty()).await;
    till.card(&submitted, cards::APPROVE).await;
    let paid = eventually(SOON, || async {
        advance().await;
        let paid = till.until(&ada.token, &payment.payment_id, |_| true).await;
        if paid.receipt_document_id.is_empty() { Err(paid) } else { Ok(paid) }
    });
    let receipt = app.document(&ada, &paid.await.unwrap().receipt_document_id).await;
    assert_eq!((receipt.status(), receipt.purpose.as_str()), (DocumentStatus::Ready, "receipt"));
    let text = app.text(&ada, &receipt).await;
    for said in ["Ada Lovelace", &bill.reference, &payment.payment_id, "€100.00"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    app.empty(queues::PDF).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_now_is_kept_once() {
    let app = TestApp::start().await;
    let (till, ada) = (app.till().await, app.citizen().await);
    let way = Proxy::to(&format!("http://{}", app.document_addr)).await;
    let _worker = app.work(&app.printing(&till, &way.url().as_str().parse().unwrap())).await;
    way.cut();
    let bill = till.bill(&app.sam(), ada.subject(), "Ada Lovelace").await;
    let waits = eventually(SOON, || async {
        let depth = app.sqs.sqs.depth(queues::PDF).await.unwrap();
        if depth.total() == 1 { Ok(()) } else { Err(depth) }
    });
    waits.await.unwrap();
    way.mend();
    let pdf = app.pdf_of(&till, &ada, &bill.bill_id).await;
    assert_eq!(pdf.status(), DocumentStatus::Ready);
    app.empty(queues::PDF).await;
}
