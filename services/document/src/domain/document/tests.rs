use policy::Policy as _;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::domain::UploadPolicy;

const NOON: OffsetDateTime = datetime!(2030-05-01 12:00 UTC);
const YEARS: Period = Period::years(2);

fn declaration() -> Declaration {
    let policy = UploadPolicy::builtin();
    let declaration = Declaration::parse(&policy, "identity", "id.pdf", "application/pdf", 1_000, &[7; 32]);
    declaration.expect("within the policy")
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
    StoredObject { size: 1_000, sha256: Some(Sha256::from([7; 32])) }
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
    let ready = scanning.document.decide(clean("application/pdf"), YEARS, later).expect("scanning");
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
        (StoredObject { size: 0, sha256: None }, RejectionReason::SizeMismatch),
    ] {
        let rejected = document().confirm(&stored, NOON).expect("pending");
        assert_eq!(rejected.event, Event::Rejected(reason));
        assert_eq!(rejected.document.lifecycle, Lifecycle::Rejected { reason, detected: None });
    }
}

#[test]
fn clean_bytes_of_another_type_are_rejected() {
    for detected in ["text/plain", "application/x-dosexec", ""] {
        let rejected = scanning().decide(clean(detected), YEARS, NOON).expect("scanning");
        assert_eq!(rejected.event, Event::Rejected(RejectionReason::TypeMismatch), "{detected}");
    }
}

#[test]
fn a_refused_scan_rejects_with_its_reason() {
    for reason in RejectionReason::ALL {
        let rejected =
            scanning().decide(Verdict::Refused { reason, detected: None }, YEARS, NOON).expect("scanning");
        assert_eq!(rejected.event, Event::Rejected(reason));
        assert_eq!(RejectionReason::from_name(reason.as_str()), Some(reason));
    }
}

#[test]
fn nothing_is_ready_that_no_scanner_has_taken() {
    let uploaded = document().confirm(&declared(), NOON).expect("pending").document;
    let error = uploaded.clone().decide(clean("application/pdf"), YEARS, NOON).expect_err("not scanning");
    assert_eq!(error.to_string(), "a document that is Uploaded cannot be decided");
    assert!(uploaded.decide(infected(), YEARS, NOON).is_ok(), "it may be refused, though");
    assert!(document().decide(infected(), YEARS, NOON).is_err());
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
    let ready = scanning().decide(clean("application/pdf"), YEARS, NOON).expect("scanning").document;
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
    let ready = scanning.decide(clean("application/pdf"), YEARS, NOON).expect("scanning").document;
    assert_eq!(ready.latest_ready.map(Version::number), Some(3));
}

#[test]
fn what_is_erased_has_no_name_and_comes_to_nothing_more() {
    let ready = scanning().decide(clean("application/pdf"), YEARS, NOON).expect("scanning").document;
    for document in [document(), scanning(), ready] {
        let digest = document.declaration.sha256;
        let erased = document.erase(NOON).expect("not erased");
        assert_eq!((&erased.declaration.file_name, erased.declaration.sha256), (&None, digest));
        assert_eq!(erased.upload_window(NOON), Err(UploadClosed::Erased));
        assert_eq!(erased.correct(version_id(), declaration(), NOON), Err(NoNextVersion::Erased));
        assert!(erased.clone().decide(infected(), YEARS, NOON).is_err());
        assert!(erased.erase(NOON).is_err());
    }
}

#[test]
fn only_the_newest_version_is_corrected_and_not_for_ever() {
    let ready = scanning().decide(clean("application/pdf"), YEARS, NOON).expect("scanning").document;
    let older = Document { latest: Version::LAST, ..ready.clone() };
    assert_eq!(older.correct(version_id(), declaration(), NOON), Err(NoNextVersion::InProgress));
    let last = Document { version: Version::LAST, latest: Version::LAST, ..ready };
    assert_eq!(last.correct(version_id(), declaration(), NOON), Err(NoNextVersion::Limit));
}

#[derive(Debug, Clone)]
enum Step {
    Confirm(StoredObject),
    StartScan,
    Decide(Verdict),
    Expire(Duration),
    Erase,
}

fn step() -> impl Strategy<Value = Step> {
    let stored = (999_i64..=1_000, prop::option::of(7_u8..=8))
        .prop_map(|(size, byte)| StoredObject { size, sha256: byte.map(|byte| Sha256::from([byte; 32])) });
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
        verdict.prop_map(Step::Decide),
        (0_i64..48).prop_map(|hours| Step::Expire(Duration::hours(hours))),
        Just(Step::Erase),
    ]
}

fn apply(document: Document, step: &Step) -> Result<(Document, Status), InvalidTransition> {
    let Changed { document, event } = match step {
        Step::Erase => return Ok((document.erase(NOON)?, Status::Erased)),
        Step::Confirm(stored) => document.confirm(stored, NOON),
        Step::StartScan => document.start_scan(NOON),
        Step::Decide(verdict) => document.decide(verdict.clone(), YEARS, NOON),
        Step::Expire(after) => document.expire(NOON + *after),
    }?;
    let named = match event {
        Event::Initiated => Status::PendingUpload,
        Event::Uploaded => Status::Uploaded,
        Event::Scanning => Status::Scanning,
        Event::Ready => Status::Ready,
        Event::Rejected(_) => Status::Rejected,
        Event::Expired => Status::Expired,
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
                            | (Status::Scanning, Status::Ready | Status::Rejected)
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
