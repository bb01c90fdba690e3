use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use auth::{Error, Invalid, Role};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::issuer::{Issuer, SigningKey, signed, unsigned};

fn invalid(result: Result<auth::Identity, Error>) -> Invalid {
    match result {
        Err(Error::TokenInvalid(invalid)) => invalid,
        other => panic!("not refused as invalid: {other:?}"),
    }
}

#[tokio::test]
async fn a_token_of_each_allowed_algorithm_passes() {
    let (rsa, ec, ed) = (SigningKey::rsa("r"), SigningKey::ec("e"), SigningKey::ed("d"));
    let issuer = Issuer::start(&[&rsa, &ec, &ed]).await;
    let verifier = issuer.verifier();
    for (key, alg) in [(&rsa, "RS256"), (&rsa, "PS256"), (&ec, "ES256"), (&ed, "EdDSA")] {
        let token = issuer.token(key, alg, json!({}));
        let identity = verifier.verify(&token).await.unwrap_or_else(|error| panic!("{alg}: {error}"));
        assert_eq!(identity.subject.as_str(), "ada");
        assert_eq!(identity.tenant.unwrap().as_str(), "riverton");
        assert_eq!(identity.roles, [Role::Citizen]);
        assert_eq!(identity.client_id, "portal");
        assert_eq!(
            (identity.email.as_deref(), identity.locale.as_deref()),
            (Some("ada@example.org"), Some("en"))
        );
        assert_eq!(identity.expires_at, issuer.clock.now().unix_timestamp() + 300);
        assert_eq!(identity.token.expose(), token);
    }
    assert_eq!(issuer.fetches(), 1);
}

/// What each token is refused for. Causes have one text each, so that a caller learns which.
#[tokio::test]
async fn every_bad_token_is_refused_for_its_own_reason() {
    let (key, other) = (SigningKey::rsa("r"), SigningKey::rsa("r"));
    let ec = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key, &ec]).await;
    let verifier = issuer.verifier();
    let now = issuer.clock.now().unix_timestamp();
    let mint = |changes: Value| issuer.token(&key, "RS256", changes);
    let with_header = |header: Value, alg: &str| signed(&key, &header, alg, &issuer.claims(&json!({})));

    let good = mint(json!({}));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let none = format!("{}.", unsigned(&json!({"alg": "none", "kid": "r"}), &issuer.claims(&json!({}))));
    let confused = {
        // The public key as an HMAC secret: the oldest trick there is.
        let message = unsigned(&json!({"alg": "HS256", "kid": "r"}), &issuer.claims(&json!({})));
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &key.public_der());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&secret, message.as_bytes())))
    };
    let swapped = {
        let ben = issuer.claims(&json!({"sub": "ben"}));
        let other = unsigned(&json!({"alg": "RS256", "kid": "r"}), &ben);
        format!("{other}.{signature}")
    };
    let mut cases = vec![
        ("alg none", none, Invalid::Algorithm),
        ("HS256 with the public key", confused, Invalid::Algorithm),
        ("RS512, well signed", with_header(json!({"alg": "RS512", "kid": "r"}), "RS512"), Invalid::Algorithm),
        (
            "an algorithm of another family than the key's",
            with_header(json!({"alg": "ES256", "kid": "r"}), "RS256"),
            Invalid::Algorithm,
        ),
        (
            "another kid of another family",
            with_header(json!({"alg": "RS256", "kid": "e"}), "RS256"),
            Invalid::Algorithm,
        ),
        ("unknown kid", with_header(json!({"alg": "RS256", "kid": "x"}), "RS256"), Invalid::UnknownKey),
        ("no kid", with_header(json!({"alg": "RS256"}), "RS256"), Invalid::UnknownKey),
        (
            "critical extension",
            with_header(json!({"alg": "RS256", "kid": "r", "crit": ["exp"]}), "RS256"),
            Invalid::Malformed,
        ),
        ("another's key under the same kid", issuer.token(&other, "RS256", json!({})), Invalid::Signature),
        ("another payload", swapped, Invalid::Signature),
        ("no signature", format!("{head}."), Invalid::Signature),
        ("wrong issuer", mint(json!({"iss": "http://evil.example"})), Invalid::Issuer),
        ("issuer with a slash more", mint(json!({"iss": format!("{}/", issuer.url)})), Invalid::Issuer),
        ("no issuer", mint(json!({"iss": null})), Invalid::Issuer),
        ("wrong audience", mint(json!({"aud": "account"})), Invalid::Audience),
        ("wrong audiences", mint(json!({"aud": ["account", "guildhall2"]})), Invalid::Audience),
        ("no audience", mint(json!({"aud": null})), Invalid::Audience),
        ("not yet valid", mint(json!({"nbf": now + 31})), Invalid::NotYetValid),
        ("no end", mint(json!({"exp": null})), Invalid::Claim("exp")),
        ("an ID token", mint(json!({"typ": "ID"})), Invalid::Kind),
        ("a refresh token", mint(json!({"typ": "Refresh"})), Invalid::Kind),
        ("no subject", mint(json!({"sub": null})), Invalid::Claim("sub")),
        ("a subject with a space", mint(json!({"sub": "a b"})), Invalid::Claim("sub")),
        ("a subject that an office gives", mint(json!({"sub": "person:4711"})), Invalid::Claim("sub")),
        ("a reference with a colon", mint(json!({"person_ref": "a:b"})), Invalid::Claim("person_ref")),
        ("a tenant of odd characters", mint(json!({"tenant": "River Ton"})), Invalid::Claim("tenant")),
        ("claims of other types", mint(json!({"exp": "tomorrow"})), Invalid::Malformed),
        ("too long", format!("{}{}", "a".repeat(17_000), good), Invalid::Malformed),
        ("a part too many", format!("{good}.x"), Invalid::Malformed),
    ];
    for garbage in ["", " ", "a", "a.b", "a.b.c", "..", "...", "e30.e30.e30", "{}.{}.{}", "é.é.é"] {
        cases.push(("garbage", garbage.to_owned(), Invalid::Malformed));
    }
    for (name, token, want) in cases {
        assert_eq!(invalid(verifier.verify(&token).await), want, "{name}");
    }
    verifier.verify(&good).await.unwrap();
}

#[tokio::test]
async fn each_cause_has_its_text_and_the_reason_of_its_kind() {
    let causes = [
        Error::TokenMissing,
        Error::TokenExpired,
        Error::PermissionDenied,
        Error::TenantMissing,
        Error::IssuerUnavailable(None),
    ];
    let reasons = causes.map(|error| {
        let error = rpc_error::Error::from(error);
        (error.http_status(), error.reason().to_owned())
    });
    let want = [
        (401, "TOKEN_MISSING"),
        (401, "TOKEN_EXPIRED"),
        (403, "PERMISSION_DENIED"),
        (400, "TENANT_MISSING"),
        (503, "UNAVAILABLE"),
    ];
    assert_eq!(reasons, want.map(|(status, reason)| (status, reason.to_owned())));

    let invalid = [
        Invalid::Malformed,
        Invalid::Algorithm,
        Invalid::UnknownKey,
        Invalid::Signature,
        Invalid::Issuer,
        Invalid::Audience,
        Invalid::NotYetValid,
        Invalid::Kind,
        Invalid::Claim("sub"),
    ];
    let texts: BTreeSet<_> = invalid
        .into_iter()
        .map(|invalid| {
            let error = rpc_error::Error::from(Error::from(invalid));
            assert_eq!((error.http_status(), error.reason()), (401, "TOKEN_INVALID"));
            error.public_message().to_owned()
        })
        .collect();
    assert_eq!(texts.len(), invalid.len());
}

#[tokio::test]
async fn times_have_thirty_seconds_of_leeway_and_no_more() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let now = issuer.clock.now().unix_timestamp();
    let verify = async |changes: Value| verifier.verify(&issuer.token(&key, "ES256", changes)).await;

    verify(json!({"exp": now - 29})).await.unwrap();
    verify(json!({"nbf": now + 30})).await.unwrap();
    verify(json!({"nbf": null})).await.unwrap();
    assert!(matches!(verify(json!({"exp": now - 30})).await, Err(Error::TokenExpired)));
    assert!(matches!(verify(json!({"exp": -1})).await, Err(Error::TokenExpired)));
    assert_eq!(invalid(verify(json!({"nbf": now + 31})).await), Invalid::NotYetValid);
    // Numbers may have fractions (RFC 7519), and an end beyond what an integer holds is an end.
    verify(json!({"exp": now as f64 + 0.5})).await.unwrap();
    verify(json!({"exp": 1e300})).await.unwrap();

    let token = issuer.token(&key, "ES256", json!({"exp": now + 60}));
    verifier.verify(&token).await.unwrap();
    issuer.clock.advance(Duration::from_secs(89));
    verifier.verify(&token).await.unwrap();
    issuer.clock.advance(Duration::from_secs(1));
    assert!(matches!(verifier.verify(&token).await, Err(Error::TokenExpired)));
}

#[tokio::test]
async fn optional_claims_may_be_missing_or_in_the_other_form() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let bare = json!({"aud": ["account", "guildhall"], "typ": null, "tenant": null, "roles": null, "email": null, "locale": null, "azp": null, "client_id": "svc-x"});
    let identity = issuer.verifier().verify(&issuer.token(&key, "ES256", bare)).await.unwrap();
    assert_eq!((identity.tenant, identity.email, identity.roles), (None, None, vec![]));
    assert_eq!(identity.client_id, "svc-x");
    let roles = json!({"roles": ["offline_access", "staff", "default-roles-guildhall", "Citizen"]});
    let identity = issuer.verifier().verify(&issuer.token(&key, "ES256", roles)).await.unwrap();
    assert_eq!(identity.roles, [Role::Staff]);
}

#[tokio::test]
async fn an_issuer_that_hangs_is_given_up_in_time() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let _never = issuer.hold();
    let start = Instant::now();
    let error = issuer.verifier().verify(&issuer.token(&key, "ES256", json!({}))).await.unwrap_err();
    assert!(matches!(error, Error::IssuerUnavailable(Some(_))), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_token_is_in_no_text() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let token = issuer.token(&key, "ES256", json!({}));
    let identity = issuer.verifier().verify(&token).await.unwrap();
    assert!(!format!("{identity:?}").contains(&token));
    assert_eq!(format!("{:?}", identity.token), "Token([REDACTED])");
    assert!(!format!("{:?}", identity.token.header()).contains(&token));
    assert!(!format!("{:?}", issuer.settings()).contains("s3cret"));
}
