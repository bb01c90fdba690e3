//! Nothing readable is left of a person who was erased.

use anyhow::ensure;
use clock::Clock;
use e2e::citizen::key;
use e2e::person::Person;
use e2e::remains::Remains;
use e2e::{Citizen, Service, World, files};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::canary::Canary;
use testkit::eventually;
use time::Duration;
use time::format_description::well_known::Rfc3339;

use crate::harness::{WITHIN, problem};

/// Documents of a person in every status, with their canary in each name and in the bytes.
struct Evidence {
    ready: String,
    all: Vec<String>,
}

fn named(canary: &Canary, mut file: files::File) -> files::File {
    file.name = format!("{} {}", canary.name(), file.name);
    file
}

/// A PDF with the canary's name behind its end, where readers do not look.
fn pdf(canary: &Canary) -> files::File {
    let mut file = named(canary, files::pdf());
    file.bytes.extend(canary.name().into_bytes());
    file
}

async fn hand_in(person: &mut Citizen, canary: &Canary) -> Evidence {
    let head = person.head().await.expect("a feed");
    let mut live = person.live(head).await.expect("live");
    let document = person.hand_in(&pdf(canary)).await.expect("handed in");
    let ready = document.id().to_owned();
    live.wait_for(&ready, &["document.ready"], WITHIN).await.expect("a verdict");
    let correction = pdf(canary);
    let corrected = person.correct(&ready, &correction, &key()).await.expect("corrected");
    assert!(person.put(&corrected, correction.bytes).await.expect("sent").status().is_success());
    person.confirm(&ready, &key()).await.expect("confirmed");
    live.wait_for(&ready, &["document.ready"], WITHIN).await.expect("a verdict");
    person.download(&ready).await.expect("it is readable");

    let refused = person.hand_in(&named(canary, files::eicar())).await.expect("handed in").id().to_owned();
    live.wait_for(&refused, &["document.rejected"], WITHIN).await.expect("a verdict");
    let pending = person.initiate(&pdf(canary), &key()).await.expect("declared").id().to_owned();
    // A name that breaks a rule is in no error either.
    let bad = json!({"purpose": canary.name(), "file_name": format!("/{}", canary.name()), "content_type": "x",
        "size_bytes": 0, "sha256": "00"});
    let answer =
        person.call(Method::POST, "/v1/documents", Some(&key()), Some(bad)).await.expect("an answer");
    assert!(answer.status().is_client_error());
    Evidence { all: vec![ready.clone(), refused, pending], ready }
}

/// A hold whose reason names the canary, and its release: what is left of it is what was written.
async fn hold_and_release(sam: &mut Citizen, ann: &mut Citizen, document: &str, canary: &Canary) {
    let hold = place(sam, document, canary).await;
    release(sam, &hold, canary).await;
    release(ann, &hold, canary).await;
}

/// A grant whose reasons name the canary, to somebody who does not exist and may as well.
async fn share_and_revoke(sam: &mut Citizen, document: &str, canary: &Canary) {
    let until = Clock::system().now() + Duration::days(1);
    let body = json!({"document_id": document, "grantee_subject": key(), "purpose": "casework",
        "until": until.format(&Rfc3339).expect("a time"), "reason": canary.name()});
    let answer =
        sam.call(Method::POST, "/v1/staff/grants", Some(&key()), Some(body)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
    let grant: Value = answer.json().await.expect("a grant");
    let path = format!("/v1/staff/grants/{}/revoke", grant["id"].as_str().expect("an id"));
    let body = json!({"reason": canary.email()});
    let answer = sam.call(Method::POST, &path, Some(&key()), Some(body)).await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
}

/// Says on a bill who owes it, and, once its PDF says so too, why it is taken back.
async fn bill_and_cancel(sam: &mut Citizen, payer: &str, canary: &Canary) {
    let price = json!({"minor_units": 100, "currency": "EUR"});
    let line = json!({"description": canary.file_name(), "fund": "dogs", "unit_price": price});
    let body = json!({"reference": key(), "payer": payer, "payer_name": canary.name(), "due_on": "2035-01-31",
        "issue": true, "lines": [line]});
    let bill = sam.expect(Method::POST, "/v1/staff/bills", Some(&key()), Some(body)).await.expect("issued");
    let path = bill["_links"]["self"].as_str().expect("a link");
    let printed = eventually(WITHIN, || async {
        let bill = sam.clone().get(path).await?;
        ensure!(bill["_links"]["pdf"].is_string(), "{bill}");
        Ok(())
    });
    printed.await.expect("its PDF");
    let cancel = bill["_links"]["cancel"].as_str().expect("a link");
    let why = json!({"reason": canary.email()});
    sam.expect(Method::POST, cancel, Some(&key()), Some(why)).await.expect("cancelled");
}

async fn place(sam: &mut Citizen, document: &str, canary: &Canary) -> String {
    let body = json!({"case": "2026-1", "document_id": document, "reason": canary.name()});
    let answer =
        sam.call(Method::POST, "/v1/staff/holds", Some(&key()), Some(body)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
    answer.json::<Value>().await.expect("a hold")["id"].as_str().expect("an id").to_owned()
}

async fn release(staff: &mut Citizen, hold: &str, canary: &Canary) {
    let path = format!("/v1/staff/holds/{hold}/release");
    let body = json!({"reason": canary.email()});
    let answer = staff.call(Method::POST, &path, Some(&key()), Some(body)).await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
}

async fn erase(sam: &mut Citizen, subject: &str) -> Value {
    let body = json!({"subject": subject});
    let answer = sam.call(Method::POST, "/v1/staff/erasures", Some(&key()), Some(body)).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json().await.expect("an erasure")
}

/// Waits until a checkpoint is signed over what happened, and asks whether all of it is still what was signed.
async fn audited(world: &World) {
    let proven = eventually(2 * WITHIN, || async {
        let said = world.operate(Service::Document, "audit", &["verify"]).await?;
        ensure!(said.contains("as signed; ") && !said.contains(" 0 of them sealed"), "{said}");
        Ok(())
    });
    proven.await.expect("the chain is what was signed");
}

/// Waits until an erasure is finished and as many documents are kept.
async fn finished(sam: &Citizen, erasure: &Value, kept: i64) -> Value {
    let path = erasure["_links"]["self"].as_str().expect("a link").to_owned();
    let finished = eventually(WITHIN, || async {
        let shown = sam.clone().get(&path).await?;
        if shown["status"] == "finished" && shown["kept"] == kept {
            Ok(shown)
        } else {
            anyhow::bail!("{shown}")
        }
    });
    finished.await.expect("finished")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_of_an_erased_person_is_found_anywhere() {
    let world = World::start().await.expect("world");
    let (gone, stays) = (Canary::new(), Canary::new());
    // What they sign in as is the provider's alone.
    let accounts = [format!("gone-{}", &key()[..12]), format!("stays-{}", &key()[..12])];
    let person = Person::register(&accounts[0], &gone).await.expect("an account");
    let other = Person::register(&accounts[1], &stays).await.expect("an account");
    let mut ada = sign_in(&world, &person.user).await;
    let mut ben = sign_in(&world, &other.user).await;
    let (mut sam, mut max) = (sign_in(&world, "sam").await, sign_in(&world, "max").await);
    let (of_ada, of_ben) = (hand_in(&mut ada, &gone).await, hand_in(&mut ben, &stays).await);
    for (subject, canary) in [(&person.subject, &gone), (&other.subject, &stays)] {
        bill_and_cancel(&mut sam, subject, canary).await;
    }
    for (evidence, canary) in [(&of_ada, &gone), (&of_ben, &stays)] {
        hold_and_release(&mut sam, &mut max, &evidence.ready, canary).await;
        share_and_revoke(&mut sam, &evidence.ready, canary).await;
    }
    e2e::mail_about(&gone.name(), WITHIN).await.expect("the mail of the verdict names the file");

    // The search finds what is there to be found.
    let before = Remains::of(&world).await.expect("read");
    for canary in [&gone, &stays] {
        let places = before.of_canary(canary);
        let bucket = |place: &&&str| place.starts_with("bucket");
        assert_eq!(
            places.iter().filter(|place| !bucket(place)).copied().collect::<Vec<_>>(),
            ["database document", "database payment"],
            "reasons of holds and grants, and of what was done about bills, alone are readable"
        );
        assert!(places.iter().any(|place| bucket(&place)), "{places:?}");
    }

    let erasure = erase(&mut sam, &person.subject).await;
    let shown = finished(&sam, &erasure, 0).await;
    // Of what they handed in, and their bill's PDF.
    let erased = of_ada.all.len() + 1;
    assert_eq!((&shown["reports"][0]["erased"], &shown["kept_reasons"]), (&json!(erased), &json!([])));
    let ended = ada.call(Method::GET, "/v1/documents", None, None).await.expect("an answer");
    assert_eq!(ended.status(), StatusCode::UNAUTHORIZED, "the session has ended");
    assert!(Citizen::sign_in(&world.bff, &person.user, &format!("{}-pw", person.user)).await.is_err());

    let after = Remains::of(&world).await.expect("read");
    assert_eq!(after.of_canary(&gone), [""; 0]);
    assert!(
        after.count("topic") > before.count("topic")
            && after.count("bucket") > 0
            && after.count("log") == Service::ALL.len()
    );
    assert!(!after.of_canary(&stays).is_empty(), "others keep what is theirs");
    for id in &of_ada.all {
        let listed = sam.get(&format!("/v1/documents/{id}")).await.expect("its row stays");
        assert_eq!((&listed["status"], &listed["file_name"]), (&json!("erased"), &Value::Null));
        assert!(!after.keys().iter().any(|key| key.contains(id)), "{:?}", after.keys());
    }
    assert_eq!(ben.get(&format!("/v1/documents/{}", of_ben.ready)).await.expect("his")["status"], "ready");
    ben.download(&of_ben.ready).await.expect("readable");
    audited(&world).await;
    for person in [person, other] {
        person.forget().await.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hold_keeps_is_told_with_its_reason_and_goes_when_it_is_released() {
    let world = World::start().await.expect("world");
    let canary = Canary::new();
    let person = Person::register(&format!("held-{}", &key()[..12]), &canary).await.expect("an account");
    let mut ada = sign_in(&world, &person.user).await;
    let (mut sam, mut max) = (sign_in(&world, "sam").await, sign_in(&world, "max").await);
    let evidence = hand_in(&mut ada, &canary).await;
    let hold = place(&mut sam, &evidence.ready, &canary).await;

    let erasure = erase(&mut sam, &person.subject).await;
    let shown = finished(&sam, &erasure, 1).await;
    assert_eq!(shown["kept_reasons"], json!(["LEGAL_HOLD"]));
    assert_eq!(shown["reports"][0]["kept_reasons"], json!(["LEGAL_HOLD"]));
    let kept = sam.get(&format!("/v1/documents/{}", evidence.ready)).await.expect("kept");
    assert!(kept["file_name"].as_str().expect("its name").contains(&canary.name()));
    let again = sam.call(Method::POST, "/v1/staff/holds", Some(&key()), None).await.expect("an answer");
    assert!(again.status().is_client_error());

    release(&mut sam, &hold, &canary).await;
    release(&mut max, &hold, &canary).await;
    let shown = finished(&sam, &erasure, 0).await;
    assert_eq!(shown["kept_reasons"], json!([]));
    assert_eq!(Remains::of(&world).await.expect("read").of_canary(&canary), [""; 0]);
    let download = format!("/v1/documents/{}/download?purpose=casework", evidence.ready);
    let gone = sam.call(Method::GET, &download, None, None).await;
    problem(gone.expect("an answer"), StatusCode::GONE, "DOCUMENT_ERASED").await;
    person.forget().await.expect("deleted");
}

async fn sign_in(world: &World, user: &str) -> Citizen {
    Citizen::sign_in(&world.bff, user, &format!("{user}-pw")).await.expect("sign-in")
}
