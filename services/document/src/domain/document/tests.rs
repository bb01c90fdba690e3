use policy::Policy as _;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::domain::policy::HandedInBy;
use crate::domain::{FileSize, SealedName, UploadPolicy};

const NOON: OffsetDateTime = datetime!(2030-05-01 12:00 UTC);
const YEARS: Period = Period::years(2);

fn declaration() -> Declaration {
    let policy = UploadPolicy::builtin();
    let parsed = Declaration::parse(
        &policy,
        HandedInBy::Citizens,
        "identity",
        "id.pdf",
        "application/pdf",
        1_000,
        &[7; 32],
    );
    let (name, declaration) = parsed.expect("within the policy");
    Declaration { file_name: Some(SealedName::new(name.as_str().into())), ..declaration }
}

fn version_id() -> VersionId {
    "01890a5d-ac96-774b-bcce-b302099a8058".parse().expect("a UUIDv7")
}

fn initiated() -> Changed {
    Document::initiate(
        "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a UUIDv7"),
        version_id(),
        "riverton".parse().expect("a tenant"),
        "ada".parse().expect("a subject"),
        "evidence".parse().expect("a class"),
        declaration(),
        NOON,
    )
}

fn document() -> Document {
    initiated().document
}

fn declared() -> StoredObject {
    StoredObject { size: 1_000, sha256: Some(Sha256::from([7; 32])), parts: None }
}

fn clean(detected: &str) -> Verdict {
    Verdict::Clean { detected: detected.parse().ok() }
}

fn infected() -> Verdict {
    Verdict::Refused { reason: RejectionReason::Infected, detected: None }
}

fn scanning() -> Document {
    let uploaded = document().confirm(&declared(), NOON).expect("pending");
    uploaded.document.start_scan(NOON).expect("uploaded").document
}

#[test]
fn a_clean_document_goes_from_declared_to_ready() {
    let initiated = initiated();
    assert_eq!(initiated.event, Event::Initiated);
    assert_eq!(initiated.document.upload_window(NOON), Ok(NOON + UPLOAD_WINDOW));
    let uploaded = initiated.document.confirm(&declared(), NOON).expect("pending");
    assert_eq!(uploaded.event, Event::Uploaded);
    let scanning = uploaded.document.start_scan(NOON).expect("uploaded");
    assert_eq!(scanning.event, Event::Scanning);
    let later = NOON + Duration::seconds(9);
    let ready = scanning
        .document
        .decide(clean("application/pdf"), Unscannable::Refuse, YEARS, later)
        .expect("scanning");
    assert_eq!(ready.event, Event::Ready);
    assert_eq!(ready.document.updated_at, later);
    assert_eq!(ready.document.retain_until, Some(YEARS.after(later)));
    assert_eq!(ready.document.created_at, NOON);
}

#[test]
fn a_stored_object_that_differs_is_rejected_when_confirmed() {
    for (stored, reason) in [
        (StoredObject { size: 999, ..declared() }, RejectionReason::SizeMismatch),
        (
            StoredObject { sha256: Some(Sha256::from([8; 32])), ..declared() },
            RejectionReason::ChecksumMismatch,
        ),
        (StoredObject { sha256: None, ..declared() }, RejectionReason::ChecksumMismatch),
        // Made from parts, though it is small.
        (StoredObject { sha256: None, parts: Some(1), ..declared() }, RejectionReason::ChecksumMismatch),
        (StoredObject { size: 0, sha256: None, parts: None }, RejectionReason::SizeMismatch),
    ] {
        let rejected = document().confirm(&stored, NOON).expect("pending");
        assert_eq!(rejected.event, Event::Rejected(reason));
        assert_eq!(rejected.document.lifecycle, Lifecycle::Rejected { reason, detected: None });
    }
}

#[test]
fn of_a_file_in_parts_size_and_number_are_compared_and_the_digest_is_left_to_the_scan() {
    let size = crate::domain::parts::WHOLE_AT_MOST + 1;
    let pending = || {
        let mut document = document();
        document.declaration.size = FileSize::new(size).expect("a size");
        document
    };
    let made = StoredObject { size, sha256: None, parts: Some(5) };
    assert_eq!(pending().confirm(&made, NOON).expect("pending").event, Event::Uploaded);
    for (stored, reason) in [
        (StoredObject { size: size - 1, ..made }, RejectionReason::SizeMismatch),
        (StoredObject { parts: Some(4), ..made }, RejectionReason::ChecksumMismatch),
        (StoredObject { parts: None, ..made }, RejectionReason::ChecksumMismatch),
    ] {
        assert_eq!(pending().confirm(&stored, NOON).expect("pending").event, Event::Rejected(reason));
    }
}

#[test]
fn clean_bytes_of_another_type_are_rejected() {
    for detected in ["text/plain", "application/x-dosexec", ""] {
        let rejected =
            scanning().decide(clean(detected), Unscannable::Refuse, YEARS, NOON).expect("scanning");
        assert_eq!(rejected.event, Event::Rejected(RejectionReason::TypeMismatch), "{detected}");
    }
}

#[test]
fn a_refused_scan_rejects_with_its_reason() {
    for reason in RejectionReason::ALL {
        let rejected = scanning()
            .decide(Verdict::Refused { reason, detected: None }, Unscannable::Refuse, YEARS, NOON)
            .expect("scanning");
        assert_eq!(rejected.event, Event::Rejected(reason));
        assert_eq!(RejectionReason::from_name(reason.as_str()), Some(reason));
    }
}

#[test]
fn what_no_scanner_can_look_into_is_reviewed_where_the_policy_says_so_and_the_type_is_right() {
    let unscannable = |detected: &str| Verdict::Refused {
        reason: RejectionReason::Unscannable,
        detected: detected.parse().ok(),
    };
    let decide = |detected, policy| scanning().decide(unscannable(detected), policy, YEARS, NOON);
    for (detected, policy) in [
        ("application/pdf", Unscannable::Refuse),
        ("text/plain", Unscannable::Review),
        ("", Unscannable::Review),
    ] {
        let rejected = decide(detected, policy).expect("scanning");
        assert_eq!(rejected.event, Event::Rejected(RejectionReason::Unscannable), "{detected}");
    }
    let waits = decide("application/pdf", Unscannable::Review).expect("scanning");
    assert_eq!((waits.event, waits.document.retain_until), (Event::Quarantined, None));
    assert_eq!((waits.document.is_ready(), waits.document.latest_ready), (false, None));
    let next = waits.document.correct(version_id(), declaration(), NOON);
    assert_eq!(next, Err(NoNextVersion::InProgress));

    let later = NOON + Duration::days(3);
    let released = waits.document.clone().review(Outcome::Released, YEARS, later).expect("it waits");
    assert_eq!((released.event, released.document.is_ready()), (Event::Ready, true));
    assert_eq!(released.document.retain_until, Some(YEARS.after(later)), "kept from when it could be read");
    let refused = waits.document.review(Outcome::Rejected, YEARS, later).expect("it waits");
    assert_eq!(refused.event, Event::Rejected(RejectionReason::Unscannable));
    assert!(refused.document.review(Outcome::Released, YEARS, later).is_err());
}

#[test]
fn nothing_is_ready_that_no_scanner_has_taken() {
    let uploaded = document().confirm(&declared(), NOON).expect("pending").document;
    let error = uploaded
        .clone()
        .decide(clean("application/pdf"), Unscannable::Refuse, YEARS, NOON)
        .expect_err("not scanning");
    assert_eq!(error.to_string(), "a document that is Uploaded cannot be decided");
    assert!(
        uploaded.decide(infected(), Unscannable::Refuse, YEARS, NOON).is_ok(),
        "it may be refused, though"
    );
    assert!(document().decide(infected(), Unscannable::Refuse, YEARS, NOON).is_err());
}

#[test]
fn an_upload_expires_at_the_end_of_its_window_and_not_before() {
    let end = NOON + UPLOAD_WINDOW;
    let before = end - Duration::microseconds(1);
    assert!(document().expire(before).is_err());
    assert_eq!(document().upload_window(before), Ok(end));
    assert_eq!(document().upload_window(end), Err(UploadClosed::Expired));
    let expired = document().expire(end).expect("the window is over");
    assert_eq!(expired.event, Event::Expired);
    assert_eq!(expired.document.upload_window(NOON), Err(UploadClosed::Expired));
    assert_eq!(scanning().upload_window(end), Err(UploadClosed::AlreadyConfirmed));
}

#[test]
fn a_settled_document_is_corrected_and_keeps_what_could_be_read() {
    let ready = scanning()
        .decide(clean("application/pdf"), Unscannable::Refuse, YEARS, NOON)
        .expect("scanning")
        .document;
    assert_eq!((ready.version, ready.latest_ready), (Version::FIRST, Some(Version::FIRST)));
    let second = ready.correct(version_id(), declaration(), NOON).expect("settled");
    assert_eq!(second.event, Event::Initiated);
    let second = second.document;
    assert_eq!((second.version.number(), second.latest.number()), (2, 2));
    assert_eq!(second.latest_ready, Some(Version::FIRST));
    assert!(second.intake_key().ends_with("/2") && second.evidence_key().ends_with("/2"));
    let again = second.correct(version_id(), declaration(), NOON).expect_err("on its way");
    assert_eq!(again, NoNextVersion::InProgress);

    let expired = second.expire(NOON + UPLOAD_WINDOW).expect("the window is over").document;
    assert_eq!(expired.latest_ready, Some(Version::FIRST));
    let third = expired.correct(version_id(), declaration(), NOON).expect("settled").document;
    let uploaded = third.confirm(&declared(), NOON).expect("pending").document;
    let scanning = uploaded.start_scan(NOON).expect("uploaded").document;
    let ready = scanning
        .decide(clean("application/pdf"), Unscannable::Refuse, YEARS, NOON)
        .expect("scanning")
        .document;
    assert_eq!(ready.latest_ready.map(Version::number), Some(3));
}

#[test]
fn what_is_erased_has_no_name_and_comes_to_nothing_more() {
    let ready = scanning()
        .decide(clean("application/pdf"), Unscannable::Refuse, YEARS, NOON)
        .expect("scanning")
        .document;
    for document in [document(), scanning(), ready] {
        let digest = document.declaration.sha256;
        let erased = document.erase(NOON).expect("not erased");
        assert_eq!((&erased.declaration.file_name, erased.declaration.sha256), (&None, digest));
        assert_eq!(erased.upload_window(NOON), Err(UploadClosed::Erased));
        assert_eq!(erased.correct(version_id(), declaration(), NOON), Err(NoNextVersion::Erased));
        assert!(erased.clone().decide(infected(), Unscannable::Refuse, YEARS, NOON).is_err());
        assert!(erased.erase(NOON).is_err());
    }
}

#[test]
fn only_the_newest_version_is_corrected_and_not_for_ever() {
    let ready = scanning()
        .decide(clean("application/pdf"), Unscannable::Refuse, YEARS, NOON)
        .expect("scanning")
        .document;
    let older = Document { latest: Version::LAST, ..ready.clone() };
    assert_eq!(older.correct(version_id(), declaration(), NOON), Err(NoNextVersion::InProgress));
    let last = Document { version: Version::LAST, latest: Version::LAST, ..ready };
    assert_eq!(last.correct(version_id(), declaration(), NOON), Err(NoNextVersion::Limit));
}

#[test]
fn what_a_service_has_made_begins_as_ready_and_no_upload_becomes_that_unseen() {
    let Document { id, tenant, owner, class, .. } = document();
    let stored = Document::store(id, version_id(), (tenant, owner), class, declaration(), YEARS, NOON);
    assert_eq!((stored.event, stored.document.lifecycle.status()), (Event::Stored, Status::Ready));
    assert_eq!(stored.document.latest_ready, Some(Version::FIRST));
    assert_eq!(stored.document.retain_until, Some(YEARS.after(NOON)));
}

#[derive(Debug, Clone)]
enum Step {
    Confirm(StoredObject),
    StartScan,
    Decide(Verdict, Unscannable),
    Review(Outcome),
    Expire(Duration),
    GiveUp,
    Erase,
}

fn step() -> impl Strategy<Value = Step> {
    let stored = (999_i64..=1_000, prop::option::of(7_u8..=8)).prop_map(|(size, byte)| StoredObject {
        size,
        sha256: byte.map(|byte| Sha256::from([byte; 32])),
        parts: None,
    });
    let detected = prop::option::of(prop_oneof![Just("application/pdf"), Just("text/plain")])
        .prop_map(|text| text.and_then(|text| text.parse::<MediaType>().ok()));
    let verdict = (prop::option::of(prop::sample::select(&RejectionReason::ALL[..])), detected).prop_map(
        |(reason, detected)| match reason {
            Some(reason) => Verdict::Refused { reason, detected },
            None => Verdict::Clean { detected },
        },
    );
    prop_oneof![
        stored.prop_map(Step::Confirm),
        Just(Step::StartScan),
        (verdict, prop::sample::select(&[Unscannable::Refuse, Unscannable::Review][..]))
            .prop_map(|(verdict, unscannable)| Step::Decide(verdict, unscannable)),
        prop::sample::select(&[Outcome::Released, Outcome::Rejected][..]).prop_map(Step::Review),
        (0_i64..48).prop_map(|hours| Step::Expire(Duration::hours(hours))),
        Just(Step::GiveUp),
        Just(Step::Erase),
    ]
}

fn apply(document: Document, step: &Step) -> Result<(Document, Status), InvalidTransition> {
    let Changed { document, event } = match step {
        Step::Erase => return Ok((document.erase(NOON)?, Status::Erased)),
        Step::Confirm(stored) => document.confirm(stored, NOON),
        Step::StartScan => document.start_scan(NOON),
        Step::Decide(verdict, unscannable) => document.decide(verdict.clone(), *unscannable, YEARS, NOON),
        Step::Review(outcome) => document.review(*outcome, YEARS, NOON),
        Step::GiveUp => document.give_up(NOON),
        Step::Expire(after) => document.expire(NOON + *after),
    }?;
    let named = match event {
        Event::Initiated => Status::PendingUpload,
        Event::Uploaded => Status::Uploaded,
        Event::Scanning => Status::Scanning,
        Event::Quarantined => Status::Quarantined,
        Event::Ready | Event::Stored => Status::Ready,
        Event::Rejected(_) => Status::Rejected,
        Event::Expired | Event::GivenUp => Status::Expired,
    };
    Ok((document, named))
}

proptest! {
    /// Whatever is asked of a document, in whatever order: it walks along the contract's edges only.
    #[test]
    fn a_life_follows_the_edges(steps in prop::collection::vec(step(), 0..12)) {
        let mut document = document();
        for step in steps {
            let from = document.lifecycle.status();
            match apply(document.clone(), &step) {
                Err(refused) => prop_assert_eq!(refused.from, from),
                Ok((next, named)) => {
                    let to = next.lifecycle.status();
                    let legal = matches!(
                        (from, to),
                        (Status::PendingUpload, Status::Uploaded | Status::Rejected | Status::Expired)
                            | (Status::Uploaded, Status::Scanning | Status::Rejected)
                            | (Status::Scanning, Status::Quarantined | Status::Ready | Status::Rejected)
                            | (Status::Quarantined, Status::Ready | Status::Rejected)
                    );
                    prop_assert!(legal || (from != Status::Erased && to == Status::Erased), "{:?} to {:?}", from, to);
                    prop_assert!(to == Status::Erased || !from.is_settled());
                    prop_assert_eq!(named, to);
                    prop_assert_eq!(next.declaration.sha256, document.declaration.sha256);
                    prop_assert_eq!(next.declaration.file_name.is_none(), to == Status::Erased);
                    document = next;
                }
            }
        }
    }
}
