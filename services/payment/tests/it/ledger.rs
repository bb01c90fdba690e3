//! The books: what the database refuses, what two persons correct, and what a proof finds.

use payment::books;
use proto::payment::v1::{self, AccountKind, AdjustmentStatus};
use rpc_error::{Code, reason};
use sqlx::{ConnectOptions as _, PgConnection};

use crate::harness::{Actor, Result, TestApp, assert_refused};

async fn as_app(app: &TestApp) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions =
        settings::ExposeSecret::expose_secret(&app.db.urls.app).parse().expect("it works");
    let mut connection = options.connect().await.expect("it works");
    sqlx::query("select set_config('app.tenant', 'riverton', false)")
        .execute(&mut connection)
        .await
        .expect("it works");
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_what_does_not_come_to_zero_and_every_change() {
    let app = TestApp::start().await;
    app.issued().await;
    let mut connection = as_app(&app).await;
    let entry = "insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
        values ('018f0000-0000-7000-8000-00000000000e', 'riverton', 'adjustment', '018f0000-0000-7000-8000-00000000000f', now())";
    let posting = |number: i32, amount: i64| {
        format!(
            "insert into ledger_postings (tenant, entry_id, number, account_id, currency, amount)
             select 'riverton', '018f0000-0000-7000-8000-00000000000e', {number}, id, 'EUR', {amount}
             from ledger_accounts order by id offset {} limit 1",
            number - 1
        )
    };
    for amounts in [&[][..], &[5], &[5, -4], &[5, 5]] {
        let mut sql = format!("begin; {entry};");
        for (number, amount) in (1..).zip(amounts) {
            sql.push_str(&posting(number, *amount));
            sql.push(';');
        }
        sql.push_str("commit;");
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("come to zero"), "{amounts:?}: {refused}");
        let _ended = sqlx::raw_sql("rollback").execute(&mut connection).await;
    }
    let early = format!(
        "begin; {entry}; {}; {}; set constraints all immediate; {}; commit;",
        posting(1, 7),
        posting(2, -7),
        posting(3, 1).replace("offset 2", "offset 0")
    );
    let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(early)).execute(&mut connection).await.unwrap_err();
    assert!(refused.to_string().contains("come to zero"), "{refused}");
    sqlx::raw_sql("rollback").execute(&mut connection).await.unwrap();
    let whole = format!("begin; {entry}; {}; {}; commit;", posting(1, 7), posting(2, -7));
    sqlx::raw_sql(sqlx::AssertSqlSafe(whole)).execute(&mut connection).await.unwrap();
    let late = format!("begin; {}; {}; commit;", posting(3, 1), posting(4, -1));
    let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(
        late.replace("offset 2", "offset 0").replace("offset 3", "offset 1"),
    ))
    .execute(&mut connection)
    .await
    .unwrap_err();
    assert!(refused.to_string().contains("its own transaction"), "{refused}");
    sqlx::raw_sql("rollback").execute(&mut connection).await.unwrap();

    for sql in [
        "update ledger_postings set amount = 1",
        "delete from ledger_postings",
        "update ledger_entries set kind = 'x'",
        "delete from ledger_entries",
    ] {
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_err();
        let refused = sqlx::raw_sql(sql).execute(&mut app.db.admin().await).await.unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
    }
    let again = sqlx::raw_sql(
        "insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
         select '018f0000-0000-7000-8000-0000000000aa', tenant, kind, subject_id, now() from ledger_entries limit 1",
    );
    assert!(again.execute(&mut connection).await.unwrap_err().to_string().contains("ledger_entries_once"));
}

fn posting(kind: AccountKind, owner: &str, amount: i64) -> v1::Posting {
    let account = v1::Account { kind: kind.into(), owner: owner.to_owned(), currency: "EUR".to_owned() };
    v1::Posting { account: Some(account), amount }
}

async fn propose(actor: &Actor, postings: Vec<v1::Posting>) -> Result<v1::Adjustment> {
    let message = v1::ProposeAdjustmentRequest { postings, reason: "the bank's own mistake".to_owned() };
    let proposed = actor.ledger().propose_adjustment(actor.request(message)).await?.into_inner();
    Ok(proposed.adjustment.expect("an adjustment"))
}

async fn decide(actor: &Actor, id: &str, decision: AdjustmentStatus) -> Result<v1::Adjustment> {
    let message = v1::DecideAdjustmentRequest { adjustment_id: id.to_owned(), decision: decision.into() };
    let decided = actor.ledger().decide_adjustment(actor.request(message)).await?.into_inner();
    Ok(decided.adjustment.expect("an adjustment"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_needs_a_second_person_and_is_decided_once() {
    let app = TestApp::start().await;
    let (fin, fay) = (app.fin(), app.person("fay", "riverton", "finance"));
    let good =
        vec![posting(AccountKind::Bank, "main", 500), posting(AccountKind::Clearing, "acct_town", -500)];
    assert_refused(
        propose(&app.sam(), good.clone()).await,
        Code::PermissionDenied,
        reason::PERMISSION_DENIED,
    );
    let proposed = propose(&fin, good.clone()).await.unwrap();
    assert_eq!(
        (proposed.status(), proposed.reason.as_str()),
        (AdjustmentStatus::Proposed, "the bank's own mistake")
    );
    let id = &proposed.adjustment_id;
    assert_eq!(app.balance(AccountKind::Bank, "main").await, 0, "nothing is posted yet");
    let own = decide(&fin, id, AdjustmentStatus::Approved).await;
    assert_refused(own, Code::Conflict, reason::SECOND_PERSON_NEEDED);
    let neither = decide(&fay, id, AdjustmentStatus::Proposed).await;
    assert_refused(neither, Code::InvalidArgument, reason::DECISION_INVALID);
    let elsewhere = app.person("fay", "lakeside", "finance");
    assert_refused(
        decide(&elsewhere, id, AdjustmentStatus::Approved).await,
        Code::NotFound,
        reason::ADJUSTMENT_NOT_FOUND,
    );
    let approved = decide(&fay, id, AdjustmentStatus::Approved).await.unwrap();
    assert_eq!((approved.status(), approved.decided_by.as_str()), (AdjustmentStatus::Approved, "fay"));
    assert_eq!(app.balance(AccountKind::Bank, "main").await, 500);
    assert_refused(
        decide(&fay, id, AdjustmentStatus::Rejected).await,
        Code::Conflict,
        reason::ADJUSTMENT_DECIDED,
    );

    let rejected = propose(&fin, good).await.unwrap();
    decide(&fay, &rejected.adjustment_id, AdjustmentStatus::Rejected).await.unwrap();
    assert_eq!(app.balance(AccountKind::Bank, "main").await, 500);
    let list =
        fin.ledger().list_adjustments(fin.keyless(v1::ListAdjustmentsRequest::default())).await.unwrap();
    assert_eq!(list.into_inner().adjustments.len(), 2);

    let one = posting(AccountKind::Bank, "main", 1);
    for wrong in [
        vec![],
        vec![one.clone()],
        vec![one.clone(), posting(AccountKind::Fees, "acct_town", -2)],
        vec![one.clone(), posting(AccountKind::Bank, "main", -1)],
        vec![posting(AccountKind::Bank, "main", 0), posting(AccountKind::Fees, "x", 0)],
        vec![one.clone(), posting(AccountKind::Unspecified, "x", -1)],
        vec![one.clone(), posting(AccountKind::Fees, "", -1)],
        vec![
            posting(AccountKind::Bank, "main", i64::MAX),
            posting(AccountKind::Fees, "a", 1),
            posting(AccountKind::Fees, "b", i64::MIN),
        ],
        vec![one; 21],
    ] {
        assert_refused(propose(&fin, wrong).await, Code::InvalidArgument, reason::ADJUSTMENT_INVALID);
    }
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_finds_what_somebody_has_changed_behind_our_back() {
    let app = TestApp::start().await;
    let (bill, payment) = app.paid().await;
    app.assert_books().await;
    let proof = app.sam().proof().await.unwrap();
    assert_eq!((proof.entries, proof.postings, proof.faults.len()), (2, 4, 0));
    assert_eq!((proof.currencies[0].debits, proof.currencies[0].credits), (20_000, 20_000));
    let elsewhere = app.staff("lea", "lakeside").proof().await.unwrap();
    assert_eq!(elsewhere.entries, 0);

    let tenant = "riverton".parse().unwrap();
    let mut admin = app.db.admin().await;
    for (tamper, mend, rule, subject) in [
        (
            "update payments set captured = 9000",
            "update payments set captured = 10000",
            "PAYMENT_DIFFERS",
            payment.payment_id.as_str(),
        ),
        (
            "update bills set paid = 9000, credited = 1000, total = 10001, status = 'part_paid', closed_at = null",
            "update bills set paid = 10000, credited = 0, total = 10000, status = 'paid', closed_at = now()",
            "BILL_DIFFERS",
            bill.bill_id.as_str(),
        ),
        (
            // The right sum on the wrong bill.
            "update bills set paid = 9999, credited = 1",
            "update bills set paid = 10000, credited = 0",
            "BILL_DIFFERS",
            bill.bill_id.as_str(),
        ),
        (
            "set session_replication_role = replica; update ledger_postings set amount = amount + 1 where amount = 10000",
            "update ledger_postings set amount = amount - 1 where amount = 10001; set session_replication_role = default",
            "ENTRY_UNBALANCED",
            "",
        ),
    ] {
        sqlx::raw_sql(tamper).execute(&mut admin).await.unwrap();
        let mut out = Vec::new();
        let wrong = books::verify(&app.state.db, &tenant, &mut out).await.unwrap_err();
        let told = String::from_utf8(out).unwrap();
        assert!(wrong.to_string().contains("not right"), "{wrong}");
        assert!(told.contains(&format!("{rule} {subject}")), "{told}");
        sqlx::raw_sql(mend).execute(&mut admin).await.unwrap();
        app.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_can_be_written_out() {
    let app = TestApp::start().await;
    let (bill, payment) = app.paid().await;
    let tenant = "riverton".parse().unwrap();
    let (mut postings, mut balances) = (Vec::new(), Vec::new());
    books::export(&app.state.db, &tenant, &mut postings).await.unwrap();
    books::balances(&app.state.db, &tenant, &mut balances).await.unwrap();
    let (postings, balances) = (String::from_utf8(postings).unwrap(), String::from_utf8(balances).unwrap());
    let lines: Vec<_> = postings.lines().collect();
    assert_eq!(lines.len(), 5, "{postings}");
    assert!(
        lines[1].contains(&payment.payment_id) && lines[1].ends_with("clearing,acct_town,EUR,10000"),
        "{postings}"
    );
    assert!(lines[3].contains(&bill.bill_id) && lines[3].ends_with("receivable,ada,EUR,10000"), "{postings}");
    assert!(balances.lines().any(|line| line == "clearing,acct_town,EUR,10000,0,10000"), "{balances}");
    assert_eq!(balances.lines().last(), Some("sum,,EUR,20000,20000,0"), "{balances}");
    let about = v1::ListEntriesRequest { subject_id: bill.bill_id.clone(), ..Default::default() };
    let sam = app.sam();
    let about = sam.ledger().list_entries(sam.keyless(about)).await.unwrap().into_inner();
    assert_eq!((about.entries.len(), about.entries[0].kind.as_str()), (1, "bill_issued"));
}
