//! An event that cannot be applied waits for an operator, and what comes after it waits behind it.

use e2e::citizen::key;
use e2e::{Citizen, Service, World, files};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::eventually;

use crate::harness::{WITHIN, in_world, problem, sign_in};

/// What happens to a document that is clean.
const TOLD: [&str; 3] = ["document.uploaded", "document.scanning", "document.ready"];

/// Runs a statement as the owner of the notification service's tables.
async fn sql(world: &World, statement: String) {
    let urls = world.database(Service::Notification).expect("it works");
    let mut owner = PgConnection::connect(urls.owner.expose_secret()).await.expect("it works");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.expect("it works");
}

/// A document of ada's of which the notification service cannot tell her, and its events parked.
async fn parked(world: &World, ada: &mut Citizen, sam: &mut Citizen) -> String {
    let file = files::pdf();
    let document = ada.initiate(&file, &key()).await.expect("it works");
    let id = document.id().to_owned();
    let broken = format!("add constraint \"{id}\" check (subject_id <> '{id}') not valid");
    sql(world, format!("alter table notifications {broken}")).await;
    assert!(ada.put(&document, file.bytes.clone()).await.expect("it works").status().is_success());
    ada.confirm(&id, &key()).await.expect("it works");
    let path = format!("/v1/staff/dead-letters?service=notification&key={id}");
    let reader = sam.clone();
    eventually(WITHIN, || async {
        let listed = reader.clone().get(&path).await?;
        match listed["dead_letters"].as_array().map(Vec::len) {
            Some(3) => Ok(()),
            _ => anyhow::bail!("{listed}"),
        }
    })
    .await
    .expect("it works");
    id
}

async fn mended(world: &World, id: &str) {
    sql(world, format!("alter table notifications drop constraint \"{id}\"")).await;
}

/// What ada was told of a document, in the order of her feed.
async fn told(ada: &mut Citizen, id: &str) -> Vec<String> {
    let feed = ada.get("/v1/notifications?page_size=200").await.expect("it works");
    let rows = feed["notifications"].as_array().expect("it works").iter();
    let of_it = rows.filter(|row| row["subject_id"] == id);
    let statuses = of_it.map(|row| row["status"].as_str().expect("it works").to_owned());
    statuses.filter(|status| status.starts_with("document.")).collect()
}

#[test]
fn staff_see_why_an_event_is_parked_and_redrive_its_key_in_order() {
    in_world(async |world| {
        let (mut ada, mut sam) = (sign_in(world, "ada").await, sign_in(world, "sam").await);
        let id = parked(world, &mut ada, &mut sam).await;
        let path = format!("/v1/staff/dead-letters?service=notification&key={id}");
        let listed = sam.get(&path).await.unwrap();
        let letters = listed["dead_letters"].as_array().unwrap();
        let reasons: Vec<_> = letters.iter().map(|letter| letter["reason"].as_str().unwrap()).collect();
        assert_eq!(reasons, ["STATEMENT_FAILED", "BEHIND_PARKED", "BEHIND_PARKED"]);
        let own = letters[0]["_links"]["self"].as_str().unwrap();
        let shown = sam.get(own).await.unwrap();
        assert_eq!(shown["message_type"], "guildhall.document.v1.DocumentUploaded");
        assert_eq!(shown["message"]["documentId"], id.as_str());

        // Another tenant's staff, and citizens.
        let mut cleo = sign_in(world, "cleo").await;
        for other in [&mut ada, &mut cleo] {
            for path in [&*path, own] {
                let answer = other.call(Method::GET, path, None, None).await.unwrap();
                problem(answer, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
            }
        }

        let body = json!({"service": "notification", "key": id});
        let redrive = async |sam: &mut Citizen, key: &str| -> Value {
            let path = "/v1/staff/dead-letters/redrive";
            let answer = sam.call(Method::POST, path, Some(key), Some(body.clone())).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            answer.json().await.unwrap()
        };
        let stopped = redrive(&mut sam, &key()).await;
        assert_eq!((&stopped["redriven"], &stopped["left"]), (&json!(0), &json!(3)), "{stopped}");
        assert_eq!(stopped["stopped"][0]["reason"], "STATEMENT_FAILED");
        mended(world, &id).await;
        let once = key();
        for _ in 0..2 {
            assert_eq!(redrive(&mut sam, &once).await, json!({"redriven": 3, "stopped": [], "left": 0}));
        }
        assert_eq!(redrive(&mut sam, &key()).await, json!({"redriven": 0, "stopped": [], "left": 0}));
        assert_eq!(told(&mut ada, &id).await, TOLD);
    });
}

#[test]
fn an_operator_redrives_with_the_workers_command_line() {
    in_world(async |world| {
        let (mut ada, mut sam) = (sign_in(world, "ada").await, sign_in(world, "sam").await);
        let id = parked(world, &mut ada, &mut sam).await;
        let dlq = async |line: &[&str]| {
            let at = ["--service", "notification", "--tenant", "riverton"];
            world.operate(Service::Worker, "dlq", &[line, &at].concat()).await.unwrap()
        };
        let listed = dlq(&["list", "--key", &id]).await;
        assert!(listed.contains("STATEMENT_FAILED") && listed.ends_with("3 parked\n"), "{listed}");
        let json = dlq(&["list", "--key", &id, "--json"]).await;
        let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        let shown = dlq(&["show", "--id", first["id"].as_str().unwrap()]).await;
        assert!(shown.contains("guildhall.document.v1.DocumentUploaded"), "{shown}");
        let stopped = dlq(&["redrive", "--key", &id]).await;
        assert!(stopped.ends_with("0 redriven, 3 left\n"), "{stopped}");
        mended(world, &id).await;
        assert_eq!(dlq(&["redrive", "--key", &id]).await, "3 redriven, 0 left\n");
        assert_eq!(dlq(&["redrive", "--key", &id]).await, "0 redriven, 0 left\n");
        assert_eq!(told(&mut ada, &id).await, TOLD);
    });
}
