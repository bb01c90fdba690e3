//! Any sequence of calls, against a model of what must come of it.

use std::collections::HashMap;

use idempotency::{Error as KeyError, KEEP};
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use crate::harness::{self, Error, Setup, document, request, scope, setup};

#[derive(Clone, Debug)]
struct Call {
    key: u8,
    body: u8,
    succeeds: bool,
    hours_before: u8,
}

fn call() -> impl Strategy<Value = Call> {
    (0..3u8, 0..2u8, any::<bool>(), 0..14u8).prop_map(|(key, body, succeeds, hours_before)| Call {
        key,
        body,
        succeeds,
        hours_before,
    })
}

struct Kept {
    body: u8,
    answer: String,
    until: OffsetDateTime,
}

async fn check(setup: &Setup, case: u32, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut kept = HashMap::<u8, Kept>::new();
    for (step, call) in calls.iter().enumerate() {
        setup.clock.advance(Duration::hours(call.hours_before.into()).unsigned_abs());
        let now = setup.clock.now();
        let (answer, succeeds) = (format!("case-{case}-step-{step}"), call.succeeds);
        let (scope, request) =
            (scope(&format!("case-{case}-key-{}", call.key)), request(&format!("body-{}", call.body)));
        let made = answer.clone();
        let got: harness::Result =
            idempotency::run(&setup.db, &setup.clock, &scope, &request, KEEP, move |tx| {
                Box::pin(async move {
                    let made = harness::effect(&made)(tx).await?;
                    if succeeds { Ok(made) } else { Err(Error::Refused) }
                })
            })
            .await;
        match kept.get(&call.key).filter(|kept| kept.until > now) {
            Some(kept) if kept.body == call.body => {
                let got = got.map_err(|error| TestCaseError::fail(format!("step {step}: {error}")))?;
                prop_assert_eq!((got.value, got.replayed), (document(&kept.answer), true));
            }
            Some(_) => {
                prop_assert!(matches!(got, Err(Error::Key(KeyError::Reused))), "step {}: {:?}", step, got);
            }
            None if succeeds => {
                let got = got.map_err(|error| TestCaseError::fail(format!("step {step}: {error}")))?;
                prop_assert_eq!((got.value, got.replayed), (document(&answer), false));
                kept.insert(call.key, Kept { body: call.body, answer, until: now + KEEP });
            }
            None => prop_assert!(matches!(got, Err(Error::Refused)), "step {}: {:?}", step, got),
        }
    }
    Ok(())
}

#[test]
fn any_sequence_of_calls_does_what_the_contract_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let setup = runtime.block_on(setup());
    let case = std::cell::Cell::new(0);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 64, ..ProptestConfig::default() });
    let result = runner.run(&prop::collection::vec(call(), 1..12), |calls| {
        case.set(case.get() + 1);
        runtime.block_on(check(&setup, case.get(), &calls))
    });
    result.unwrap();
    runtime.block_on(async {
        drop(setup);
    });
}
