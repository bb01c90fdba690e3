//! Months that two persons close: nothing is posted into them any more, and what they came to is kept.

use std::time::Duration;

use clock::Clock;
use payment::domain::{Account, AccountKind, Entry, Month, Posting};
use payment::{Error, books, db};
use proto::payment::v1::{self, PeriodStatus};
use rpc_error::{Code, reason};
use sqlx::ConnectOptions as _;
use testkit::eventually;

use crate::harness::{Actor, Result, SOON, TestApp, assert_refused};

async fn close(actor: &Actor, month: &str) -> Result<v1::Period> {
    let message = v1::ClosePeriodRequest { month: month.to_owned() };
    let closed = actor.ledger().close_period(actor.request(message)).await?.into_inner();
    Ok(closed.period.expect("a period"))
}

async fn list(actor: &Actor) -> Result<Vec<v1::Period>> {
    let message = v1::ListPeriodsRequest::default();
    Ok(actor.ledger().list_periods(actor.keyless(message)).await?.into_inner().periods)
}

impl TestApp {
    fn fay(&self) -> Actor {
        self.person("fay", "riverton", "finance")
    }

    fn month(&self) -> Month {
        Month::of(self.clock.now().date())
    }

    /// To the first moment of the next month; the one that is over then.
    fn go_to_next_month(&self) -> Month {
        let month = self.month();
        self.clock.advance((month.end() - self.clock.now()).try_into().expect("forwards"));
        month
    }

    /// Posts an entry that says it happened at this time; when it was posted.
    async fn post(&self, clock: &Clock) -> time::OffsetDateTime {
        let posting = |kind, amount| Posting {
            account: Account { kind, owner: "main".to_owned(), currency: "EUR".parse().expect("a currency") },
            amount,
        };
        let postings = vec![posting(AccountKind::Bank, 5), posting(AccountKind::Revenue, -5)];
        let entry = Entry::adjustment(ids::AdjustmentId::mint(clock), postings, clock).expect("an entry");
        let id = entry.id.as_uuid();
        let tenant: ids::Tenant = "riverton".parse().expect("a tenant");
        let of = tenant.clone();
        let posted = self.state.db.tenant(&tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(db::ledger::post(tx, &of, &entry).await?) })
        });
        posted.await.expect("posted");
        sqlx::query_scalar("select posted_at from ledger_entries where id = $1")
            .bind(id)
            .fetch_one(&mut self.db.admin().await)
            .await
            .expect("an entry")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_close_a_month_that_is_over() {
    let app = TestApp::start().await;
    app.paid().await;
    let (fin, fay) = (app.fin(), app.fay());
    let running = app.month().to_string();
    assert_refused(close(&fin, &running).await, Code::Conflict, reason::PERIOD_NOT_OVER);
    for wrong in ["", "2026", "2026-13", "November", "2026-11-01"] {
        assert_refused(close(&fin, wrong).await, Code::InvalidArgument, reason::MONTH_INVALID);
    }
    let month = app.go_to_next_month().to_string();
    assert_refused(close(&app.sam(), &month).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    let proposed = close(&fin, &month).await.unwrap();
    assert_eq!(
        (proposed.status(), &*proposed.proposed_by, &*proposed.closed_by),
        (PeriodStatus::Proposed, "fin", "")
    );
    assert_refused(close(&fin, &month).await, Code::Conflict, reason::SECOND_PERSON_NEEDED);
    let closed = close(&fay, &month).await.unwrap();
    assert_eq!((closed.status(), &*closed.closed_by), (PeriodStatus::Closed, "fay"));
    assert_eq!(closed.period_id, proposed.period_id);
    // A bill of 100.00 that was paid.
    assert_eq!(
        (closed.currencies[0].debits, closed.currencies[0].credits, closed.accounts),
        (20_000, 20_000, 3)
    );
    for again in [&month, "2001-01"] {
        assert_refused(close(&fin, again).await, Code::Conflict, reason::PERIOD_CLOSED);
    }
    assert_eq!(list(&app.sam()).await.unwrap(), [closed]);
    assert!(list(&app.staff("lea", "lakeside")).await.unwrap().is_empty());
    assert_refused(list(&app.ada()).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    // What happens now is the next month's, and leaves what was kept as it is.
    app.paid().await;
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_known_late_is_posted_into_the_open_month() {
    let app = TestApp::start().await;
    let before = Clock::frozen(app.clock.now());
    assert_eq!(app.post(&before).await, truncated(before.now()));
    let month = app.go_to_next_month();
    close(&app.fin(), &month.to_string()).await.unwrap();
    assert_eq!(app.post(&before).await, truncated(before.now()), "it is not closed yet");
    close(&app.fay(), &month.to_string()).await.unwrap();
    assert_eq!(app.post(&before).await, month.end());
    app.clock.advance(Duration::from_secs(60));
    let now = Clock::frozen(app.clock.now());
    assert_eq!(app.post(&now).await, truncated(now.now()));
    app.assert_books().await;
    // Nor does the database take it from anybody else, and it does not open again.
    let mut admin = app.db.admin().await;
    let late = "insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
        select '018f0000-0000-7000-8000-00000000000e', tenant, kind, '018f0000-0000-7000-8000-00000000000f', posted_at
        from ledger_entries order by posted_at limit 1";
    let refused = sqlx::raw_sql(late).execute(&mut admin).await.unwrap_err();
    assert!(refused.to_string().contains("the period is closed"), "{refused}");
    for sql in ["update periods set closed_at = null, closed_by = null", "delete from periods"] {
        let refused = sqlx::raw_sql(sql).execute(&mut admin).await.unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
    }
    let refused = sqlx::raw_sql("delete from period_balances").execute(&mut admin).await.unwrap_err();
    assert!(refused.to_string().contains("never changed"), "{refused}");
}

/// As the database keeps it.
fn truncated(at: time::OffsetDateTime) -> time::OffsetDateTime {
    at.replace_nanosecond(at.microsecond() * 1_000).expect("below a second")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_begun_to_post_is_waited_for_and_counted() {
    let app = TestApp::start().await;
    app.issued().await;
    let at = app.clock.now();
    let month = app.go_to_next_month().to_string();
    close(&app.fin(), &month).await.unwrap();
    let options: sqlx::postgres::PgConnectOptions =
        settings::ExposeSecret::expose_secret(&app.db.urls.app).parse().unwrap();
    let mut poster = options.connect().await.unwrap();
    // Posted in the month, and not committed when somebody closes it.
    sqlx::raw_sql("begin; select set_config('app.tenant', 'riverton', true)")
        .execute(&mut poster)
        .await
        .unwrap();
    sqlx::query(
        "insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
         values ('018f0000-0000-7000-8000-00000000000e', 'riverton', 'adjustment', '018f0000-0000-7000-8000-00000000000f', $1)",
    )
    .bind(at)
    .execute(&mut poster)
    .await
    .unwrap();
    sqlx::raw_sql(
        "insert into ledger_postings (tenant, entry_id, number, account_id, currency, amount)
         select 'riverton', '018f0000-0000-7000-8000-00000000000e', row_number() over (order by kind), id, 'EUR',
             case kind when 'receivable' then 7 else -7 end
         from ledger_accounts where kind in ('receivable', 'revenue')",
    )
    .execute(&mut poster)
    .await
    .unwrap();
    let (fay, of) = (app.fay(), month.clone());
    let closing = tokio::spawn(async move { close(&fay, &of).await });
    let waits = eventually(SOON, || async {
        let waiting = app
            .count(
                "select count(*) from pg_locks l join pg_database d on d.oid = l.database
                 where d.datname = current_database() and l.locktype = 'advisory' and not l.granted",
            )
            .await;
        if waiting == 1 { Ok(()) } else { Err(waiting) }
    });
    waits.await.unwrap();
    sqlx::raw_sql("commit").execute(&mut poster).await.unwrap();
    let closed = closing.await.unwrap().unwrap();
    assert_eq!((closed.status(), closed.currencies[0].debits), (PeriodStatus::Closed, 10_007));
    let tenant = "riverton".parse().unwrap();
    let mut out = Vec::new();
    // The entry was made up; the period counts it all the same.
    books::verify(&app.state.db, &tenant, &mut out).await.unwrap();
    let told = String::from_utf8(out).unwrap();
    assert!(!told.contains("PERIOD_DIFFERS"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_close_at_once_one_does() {
    let app = TestApp::start().await;
    app.paid().await;
    let month = app.go_to_next_month().to_string();
    let closers: Vec<_> = (0..16).map(|n| app.person(&format!("fin-{n}"), "riverton", "finance")).collect();
    let closed = futures::future::join_all(closers.iter().map(|actor| close(actor, &month))).await;
    let mut statuses: Vec<_> = closed.iter().flatten().map(v1::Period::status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [PeriodStatus::Proposed, PeriodStatus::Closed]);
    for refused in closed.into_iter().filter(Result::is_err) {
        assert_refused(refused, Code::Conflict, reason::PERIOD_CLOSED);
    }
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_finds_what_was_changed_in_a_closed_month() {
    let app = TestApp::start().await;
    app.paid().await;
    let month = app.go_to_next_month().to_string();
    close(&app.fin(), &month).await.unwrap();
    let closed = close(&app.fay(), &month).await.unwrap();
    // A second month, on top of the first.
    app.paid().await;
    let next = app.go_to_next_month().to_string();
    close(&app.fin(), &next).await.unwrap();
    close(&app.fay(), &next).await.unwrap();
    app.assert_books().await;
    let (mut admin, tenant) = (app.db.admin().await, "riverton".parse().unwrap());
    let as_nobody_may = |sql: &str| {
        format!("set session_replication_role = replica; {sql}; set session_replication_role = default")
    };
    for (tamper, mend) in [
        (
            "update period_balances set debits = debits + 1, credits = credits + 1",
            "update period_balances set debits = debits - 1, credits = credits - 1",
        ),
        (
            // An entry of the second month slips into the first.
            "update ledger_entries set posted_at = posted_at - interval '40 days' where id = (select id from ledger_entries where kind = 'payment_captured' order by id desc limit 1)",
            "update ledger_entries set posted_at = posted_at + interval '40 days' where id = (select id from ledger_entries where kind = 'payment_captured' order by id desc limit 1)",
        ),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(as_nobody_may(tamper))).execute(&mut admin).await.unwrap();
        let mut out = Vec::new();
        books::verify(&app.state.db, &tenant, &mut out).await.unwrap_err();
        let told = String::from_utf8(out).unwrap();
        assert!(told.contains(&format!("PERIOD_DIFFERS {}", closed.period_id)), "{told}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(as_nobody_may(mend))).execute(&mut admin).await.unwrap();
        app.assert_books().await;
    }
}
