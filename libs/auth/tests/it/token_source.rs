use std::time::Duration;

use auth::{Error, Settings, TokenSource};
use serde_json::json;
use tonic::Request;

use crate::issuer::{Issuer, SigningKey};

#[tokio::test]
async fn a_token_is_fetched_once_and_renewed_thirty_seconds_before_its_end() {
    let issuer = Issuer::start(&[]).await;
    let source = issuer.token_source();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.token().await.unwrap().expose().to_owned() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "token-1");
    }
    issuer.clock.advance(Duration::from_secs(269));
    assert_eq!(source.token().await.unwrap().expose(), "token-1");
    issuer.clock.advance(Duration::from_secs(1));
    assert_eq!(source.token().await.unwrap().expose(), "token-2");
    assert_eq!(issuer.tokens(), 2);
}

#[tokio::test]
async fn while_the_issuer_is_down_a_token_is_used_to_its_end() {
    let issuer = Issuer::start(&[]).await;
    let source = issuer.token_source();
    source.token().await.unwrap();
    issuer.set_down(true);
    issuer.clock.advance(Duration::from_secs(299));
    for _ in 0..20 {
        assert_eq!(source.token().await.unwrap().expose(), "token-1");
    }
    assert_eq!(issuer.tokens(), 2, "one failed try in a second");
    issuer.clock.advance(Duration::from_secs(1));
    assert!(matches!(source.token().await, Err(Error::IssuerUnavailable(Some(_)))));
    source.ready().await.unwrap_err();
    issuer.set_down(false);
    issuer.clock.advance(Duration::from_secs(1));
    assert_eq!(source.token().await.unwrap().expose(), "token-4");
}

#[tokio::test]
async fn a_life_that_is_not_told_is_taken_to_be_short() {
    let issuer = Issuer::start(&[]).await;
    *issuer.state.lifetime.lock().unwrap() = None;
    let source = issuer.token_source();
    assert_eq!(source.token().await.unwrap().expose(), "token-1");
    issuer.clock.advance(Duration::from_secs(29));
    assert_eq!(source.token().await.unwrap().expose(), "token-1");
    issuer.clock.advance(Duration::from_secs(1));
    assert_eq!(source.token().await.unwrap().expose(), "token-2");
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_cut_the_fetch() {
    let issuer = Issuer::start(&[]).await;
    let source = issuer.token_source();
    let gate = issuer.hold();
    let gone = tokio::spawn({
        let source = source.clone();
        async move { source.token().await.map(drop) }
    });
    issuer.asked_for_token(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    assert_eq!(source.token().await.unwrap().expose(), "token-1");
    assert_eq!(issuer.tokens(), 1);
}

#[tokio::test]
async fn a_wrong_secret_and_no_client_are_told_apart() {
    let issuer = Issuer::start(&[]).await;
    let mut settings = issuer.settings();
    settings.client.as_mut().unwrap().secret = "wrong".to_owned().into();
    let error = TokenSource::new(&settings, issuer.clock.clone()).unwrap().token().await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, format!("{}/token answered 401", issuer.url));
    let settings = Settings { client: None, ..settings };
    assert!(matches!(TokenSource::new(&settings, issuer.clock.clone()), Err(Error::NoClient)));
}

#[tokio::test]
async fn a_request_says_who_calls_in_which_tenant_and_for_whom() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let token = auth::Token::parse(&issuer.token(&key, "ES256", json!({}))).unwrap();
    let mut request = Request::new(());
    auth::client::authorize(&mut request, &token, Some(&"lakeside".parse().unwrap()));
    auth::client::on_behalf_of(&mut request, &"ada".parse().unwrap());
    let metadata = request.metadata();
    assert_eq!(metadata.get("authorization").unwrap(), &format!("Bearer {}", token.expose()));
    assert_eq!(metadata.get("x-tenant").unwrap(), "lakeside");
    assert_eq!(metadata.get("x-on-behalf-of").unwrap(), "ada");
    assert!(metadata.get("authorization").unwrap().is_sensitive());
    for bad in ["", "a b", "a\nb", "é"] {
        auth::Token::parse(bad).unwrap_err();
    }
}
