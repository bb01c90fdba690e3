//! The chain of what happens to documents, and the command that proves it.

use std::process::Output;

use audit::{Books, Trail};
use settings::ExposeSecret as _;
use sqlx::AssertSqlSafe;
use testkit::eventually;

use crate::harness::{File, SOON, TestApp};
use crate::process::document;

/// Runs `document audit verify` as somebody who has the public keys only.
async fn verify(app: &TestApp, arguments: &[&str]) -> (Output, String) {
    use base64::Engine as _;
    let public = base64::engine::general_purpose::STANDARD.encode(testkit::audit().signer.public_key());
    let (id, secret) = app.s3.settings.credentials.as_ref().unwrap();
    let mut command = document(&[&["audit", "verify"], arguments].concat());
    let variables = [
        ("DB__URL", app.db.urls.app.expose_secret()),
        ("DB__SYSTEM_URL", app.db.urls.system.expose_secret()),
        ("S3__ENDPOINT", app.s3.settings.endpoint.as_str()),
        ("S3__REGION", &app.s3.settings.region),
        ("S3__AUDIT_BUCKET", &app.s3.settings.audit_bucket),
        ("S3__ACCESS_KEY_ID", id),
        ("S3__SECRET_ACCESS_KEY", secret.expose_secret()),
        ("AUDIT__PUBLIC_KEYS", &public),
    ];
    command.envs(variables.iter().map(|(name, value)| (format!("DOCUMENT__{name}"), *value)));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

/// Waits until a tenant's chain has so many entries.
pub(crate) async fn entries(books: &Books, tenant: &str, wanted: usize) -> Vec<audit::Row> {
    let of = tenant.parse().unwrap();
    let there = eventually(SOON, || async {
        let (_, rows) = books.entries(&of, 0, 1_000).await.unwrap();
        if rows.len() == wanted { Ok(rows) } else { Err(format!("{} of {wanted} entries", rows.len())) }
    });
    there.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_documents_is_chained_as_it_was_published() {
    let app = TestApp::start().await;
    let (id, _) = app.ready(&app.ada(), &File::pdf("Ada")).await;
    app.ada().download(&id).await.unwrap();
    app.sent(&app.citizen("cleo", "lakeside"), &File::pdf("Cleo")).await;

    let published = app.events(&id).await;
    let chained = entries(&app.trail.books, "riverton", published.len()).await;
    for (event, row) in published.iter().zip(&chained) {
        assert_eq!(
            (event.id.as_uuid(), &event.type_, &event.subject),
            (row.event_id, &row.type_, &row.subject)
        );
        assert_eq!((&event.dataschema, &event.payload), (&row.schema, &row.body));
    }
    let names: Vec<_> = chained.iter().map(|row| row.type_.as_str()).collect();
    assert_eq!(names.last().unwrap(), &"guildhall.document.accessed.v1");
    entries(&app.trail.books, "lakeside", 1).await;

    seal(&app.trail).await;
    let (output, text) = verify(&app, &[]).await;
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("lakeside: as signed; 1 entries, 1 of them sealed by 1 checkpoints"),
        "{text}"
    );
    assert!(lines[1].starts_with("riverton: as signed; 5 entries, 5 of them sealed"), "{text}");
    let (_, text) = verify(&app, &["--tenant", "lakeside"]).await;
    assert_eq!(text.lines().count(), 1);
}

/// Waits until everything that is chained is sealed, by this call or by the service's own.
pub(crate) async fn seal(trail: &Trail) {
    for tenant in trail.books.tenants().await.unwrap() {
        let sealed = eventually(SOON, || async {
            trail.seal().await.unwrap();
            let report = trail.books.verify(&tenant, |_| {}).await.unwrap();
            if report.sealed == report.entries { Ok(()) } else { Err(format!("{report:?}")) }
        });
        sealed.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_finds_what_was_altered_in_the_database() {
    let app = TestApp::start().await;
    app.ready(&app.ada(), &File::pdf("Ada")).await;
    for text in ["1", "2", "3", "4"] {
        app.sent(&app.citizen("cleo", "lakeside"), &File::pdf(text)).await;
    }
    let trail = &app.trail;
    for (tenant, wanted) in [("riverton", 4), ("lakeside", 4)] {
        entries(&trail.books, tenant, wanted).await;
    }
    seal(trail).await;
    app.ready(&app.ada(), &File::pdf("again")).await;
    entries(&trail.books, "riverton", 8).await;
    seal(trail).await;

    let mut admin = app.db.admin().await;
    let mut run = async |sql: &str| {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.expect(sql);
    };
    const TABLES: [&str; 3] = ["audit_entries", "audit_heads", "audit_checkpoints"];
    for table in TABLES {
        run(&format!("create table kept_{table} as table {table}")).await;
    }
    let alterations = [
        "update audit_entries set event_id = gen_random_uuid() where seq = 2",
        "update audit_entries set type = type || '1' where seq = 2",
        "update audit_entries set subject = 'd' where seq = 1",
        "update audit_entries set time = time + interval '1 microsecond' where seq = 4",
        "update audit_entries set schema = '' where seq = 3",
        "update audit_entries set body = '' where seq = 1",
        "update audit_entries set body = body || '\\x00' where seq = 1",
        "update audit_entries set digest = hash where seq = 1",
        "update audit_entries set prev = hash where seq = 1",
        "update audit_entries set hash = digest where seq = 4",
        "update audit_entries set hash = sha256('') where seq = 8",
        "update audit_entries set seq = 99 where seq = 3 and tenant = 'riverton'",
        "update audit_entries set seq = seq + 1000 where tenant = 'riverton'",
        "delete from audit_entries where tenant = 'lakeside' and seq = 1",
        "delete from audit_entries where tenant = 'riverton' and seq = 8",
        "delete from audit_entries where tenant = 'lakeside'",
        "delete from audit_entries; delete from audit_heads; delete from audit_checkpoints",
        "delete from audit_entries where tenant = 'riverton' and seq > 5",
        "update audit_entries set tenant = 'harbour' where tenant = 'lakeside'",
        "update audit_entries set tenant = 'harbour' where tenant = 'lakeside'; \
         update audit_entries set tenant = 'lakeside' where tenant = 'riverton' and seq <= 4",
        "insert into audit_entries select 'riverton', 9, gen_random_uuid(), type, subject, time, schema, body, \
         digest, prev, hash from audit_entries where seq = 8",
        "update audit_heads set seq = 3 where tenant = 'lakeside'",
        "update audit_heads set hash = sha256('') where tenant = 'riverton'",
        "delete from audit_heads where tenant = 'riverton'",
        "update audit_checkpoints set hash = sha256('') where tenant = 'lakeside'",
        "update audit_checkpoints set signed_at = signed_at + interval '1 second' where tenant = 'lakeside'",
        "update audit_checkpoints set signature = key where tenant = 'riverton'",
        "update audit_checkpoints set key = 'x' where tenant = 'riverton'",
        "update audit_checkpoints set seq = seq + 1 where tenant = 'lakeside'",
        "delete from audit_checkpoints c where tenant = 'riverton' \
         and seq < (select max(seq) from audit_checkpoints where tenant = c.tenant)",
        "insert into audit_checkpoints select tenant, 7, hash, signed_at, key, signature from audit_checkpoints \
         where tenant = 'lakeside'",
    ];
    for alteration in alterations {
        run(alteration).await;
        let (output, text) = verify(&app, &[]).await;
        assert_eq!(output.status.code(), Some(1), "{alteration}: {text}");
        assert!(text.contains("NOT AS SIGNED"), "{alteration}: {text}");
        for table in TABLES {
            run(&format!("delete from {table}; insert into {table} table kept_{table}")).await;
        }
    }
    let (output, text) = verify(&app, &[]).await;
    assert!(output.status.success(), "everything is put back: {text}");
}
