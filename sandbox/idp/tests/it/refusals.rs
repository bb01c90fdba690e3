//! What bad input gets: its own reason, and nothing changes. What was sent of a person is nowhere.

use idp::{KOMPASS_WATER, VERITAS_WATER};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, DIGEST, ORDINARY, check, sandbox, sandbox_with, verification};

/// Puts a value where a path such as `a.0.b` says; `null` takes away what is there.
fn put(body: &mut Value, path: &str, value: Value) {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let pointer: String =
        parent.split('.').filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect();
    let parent = body.pointer_mut(&pointer).unwrap();
    if value.is_null() {
        parent.as_object_mut().unwrap().remove(name);
    } else {
        parent[name] = value;
    }
}

#[tokio::test]
async fn a_check_that_is_not_well_formed_names_its_field() {
    let sandbox = sandbox().await;
    for (kind, path, value, field) in [
        ("identity", "type", json!(7), "type"),
        ("identity", "type", Value::Null, "type"),
        ("identity", "reference", json!(""), "reference"),
        ("identity", "reference", json!("r".repeat(201)), "reference"),
        ("identity", "reference", json!("two\nlines"), "reference"),
        ("identity", "applicant", Value::Null, "applicant"),
        ("identity", "applicant.first_name", json!(""), "applicant.first_name"),
        ("identity", "applicant.last_name", json!("n".repeat(101)), "applicant.last_name"),
        ("identity", "applicant.last_name", Value::Null, "applicant.last_name"),
        ("identity", "applicant.birth_date", json!("31.12.1990"), "applicant.birth_date"),
        ("identity", "applicant.birth_date", json!("1990-02-30"), "applicant.birth_date"),
        ("identity", "applicant.birth_date", Value::Null, "applicant.birth_date"),
        ("watchlist", "applicant.birth_date", Value::Null, "applicant.birth_date"),
        ("identity", "applicant.email", json!("ada@example"), "applicant.email"),
        ("address", "applicant.address", Value::Null, "applicant.address"),
        ("address", "applicant.address.country", json!("gb"), "applicant.address.country"),
        ("address", "applicant.address.city", json!(""), "applicant.address.city"),
        ("document", "documents", json!([]), "documents"),
        ("document", "documents.0.kind", json!("library_card"), "documents[0].kind"),
        ("document", "documents.0.country", json!("Germany"), "documents[0].country"),
        ("document", "documents.0.sha256", json!(&DIGEST[1..]), "documents[0].sha256"),
        ("document", "documents.0.sha256", json!(DIGEST.replace('e', "x")), "documents[0].sha256"),
        ("document", "documents.0.url", json!("file:///etc/passwd"), "documents[0].url"),
        ("liveness", "selfie", Value::Null, "selfie"),
        ("liveness", "selfie.sha256", json!("abc"), "selfie.sha256"),
        ("liveness", "selfie.url", json!("/selfie"), "selfie.url"),
    ] {
        let mut body = check(kind, "bad", ORDINARY);
        put(&mut body, path, value);
        let answer = Answer::of(sandbox.asking("bad", &body)).await.unwrap();
        assert_eq!(answer.refuses(422, "field_invalid")["field"], field, "{body}");
    }
    let many: Vec<Value> = vec![check("document", "bad", ORDINARY)["documents"][0].clone(); 11];
    let mut body = check("document", "bad", ORDINARY);
    body["documents"] = json!(many);
    assert_eq!(sandbox.ask(&body).await.refuses(422, "field_invalid")["field"], "documents");
    assert_eq!(sandbox.look("/books").await["data"], json!([]));
}

#[tokio::test]
async fn a_verification_that_is_not_well_formed_names_its_field() {
    let sandbox = sandbox().await;
    for (kind, path, value, field) in [
        ("PERSON_MATCH", "client_ref", json!(""), "client_ref"),
        ("PERSON_MATCH", "client_ref", Value::Null, "client_ref"),
        ("PERSON_MATCH", "subject.family_name", json!(1), "subject.family_name"),
        ("PERSON_MATCH", "subject.given_names", json!("\u{7}"), "subject.given_names"),
        ("PERSON_MATCH", "subject.born_on", Value::Null, "subject.born_on"),
        ("SANCTIONS", "subject.born_on", json!("1990"), "subject.born_on"),
        ("ADDRESS_MATCH", "subject.residence", Value::Null, "subject.residence"),
        ("ADDRESS_MATCH", "subject.residence.town", json!(""), "subject.residence.town"),
        ("DOC_AUTH", "files", Value::Null, "files"),
        ("DOC_AUTH", "files.0.kind", json!("passport"), "files[0].kind"),
        ("DOC_AUTH", "files.0.digest", json!(DIGEST), "files[0].digest"),
        ("DOC_AUTH", "files.0.href", json!("passport.png"), "files[0].href"),
        ("PERSON_MATCH", "callback_url", json!("mailto:ada@example"), "callback_url"),
        ("PERSON_MATCH", "reference", json!("r"), "reference"),
    ] {
        let mut body = verification(kind, "bad", ORDINARY);
        put(&mut body, path, value);
        let fault = sandbox.submit(&body).await.faults(422, "E9002");
        assert_eq!(fault["field"], field, "{body}");
    }
    assert_eq!(sandbox.look("/books").await["data"], json!([]));
}

#[tokio::test]
async fn what_is_no_json_is_malformed_and_what_is_too_large_is_not_read() {
    let sandbox = sandbox().await;
    let send = async |body: String| {
        let request = sandbox.veritas(Method::POST, "/checks").header("idempotency-key", "k").body(body);
        Answer::of(request).await.unwrap()
    };
    for malformed in ["{", "nothing", "{} {}", "\u{feff}{}"] {
        send(malformed.to_owned()).await.refuses(400, "body_malformed");
    }
    for other in ["[]", "7", "null"] {
        assert_eq!(send(other.to_owned()).await.refuses(422, "field_invalid")["field"], "body", "{other}");
    }
    send(format!("{{}}{}", " ".repeat(256 * 1024))).await.refuses(413, "body_unreadable");
    let request = sandbox.kompass(Method::POST, "/verifications").body("{");
    Answer::of(request).await.unwrap().faults(400, "E9001");
    let request = sandbox.kompass(Method::POST, "/verifications").body(" ".repeat(256 * 1024 + 1));
    Answer::of(request).await.unwrap().faults(413, "E9007");
}

#[tokio::test]
async fn a_check_needs_a_key_that_a_header_can_hold() {
    let sandbox = sandbox().await;
    let asked = check("identity", "key", ORDINARY);
    let without = sandbox.veritas(Method::POST, "/checks").json(&asked);
    Answer::of(without).await.unwrap().refuses(400, "idempotency_key_missing");
    for wrong in ["", "two words", &"k".repeat(256)] {
        let answer = Answer::of(sandbox.asking(wrong, &asked)).await.unwrap();
        answer.refuses(400, "idempotency_key_invalid");
    }
    assert_eq!(sandbox.look("/books").await["data"], json!([]));
}

#[tokio::test]
async fn an_account_is_one_providers_and_sees_its_own_alone() {
    let sandbox = sandbox().await;
    let crossed = Api::new(&sandbox.idp.url(), idp::KOMPASS_TOWN, idp::VERITAS_TOWN);
    crossed.ask(&check("identity", "crossed", ORDINARY)).await.refuses(401, "unauthenticated");
    crossed.submit(&verification("SANCTIONS", "crossed", ORDINARY)).await.faults(401, "E9003");
    let nobody = sandbox.http.get(format!("{}/veritas/v1/capabilities", sandbox.base));
    Answer::of(nobody).await.unwrap().refuses(401, "unauthenticated");

    let water = Api::new(&sandbox.idp.url(), VERITAS_WATER, KOMPASS_WATER);
    let checked = sandbox.ask(&check("identity", "ours", ORDINARY)).await.is(201);
    let verified = sandbox.submit(&verification("SANCTIONS", "ours", ORDINARY)).await.is(202);
    let path = format!("/checks/{}", checked["id"].as_str().unwrap());
    Answer::of(water.veritas(Method::GET, &path)).await.unwrap().refuses(404, "not_found");
    let path = format!("/verifications/{}", verified["id"].as_str().unwrap());
    Answer::of(water.kompass(Method::GET, &path)).await.unwrap().faults(404, "E9004");
    assert_eq!(water.checks_of("ours").await, [Value::Null; 0]);
    // Keys and references are an account's own.
    let theirs = water.ask(&check("identity", "ours", idp::names::REFUSED)).await.is(201);
    assert_ne!(theirs["id"], checked["id"]);
    water.submit(&verification("SANCTIONS", "ours", idp::names::REFUSED)).await.is(202);
    // Nor does one provider know the other's.
    let path = format!("/checks/{}", verified["id"].as_str().unwrap());
    Answer::of(sandbox.veritas(Method::GET, &path)).await.unwrap().refuses(404, "not_found");
}

#[tokio::test]
async fn an_account_can_be_made_and_changed() {
    let sandbox = sandbox().await;
    let new = json!({ "provider": "veritas", "api_key": "another-key" });
    sandbox.control(Method::PUT, "/accounts/another", &new).await;
    let mut api = sandbox.api.clone();
    api.veritas_key = "another-key".to_owned();
    api.ask(&check("identity", "new", ORDINARY)).await.is(201);
    assert_eq!(sandbox.look("/accounts").await["data"].as_array().unwrap().len(), 5);
    for (id, wrong, field) in [
        ("another", json!({ "provider": "kompass" }), "provider"),
        ("nobody", json!({}), "provider"),
        ("no%20body", json!({ "provider": "kompass" }), "id"),
        ("another", json!({ "api_key": "sk_sandbox_kompass_town" }), "api_key"),
        ("another", json!({ "api_key": "" }), "api_key"),
        ("another", json!({ "webhook_secrets": [] }), "webhook_secrets"),
        ("another", json!({ "webhook_secrets": ["whsec_AA=="] }), "webhook_secrets[0]"),
        ("another", json!({ "retry_seconds": vec![0; 17] }), "retry_seconds"),
        ("another", json!({ "delay_ms": 86_400_001 }), "delay_ms"),
        ("another", json!({ "callback_url": "nowhere" }), "callback_url"),
    ] {
        let answer = sandbox.controlling(Method::PUT, &format!("/accounts/{id}"), &wrong).await;
        assert_eq!(answer.refuses(422, "field_invalid")["field"], field, "{wrong}");
    }
}

#[tokio::test]
async fn there_are_as_many_checks_as_there_may_be() {
    let sandbox = sandbox_with(|options| options.limit = 2).await;
    sandbox.ask(&check("identity", "first", ORDINARY)).await.is(201);
    sandbox.submit(&verification("SANCTIONS", "second", ORDINARY)).await.is(202);
    sandbox.ask(&check("identity", "third", ORDINARY)).await.refuses(503, "sandbox_full");
    sandbox.submit(&verification("SANCTIONS", "third", ORDINARY)).await.faults(503, "E9008");
    // What was made can be asked for.
    sandbox.ask(&check("identity", "first", ORDINARY)).await.is(201);
    for (reference, full) in [("f-1", false), ("f-2", false), ("f-3", true)] {
        let answer = sandbox.ask(&check("identity", reference, &idp::names::failing(9))).await;
        let (status, code) = if full { (503, "sandbox_full") } else { (500, "internal") };
        answer.refuses(status, code);
    }
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let sandbox = sandbox().await;
    for path in ["/", "/v1/checks", "/control", "/veritas/v1/people"] {
        let answer = Answer::of(sandbox.http.get(format!("{}{path}", sandbox.base))).await.unwrap();
        answer.refuses(404, "not_found");
    }
    let answer = Answer::of(sandbox.veritas(Method::PUT, "/checks")).await.unwrap();
    answer.refuses(405, "method_not_allowed");
    for query in ["", "?reference=a&after=b"] {
        let answer = Answer::of(sandbox.veritas(Method::GET, &format!("/checks{query}"))).await.unwrap();
        assert_eq!(answer.refuses(422, "field_invalid")["field"], "query");
    }
    let health = sandbox.http.get(format!("{}/health", sandbox.base));
    assert_eq!(Answer::of(health).await.unwrap().text, "ok");
    let finding = json!({ "finding": "clear" });
    let nothing = sandbox.controlling(Method::POST, "/checks/nothing/answer", &finding).await;
    nothing.refuses(404, "not_found");
}

/// What a person is told from others by, in every field that there is.
const CANARIES: [&str; 6] =
    ["Canaryfirst", "Canarylast", "1907-07-07", "Canarystreet", "Canarytown", "CAN4RY"];

#[tokio::test]
async fn nothing_of_a_person_is_in_any_list_answer_refusal_or_callback() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("idp.json");
    let kept = state.clone();
    let sandbox = sandbox_with(|options| options.state = Some(kept)).await;
    let mut said = Vec::new();
    for wrong in [false, true] {
        let mut asked = check("address", &format!("canary-{wrong}"), "Canarylast");
        asked["applicant"]["first_name"] = json!("Canaryfirst");
        asked["applicant"]["birth_date"] = json!("1907-07-07");
        asked["applicant"]["address"] = json!({ "line1": "Canarystreet", "city": "Canarytown", "postal_code": "CAN4RY", "country": "GB" });
        let mut submitted = verification("ADDRESS_MATCH", &format!("canary-{wrong}"), "Canarylast");
        submitted["subject"] = json!({
            "given_names": "Canaryfirst", "family_name": "Canarylast", "born_on": "1907-07-07",
            "residence": { "street": "Canarystreet", "postcode": "CAN4RY", "town": "Canarytown", "country": "DE" },
        });
        if wrong {
            for name in ["Canaryfirst", "Canarylast", "1907-07-07", "Canarystreet"] {
                let mut odd = asked.clone();
                odd["applicant"]["address"] = json!(name);
                said.push(sandbox.ask(&odd).await.text);
                let mut odd = submitted.clone();
                odd["files"] = json!({ "of": name });
                said.push(sandbox.submit(&odd).await.text);
            }
        } else {
            said.push(sandbox.ask(&asked).await.text);
            said.push(sandbox.submit(&submitted).await.text);
        }
    }
    let hook = &sandbox.receiver.wait(1).await[0];
    said.push(String::from_utf8(hook.body.to_vec()).unwrap());
    for list in ["/books", "/calls", "/webhooks", "/script", "/accounts"] {
        said.push(sandbox.look(list).await.to_string());
    }
    said.push(std::fs::read_to_string(&state).unwrap());
    assert!(said.iter().any(|text| text.contains("canary-false")));
    for canary in CANARIES {
        assert!(said.iter().all(|text| !text.contains(canary)), "{canary}");
    }
}
