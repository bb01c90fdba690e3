use std::time::Duration;

use auth::{Error, Invalid, Verifier};
use serde_json::json;

use crate::issuer::{Issuer, SigningKey};

async fn outcome(verifier: &Verifier, token: &str) -> Result<(), Error> {
    verifier.verify(token).await.map(drop)
}

fn is_unknown(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::TokenInvalid(Invalid::UnknownKey)))
}

#[tokio::test]
async fn a_hundred_first_tokens_fetch_the_keys_once() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key, "ES256", json!({}));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            tokio::spawn(async move { verifier.verify(&token).await.map(drop) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn keys_are_kept_ten_minutes_and_a_withdrawn_one_ends_with_them() {
    let (old, new) = (SigningKey::ec("old"), SigningKey::ec("new"));
    let issuer = Issuer::start(&[&old]).await;
    let verifier = issuer.verifier();
    let long = json!({"exp": issuer.clock.now().unix_timestamp() + 7_200});
    let token = issuer.token(&old, "ES256", long);
    outcome(&verifier, &token).await.unwrap();
    issuer.publish(&[&new]);
    issuer.clock.advance(Duration::from_secs(600));
    outcome(&verifier, &token).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
    issuer.clock.advance(Duration::from_secs(1));
    assert!(is_unknown(&outcome(&verifier, &token).await));
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn an_unknown_key_fetches_again_at_most_once_in_ten_seconds() {
    let (old, new) = (SigningKey::ec("old"), SigningKey::ec("new"));
    let issuer = Issuer::start(&[&old]).await;
    let verifier = issuer.verifier();
    let long = json!({"exp": issuer.clock.now().unix_timestamp() + 7_200});
    outcome(&verifier, &issuer.token(&old, "ES256", long.clone())).await.unwrap();
    issuer.publish(&[&old, &new]);
    let token = issuer.token(&new, "ES256", long);
    // Just fetched: whoever makes up key ids cannot make us fetch more.
    for _ in 0..50 {
        assert!(is_unknown(&outcome(&verifier, &token).await));
    }
    assert_eq!(issuer.fetches(), 1);
    issuer.clock.advance(Duration::from_secs(10));
    outcome(&verifier, &token).await.unwrap();
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn known_keys_go_on_while_the_issuer_is_down() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key, "ES256", json!({"exp": issuer.clock.now().unix_timestamp() + 86_400}));
    outcome(&verifier, &token).await.unwrap();
    issuer.set_down(true);
    issuer.clock.advance(Duration::from_secs(3_600));
    for _ in 0..20 {
        outcome(&verifier, &token).await.unwrap();
    }
    verifier.ready().await.unwrap();
    // One try for all of them.
    assert_eq!(issuer.fetches(), 2);
    issuer.set_down(false);
    issuer.clock.advance(Duration::from_secs(10));
    outcome(&verifier, &token).await.unwrap();
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn old_keys_verify_at_once_while_somebody_else_waits_for_new_ones() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key, "ES256", json!({"exp": issuer.clock.now().unix_timestamp() + 86_400}));
    outcome(&verifier, &token).await.unwrap();
    issuer.clock.advance(Duration::from_secs(601));
    let gate = issuer.hold();
    let waiting = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verifier.verify(&token).await.map(drop) }
    });
    issuer.fetched(2).await;
    for _ in 0..20 {
        outcome(&verifier, &token).await.unwrap();
    }
    assert!(!waiting.is_finished());
    gate.add_permits(1);
    waiting.await.unwrap().unwrap();
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_cut_the_fetch() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key, "ES256", json!({}));
    let gate = issuer.hold();
    let gone = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verifier.verify(&token).await.map(drop) }
    });
    issuer.fetched(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    outcome(&verifier, &token).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn before_the_issuer_was_ever_reached_nobody_passes_and_a_second_later_all_do() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key, "ES256", json!({}));
    issuer.set_down(true);
    for _ in 0..20 {
        assert!(matches!(outcome(&verifier, &token).await, Err(Error::IssuerUnavailable(Some(_)))));
    }
    let error = verifier.ready().await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, format!("{}/certs answered 500", issuer.url));
    assert_eq!(issuer.fetches(), 1);
    issuer.set_down(false);
    issuer.clock.advance(Duration::from_secs(1));
    outcome(&verifier, &token).await.unwrap();
    verifier.ready().await.unwrap();
}

#[tokio::test]
async fn a_document_of_another_issuer_is_not_believed() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    *issuer.state.claims_to_be.lock().unwrap() = Some("http://other.example".into());
    let error = outcome(&issuer.verifier(), &issuer.token(&key, "ES256", json!({}))).await.unwrap_err();
    let Error::IssuerUnavailable(Some(source)) = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("http://other.example"), "{source}");
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn keys_that_cannot_be_used_hide_no_other_and_an_empty_set_replaces_nothing() {
    let (key, encryption, bound) = (SigningKey::ec("e"), SigningKey::rsa("enc"), SigningKey::rsa("bound"));
    let issuer = Issuer::start(&[&key]).await;
    let mut encryption_jwk = encryption.jwk();
    encryption_jwk["use"] = json!("enc");
    let mut bound_jwk = bound.jwk();
    bound_jwk["alg"] = json!("PS256");
    *issuer.state.jwks.lock().unwrap() = vec![
        json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}),
        json!({"kty": "from the future", "kid": "?"}),
        json!("nonsense"),
        json!({"kty": "EC", "crv": "P-384", "kid": "p384", "x": "AA", "y": "AA"}),
        encryption_jwk,
        bound_jwk,
        key.jwk(),
    ];
    let verifier = issuer.verifier();
    outcome(&verifier, &issuer.token(&key, "ES256", json!({}))).await.unwrap();
    assert!(is_unknown(&outcome(&verifier, &issuer.token(&encryption, "RS256", json!({}))).await));
    outcome(&verifier, &issuer.token(&bound, "PS256", json!({}))).await.unwrap();
    assert!(matches!(
        outcome(&verifier, &issuer.token(&bound, "RS256", json!({}))).await,
        Err(Error::TokenInvalid(Invalid::Algorithm))
    ));

    issuer.publish(&[]);
    issuer.clock.advance(Duration::from_secs(601));
    outcome(&verifier, &issuer.token(&key, "ES256", json!({}))).await.unwrap();
}
