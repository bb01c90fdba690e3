use settings::Env;
use telemetry::Settings;

#[test]
fn without_variables_nothing_is_exported_and_info_is_logged() {
    let mut env = Env::from_pairs("DOCUMENT", [("X", "1")]);
    let settings = Settings::load(&mut env);
    let settings = env.finish(settings).unwrap();
    assert!(settings.otlp_endpoint.is_none());
    assert_eq!(settings.log, "info");
}

#[test]
fn variables_are_checked() {
    for (endpoint, log) in [("https://collector", "info=="), ("127.0.0.1:4317", "it=loud")] {
        let mut env = Env::from_pairs(
            "DOCUMENT",
            [("DOCUMENT__TELEMETRY__OTLP_ENDPOINT", endpoint), ("DOCUMENT__TELEMETRY__LOG", log)],
        );
        let settings = Settings::load(&mut env);
        let error = env.finish(settings).unwrap_err();
        assert_eq!(error.problems.len(), 2, "{error}");
    }
}
