//! One world for the whole binary.

use std::time::Duration;

use e2e::{Citizen, World};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// How long a verdict or a mail may take on a busy machine.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

static WORLD: OnceCell<World> = OnceCell::const_new();

/// Runs a test in the shared world.
///
/// Each test has a runtime of its own, but the world's tasks must outlive the test that happened to be first: they run
/// on a runtime that lives as long as the process.
pub(crate) fn in_world(test: impl AsyncFnOnce(&'static World)) {
    static RUNTIME: std::sync::LazyLock<Runtime> =
        std::sync::LazyLock::new(|| Runtime::new().expect("runtime"));
    RUNTIME.block_on(async {
        let world = WORLD.get_or_init(async || World::start().await.expect("world")).await;
        test(world).await;
    });
}

/// Signs in one of the realm's people.
pub(crate) async fn sign_in(world: &World, user: &str) -> Citizen {
    Citizen::sign_in(&world.bff, user, &format!("{user}-pw")).await.expect("sign-in")
}

/// Checks that an answer is a problem with this status and reason; gives its body.
pub(crate) async fn problem(answer: Response, status: StatusCode, reason: &str) -> Value {
    let got = answer.status();
    let kind = answer.headers().get("content-type").cloned();
    let body: Value = answer.json().await.expect("json");
    assert_eq!((got, body["code"].as_str()), (status, Some(reason)), "{body}");
    assert_eq!(kind.expect("content type"), "application/problem+json");
    body
}
