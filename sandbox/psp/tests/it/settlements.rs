//! Files of days, true and otherwise.

use std::time::Duration;

use psp::cards;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Sandbox, sandbox, terms};

const DAY: &str = "2030-06-01";
const HEADER: &str = "line,type,entry_id,payment_id,object_id,reference,currency,amount,booked_at";

/// A line of a file, by the names of its header. References of these tests have no line ends.
fn parse(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let field = fields.last_mut().unwrap();
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                field.push('"');
                rest.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields
}

/// The lines of a day, those of the books and those that sum up.
async fn file(sandbox: &Sandbox, day: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let file = sandbox.get(&format!("/v1/settlements/{day}")).await;
    assert_eq!(
        (file.status, file.headers["content-type"].to_str().unwrap()),
        (200, "text/csv; charset=utf-8")
    );
    let mut lines = file.text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    lines.map(parse).partition(|line| line[1] != "net")
}

async fn some_payments(sandbox: &Sandbox) -> Vec<String> {
    let mut ids = Vec::new();
    for (reference, currency, card) in [
        ("bill, \"1\"", "EUR", cards::APPROVE),
        ("bill-2", "EUR", cards::DISPUTED),
        ("bill-3", "JPY", cards::APPROVE),
    ] {
        let mut terms = terms(reference, 1_000);
        terms["currency"] = json!(currency);
        let id = sandbox.create(&terms).await;
        sandbox.pay(&id, card).await;
        ids.push(id);
    }
    sandbox.refund(&ids[0], "refund", 300).await.is(201);
    ids
}

async fn entries(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.get("/v1/books?limit=200").await.is(200)["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_days_file_is_the_books_once_the_day_is_over() {
    let sandbox = sandbox().await;
    some_payments(&sandbox).await;
    sandbox.get(&format!("/v1/settlements/{DAY}")).await.refuses(404, "settlement_open");
    assert_eq!(sandbox.get("/v1/settlements").await.is(200)["data"], json!([]));
    sandbox.clock.advance(Duration::from_secs(12 * 3_600));
    // What is booked on the next day is not in it.
    let late = sandbox.create(&terms("late", 5_000)).await;
    sandbox.pay(&late, cards::APPROVE).await;

    let days = sandbox.get("/v1/settlements").await.is(200);
    let entries = entries(&sandbox).await;
    let of_day: Vec<_> = entries.iter().filter(|entry| entry["settled_on"] == DAY).collect();
    assert_eq!(entries.len() - of_day.len(), 2);
    assert_eq!(days["data"], json!([{ "date": DAY, "lines": of_day.len() }]));
    let (lines, nets) = file(&sandbox, DAY).await;
    assert_eq!(lines.len(), of_day.len());
    for (number, (line, entry)) in lines.iter().zip(of_day).enumerate() {
        let expected =
            ["type", "id", "payment_id", "object_id", "reference", "currency", "amount", "booked_at"]
                .map(|field| entry[field].as_str().map_or_else(|| entry[field].to_string(), str::to_owned));
        assert_eq!(line[0], (number + 1).to_string());
        assert_eq!(line[1..], expected);
    }
    assert_eq!(lines[0][5], "bill, \"1\"");
    let totals = |currency: &str| -> i64 {
        let of = lines.iter().filter(|line| line[6] == currency);
        of.map(|line| line[7].parse::<i64>().unwrap()).sum()
    };
    let nets: Vec<_> = nets.iter().map(|net| (net[6].as_str(), net[7].parse::<i64>().unwrap())).collect();
    assert_eq!(nets, [("EUR", totals("EUR")), ("JPY", totals("JPY"))]);
    assert_eq!(nets[1].1, 1_000 - 34);
}

#[tokio::test]
async fn a_day_can_be_closed_early() {
    let sandbox = sandbox().await;
    some_payments(&sandbox).await;
    let before = entries(&sandbox).await.len();
    sandbox.tell(&format!("/settlements/acct_town/{DAY}/close"), json!({})).await;
    let late = sandbox.create(&terms("late", 5_000)).await;
    sandbox.pay(&late, cards::APPROVE).await;
    assert_eq!(file(&sandbox, DAY).await.0.len(), before);
    sandbox.clock.advance(Duration::from_secs(48 * 3_600));
    let (next, nets) = file(&sandbox, "2030-06-02").await;
    assert_eq!(next.len(), 2);
    assert_eq!(nets[0][7], (5_000 - 90).to_string());
    assert_eq!(file(&sandbox, "2030-05-01").await, (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_file_can_be_made_to_say_something_else_than_the_books() {
    let sandbox = sandbox().await;
    some_payments(&sandbox).await;
    sandbox.tell(&format!("/settlements/acct_town/{DAY}/close"), json!({})).await;
    let (good, _) = file(&sandbox, DAY).await;
    let [first, second, third] = [0, 1, 2].map(|at| good[at][2].clone());
    let alteration = json!({
        "omit": [first],
        "amounts": { (second.as_str()): -1 },
        "repeat": [third],
        "add": [{ "type": "charge", "payment_id": "pay_stranger", "reference": "who", "currency": "EUR", "amount": 777 }],
        "net_off_by": { "JPY": -5 },
    });
    let path = format!("/settlements/acct_town/{DAY}");
    sandbox.control(Method::PUT, &path, &alteration).await;
    let (bad, nets) = file(&sandbox, DAY).await;
    assert_eq!(bad.len(), good.len() + 1);
    assert!(bad.iter().all(|line| line[2] != first));
    assert_eq!(bad.iter().find(|line| line[2] == second).unwrap()[7], "-1");
    assert_eq!(bad.iter().filter(|line| line[2] == third).count(), 2);
    assert_eq!(bad.last().unwrap()[3..8], ["pay_stranger", "pay_stranger", "who", "EUR", "777"]);
    assert_eq!(nets[1][7], (1_000 - 34 - 5).to_string());
    // The books are as they were, and so is the file again.
    sandbox.control(Method::PUT, &path, &json!({})).await;
    assert_eq!(file(&sandbox, DAY).await.0, good);
}
