use serde_json::{Value, json};

use super::*;

const SANDBOX_SECRET: &str = "whsec_HRbkVgiORG5IJpw+uFGFxRD8FCPemayp4uo1hUJAjoE=";
const STRIPE_SECRET: &str = "whsec_0123456789abcdefghijklmnopqrstuv";

fn stripe_account() -> Value {
    json!({
        "name": "acct_town", "tenant": "riverton", "provider": "stripe",
        "secret_key": "sk_test_0123456789abcdef", "webhook_secrets": [STRIPE_SECRET],
    })
}

fn sandbox_account() -> Value {
    json!({
        "name": "acct_water", "tenant": "lakeside", "provider": "sandbox", "url": "http://psp:4010", "api_key": "k",
        "webhook_secrets": [SANDBOX_SECRET], "callback_url": "https://portal.example/webhooks/payments/acct_water",
    })
}

fn problems(file: &Value) -> Vec<String> {
    match read(file.to_string().as_bytes()) {
        Err(AccountsError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other) => vec![other.to_string()],
        Ok(_) => Vec::new(),
    }
}

/// What is wrong with an account at Stripe that has this field.
fn with(name: &str, value: Value) -> Vec<String> {
    let mut account = stripe_account();
    account[name] = value;
    problems(&json!({ "accounts": [account] }))
}

#[test]
fn accounts_of_either_kind_are_read() {
    let file = json!({ "accounts": [stripe_account(), sandbox_account()] });
    let entries = read(file.to_string().as_bytes()).unwrap();
    let Kind::Stripe { settings, secrets } = &entries[0].kind else { panic!("of Stripe") };
    assert_eq!(settings.api_base.as_str(), "https://api.stripe.com/");
    assert_eq!(
        (settings.product_name.as_str(), settings.payment_methods.as_slice()),
        ("Bill", &["card".to_owned()][..])
    );
    assert_eq!(secrets.len(), 1);
    assert!(matches!(&entries[1].kind, Kind::Sandbox { callback_url: Some(_), .. }));
    assert!(read(br#"{"accounts": []}"#).unwrap().is_empty());
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_its_field() {
    let mut twice = sandbox_account();
    twice["name"] = json!("acct_town");
    let file = json!({
        "colour": "red",
        "accounts": [
            stripe_account(),
            { "name": "a b", "tenant": "", "provider": "stripe", "api_base": "http://pay.example", "secret_key": "pk_live_0123456789abcdef",
              "webhook_secrets": ["nothing", 5, STRIPE_SECRET], "payment_methods": [], "product_name": "", "api_key": "x" },
            { "name": "c", "tenant": "riverton", "provider": "paypal" },
            twice,
            7,
            { "name": 5, "tenant": "hilltop", "provider": "sandbox", "url": "nowhere", "callback_url": "also nowhere" },
        ],
    });
    assert_eq!(
        problems(&file),
        [
            "colour is not a setting",
            "accounts[1].name must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'",
            "accounts[1].tenant must be set",
            "accounts[1].api_base must be an https URL, without user, password or query; http to the machine itself",
            "accounts[1].secret_key must begin with sk_ or rk_, and be 16 to 255 letters, digits and underscores",
            "accounts[1].product_name must be 1 to 250 bytes without control characters",
            "accounts[1].payment_methods must be 1 to 20 names of Stripe's, lower case with underscores",
            "accounts[1].webhook_secrets must be one, or two while they rotate",
            "accounts[1].webhook_secrets[0] must be `whsec_` and 16 to 128 letters and digits",
            "accounts[1].webhook_secrets[1] must be a text",
            "accounts[1].api_key is not a setting",
            "accounts[2].tenant has another account",
            "accounts[2].provider must be sandbox or stripe",
            "accounts[3].name is another account's",
            "accounts[4] must be an object",
            "accounts[5].name must be a text",
            "accounts[5].url relative URL without a base",
            "accounts[5].api_key must be set",
            "accounts[5].callback_url relative URL without a base",
            "accounts[5].webhook_secrets must be a list",
        ]
    );
}

#[test]
fn a_key_is_sent_to_nobody_who_could_be_overheard() {
    for url in ["https://api.stripe.com", "http://127.0.0.1:12111", "http://localhost:1", "http://[::1]:2/v"]
    {
        assert_eq!(with("api_base", json!(url)), [""; 0], "{url}");
    }
    for url in [
        "http://api.stripe.com",
        "ftp://127.0.0.1",
        "https://a:b@pay.example",
        "https://pay.example/?x",
        "file:///etc",
    ] {
        assert_eq!(with("api_base", json!(url)).len(), 1, "{url}");
    }
}

#[test]
fn two_secrets_are_valid_while_they_rotate() {
    assert_eq!(with("webhook_secrets", json!([STRIPE_SECRET, STRIPE_SECRET])), [""; 0]);
    assert_eq!(
        with("webhook_secrets", json!([])),
        ["accounts[0].webhook_secrets must be one, or two while they rotate"]
    );
}

#[test]
fn a_file_that_is_no_such_file_is_told_and_its_secrets_are_not() {
    let malformed = read(b"{\"accounts\": [\n\"sk_live_verysecret\"").err().unwrap().to_string();
    assert_eq!(malformed, "must be JSON: line 2, column 20");
    assert_eq!(problems(&json!(["sk_live_verysecret"])), ["the file must be an object"]);
    assert_eq!(problems(&json!({})), ["accounts must be a list"]);
    let bad = problems(
        &json!({ "accounts": [{ "name": "sk live verysecret", "tenant": "sk live verysecret", "provider": "sk_live_verysecret",
        "secret_key": "sk live verysecret", "webhook_secrets": ["sk_live_verysecret"] }] }),
    );
    assert!(!bad.is_empty() && bad.iter().all(|told| !told.contains("verysecret")), "{bad:?}");
    let bad = [
        with("secret_key", json!("sk live verysecret")),
        with("webhook_secrets", json!(["sk_live_verysecret"])),
    ];
    assert!(bad.iter().flatten().all(|told| !told.contains("verysecret")), "{bad:?}");
}
