//! A bill, and what can become of its payment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use e2e::citizen::key;
use e2e::{Checkout, Citizen, files};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::Report;

/// Waits until what was billed or paid links to its PDF, downloads it, and keeps it. Gives where, and how large it is.
async fn pdf(citizen: &mut Citizen, of: &Value, link: &str, file: PathBuf) -> Result<String> {
    let own = of["_links"]["self"].as_str().context("no link")?;
    let made = citizen.once(own, |of| !of["_links"][link].is_null()).await?;
    let bytes = citizen.fetch(made["_links"][link].as_str().context("no link")?).await?;
    ensure!(bytes.starts_with(b"%PDF-"), "{} is no PDF", file.display());
    tokio::fs::write(&file, &bytes).await.with_context(|| format!("cannot write {}", file.display()))?;
    Ok(format!("{} ({} bytes)", file.display(), bytes.len()))
}

/// Bills the citizen, who is declined, is left in the dark, pays, and gets a part back.
pub(crate) async fn run(bff: &Url, keep: &Path, report: &mut Report, citizen: &mut Citizen) -> Result<()> {
    let mut sam = Citizen::sign_in(bff, "sam", "sam-pw").await.context("sign-in of the office")?;
    let mut max = Citizen::sign_in(bff, "max", "max-pw").await.context("sign-in of the office")?;
    tokio::fs::create_dir_all(keep).await.with_context(|| format!("cannot make {}", keep.display()))?;
    let subject = citizen.get("/v1/me").await?["subject"].as_str().context("no subject")?.to_owned();
    let bill = sam.issue(&subject, 12_500).await?;
    let id = bill["id"].as_str().context("no id")?;
    let seen = citizen.get(&format!("/v1/bills/{id}")).await?;
    ensure!(
        seen["status"] == "issued" && seen["lines"][0]["description"] == "Dog licence",
        "billed is {seen}"
    );
    report.step("billed 125.00 EUR by sam; the citizen sees it");
    let file = pdf(citizen, &bill, "pdf", keep.join("bill.pdf")).await?;
    report.step(&format!("the bill as a PDF, made ahead: {file}"));

    let run = sam.run_bills(&files::bills(&subject, 40)).await?;
    ensure!(run["status"] == "finished" && run["issued"] == 40, "the run is {run}");
    report.step("40 bills issued from a file that sam has handed in: checked as a whole, each issued once");

    let payment = citizen.begin_to_pay(id).await?;
    report.step("payment begun: answered at once, then the provider's page");
    let body = json!({ "bill_id": id, "return_url": "http://localhost:8080/" });
    let second = citizen.call(Method::POST, "/v1/payments", Some(&key()), Some(body)).await?;
    ensure!(second.status() == StatusCode::CONFLICT, "a second payment gave {}", second.status());
    report.step("a second payment of the bill is refused meanwhile (409)");
    Checkout::of(&payment)?.pay(psp::cards::DECLINE).await?;
    let declined = citizen.paid(&payment).await?;
    ensure!(declined["failure"] == "DECLINED", "declined is {declined}");
    report.step("card declined; the bill can be paid again");

    let payment = citizen.begin_to_pay(id).await?;
    let checkout = Checkout::of(&payment)?;
    checkout.pay(psp::cards::NEVER_ANSWERS).await?;
    citizen.payment_once(&payment, |payment| payment["status"] == "outcome_unknown").await?;
    report.step("the bank does not answer: outcome unknown, a second charge is blocked");
    checkout.resolve(true).await?;
    let paid = citizen.paid(&payment).await?;
    ensure!(paid["status"] == "completed", "paid is {paid}");
    let seen = citizen.get(&format!("/v1/bills/{id}")).await?;
    ensure!(seen["status"] == "paid", "the bill is {seen}");
    report.step("the bank has answered: paid once, and the bill with it");

    let file = pdf(citizen, &paid, "receipt", keep.join("receipt.pdf")).await?;
    report.step(&format!("the receipt: {file}"));

    let refunds = paid["_links"]["refunds"].as_str().context("no link")?;
    let eur = |minor_units: i64| json!({ "minor_units": minor_units, "currency": "EUR" });
    let part = json!({ "amount": eur(2_500), "amount_available": eur(12_500), "reason": "a smaller dog" });
    max.expect(Method::POST, refunds, Some(&key()), Some(part.clone())).await?;
    let stale = max.call(Method::POST, refunds, Some(&key()), Some(part)).await?;
    ensure!(stale.status() == StatusCode::PRECONDITION_FAILED, "a stale refund gave {}", stale.status());
    citizen.payment_once(&paid, |payment| payment["refunded"] == eur(2_500)).await?;
    report.step("25.00 EUR given back by max; a second, on what was available before: 412");
    Ok(())
}
