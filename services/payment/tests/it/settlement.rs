//! What providers have settled: fetched once a day, compared line by line, posted, and proven.

use std::time::Duration;

use payment::domain::Day;
use payment::domain::settlement::Settlement;
use payment::{app, books, settlements};
use proto::payment::v1::{self, AccountKind, SettlementLineKind as Kind, SettlementLineStatus as Status};
use psp::cards;
use rpc_error::{Code, reason};
use serde_json::{Value, json};
use testkit::eventually;
use topology::topics;

use crate::harness::{Actor, Result, SOON, TestApp, assert_refused, units};

const ACCOUNT: &str = "acct_town";

impl TestApp {
    fn today(&self) -> Day {
        Day::of(self.clock.now())
    }

    /// The provider closes today's books: what happens later is the next day's.
    async fn close_day(&self) {
        self.control(&format!("settlements/{ACCOUNT}/{}/close", self.today()), &json!({})).await;
    }

    /// What the provider's file of today says is not what its books say.
    async fn alter_day(&self, alteration: &Value) {
        let url = format!("{}/control/settlements/{ACCOUNT}/{}", self.psp.url(), self.today());
        let answer = reqwest::Client::new().put(url).json(alteration).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    pub(crate) async fn settle(&self) -> app::Fetched {
        let tenant = "riverton".parse().expect("a tenant");
        let account = ACCOUNT.parse().expect("an account");
        let state = &self.state;
        let settled = app::settle(&state.db, &state.clock, &state.providers, &tenant, &account).await;
        settled.expect("no failure")
    }

    /// Closes today's books at the provider and settles them.
    pub(crate) async fn settle_today(&self) -> Settlement {
        self.close_day().await;
        match self.settle().await {
            app::Fetched::Settled(settlement) => settlement,
            other => panic!("not settled: {other:?}"),
        }
    }

    /// The lines of the provider's books about a payment, by type.
    async fn entry(&self, payment_id: &str, kind: &str) -> String {
        let url = format!("{}/control/books", self.psp.url());
        let books: Value = reqwest::get(url).await.expect("an answer").json().await.expect("JSON");
        let entries = books["accounts"][ACCOUNT]["entries"].as_array().expect("entries").clone();
        let mut of = entries.iter().filter(|entry| entry["reference"] == payment_id && entry["type"] == kind);
        of.next().expect("an entry")["id"].as_str().expect("an id").to_owned()
    }

    /// To the moment at which today's report is fetched.
    fn go_to_settlement(&self) {
        let at = self.today().end() + time::Duration::hours(2);
        self.clock.advance((at - self.clock.now()).try_into().expect("forwards"));
    }
}

pub(crate) async fn list(actor: &Actor, unmatched_only: bool) -> Result<Vec<v1::Settlement>> {
    let message = v1::ListSettlementsRequest { unmatched_only, ..Default::default() };
    Ok(actor.ledger().list_settlements(actor.keyless(message)).await?.into_inner().settlements)
}

pub(crate) async fn get(actor: &Actor, id: &str) -> Result<(v1::Settlement, Vec<v1::SettlementLine>)> {
    let message =
        v1::GetSettlementRequest { settlement_id: id.to_owned(), page_size: 200, ..Default::default() };
    let got = actor.ledger().get_settlement(actor.keyless(message)).await?.into_inner();
    Ok((got.settlement.expect("a settlement"), got.lines))
}

fn statuses(lines: &[v1::SettlementLine]) -> Vec<(Kind, Status)> {
    lines.iter().map(|line| (line.kind(), line.status())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_settled_by_itself_once_it_is_over() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    let refund = app.fin().refund(id, 2_500, 10_000).await.unwrap();
    app.refunded(id, &refund.refund_id).await;
    let (day, fin) = (app.today(), app.fin());
    assert!(list(&fin, false).await.unwrap().is_empty());
    app.go_to_settlement();
    let settled = eventually(SOON, || async {
        match list(&fin, false).await.unwrap().pop() {
            Some(settlement) => Ok(settlement),
            None => Err("not settled"),
        }
    });
    let settlement = settled.await.unwrap();
    assert_eq!((&*settlement.account, &*settlement.day), (ACCOUNT, &*day.to_string()));
    assert_eq!((settlement.report_lines, settlement.matched, settlement.unmatched), (3, 3, 0));
    let total = &settlement.totals[0];
    assert_eq!(
        (&*total.currency, total.net, total.fees, total.settled, total.unexplained),
        ("EUR", 7_340, 160, 7_500, 0)
    );
    let url = format!("{}/v1/settlements/{day}", app.psp.url());
    let file = reqwest::Client::new().get(url).bearer_auth(&app.psp.account(ACCOUNT).api_key.0).send().await;
    let file = file.unwrap().bytes().await.unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(settlement.sha256, digest);

    assert_eq!(app.balance(AccountKind::Clearing, ACCOUNT).await, 0);
    assert_eq!(app.balance(AccountKind::Bank, "main").await, 7_340);
    assert_eq!(app.balance(AccountKind::Fees, ACCOUNT).await, 160);
    let (_, lines) = get(&fin, &settlement.settlement_id).await.unwrap();
    assert_eq!(
        statuses(&lines),
        [(Kind::Charge, Status::Matched), (Kind::Fee, Status::Matched), (Kind::Refund, Status::Matched)]
    );
    assert!(lines.iter().all(|line| line.payment_id == *id));
    assert_eq!((&lines[2].subject_id, units(lines[2].reported.as_ref())), (&refund.refund_id, -2_500));
    assert_eq!(app.event_names(topics::PAYMENT, &settlement.settlement_id).await, ["settlement_matched"]);
    app.assert_books().await;

    // The next day comes by itself, though nothing happens on it.
    app.go_to_settlement();
    let next = eventually(SOON, || async {
        match list(&fin, false).await.unwrap().len() {
            2 => Ok(()),
            other => Err(other),
        }
    });
    next.await.unwrap();
    assert_eq!(list(&fin, false).await.unwrap()[0].day, day.next().to_string());
    assert!(list(&fin, true).await.unwrap().is_empty(), "all of them match");
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finance_alone_reads_settlements_and_only_its_tenants() {
    let app = TestApp::start().await;
    app.paid().await;
    let id = app.settle_today().await.id.to_string();
    for other in [app.sam(), app.ada()] {
        assert_refused(list(&other, false).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
        assert_refused(get(&other, &id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    let elsewhere = app.person("fin", "lakeside", "finance");
    assert!(list(&elsewhere, false).await.unwrap().is_empty());
    assert_refused(get(&elsewhere, &id).await, Code::NotFound, reason::SETTLEMENT_NOT_FOUND);
    assert_refused(get(&app.fin(), "1").await, Code::NotFound, reason::SETTLEMENT_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_match_is_shown_first_and_kept_in_suspense() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(app.paid().await.1.payment_id);
    }
    let [right, less, gone, twice] = <[String; 4]>::try_from(ids).unwrap();
    let alteration = json!({
        "omit": [app.entry(&gone, "charge").await],
        "amounts": { (app.entry(&less, "charge").await.as_str()): 9_000 },
        "repeat": [app.entry(&twice, "charge").await],
        "add": [{ "type": "charge", "payment_id": "pay_x", "reference": "who", "currency": "EUR", "amount": 777 }],
        "net_off_by": { "EUR": -5 },
    });
    app.alter_day(&alteration).await;
    let settled = app.settle_today().await;
    // Four charges of which one is gone, one again, and one of a stranger; four fees.
    assert_eq!((settled.report_lines, settled.matched, settled.unmatched), (9, 6, 5));
    let fin = app.fin();
    let (settlement, lines) = get(&fin, &settled.id.to_string()).await.unwrap();
    let mut wrong = statuses(&lines[..5]);
    wrong.sort_unstable();
    assert_eq!(
        wrong,
        [
            (Kind::Charge, Status::AmountDiffers),
            (Kind::Charge, Status::MissingHere),
            (Kind::Charge, Status::MissingThere),
            (Kind::Charge, Status::Repeated),
            (Kind::Net, Status::NetDiffers),
        ]
    );
    assert!(lines[5..].iter().all(|line| line.status() == Status::Matched));
    let of = |status: Status| lines.iter().find(|line| line.status() == status).unwrap();
    assert_eq!((&of(Status::AmountDiffers).payment_id, &of(Status::MissingThere).payment_id), (&less, &gone));
    assert_eq!(of(Status::Repeated).payment_id, twice);
    assert_eq!((&*of(Status::MissingHere).reference, &*of(Status::MissingHere).payment_id), ("who", ""));
    assert_eq!(units(of(Status::NetDiffers).reported.as_ref()), -5);
    assert!(lines.iter().any(|line| line.payment_id == right));

    // The bank has what the provider says; what is unexplained has its place; what is missing is still owed.
    let net = 10_000 + 9_000 + 2 * 10_000 + 777 - 4 * 160 - 5;
    let total = &settlement.totals[0];
    assert_eq!((total.net, total.fees, total.settled), (net, 640, 30_000));
    assert_eq!(total.unexplained, net + 640 - 30_000);
    assert_eq!(app.balance(AccountKind::Bank, "main").await, net);
    assert_eq!(app.balance(AccountKind::Suspense, ACCOUNT).await, -total.unexplained);
    assert_eq!(app.balance(AccountKind::Clearing, ACCOUNT).await, 10_000);
    app.assert_books().await;
    assert_eq!(list(&fin, true).await.unwrap().len(), 1);

    // Page by page it is the same.
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let message = v1::GetSettlementRequest {
            settlement_id: settled.id.to_string(),
            page_size: 4,
            page_token: token,
        };
        let page = fin.ledger().get_settlement(fin.keyless(message)).await.unwrap().into_inner();
        assert!(page.lines.len() <= 4);
        paged.extend(page.lines);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_books_a_day_later_is_explained_a_day_later() {
    let app = TestApp::start().await;
    app.paid().await;
    app.close_day().await;
    // It is charged today, and in the provider's books tomorrow.
    let (_, late) = app.paid().await;
    let first = app.settle_today().await;
    let fin = app.fin();
    let (_, lines) = get(&fin, &first.id.to_string()).await.unwrap();
    assert_eq!((lines[0].status(), &lines[0].payment_id), (Status::MissingThere, &late.payment_id));
    assert_eq!((&*lines[0].explained_by, app.balance(AccountKind::Clearing, ACCOUNT).await), ("", 10_000));
    app.assert_books().await;
    app.clock.advance(Duration::from_secs(24 * 3_600));
    let second = app.settle_today().await;
    assert_eq!((second.matched, second.unmatched), (2, 0));
    let (_, lines) = get(&fin, &first.id.to_string()).await.unwrap();
    assert_eq!(lines[0].explained_by, second.id.to_string());
    assert_eq!(app.balance(AccountKind::Clearing, ACCOUNT).await, 0);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_knows_more_than_we_do_waits_until_we_have_asked() {
    let app = TestApp::start().await;
    app.paid().await;
    let bill = app.issued().await;
    app.clock.advance(Duration::from_millis(1));
    let silent = app.submitted(&bill.bill_id).await;
    app.alone();
    app.card(&silent, cards::NO_WEBHOOK).await;
    app.close_day().await;
    let day = app.today();
    assert_eq!(app.settle().await, app::Fetched::Waiting(day));
    // The time at which it would have been asked about by itself has not come: the report has it asked.
    assert_eq!(app.finished(&silent.payment_id).await.status(), v1::PaymentStatus::Completed);
    let settled = app.settle_today().await;
    assert_eq!((settled.matched, settled.unmatched), (4, 0));
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_say_for_hours_does_not_hold_up_the_day_and_is_found_later() {
    let app = TestApp::start().await;
    app.paid().await;
    let bill = app.issued().await;
    app.clock.advance(Duration::from_millis(1));
    let silent = app.submitted(&bill.bill_id).await;
    app.alone();
    app.card(&silent, cards::NO_WEBHOOK).await;
    // The provider's report knows it, and the provider itself does not say.
    let fault = json!({ "operation": "get_payment", "times": 1_000, "when": "before", "answer": "status" });
    app.control("faults", &fault).await;
    let day = app.today();
    let late = day.end() + time::Duration::hours(7);
    app.clock.advance((late - app.clock.now()).try_into().unwrap());
    let fin = app.fin();
    let settled = eventually(SOON, || async {
        match list(&fin, false).await.unwrap().pop() {
            Some(settlement) => Ok(settlement),
            None => Err("not settled"),
        }
    });
    let first = settled.await.unwrap();
    assert_eq!((first.matched, first.unmatched), (2, 2), "its charge and its fee");
    assert_eq!(app.balance(AccountKind::Suspense, ACCOUNT).await, -(10_000 - 160));
    app.assert_books().await;

    reqwest::Client::new().delete(format!("{}/control/script", app.psp.url())).send().await.unwrap();
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(app.finished(&silent.payment_id).await.status(), v1::PaymentStatus::Completed);
    assert_eq!(app.balance(AccountKind::Clearing, ACCOUNT).await, 10_000);
    let second = app.settle_today().await;
    let (_, lines) = get(&fin, &second.id.to_string()).await.unwrap();
    assert_eq!(statuses(&lines), [(Kind::Charge, Status::Found), (Kind::Fee, Status::Found)]);
    assert_eq!(app.balance(AccountKind::Clearing, ACCOUNT).await, 0);
    assert_eq!(app.balance(AccountKind::Suspense, ACCOUNT).await, 0, "nothing is left to explain");
    let (_, lines) = get(&fin, &first.settlement_id).await.unwrap();
    let charge =
        lines.iter().find(|line| line.payment_id == silent.payment_id && line.kind() == Kind::Charge);
    assert_eq!(charge.unwrap().explained_by, second.id.to_string());
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_not_whole_is_none_and_of_two_who_fetch_one_settles() {
    let app = TestApp::start().await;
    app.paid().await;
    let day = app.today();
    assert_eq!(app.settle().await, app::Fetched::NotReady(day));
    app.close_day().await;
    for answer in ["garbage", "empty", "oversize", "cut", "truncate", "status"] {
        let fault = json!({ "operation": "get_settlement", "when": "after", "answer": answer });
        app.control("faults", &fault).await;
        assert_eq!(app.settle().await, app::Fetched::NoAnswer(day), "{answer}");
    }
    let (one, other) = tokio::join!(app.settle(), app.settle());
    let settled = [one, other].into_iter().filter(|fetched| matches!(fetched, app::Fetched::Settled(_)));
    assert_eq!(settled.count(), 1);
    assert_eq!(list(&app.fin(), false).await.unwrap().len(), 1);
    assert_eq!(app.settle().await, app::Fetched::NotReady(day.next()));
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_is_never_changed_and_a_proof_finds_who_did() {
    let app = TestApp::start().await;
    app.paid().await;
    let settled = app.settle_today().await;
    let id = settled.id.to_string();
    let (mut admin, tenant) = (app.db.admin().await, "riverton".parse().unwrap());
    for table in ["settlements", "settlement_lines", "settlement_totals"] {
        let delete = sqlx::AssertSqlSafe(format!("delete from {table}"));
        let refused = sqlx::raw_sql(delete).execute(&mut admin).await.unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
    }
    let as_nobody_may = |sql: &str| {
        format!("set session_replication_role = replica; {sql}; set session_replication_role = default")
    };
    for (tamper, mend, rule, subject) in [
        (
            "update settlement_totals set net = net + 1, unexplained = unexplained + 1",
            "update settlement_totals set net = net - 1, unexplained = unexplained - 1",
            "SETTLEMENT_DIFFERS",
            &*id,
        ),
        (
            // Both ends of a line, and what it comes to.
            "update settlement_lines set reported = 9000, expected = 9000 where kind = 'charge'",
            "update settlement_lines set reported = 10000, expected = 10000 where kind = 'charge'",
            "SETTLEMENT_DIFFERS",
            &*id,
        ),
        (
            "update settlement_lines set status = 'repeated', expected = null where kind = 'charge'",
            "update settlement_lines set status = 'matched', expected = 10000 where kind = 'charge'",
            "CLEARING_DIFFERS",
            ACCOUNT,
        ),
        (
            "update settlements set report_lines = 3",
            "update settlements set report_lines = 2",
            "SETTLEMENT_DIFFERS",
            &*id,
        ),
        (
            "update settlements set matched = 1",
            "update settlements set matched = 2",
            "SETTLEMENT_DIFFERS",
            &*id,
        ),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(as_nobody_may(tamper))).execute(&mut admin).await.unwrap();
        let mut out = Vec::new();
        books::verify(&app.state.db, &tenant, &mut out).await.unwrap_err();
        let told = String::from_utf8(out).unwrap();
        assert!(told.contains(&format!("{rule} {subject}")), "{tamper}: {told}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(as_nobody_may(mend))).execute(&mut admin).await.unwrap();
        app.assert_books().await;
    }
    // Nor does the database let anything be settled a second time.
    let again = "insert into settlement_lines (tenant, settlement_id, number, account, kind, status, report_line, currency, reported,
             expected, payment_id, subject_id)
         select tenant, settlement_id, 100, account, kind, status, 100, currency, reported, expected, payment_id, subject_id
         from settlement_lines where kind = 'charge'";
    let refused = sqlx::raw_sql(again).execute(&mut admin).await.unwrap_err();
    assert!(refused.to_string().contains("settlement_lines_settle_once"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_is_fetched_from_the_command_line() {
    let app = TestApp::start().await;
    let (db, providers) = (&app.state.db, &app.state.providers);
    let (tenant, account) = ("riverton".parse().unwrap(), ACCOUNT.parse().unwrap());
    let fetch = async || {
        let mut out = Vec::new();
        let done = settlements::fetch(db, &app.clock, providers, &tenant, &account, &mut out).await;
        (done.is_ok(), String::from_utf8(out).unwrap())
    };
    assert_eq!(fetch().await, (true, format!("{ACCOUNT}: nothing was charged so far\n")));
    app.paid().await;
    let day = app.today();
    assert_eq!(fetch().await, (true, format!("{ACCOUNT} {day}: not ready\n")));
    app.control("faults", &json!({ "operation": "get_settlement", "when": "before", "answer": "status" }))
        .await;
    assert_eq!(fetch().await, (false, format!("{ACCOUNT} {day}: no answer\n")));
    app.close_day().await;
    let (settled, next) = (format!("{ACCOUNT} {day}: 2 lines, 2 match, 0 do not\n"), day.next());
    assert_eq!(fetch().await, (true, format!("{settled}{ACCOUNT} {next}: not ready\n")));
}
