//! A person is erased: whatever is theirs goes at once, what has to be kept when that ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use blobs::Bucket;
use ids::{ErasureId, EventId};
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::{CloudEvent, Tracing};
use prost::Message as _;
use proto::document::v1::QuarantineOutcome::{Rejected, Released};
use proto::document::v1::{self, DocumentStatus, DocumentSubjectErased};
use proto::subject::v1::ErasureRequested;
use rpc_error::{Code, reason};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use testkit::canary::Canary;
use testkit::eventually;
use topology::topics;

use crate::harness::{File, SOON, TestApp, assert_refused, at, evidence_key, fetch};
use crate::policies;
use crate::sharing::stamp;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What notification asks for.
pub(crate) struct Request {
    pub(crate) id: ErasureId,
    pub(crate) event: CloudEvent,
}

impl File {
    /// A file of a class that the store keeps by compliance lock.
    fn statutory(text: &str) -> Self {
        Self { purpose: "register".to_owned(), ..Self::pdf(text) }
    }
}

impl TestApp {
    pub(crate) fn erasure_of(&self, subject: &str) -> Request {
        let id = ErasureId::mint(&self.clock);
        Request { id, event: self.asked(id, subject) }
    }

    fn asked(&self, id: ErasureId, subject: &str) -> CloudEvent {
        let message = ErasureRequested { erasure_id: id.to_string(), subject: subject.to_owned() };
        CloudEvent {
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
        }
    }

    pub(crate) async fn publish(&self, event: &CloudEvent) {
        let producer: FutureProducer = self.kafka.settings.producer().create().expect("a producer");
        let topic = self.kafka.topic(topics::SUBJECT);
        let record = FutureRecord::to(&topic)
            .key(&event.key)
            .payload(&event.payload)
            .headers(event.headers(Tracing::AsIs));
        producer.send(record, SOON).await.map_err(|(error, _)| error).expect("acknowledged");
    }

    /// Waits for the report of this number, from 1, and returns all there are.
    pub(crate) async fn reported(&self, erasure: ErasureId, number: usize) -> Vec<DocumentSubjectErased> {
        let looks = AtomicU32::new(0);
        let reported = eventually(SOON, || async {
            // What fails on a busy machine is tried again seconds later, and the clock stands still.
            if looks.fetch_add(1, Ordering::Relaxed) > 20 {
                self.clock.advance(Duration::from_secs(1));
            }
            let records = self.kafka.records(topics::DOCUMENT).await;
            let events = records.iter().map(|record| CloudEvent::parse(record).expect("an event"));
            let of_it = events.filter(|event| event.subject == erasure.to_string());
            let reports: Vec<DocumentSubjectErased> =
                of_it.map(|event| event.decode().expect("a report")).collect();
            if reports.len() >= number { Ok(reports) } else { Err(reports) }
        });
        reported.await.expect("reported")
    }

    async fn until_none(&self, sql: &'static str) {
        let none = eventually(SOON, || async {
            match self.count(sql).await {
                0 => Ok(()),
                rows => Err(format!("{rows}: {sql}")),
            }
        });
        none.await.expect("none is left");
    }

    /// Publishes a purpose whose class is the law's.
    async fn with_register(&self) {
        let max = self.admin("max", "riverton");
        let (_, mut retention) = policies::in_force(self, &max, "retention").await;
        // The store's lock is of real time: no longer than needed.
        retention["classes"]["register"] = json!({"keep_for": "P1D", "legal_basis": "Register Act",
            "lock_mode": "compliance", "second_person": false});
        policies::publish(self, &max, "retention", &retention, 0).await.expect("published");
        let (_, mut upload) = policies::in_force(self, &max, "upload").await;
        let mut register = upload["purposes"]["statement"].clone();
        register["retention_class"] = "register".into();
        upload["purposes"]["register"] = register;
        policies::publish(self, &max, "upload", &upload, 0).await.expect("published");
    }
}

const KEYS: &str = "select count(*) from subject_keys where subject = 'ada'";

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_kept_documents_names_reasons_objects_and_key_are_gone_when_it_is_reported() {
    let app = TestApp::start().await;
    let (ada, ben, sam) = (app.ada(), app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let canary = Canary::new();
    let file = |text: &str| File { name: canary.file_name(), ..File::pdf(text) };
    let (ready, _) = app.ready(&ada, &file("1")).await;
    app.ready_version(&ada, &ready, &file("2")).await;
    let (scanning, job) = app.scanning(&ada, &file("3")).await;
    let (rejected, _) = app.rejected(&ada, &file("4")).await;
    let sent = app.sent(&ada, &file("5")).await;
    let (gone, _) = app.rejected(&ada, &file("6")).await;
    let hold = sam.hold_because("2026-1", &gone, &canary.name()).await;
    sam.release(&hold).await.unwrap();
    app.staff("ann", "riverton").release(&hold).await.unwrap();
    ada.erase(&gone).await.unwrap();
    let (bens, _) = app.ready(&ben, &File::pdf("7")).await;
    let elsewhere = app.citizen("ada", "lakeside").initiate(&file("8")).await.unwrap().document.unwrap();
    let url = ada.download(&ready).await.unwrap().url;
    app.until_none("select count(*) from due where kind = 'object_locks'").await;

    let erasure = app.erasure_of("ada");
    app.publish(&erasure.event).await;
    let report = app.reported(erasure.id, 1).await.remove(0);
    assert_eq!((report.erased, report.kept, report.subject.as_str()), (5, 0, "ada"));
    assert!(report.kept_reasons.is_empty());
    for id in [&ready, &scanning, &rejected, &sent, &gone] {
        assert_eq!(app.status(&sam, id).await, DocumentStatus::Erased);
        for version in 1..=2 {
            assert_eq!(app.stored(id, version).await, 0, "the objects of {id} are gone when it is reported");
        }
    }
    assert_eq!(app.count(KEYS).await, 1, "another tenant's ada has hers");
    assert_ne!(fetch(&url).await.0, 200);
    assert_refused(app.worker().claim(&job).await, Code::Conflict, reason::JOB_FINISHED);
    for refused in [ada.initiate(&file("9")).await.map(drop), ada.correct(&ready, &file("9")).await.map(drop)]
    {
        assert_refused(refused, Code::Gone, reason::SUBJECT_ERASED);
    }
    let erased: v1::DocumentErased = app.events(&ready).await.last().unwrap().decode().unwrap();
    assert_eq!((erased.cause(), erased.versions.as_slice()), (v1::ErasureCause::SubjectErased, &[1, 2][..]));
    for (name, rows) in app.tables().await {
        assert!(!canary.leaks(&rows), "{name}");
    }
    let kept =
        sam.holds(v1::ListHoldsRequest { document_id: gone.clone(), ..Default::default() }).await.unwrap();
    let placed = kept.holds[0].placed.clone().unwrap();
    assert_eq!((placed.by.as_str(), placed.reason.as_str()), ("sam", ""), "who held it stays");

    assert_eq!(app.status(&ben, &bens).await, DocumentStatus::Ready);
    ben.download(&bens).await.expect("others are not concerned");
    let other = app.staff("lea", "lakeside").get(&elsewhere.document_id).await.unwrap();
    assert_eq!(other.file_name, canary.file_name());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_pages_nor_text_nor_a_second_copy_are_left_of_somebody_who_is_erased() {
    let app = TestApp::start().await;
    let (ada, ben) = (app.ada(), app.citizen("ben", "riverton"));
    let (adas, bens) = (app.shown(&ada).await, app.shown(&ben).await);
    let seen = ada.preview(&adas, 0).await.unwrap();
    // Two versions of it, as after a repair.
    for id in [&adas, &adas, &bens] {
        let (key, size) = (evidence_key(id), File::pdf("Ada").bytes.len() as u64);
        app.state.blobs.copy((Bucket::Evidence, &key), (Bucket::Replica, &key), size).await.unwrap();
    }
    app.until_none("select count(*) from due where kind = 'object_locks'").await;

    let erasure = app.erasure_of("ada");
    app.publish(&erasure.event).await;
    let report = app.reported(erasure.id, 1).await.remove(0);
    assert_eq!((report.erased, report.kept), (1, 0));
    let copies =
        async |id: &str| app.state.blobs.versions(Bucket::Replica, &evidence_key(id)).await.unwrap().len();
    assert_eq!(
        (app.stored(&adas, 1).await, app.previews_stored(&adas).await, copies(&adas).await),
        (0, 0, 0)
    );
    for url in [&seen.pages[0].url, &seen.text_url] {
        assert_ne!(fetch(url).await.0, 200, "what was signed before reads nothing");
    }
    assert_eq!(app.count("select count(*) from preview_objects where number = 0").await, 1, "ben's");
    assert_eq!((app.previews_stored(&bens).await, copies(&bens).await), (2, 1));

    // Who had begun before copies after it, and dies: it is looked for once more.
    let late = b"%PDF-1.7\nAda";
    let sha256 = Sha256::digest(late).into();
    let blobs = &app.state.blobs;
    blobs
        .put(Bucket::Replica, &evidence_key(&adas), late[..].into(), "application/pdf", sha256)
        .await
        .unwrap();
    app.clock.advance(Duration::from_secs(60 * 60));
    let gone = eventually(SOON, || async {
        match copies(&adas).await {
            0 => Ok(()),
            left => Err(left),
        }
    });
    gone.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hold_or_the_law_keeps_stays_readable_and_goes_with_the_key_when_that_ends() {
    let app = TestApp::start().await;
    app.with_register().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (held, _) = app.ready(&ada, &File::statement("1")).await;
    let (lawful, _) = app.ready(&ada, &File::statutory("2")).await;
    let (free, _) = app.ready(&ada, &File::statement("3")).await;
    let hold = sam.hold("2026-1", &held, 1).await.unwrap().hold_id;
    app.ready_version(&ada, &held, &File::statement("4")).await;
    app.until_none("select count(*) from due where kind = 'object_locks'").await;

    let erasure = app.erasure_of("ada");
    app.publish(&erasure.event).await;
    let report = app.reported(erasure.id, 1).await.remove(0);
    assert_eq!((report.erased, report.kept), (1, 2));
    assert_eq!(report.kept_reasons, ["LEGAL_HOLD", "RETAINED_BY_LAW"]);
    assert_eq!(app.status(&sam, &free).await, DocumentStatus::Erased);
    let versions: Vec<_> = sam.versions(&held).await.unwrap().iter().map(v1::Document::status).collect();
    assert_eq!(versions, [DocumentStatus::Erased, DocumentStatus::Ready], "only what is held is kept");
    for id in [&held, &lawful] {
        let kept = sam.versions(id).await.unwrap().pop().unwrap();
        assert_eq!(kept.file_name, "passport.pdf");
        assert_eq!(fetch(&sam.download_version(id, 1).await.unwrap().url).await.0, 200);
        assert_refused(ada.correct(id, &File::statement("5")).await, Code::Gone, reason::SUBJECT_ERASED);
    }
    assert_refused(ada.initiate(&File::statement("5")).await, Code::Gone, reason::SUBJECT_ERASED);
    assert_eq!(app.count(KEYS).await, 1);
    // Staff hold and release what is kept, in their own words.
    let other = sam.hold("2026-2", &held, 0).await.unwrap();
    sam.release(&hold).await.unwrap();
    assert_eq!(app.status(&sam, &lawful).await, DocumentStatus::Ready);

    sam.release(&other.hold_id).await.unwrap();
    let report = app.reported(erasure.id, 2).await.remove(1);
    assert_eq!((report.erased, report.kept), (2, 1));
    assert_eq!(report.kept_reasons, ["RETAINED_BY_LAW"]);
    assert_eq!(app.stored(&held, 1).await, 0);
    assert_eq!(app.count(KEYS).await, 1);

    app.clock.set(at(sam.get(&lawful).await.unwrap().retain_until));
    // The store's own clock has not moved: it keeps its lock, and the document is not reported before its object is gone.
    app.until_none(KEYS).await;
    assert_eq!(app.status(&sam, &lawful).await, DocumentStatus::Erased);
    assert_eq!(app.reported(erasure.id, 2).await.len(), 2);
    assert_eq!(app.count("select count(*) from legal_holds where reason is not null").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_wrote_about_grants_and_in_quarantine_goes_and_grants_to_the_person_end() {
    let app = TestApp::start().await;
    let (ada, ben, cyd) = (app.ada(), app.citizen("ben", "riverton"), app.citizen("cyd", "riverton"));
    let (sam, canary) = (app.staff("sam", "riverton"), Canary::new());
    let because = |grant: v1::CreateGrantRequest| v1::CreateGrantRequest { reason: canary.name(), ..grant };
    let revoke = async |grant: &v1::Grant| {
        let (grant_id, reason) = (grant.grant_id.clone(), canary.email());
        let request = sam.request(v1::RevokeGrantRequest { grant_id, reason });
        let revoked = sam.sharing().revoke_grant(request).await;
        revoked.unwrap().into_inner().grant.unwrap()
    };
    let (hers, _) = app.ready(&ada, &File::statement("hers")).await;
    let (his, _) = app.ready(&ben, &File::statement("his")).await;
    for (outcome, text) in [(Released, "released"), (Rejected, "rejected")] {
        let (document_id, _) = app.quarantined(&ada, &File::recording(text)).await;
        let (outcome, reason) = (outcome.into(), canary.name());
        let decide = v1::DecideQuarantinedRequest { document_id, version: 0, outcome, reason };
        sam.quarantine().decide_quarantined(sam.request(decide)).await.unwrap();
    }
    for id in [&hers, &his] {
        sam.attach("2026-7", id).await.unwrap();
    }
    app.clock.advance(Duration::from_secs(1));
    // About her document, to others; one is over.
    let standing = sam.give(because(app.share(&hers, "cyd"))).await.unwrap();
    revoke(&sam.give(because(app.share(&hers, "dan"))).await.unwrap()).await;
    let of_case = sam.give(because(app.share_case("2026-7", "cyd"))).await.unwrap();
    // To her, about his; one is over by itself, one was revoked.
    let soon = Some(stamp(app.clock.now() + Duration::from_secs(60)));
    sam.give(v1::CreateGrantRequest { until: soon, ..because(app.share(&his, "ada")) }).await.unwrap();
    app.clock.advance(Duration::from_secs(61));
    revoke(&sam.give(because(app.share(&his, "ada"))).await.unwrap()).await;
    let to_her = sam.give(because(app.share(&his, "ada"))).await.unwrap();
    sam.give(because(app.share_case("2026-7", "ada"))).await.unwrap();
    ada.download(&his).await.expect("it is shared with her");
    let leaking = app.tables().await.into_iter().filter(|(_, rows)| canary.leaks(rows)).map(|(name, _)| name);
    assert_eq!(
        leaking.collect::<BTreeSet<_>>(),
        ["access_grants".to_owned(), "quarantine_decisions".to_owned()].into(),
        "the search finds what is there to be found, and no stored answer has it"
    );

    let erasure = app.erasure_of("ada");
    app.publish(&erasure.event).await;
    let report = app.reported(erasure.id, 1).await.remove(0);
    assert_eq!((report.erased, report.kept), (3, 0));
    for (name, rows) in app.tables().await {
        assert!(!canary.leaks(&rows), "{name}");
    }
    assert_refused(ada.download(&his).await, Code::Gone, reason::GRANT_ENDED);
    assert!(ada.shared(0, "").await.unwrap().shared.is_empty());
    assert_refused(sam.give(app.share(&his, "ada")).await, Code::Gone, reason::SUBJECT_ERASED);
    let to = v1::ListGrantsRequest { grantee_subject: "ada".to_owned(), ..Default::default() };
    let to = sam.grants(to).await.unwrap().grants;
    let mut ended: Vec<_> = to.iter().map(|grant| grant.revoked.clone().expect("it ended").by).collect();
    ended.sort_unstable();
    assert_eq!(ended, ["ada", "ada", "ada", "sam"], "what was ended before stays as it was");
    assert!(
        to.iter().all(|grant| grant.given.as_ref().is_some_and(|act| act.by == "sam")),
        "who gave it stays"
    );
    let told: v1::DocumentRevoked = app.events(&his).await.last().unwrap().decode().unwrap();
    assert_eq!((told.grant_id.as_str(), told.owner.as_str()), (to_her.grant_id.as_str(), "ben"));

    // Hers is erased, with its own grants; the case's go on for what is left of the case.
    assert_eq!(app.event_names(&hers).await.last().unwrap(), "revoked");
    let again = revoke(&standing).await;
    assert_eq!(again.revoked.unwrap().by, "ada");
    assert_refused(cyd.download(&hers).await, Code::Gone, reason::DOCUMENT_ERASED);
    cyd.download(&his).await.expect("by the case's");
    let revoked = revoke(&of_case).await.revoked.unwrap();
    assert_eq!((revoked.by.as_str(), revoked.reason), ("sam", canary.email()));
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_that_race_with_the_erasure_end_with_it() {
    let app = TestApp::start().await;
    let (ben, sam) = (app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let (his, _) = app.ready(&ben, &File::statement("his")).await;
    sam.give(app.share(&his, "ada")).await.unwrap();
    let erasure = app.erasure_of("ada");
    let grants = async {
        loop {
            if let Err(error) = sam.give(app.share(&his, "ada")).await {
                assert_eq!((error.code(), error.reason()), (Code::Gone, reason::SUBJECT_ERASED), "{error}");
                return;
            }
        }
    };
    let (refused, ()) = tokio::join!(tokio::time::timeout(SOON, grants), app.publish(&erasure.event));
    refused.expect("somebody is refused in time");
    app.reported(erasure.id, 1).await;
    let left = "select count(*) from access_grants where revoked_at is null or reason is not null";
    assert_eq!(app.count(left).await, 0);
    assert_eq!(app.count("select count(*) from due where kind like 'subject_%'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_documents_go_in_batches() {
    let app = TestApp::start().await;
    let ada = app.ada();
    for number in 0..120 {
        ada.initiate(&File::pdf(&number.to_string())).await.unwrap();
    }
    let erasure = app.erasure_of("ada");
    app.publish(&erasure.event).await;
    let report = app.reported(erasure.id, 1).await.remove(0);
    assert_eq!((report.erased, report.kept), (120, 0));
    assert_eq!(app.count("select count(*) from due where kind like 'subject_%'").await, 0);
    assert_eq!(app.count("select count(*) from document_versions where file_name is not null").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_again_it_reports_again_and_the_same_event_twice_is_one() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let (held, _) = app.ready(&app.ada(), &File::statement("1")).await;
    sam.hold("2026-1", &held, 0).await.unwrap();
    let erasure = app.erasure_of("ada");
    for _ in 0..3 {
        app.publish(&erasure.event).await;
    }
    app.reported(erasure.id, 1).await;
    // Looked at again every day, and told again only when it is asked for.
    app.clock.advance(DAY);
    app.publish(&app.asked(erasure.id, "ada")).await;
    let reports = app.reported(erasure.id, 2).await;
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert_eq!(reports[0], reports[1]);

    // Whoever was restored to a time before it asked, asks under another id.
    let again = app.erasure_of("ada");
    app.publish(&again.event).await;
    assert_eq!(app.reported(again.id, 1).await[0].kept_reasons, ["LEGAL_HOLD"]);
    assert_eq!(app.count("select count(*) from subject_erasures").await, 1);
    assert_eq!(app.count("select count(*) from parked").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_documents_is_reported_and_gets_none() {
    let app = TestApp::start().await;
    let erasure = app.erasure_of("ada");
    app.publish(&erasure.event).await;
    let report = app.reported(erasure.id, 1).await.remove(0);
    assert_eq!((report.erased, report.kept), (0, 0));
    assert_refused(app.ada().initiate(&File::pdf("1")).await, Code::Gone, reason::SUBJECT_ERASED);
    assert_eq!(app.count(KEYS).await, 0);
    let mut nonsense = app.erasure_of("ben");
    nonsense.event.payload = b"\x0a\x01x".to_vec();
    app.publish(&nonsense.event).await;
    let parked = eventually(SOON, || async {
        let parked = app.count("select count(*) from parked where reason = 'ID_UNREADABLE'").await;
        if parked == 1 { Ok(()) } else { Err(parked) }
    });
    parked.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_race_with_the_erasure_leave_nothing_behind() {
    let app = TestApp::start().await;
    let ada = app.ada();
    ada.initiate(&File::pdf("0")).await.unwrap();
    let erasure = app.erasure_of("ada");
    let uploads = async {
        loop {
            if let Err(error) = ada.initiate(&File::pdf("1")).await {
                assert_eq!((error.code(), error.reason()), (Code::Gone, reason::SUBJECT_ERASED), "{error}");
                return;
            }
        }
    };
    let (refused, ()) = tokio::join!(tokio::time::timeout(SOON, uploads), app.publish(&erasure.event));
    refused.expect("somebody is refused in time");
    let report = app.reported(erasure.id, 1).await.remove(0);
    assert_eq!((report.erased, report.kept), (app.count("select count(*) from documents").await, 0));
    assert_eq!(app.count("select count(*) from document_versions where status <> 'erased'").await, 0);
    assert_eq!(app.count(KEYS).await, 0);
}
