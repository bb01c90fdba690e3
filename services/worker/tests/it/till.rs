//! A payment service and its provider, on servers that a test has already.

use std::time::Duration;

use clock::Clock;
use payment::provider::Accounts;
use proto::common::v1::Money;
use proto::payment::v1::billing_service_client::BillingServiceClient;
use proto::payment::v1::payment_service_client::PaymentServiceClient;
use proto::payment::v1::{
    Bill, BillLine, CreateBillRequest, GetPaymentRequest, InitiatePaymentRequest, Payment,
};
use psp::Psp;
use serde_json::{Value, json};
use service::channel::{Channel, Target, balanced};
use service::{Shutdown, admin};
use testkit::{Issuer, TestDb, TestKafka, TestS3, TestSqs, eventually};

use crate::harness::{SOON, any_port, patiently};

pub(crate) struct Till {
    pub(crate) payment: Target,
    pub(crate) bills: BillingServiceClient<Channel>,
    pub(crate) payments: PaymentServiceClient<Channel>,
    pub(crate) psp: Psp,
    services: Shutdown,
    _db: TestDb,
}

impl Till {
    pub(crate) async fn start(issuer: &Issuer, kafka: &TestKafka, sqs: &TestSqs, s3: &TestS3) -> Self {
        let clock = Clock::system();
        let (db, psp) =
            tokio::join!(testkit::database("payment", payment::MIGRATORS), psp::start(clock.clone()));
        let psp = psp.unwrap();
        let account = psp.account("acct_town");
        // Nobody takes the provider's callbacks: what it says is found out by asking.
        let accounts = json!({ "accounts": [{
            "name": "acct_town", "tenant": "riverton", "provider": "sandbox", "url": psp.url(), "api_key": account.api_key.0,
            "webhook_secrets": account.webhook_secrets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }] });
        let config = payment::Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            s3: s3.settings.clone(),
            audit: testkit::audit(),
            auth: issuer.settings("svc-payment"),
            telemetry: telemetry::Settings::default(),
            grpc: service::grpc::Settings { addr: any_port(), max_concurrency: 512 },
            admin: admin::Settings { addr: any_port() },
            providers: Accounts::read(accounts.to_string().as_bytes()).unwrap(),
            patience: time::Duration::seconds(2),
        };
        let services = Shutdown::manual(Duration::from_secs(5));
        let running = Box::pin(payment::start(&config, clock, &services)).await.unwrap();
        running.admin.started();
        let payment: Target = format!("http://{}", running.grpc).parse().unwrap();
        Self {
            bills: BillingServiceClient::new(balanced(&payment)),
            payments: PaymentServiceClient::new(balanced(&payment)),
            payment,
            psp,
            services,
            _db: db,
        }
    }

    /// Sam, whose token this is, bills somebody for 100.00 euros.
    pub(crate) async fn bill(&self, sam: &str, payer: &str, payer_name: &str) -> Bill {
        let unit_price = Some(Money { minor_units: 10_000, currency: "EUR".to_owned() });
        let line = BillLine {
            description: "Dog licence".to_owned(),
            fund: "dogs".to_owned(),
            quantity: 1,
            unit_price,
            ..BillLine::default()
        };
        let bill = CreateBillRequest {
            reference: format!("{:016x}", rand::random::<u64>()),
            payer: payer.to_owned(),
            payer_name: payer_name.to_owned(),
            lines: vec![line],
            due_on: "2035-01-31".to_owned(),
            issue: true,
        };
        let written = patiently(sam, &bill, |request| {
            let mut bills = self.bills.clone();
            async move { bills.create_bill(request).await }
        });
        written.await.bill.unwrap()
    }

    /// Who has this token begins to pay a bill.
    pub(crate) async fn pay(&self, token: &str, bill_id: String) -> Payment {
        let return_url = "https://riverton.example/".to_owned();
        let message = InitiatePaymentRequest { bill_id, amount: None, return_url };
        let begun = patiently(token, &message, |request| {
            let mut payments = self.payments.clone();
            async move { payments.initiate_payment(request).await }
        });
        begun.await.payment.unwrap()
    }

    /// What the payer sees of a payment once it is as it should be.
    pub(crate) async fn until(&self, token: &str, id: &str, right: impl Fn(&Payment) -> bool) -> Payment {
        let message = GetPaymentRequest { payment_id: id.to_owned() };
        let (message, right) = (&message, &right);
        let seen = eventually(SOON, || async {
            let read = patiently(token, message, |request| {
                let mut payments = self.payments.clone();
                async move { payments.get_payment(request).await }
            });
            let payment = read.await.payment.unwrap();
            if right(&payment) { Ok(payment) } else { Err(payment) }
        });
        seen.await.unwrap()
    }

    /// Puts in a card for a payment that the provider has.
    pub(crate) async fn card(&self, submitted: &Payment, card: &str) {
        let id = submitted.next_url.rsplit('/').next().unwrap();
        self.control(&format!("payments/{id}/pay"), json!({ "card": card })).await;
    }

    pub(crate) async fn control(&self, path: &str, body: Value) {
        let url = format!("{}/control/{path}", self.psp.url());
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
}

impl Drop for Till {
    fn drop(&mut self) {
        self.services.request();
    }
}
