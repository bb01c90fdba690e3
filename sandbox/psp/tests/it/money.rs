//! Nothing is given back that was not taken, and the books say what happened, whatever happens.

use std::collections::BTreeMap;

use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use psp::cards;
use serde_json::{Value, json};

use crate::harness::{Sandbox, manual, sandbox, terms};

#[tokio::test(flavor = "multi_thread")]
async fn of_64_refunds_no_more_is_given_back_than_was_captured() {
    let sandbox = sandbox().await;
    for card in [cards::APPROVE, cards::REFUND_PENDING, cards::PARTIAL_CAPTURE] {
        let id = sandbox.create(&terms(card, 1_000)).await;
        let captured = sandbox.pay(&id, card).await["payment"]["amount_captured"].as_i64().unwrap();
        let refunds = (0..64).map(|n| {
            let (sandbox, id) = (&sandbox, &id);
            async move { sandbox.refund(id, &format!("{card}-{n}"), 30).await.status }
        });
        let statuses = join_all(refunds).await;
        let taken = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(taken, usize::try_from(captured / 30).unwrap());
        assert!(statuses.iter().all(|status| [201, 422].contains(status)));
        assert_eq!(sandbox.payment(&id).await["amount_refundable"], captured % 30);
    }
}

#[tokio::test]
async fn refunds_and_captures_can_be_partial() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&manual("partial", 1_000)).await;
    sandbox.pay(&id, cards::APPROVE).await;
    sandbox.capture(&id, "too-much", json!({ "amount": 1_001 })).await.refuses(422, "amount_above_available");
    assert_eq!(
        sandbox.capture(&id, "capture", json!({ "amount": 700 })).await.is(200)["amount_captured"],
        700
    );
    sandbox.refund(&id, "first", 200).await.is(201);
    let refused = sandbox.refund(&id, "too-much-too", 501).await.refuses(422, "amount_above_available");
    assert_eq!(refused["available"], 500);
    let body = json!({ "amount": 500, "reference": "refund-7" });
    let second = sandbox.post(&format!("/v1/payments/{id}/refunds"), "second", &body).await.is(201);
    assert_eq!((&second["reference"], &second["state"]), (&json!("refund-7"), &json!("succeeded")));
    assert_eq!(sandbox.payment(&id).await["amount_refundable"], 0);
    let expected = [("charge", 700), ("fee", -30), ("refund", -200), ("refund", -500)]
        .map(|(kind, amount)| (kind.to_owned(), amount));
    assert_eq!(sandbox.lines().await, expected);
}

#[tokio::test]
async fn a_payment_can_be_cancelled_until_it_is_charged() {
    let sandbox = sandbox().await;
    let cancel =
        async |id: &str, key: &str| sandbox.post(&format!("/v1/payments/{id}/cancel"), key, &json!({})).await;
    for card in [None, Some(cards::CHALLENGE), Some(cards::APPROVE)] {
        let id = sandbox.create(&manual(card.unwrap_or("none"), 1_000)).await;
        if let Some(card) = card {
            sandbox.pay(&id, card).await;
        }
        let cancelled = cancel(&id, &format!("cancel-{id}")).await.is(200);
        assert_eq!(
            (&cancelled["state"], &cancelled["cancelled_by"]),
            (&json!("cancelled"), &json!("account"))
        );
        assert_eq!(cancel(&id, &format!("again-{id}")).await.refuses(409, "state")["state"], "cancelled");
    }
    let id = sandbox.create(&terms("charged", 1_000)).await;
    sandbox.pay(&id, cards::APPROVE).await;
    assert_eq!(cancel(&id, "charged-cancel").await.refuses(409, "state")["state"], "captured");
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 1_000);
}

#[tokio::test]
async fn each_currency_has_its_own_sum() {
    let sandbox = sandbox().await;
    for (reference, currency, amount) in [("a", "EUR", 1_000), ("b", "JPY", 500), ("c", "EUR", 1)] {
        let mut terms = terms(reference, amount);
        terms["currency"] = json!(currency);
        let id = sandbox.create(&terms).await;
        sandbox.pay(&id, cards::APPROVE).await;
    }
    let totals = sandbox.totals().await;
    assert_eq!((&totals["EUR"]["charged"], &totals["JPY"]["charged"]), (&json!(1_001), &json!(500)));
    assert_eq!(totals["JPY"]["net"], 500 - 27);
}

/// What can be done to one of a few payments.
#[derive(Clone, Debug)]
enum Deed {
    Create { manual: bool, amount: i64 },
    Pay { payment: usize, card: &'static str },
    Challenge { payment: usize, approve: bool },
    Resolve { payment: usize, approve: bool },
    Capture { payment: usize, amount: Option<i64> },
    Cancel { payment: usize },
    Refund { payment: usize, amount: i64 },
    SettleRefund { payment: usize, succeed: bool },
    Dispute { payment: usize, amount: Option<i64> },
    Decide { payment: usize, won: bool },
    Wait { seconds: u64 },
    Repeat,
}

fn card() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        cards::APPROVE,
        cards::APPROVE,
        cards::DECLINE,
        cards::CHALLENGE,
        cards::CAPTURE_FAILS,
        cards::PARTIAL_CAPTURE,
        cards::NEVER_ANSWERS,
        cards::DISPUTED,
        cards::REFUND_PENDING,
        cards::REFUND_PENDING,
        cards::REFUND_FAILS,
    ])
}

/// Three payments whose payers put a card in, and what is done then.
fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let paid = prop::collection::vec((any::<bool>(), 1..2_000_i64, card()), 3);
    let paid = paid.prop_map(|payments| {
        let creates =
            payments.iter().map(|(manual, amount, _)| Deed::Create { manual: *manual, amount: *amount });
        let pays = payments.iter().enumerate().map(|(payment, (_, _, card))| Deed::Pay { payment, card });
        creates.chain(pays).collect::<Vec<_>>()
    });
    (paid, prop::collection::vec(deed(), 10..40)).prop_map(|(paid, then)| [paid, then].concat())
}

fn deed() -> impl Strategy<Value = Deed> {
    let payment = 0..4_usize;
    let amount = 1..500_i64;
    prop_oneof![
        1 => (any::<bool>(), amount.clone()).prop_map(|(manual, amount)| Deed::Create { manual, amount }),
        2 => (payment.clone(), card()).prop_map(|(payment, card)| Deed::Pay { payment, card }),
        1 => (payment.clone(), any::<bool>()).prop_map(|(payment, approve)| Deed::Challenge { payment, approve }),
        1 => (payment.clone(), any::<bool>()).prop_map(|(payment, approve)| Deed::Resolve { payment, approve }),
        4 => (payment.clone(), prop::option::of(amount.clone())).prop_map(|(payment, amount)| Deed::Capture { payment, amount }),
        1 => payment.clone().prop_map(|payment| Deed::Cancel { payment }),
        6 => (payment.clone(), amount.clone()).prop_map(|(payment, amount)| Deed::Refund { payment, amount }),
        3 => (payment.clone(), any::<bool>()).prop_map(|(payment, succeed)| Deed::SettleRefund { payment, succeed }),
        2 => (payment.clone(), prop::option::of(amount)).prop_map(|(payment, amount)| Deed::Dispute { payment, amount }),
        2 => (payment, any::<bool>()).prop_map(|(payment, won)| Deed::Decide { payment, won }),
        1 => (0..100_000_u64).prop_map(|seconds| Deed::Wait { seconds }),
        2 => Just(Deed::Repeat),
    ]
}

/// A run of deeds, of which most are refused.
struct Run {
    sandbox: Sandbox,
    payments: Vec<String>,
    refunds: BTreeMap<usize, Vec<String>>,
    calls: Vec<(String, Value)>,
}

impl Run {
    async fn call(&mut self, path: String, body: Value) -> Value {
        let key = self.calls.len().to_string();
        let answer = self.sandbox.post(&path, &key, &body).await;
        self.calls.push((path, body));
        assert!([200, 201, 402, 409, 422].contains(&answer.status), "{answer:?}");
        answer.json()
    }

    async fn control(&self, path: String, body: Value) -> Value {
        let request = self.sandbox.request(reqwest::Method::POST, &format!("/control{path}")).json(&body);
        crate::harness::Answer::of(request).await.unwrap().json()
    }

    async fn does(&mut self, deed: Deed) {
        let id = |run: &Self, payment: usize| {
            run.payments.get(payment).cloned().unwrap_or_else(|| "pay_none".to_owned())
        };
        match deed {
            Deed::Create { manual: by_hand, amount } => {
                let reference = format!("r{}", self.payments.len());
                let body = if by_hand { manual(&reference, amount) } else { terms(&reference, amount) };
                let made = self.call("/v1/payments".to_owned(), body).await;
                self.payments.push(made["id"].as_str().unwrap().to_owned());
            }
            Deed::Pay { payment, card } => {
                self.control(format!("/payments/{}/pay", id(self, payment)), json!({ "card": card })).await;
            }
            Deed::Challenge { payment, approve } => {
                self.control(
                    format!("/payments/{}/challenge", id(self, payment)),
                    json!({ "approve": approve }),
                )
                .await;
            }
            Deed::Resolve { payment, approve } => {
                self.control(
                    format!("/payments/{}/resolve", id(self, payment)),
                    json!({ "approve": approve }),
                )
                .await;
            }
            Deed::Capture { payment, amount } if payment < self.payments.len() => {
                let body = amount.map_or(json!({}), |amount| json!({ "amount": amount }));
                self.call(format!("/v1/payments/{}/capture", id(self, payment)), body).await;
            }
            Deed::Cancel { payment } if payment < self.payments.len() => {
                self.call(format!("/v1/payments/{}/cancel", id(self, payment)), json!({})).await;
            }
            Deed::Refund { payment, amount } if payment < self.payments.len() => {
                let path = format!("/v1/payments/{}/refunds", id(self, payment));
                let made = self.call(path, json!({ "amount": amount })).await;
                if let Some(refund) = made["id"].as_str() {
                    self.refunds.entry(payment).or_default().push(refund.to_owned());
                }
            }
            Deed::SettleRefund { payment, succeed } => {
                if let Some(refund) = self.refunds.get(&payment).and_then(|refunds| refunds.last()) {
                    self.control(format!("/refunds/{refund}/resolve"), json!({ "succeed": succeed })).await;
                }
            }
            Deed::Dispute { payment, amount } => {
                self.control(format!("/payments/{}/dispute", id(self, payment)), json!({ "amount": amount }))
                    .await;
            }
            Deed::Decide { payment, won } if payment < self.payments.len() => {
                let path = format!("/v1/payments/{}/disputes", id(self, payment));
                let disputes = self.sandbox.get(&path).await.is(200);
                if let Some(dispute) = disputes["data"].as_array().unwrap().last() {
                    let dispute = dispute["id"].as_str().unwrap();
                    self.control(format!("/disputes/{dispute}/resolve"), json!({ "won": won })).await;
                }
            }
            Deed::Wait { seconds } => self.sandbox.clock.advance(std::time::Duration::from_secs(seconds)),
            Deed::Repeat => {
                if let Some((path, body)) = self.calls.last() {
                    self.sandbox.post(path, &(self.calls.len() - 1).to_string(), body).await;
                }
            }
            Deed::Capture { .. } | Deed::Cancel { .. } | Deed::Refund { .. } | Deed::Decide { .. } => {}
        }
    }

    /// State and amount of what is in a list.
    async fn amounts(&self, path: &str) -> Vec<(String, i64)> {
        let list = self.sandbox.get(path).await.is(200);
        let one = |one: &Value| (one["state"].as_str().unwrap().to_owned(), one["amount"].as_i64().unwrap());
        list["data"].as_array().unwrap().iter().map(one).collect()
    }

    /// The books against the payments, refunds and disputes, which know nothing of the books.
    async fn check(&self) -> Result<(), TestCaseError> {
        let books = self.sandbox.get("/v1/books?limit=200").await.is(200);
        let payments = self.sandbox.look("/payments").await;
        let sum = |field: &str| -> i64 {
            payments["data"].as_array().unwrap().iter().map(|payment| payment[field].as_i64().unwrap()).sum()
        };
        let lines = books["data"].as_array().unwrap();
        prop_assert_eq!(&books["has_more"], &json!(false));
        let of = |kinds: &[&str]| -> i64 {
            let of_kind = lines.iter().filter(|line| kinds.contains(&line["type"].as_str().unwrap()));
            of_kind.map(|line| line["amount"].as_i64().unwrap()).sum()
        };
        prop_assert_eq!(of(&["charge", "refund"]), sum("amount_captured") - sum("amount_refunded"));
        let (mut contested, mut disputes) = (0, 0);
        for payment in payments["data"].as_array().unwrap() {
            let [captured, refunded, refundable, amount] =
                ["amount_captured", "amount_refunded", "amount_refundable", "amount"]
                    .map(|field| payment[field].as_i64().unwrap());
            let id = payment["id"].as_str().unwrap();
            let of_dispute = self.amounts(&format!("/v1/payments/{id}/disputes")).await;
            let of_refund = self.amounts(&format!("/v1/payments/{id}/refunds")).await;
            let sum = |amounts: &[(String, i64)], not: &[&str]| -> i64 {
                amounts
                    .iter()
                    .filter(|(state, _)| !not.contains(&state.as_str()))
                    .map(|(_, amount)| amount)
                    .sum()
            };
            let held = sum(&of_dispute, &["won"]);
            prop_assert_eq!(refunded, sum(&of_refund, &["failed", "pending"]));
            prop_assert_eq!(refundable, captured - sum(&of_refund, &["failed"]) - held);
            prop_assert!(refundable >= 0 && captured <= amount, "{}", payment);
            let charges = lines.iter().filter(|line| line["type"] == "charge" && line["payment_id"] == id);
            prop_assert!(charges.count() <= 1, "{}", payment);
            contested += held;
            disputes += i64::try_from(of_dispute.len()).unwrap();
        }
        prop_assert_eq!(of(&["dispute", "dispute_reversal"]), -contested);
        prop_assert_eq!(of(&["fee"]), -sum("fee") - 1_500 * disputes);
        let totals = &books["totals"]["EUR"];
        if !lines.is_empty() {
            let net: i64 = lines.iter().map(|line| line["amount"].as_i64().unwrap()).sum();
            prop_assert_eq!(totals["net"].as_i64().unwrap(), net);
            prop_assert_eq!(
                totals["charged"].as_i64().unwrap() - totals["refunded"].as_i64().unwrap(),
                of(&["charge", "refund"])
            );
        }
        Ok(())
    }
}

#[test]
fn at_any_time_the_books_are_what_was_captured_less_what_was_given_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(cases).run(&deeds(), |deeds| {
        runtime.block_on(async {
            let sandbox = sandbox().await;
            let mut run = Run { sandbox, payments: Vec::new(), refunds: BTreeMap::new(), calls: Vec::new() };
            for deed in deeds {
                run.does(deed).await;
                run.check().await?;
            }
            Ok(())
        })
    });
    result.unwrap();
}
