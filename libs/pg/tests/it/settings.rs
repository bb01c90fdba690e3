use pg::Settings;
use secrecy::ExposeSecret;
use settings::Env;

const URL: (&str, &str) = ("DOCUMENT__DB__URL", "postgres://document_app:secret@db/document");
const SYSTEM: (&str, &str) = ("DOCUMENT__DB__SYSTEM_URL", "postgres://document_system:secret@db/document");

fn load(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let mut env = Env::from_pairs("DOCUMENT", pairs.iter().copied());
    let settings = Settings::load(&mut env);
    env.finish(settings).map_err(|error| error.to_string())
}

#[test]
fn two_urls_are_enough() {
    let settings = load(&[URL, SYSTEM]).unwrap();
    assert_eq!(settings.url.expose_secret(), URL.1);
    assert_eq!(settings.system_url.expose_secret(), SYSTEM.1);
    assert!(settings.owner_url.is_none() && settings.tls_ca.is_none() && !settings.pooler);
    assert_eq!(settings.max_connections, 10);
}

#[test]
fn every_error_is_named_and_no_value_repeated() {
    let error = load(&[
        ("DOCUMENT__DB__URL", "mysql://root:hunter2@db/document"),
        ("DOCUMENT__DB__OWNER_URL", "not a url hunter2"),
        ("DOCUMENT__DB__MAX_CONNECTIONS", "0"),
        ("DOCUMENT__DB__TLS_CA", "/nowhere/ca.pem"),
        ("DOCUMENT__DB__POOLER", "perhaps"),
    ])
    .unwrap_err();
    for name in
        ["DB__URL", "DB__SYSTEM_URL", "DB__OWNER_URL", "DB__MAX_CONNECTIONS", "DB__TLS_CA", "DB__POOLER"]
    {
        assert!(error.contains(&format!("DOCUMENT__{name}")), "{name} in {error}");
    }
    assert!(!error.contains("hunter2") && !error.contains("nowhere"), "{error}");
}

#[test]
fn debug_shows_no_password() {
    let shown = format!("{:?}", load(&[URL, SYSTEM]).unwrap());
    assert!(!shown.contains("secret@"), "{shown}");
}
