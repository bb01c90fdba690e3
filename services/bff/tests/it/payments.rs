//! Bills are written, paid and given back over HTTP, before a payment service and a provider as they really are.

use std::net::Ipv4Addr;
use std::time::Duration;

use clock::Clock;
use payment::provider::Accounts;
use psp::Psp;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use service::{Shutdown, admin, grpc};
use testkit::{TestDb, TestKafka, TestS3, TestSqs, eventually};

use crate::harness::{AWAY, TestApp, problem};

const SOON: Duration = Duration::from_secs(60);

/// `bff` in front of a payment service, whose provider calls `bff`.
struct World {
    app: TestApp,
    psp: Psp,
    payment: payment::State,
    shutdown: Shutdown,
    servers: (TestDb, TestKafka, TestSqs, TestS3),
}

impl World {
    async fn start() -> Self {
        let clock = Clock::system();
        let (db, kafka, sqs, s3, issuer, psp) = tokio::join!(
            testkit::database("payment", payment::MIGRATORS),
            testkit::kafka(),
            testkit::sqs(),
            testkit::s3(),
            testkit::tokens(),
            psp::start(clock.clone()),
        );
        let psp = psp.expect("the provider starts");
        let account = psp.account("acct_town");
        let secrets: Vec<_> = account.webhook_secrets.iter().map(ToString::to_string).collect();
        let accounts = json!({ "accounts": [{
            "name": "acct_town", "tenant": "riverton", "provider": "sandbox", "url": psp.url(),
            "api_key": account.api_key.0, "webhook_secrets": secrets,
        }] });
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        let config = payment::Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            s3: s3.settings.clone(),
            audit: testkit::audit(),
            auth: issuer.settings("svc-payment"),
            telemetry: telemetry::Settings::default(),
            grpc: grpc::Settings { addr, max_concurrency: 64 },
            admin: admin::Settings { addr },
            providers: Accounts::read(accounts.to_string().as_bytes()).expect("accounts"),
            patience: time::Duration::minutes(2),
        };
        let shutdown = Shutdown::manual(Duration::from_secs(1));
        let running = Box::pin(payment::start(&config, clock, &shutdown)).await.expect("it works");
        running.admin.started();
        let payment = format!("http://{}", running.grpc);
        let app = TestApp::start_before_all(issuer, AWAY, &payment, AWAY).await;
        let world = Self { app, psp, payment: running.state, shutdown, servers: (db, kafka, sqs, s3) };
        let callbacks = format!("http://{}/webhooks/payments/acct_town", world.app.addr);
        world.control(Method::PUT, "accounts/acct_town", &json!({ "notify_url": callbacks })).await;
        world
    }

    async fn get(&self, who: &str, role: &str, path: &str) -> Response {
        let token = self.app.issuer.person(who, "riverton", role);
        self.app.request(Method::GET, path).bearer_auth(token).send().await.expect("an answer")
    }

    async fn post(&self, who: &str, role: &str, path: &str, key: &str, body: &Value) -> Response {
        let token = self.app.issuer.person(who, "riverton", role);
        let request = self.app.request(Method::POST, path).bearer_auth(token);
        request.header("idempotency-key", key).json(body).send().await.expect("an answer")
    }

    async fn control(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/control/{path}", self.psp.url());
        let answer = reqwest::Client::new().request(method, url).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// Ada's payment once it is as it should be. Meanwhile it is advanced, as the worker's workflow has it.
    async fn until(&self, path: &str, right: impl Fn(&Value) -> bool) -> Value {
        let id = path.rsplit('/').next().expect("an id");
        let tenant = "riverton".parse().expect("a tenant");
        let seen = eventually(SOON, || async {
            payment::app::advance_payment(&self.payment, &tenant, id).await.expect("advanced");
            let payment = body(self.get("ada", "citizen", path).await).await;
            if right(&payment) { Ok(payment) } else { Err(payment) }
        });
        seen.await.expect("it comes to that")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

async fn body(answer: Response) -> Value {
    answer.json().await.expect("json")
}

fn bill(reference: &str) -> Value {
    json!({
        "reference": reference, "payer": "ada", "payer_name": "Ada Lovelace", "due_on": "2035-01-31", "issue": true,
        "lines": [{
            "description": "Dog licence", "fund": "dogs", "unit_price": { "minor_units": 10_000, "currency": "EUR" },
        }],
    })
}

fn eur(minor_units: i64) -> Value {
    json!({ "minor_units": minor_units, "currency": "EUR" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_written_paid_and_given_back_in_part() {
    let world = World::start().await;
    let written = world.post("sam", "staff", "/v1/staff/bills", "b", &bill("2026/1")).await;
    assert_eq!(written.status(), StatusCode::CREATED);
    let written = body(written).await;
    assert_eq!((&written["status"], &written["outstanding"]), (&json!("issued"), &eur(10_000)));
    let id = written["id"].as_str().unwrap();
    assert_eq!(written["_links"]["cancel"], format!("/v1/staff/bills/{id}/cancel"));
    assert_eq!(written["_links"]["pay"], Value::Null, "staff do not pay");
    let seen = body(world.get("ada", "citizen", "/v1/bills").await).await;
    let seen = &seen["bills"][0];
    assert_eq!(
        (&seen["payer_name"], &seen["lines"][0]["description"]),
        (&json!("Ada Lovelace"), &json!("Dog licence"))
    );
    assert_eq!((&seen["_links"]["pay"], &seen["_links"]["cancel"]), (&json!("/v1/payments"), &Value::Null));

    let pay = json!({ "bill_id": id, "return_url": "https://town.example/bills" });
    let mut begun = Value::Null;
    for replayed in [false, true] {
        let answer = world.post("ada", "citizen", "/v1/payments", "p", &pay).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(answer.headers().contains_key("idempotent-replayed"), replayed);
        begun = body(answer).await;
        assert_eq!((&begun["status"], &begun["_links"]["next"]), (&json!("processing"), &Value::Null));
    }
    let second = world.post("ada", "citizen", "/v1/payments", "p2", &pay).await;
    problem(second, StatusCode::CONFLICT, "PAYMENT_UNDER_WAY").await;
    let own = begun["_links"]["self"].as_str().unwrap();
    let open = world.until(own, |payment| !payment["_links"]["next"].is_null()).await;
    let checkout = open["_links"]["next"].as_str().unwrap();
    let page = reqwest::get(checkout).await.unwrap();
    assert!(
        page.status().is_success() && page.text().await.unwrap().contains("100.00"),
        "the provider's page"
    );
    let at_provider = checkout.rsplit('/').next().unwrap();
    world
        .control(
            Method::POST,
            &format!("payments/{at_provider}/pay"),
            &json!({ "card": psp::cards::APPROVE }),
        )
        .await;
    let paid = world.until(own, |payment| payment["status"] == "completed").await;
    assert_eq!(
        (&paid["captured"], &paid["_links"]["next"], &paid["_links"]["cancel"]),
        (&eur(10_000), &Value::Null, &Value::Null)
    );
    let seen = body(world.get("ada", "citizen", &format!("/v1/bills/{id}")).await).await;
    assert_eq!(
        (&seen["status"], &seen["outstanding"], &seen["_links"]["pay"]),
        (&json!("paid"), &eur(0), &Value::Null)
    );

    let refunds = paid["_links"]["refunds"].as_str().unwrap();
    let ask = |amount: i64, available: i64| json!({ "amount": eur(amount), "amount_available": eur(available), "reason": "paid too much" });
    let stale = world.post("fin", "finance", refunds, "r1", &ask(100, 9_999)).await;
    problem(stale, StatusCode::PRECONDITION_FAILED, "AMOUNT_AVAILABLE_STALE").await;
    let above = world.post("fin", "finance", refunds, "r2", &ask(10_001, 10_000)).await;
    problem(above, StatusCode::CONFLICT, "AMOUNT_ABOVE_AVAILABLE").await;
    let citizen = world.post("ada", "citizen", refunds, "r3", &ask(100, 10_000)).await;
    problem(citizen, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    let asked = world.post("fin", "finance", refunds, "r4", &ask(2_500, 10_000)).await;
    assert_eq!(asked.status(), StatusCode::ACCEPTED);
    let asked = body(asked).await;
    assert_eq!((&asked["status"], &asked["reason"]), (&json!("submitted"), &json!("paid too much")));
    let back = world.until(own, |payment| payment["refunded"] == eur(2_500)).await;
    assert_eq!(back["refund_available"], eur(7_500));
    let listed = body(world.get("ada", "citizen", refunds).await).await;
    assert_eq!(
        (&listed["refunds"][0]["status"], &listed["refunds"][0]["reason"]),
        (&json!("completed"), &Value::Null)
    );
    let events = body(world.get("ada", "citizen", paid["_links"]["events"].as_str().unwrap()).await).await;
    let names: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["initiated", "submitted", "completed", "refund_submitted", "refund_completed"]);
    let of_bill = body(world.get("ada", "citizen", &format!("/v1/payments?bill_id={id}")).await).await;
    assert_eq!(of_bill["payments"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_issue_credit_cancel_and_give_up() {
    let world = World::start().await;
    let mut draft = bill("2026/2");
    draft["issue"] = json!(false);
    let draft = body(world.post("sam", "staff", "/v1/staff/bills", "b", &draft).await).await;
    let id = draft["id"].as_str().unwrap();
    let of = |what: &str| format!("/v1/staff/bills/{id}/{what}");
    problem(
        world.get("ada", "citizen", &format!("/v1/bills/{id}")).await,
        StatusCode::NOT_FOUND,
        "BILL_NOT_FOUND",
    )
    .await;
    let issued = body(world.post("sam", "staff", &of("issue"), "i", &json!({})).await).await;
    assert_eq!(issued["status"], "issued");
    let credit = json!({ "amount": eur(4_000), "reason": "too much" });
    let credited = body(world.post("sam", "staff", &of("credit"), "c", &credit).await).await;
    assert_eq!(credited["outstanding"], eur(6_000));
    let why = json!({ "reason": "hopeless" });
    let staff = world.post("sam", "staff", &of("write-off"), "w1", &why).await;
    problem(staff, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    let written_off = body(world.post("fin", "finance", &of("write-off"), "w2", &why).await).await;
    assert_eq!((&written_off["status"], &written_off["written_off"]), (&json!("written_off"), &eur(6_000)));
    let cancel = world.post("sam", "staff", &of("cancel"), "x", &why).await;
    problem(cancel, StatusCode::CONFLICT, "BILL_STATE").await;
    let listed = body(world.get("sam", "staff", "/v1/bills?status=written_off&payer=ada").await).await;
    assert_eq!(listed["bills"][0]["id"], id);
    let wrong = world.get("sam", "staff", "/v1/bills?status=lost").await;
    problem(wrong, StatusCode::UNPROCESSABLE_ENTITY, "QUERY_INVALID").await;
    let mut bad = bill("2026/3");
    bad["lines"][0]["unit_price"]["minor_units"] = json!(-1);
    bad["due_on"] = json!("soon");
    let bad = world.post("sam", "staff", "/v1/staff/bills", "bad", &bad).await;
    let bad = problem(bad, StatusCode::UNPROCESSABLE_ENTITY, "BILL_INVALID").await;
    let fields: Vec<_> =
        bad["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["due_on", "lines[0].unit_price"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_about_nobody_are_listed_for_who_answers_for_money() {
    let world = World::start().await;
    let stranger = json!({ "amount": 100, "currency": "EUR", "reference": "order 7", "return_url": "https://x.example/" });
    let made = reqwest::Client::new()
        .post(format!("{}/v1/payments", world.psp.url()))
        .bearer_auth(&world.psp.account("acct_town").api_key.0)
        .header("idempotency-key", "stranger")
        .json(&stranger);
    let made = body(made.send().await.unwrap()).await;
    let id = made["id"].as_str().unwrap();
    let card = json!({ "card": psp::cards::APPROVE });
    world.control(Method::POST, &format!("payments/{id}/pay"), &card).await;
    let listed = eventually(SOON, || async {
        let listed = body(world.get("fin", "finance", "/v1/staff/callbacks?page_size=1").await).await;
        if listed["callbacks"][0].is_object() { Ok(listed) } else { Err(listed) }
    });
    let listed = listed.await.unwrap();
    let one = listed["callbacks"][0].as_object().unwrap();
    assert_eq!((&one["account"], &one["provider_reference"]), (&json!("acct_town"), &json!(id)));
    assert!(one["event_type"].as_str().unwrap().starts_with("payment."), "{one:?}");
    let fields: Vec<_> = one.keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        ["account", "event_type", "id", "provider_reference", "received_at"],
        "and never its body"
    );
    for (who, role) in [("sam", "staff"), ("ada", "citizen")] {
        problem(
            world.get(who, role, "/v1/staff/callbacks").await,
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
        )
        .await;
    }
    let large = world.get("fin", "finance", "/v1/staff/callbacks?page_size=201").await;
    problem(large, StatusCode::UNPROCESSABLE_ENTITY, "PAGE_SIZE_INVALID").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finance_sees_what_was_settled_and_staff_what_is_contested() {
    let world = World::start().await;
    let bill = body(world.post("sam", "staff", "/v1/staff/bills", "b", &bill("2026/9")).await).await;
    let asked = json!({ "bill_id": bill["id"], "return_url": "https://portal.example/back" });
    let begun = body(world.post("ada", "citizen", "/v1/payments", "p", &asked).await).await;
    let own = begun["_links"]["self"].as_str().unwrap();
    let open = world.until(own, |payment| payment["_links"]["next"].is_string()).await;
    let at_provider = open["_links"]["next"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let card = json!({ "card": psp::cards::DISPUTED });
    world.control(Method::POST, &format!("payments/{at_provider}/pay"), &card).await;
    let contested = world.until(own, |payment| payment["disputed"] == eur(10_000)).await;
    assert_eq!((&contested["status"], &contested["refund_available"]), (&json!("completed"), &eur(0)));
    let disputes = body(world.get("sam", "staff", "/v1/staff/disputes?status=needs_response").await).await;
    let dispute = &disputes["disputes"][0];
    assert_eq!((&dispute["payment_id"], &dispute["reason"]), (&begun["id"], &json!("fraudulent")));
    let events = body(world.get("ada", "citizen", begun["_links"]["events"].as_str().unwrap()).await).await;
    let last = events["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["name"], &last["dispute_id"]), (&json!("dispute_opened"), &dispute["id"]));
    let wrong = world.get("sam", "staff", "/v1/staff/disputes?status=open").await;
    problem(wrong, StatusCode::UNPROCESSABLE_ENTITY, "QUERY_INVALID").await;
    let citizen = world.get("ada", "citizen", "/v1/staff/disputes").await;
    problem(citizen, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;

    let day = payment::domain::Day::of(world.payment.clock.now());
    let close = format!("settlements/acct_town/{day}/close");
    world.control(Method::POST, &close, &json!({})).await;
    let (tenant, account) = ("riverton".parse().unwrap(), "acct_town".parse().unwrap());
    let payment::State { db, clock, providers, .. } = &world.payment;
    let settled = payment::app::settle(db, clock, providers, &tenant, &account).await.unwrap();
    assert!(matches!(settled, payment::app::Fetched::Settled(_)), "{settled:?}");
    let staff = world.get("sam", "staff", "/v1/staff/settlements").await;
    problem(staff, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    let listed = body(world.get("fin", "finance", "/v1/staff/settlements?unmatched_only=false").await).await;
    let settlement = &listed["settlements"][0];
    assert_eq!((&settlement["day"], &settlement["unmatched"]), (&json!(day.to_string()), &json!(0)));
    let path = format!("/v1/staff/settlements/{}?page_size=3", settlement["id"].as_str().unwrap());
    let page = body(world.get("fin", "finance", &path).await).await;
    assert_eq!((&page["settlement"], page["lines"].as_array().unwrap().len()), (settlement, 3));
    assert_eq!(
        (&page["lines"][0]["kind"], &page["lines"][0]["status"]),
        (&json!("charge"), &json!("matched"))
    );
    assert_eq!(page["lines"][0]["reported"], eur(10_000));
    let next = format!("{path}&page_token={}", page["next_page_token"].as_str().unwrap());
    let rest = body(world.get("fin", "finance", &next).await).await;
    assert_eq!((rest["lines"].as_array().unwrap().len(), &rest["next_page_token"]), (1, &Value::Null));
    let nowhere = world.get("fin", "finance", "/v1/staff/settlements/1").await;
    problem(nowhere, StatusCode::NOT_FOUND, "SETTLEMENT_NOT_FOUND").await;

    let month = &day.to_string()[..7];
    let close =
        world.post("fin", "finance", &format!("/v1/staff/periods/{month}/close"), "c1", &json!({})).await;
    problem(close, StatusCode::CONFLICT, "PERIOD_NOT_OVER").await;
    let proposed = world.post("fin", "finance", "/v1/staff/periods/2001-01/close", "c2", &json!({})).await;
    assert_eq!(body(proposed).await["status"], "proposed");
    let closed = world.post("fay", "finance", "/v1/staff/periods/2001-01/close", "c3", &json!({})).await;
    let closed = body(closed).await;
    assert_eq!((&closed["status"], &closed["closed_by"]), (&json!("closed"), &json!("fay")));
    let periods = body(world.get("sam", "staff", "/v1/staff/periods").await).await;
    assert_eq!(periods["periods"], json!([closed]));
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_taken_from_the_provider_alone() {
    let world = World::start().await;
    let url = "/webhooks/payments/acct_town";
    let unsigned = world.app.request(Method::POST, url).body("{}").send().await.unwrap();
    problem(unsigned, StatusCode::UNAUTHORIZED, "SIGNATURE_INVALID").await;
    let signed =
        world.app.request(Method::POST, url).header("webhook-id", "e").header("webhook-timestamp", "1");
    let old = signed.header("webhook-signature", "v1,AAAA").body("{}").send().await.unwrap();
    problem(old, StatusCode::UNAUTHORIZED, "SIGNATURE_INVALID").await;
    let nobody =
        world.app.request(Method::POST, "/webhooks/payments/acct_x").body("{}").send().await.unwrap();
    problem(nobody, StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND").await;
    let large = world.app.request(Method::POST, url).body(vec![b'x'; 64 * 1024 + 1]).send().await.unwrap();
    problem(large, StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE").await;
    let read = world.app.request(Method::GET, url).send().await.unwrap();
    problem(read, StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_payment_has_set_aside_is_listed() {
    let world = World::start().await;
    // As the consumer parks a record that is no event.
    sqlx::query(
        r#"insert into parked (consumer_group, tenant, topic, "partition", "offset", key, header_names, header_values, payload, reason,
                              detail, attempts, parked_at)
           values ('payment', 'riverton', 't', 0, 1, 'k', array['ce_dataschema'],
                   array['proto:guildhall.document.v1.DocumentReady'::bytea], '\x', 'EVENT_HEADER_MISSING',
                   'header ce_id is missing', 1, now())"#,
    )
    .execute(&mut world.servers.0.admin().await)
    .await
    .unwrap();
    let listed = body(world.get("sam", "staff", "/v1/staff/dead-letters?service=payment").await).await;
    assert_eq!(listed["dead_letters"][0]["service"], "payment");
    let own = listed["dead_letters"][0]["_links"]["self"].as_str().unwrap().to_owned();
    assert_eq!(body(world.get("sam", "staff", &own).await).await["reason"], "EVENT_HEADER_MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_bill_says_how_to_reach_whom_the_office_knows() {
    let world = World::start().await;
    let mut asked = bill("2035/9");
    asked["payer_contact"] = json!({ "email": "mine@example.org" });
    // The notification service is away here: had it been asked, the answer would be another.
    asked["payer"] = json!("person:tax-1");
    let refused = world.post("eve", "citizen", "/v1/staff/bills", "k", &asked).await;
    problem(refused, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    asked["payer"] = json!("ada");
    let refused = world.post("sam", "staff", "/v1/staff/bills", "k", &asked).await;
    let refused = problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "BILL_INVALID").await;
    assert_eq!(refused["errors"][0]["field"], "payer_contact");
}
