//! The client against `sandbox/tsa`, over the network.

use std::time::{Duration, Instant};

use clock::Clock;
use timestamp::{Error, Invalid, Refusal, Settings, Stamped, Trusted, Tsa, verify};

const DIGEST: &[u8; 32] = &[7; 32];
/// For whatever is answered at once.
const LONG: Duration = Duration::from_secs(60);

struct World {
    clock: Clock,
    authority: tsa::Tsa,
    trusted: Trusted,
}

impl World {
    async fn new() -> Self {
        let clock = Clock::system();
        let authority = tsa::start(clock.clone()).await.unwrap();
        let trusted = Trusted::from_pem(authority.root_pem().as_bytes()).unwrap();
        Self { clock, authority, trusted }
    }

    fn settings(&self, path: &str) -> Settings {
        let url = self.authority.url(path).parse().unwrap();
        Settings { url, trusted: self.trusted.clone(), policy: None, deadline: LONG }
    }

    async fn stamp(&self, path: &str) -> Result<Stamped, Error> {
        self.client(self.settings(path)).stamp(DIGEST).await
    }

    fn client(&self, settings: Settings) -> Tsa {
        Tsa::new(settings, self.clock.clone()).unwrap()
    }

    async fn invalid(&self, path: &str) -> Invalid {
        match self.stamp(path).await.unwrap_err() {
            Error::Invalid(invalid) => invalid,
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stamp_says_when_and_holds_offline() {
    let world = World::new().await;
    let before = world.clock.now();
    let stamped = world.stamp("").await.unwrap();
    assert!(before <= stamped.stamp.at && stamped.stamp.at <= world.clock.now());
    assert_eq!(stamped.stamp.accuracy, Some(Duration::from_millis(1_500)));
    assert_eq!(stamped.stamp.policy, "1.3.6.1.4.1.32473.1.1");
    assert_eq!(stamped.stamp.serial, "01");
    assert_eq!(stamped.stamp.authority, "CN=Sandbox Time-Stamps");
    assert_eq!(verify(&stamped.token, DIGEST, &world.trusted).unwrap(), stamped.stamp);
    assert!(matches!(verify(&stamped.token, &[8; 32], &world.trusted), Err(Invalid::Imprint)));
    // The next one is another.
    assert_ne!(world.stamp("").await.unwrap().token, stamped.token);
}

#[tokio::test]
async fn a_refusal_names_its_reason() {
    let world = World::new().await;
    for name in ["badAlg", "badRequest", "badDataFormat", "unacceptedPolicy", "unacceptedExtension"] {
        let error = world.stamp(&format!("reject/{name}")).await.unwrap_err();
        assert!(!error.is_transient());
        let Error::Refused(Refusal::Rejected { status, failures, text }) = error else { panic!("{error:?}") };
        assert_eq!(
            (status, failures, text.as_str()),
            ("rejection", vec![name.to_owned()], "as was asked for")
        );
    }
}

#[tokio::test]
async fn the_policy_that_was_asked_for_is_the_one_that_is_got() {
    let world = World::new().await;
    let ours = Settings { policy: Some("1.3.6.1.4.1.32473.1.1".parse().unwrap()), ..world.settings("") };
    assert_eq!(world.client(ours.clone()).stamp(DIGEST).await.unwrap().stamp.policy, "1.3.6.1.4.1.32473.1.1");
    let other = Settings { policy: Some("1.2.3.4".parse().unwrap()), ..world.settings("") };
    let error = world.client(other).stamp(DIGEST).await.unwrap_err();
    assert!(error.to_string().contains("unacceptedPolicy"), "{error}");
    let ignored = Settings { url: world.authority.url("wrong-policy").parse().unwrap(), ..ours };
    let error = world.client(ignored).stamp(DIGEST).await.unwrap_err();
    assert!(matches!(&error, Error::Policy(policy) if policy == "1.3.6.1.4.1.32473.1.2"), "{error:?}");
}

#[tokio::test]
async fn a_token_of_something_else_is_not_taken() {
    let world = World::new().await;
    assert!(matches!(world.stamp("wrong-nonce").await.unwrap_err(), Error::Nonce));
    assert!(matches!(world.stamp("wrong-time").await.unwrap_err(), Error::Time { .. }));
    assert!(matches!(world.invalid("wrong-imprint").await, Invalid::Imprint));
}

#[tokio::test]
async fn a_token_that_does_not_hold_names_the_check() {
    let world = World::new().await;
    assert!(matches!(world.invalid("wrong-signature").await, Invalid::Signature(_)));
    assert!(matches!(world.invalid("wrong-digest").await, Invalid::MessageDigest));
    assert!(matches!(world.invalid("wrong-certificate").await, Invalid::SigningCertificate));
    assert!(matches!(world.invalid("wrong-purpose").await, Invalid::Purpose));
    assert!(matches!(world.invalid("expired").await, Invalid::Expired(_)));
    assert!(matches!(world.invalid("stranger").await, Invalid::Chain(_)));
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let world = World::new().await;
    let garbage = world.stamp("garbage").await.unwrap_err();
    assert!(matches!(garbage, Error::Refused(Refusal::Malformed(_))), "{garbage:?}");
    let nothing = world.stamp("no-token").await.unwrap_err();
    assert!(matches!(nothing, Error::Refused(Refusal::NoToken)), "{nothing:?}");
    let html = world.stamp("wrong-type").await.unwrap_err();
    assert!(matches!(&html, Error::ContentType(_, found) if found == "text/html"), "{html:?}");
    let large = world.stamp("oversize").await.unwrap_err();
    assert!(matches!(large, Error::TooLarge(_)), "{large:?}");
    let absent = world.stamp("no/such/path").await.unwrap_err();
    assert!(matches!(absent, Error::Status(_, 404)) && !absent.is_transient(), "{absent:?}");
}

#[tokio::test]
async fn an_authority_that_is_away_for_a_moment_is_asked_again() {
    let world = World::new().await;
    let stamped = world.stamp("unavailable/2").await.unwrap();
    assert_eq!(stamped.stamp.serial, "01");
}

#[tokio::test]
async fn an_authority_that_stays_away_is_given_up_at_the_deadline() {
    let world = World::new().await;
    let within = Duration::from_millis(400);
    let give_up = async |path: &str| {
        let begun = Instant::now();
        let settings = Settings { deadline: within, ..world.settings(path) };
        let error = world.client(settings).stamp(DIGEST).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        // Far below what it would take to wait for the answer.
        assert!(begun.elapsed() < LONG / 2, "{path}: {:?}", begun.elapsed());
        error
    };
    assert!(matches!(give_up("slow/600000").await, Error::Unreachable(_, source) if source.is_timeout()));
    assert!(matches!(give_up("unavailable/1000000").await, Error::Status(_, 503) | Error::Unreachable(..)));
    let rejected = give_up("reject/timeNotAvailable").await;
    assert!(matches!(rejected, Error::Refused(_) | Error::Unreachable(..)), "{rejected:?}");
}
