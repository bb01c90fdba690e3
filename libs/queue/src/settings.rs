//! Where SQS is.

use ::settings::{Env, Secret};
use url::Url;

/// Settings `SQS__*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `SQS__ENDPOINT`: base URL of an SQS that is not AWS's own; without it the region's endpoint is used.
    pub endpoint: Option<Url>,
    /// `SQS__REGION`, default `eu-central-1`.
    pub region: String,
    /// `SQS__QUEUE_PREFIX`, default empty: put before every queue name, so that environments can share an account.
    pub queue_prefix: String,
    /// `SQS__ACCESS_KEY_ID` and `SQS__SECRET_ACCESS_KEY`, both or neither; without them the AWS default chain
    /// (pod identity, web identity, instance role) is asked.
    pub credentials: Option<(String, Secret)>,
}

impl Settings {
    /// Reads `SQS__*`; notes every error in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        let endpoint = env.var("SQS__ENDPOINT").optional();
        let region = env.var("SQS__REGION").default("eu-central-1".to_owned());
        let queue_prefix = env.var("SQS__QUEUE_PREFIX").default(String::new());
        let id = env.var("SQS__ACCESS_KEY_ID").optional();
        let secret = env.secret("SQS__SECRET_ACCESS_KEY").optional();
        let credentials = match (id?, secret?) {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => None,
            (Some(_), None) => {
                env.problem("SQS__SECRET_ACCESS_KEY", "is needed with the access key id");
                return None;
            }
            (None, Some(_)) => {
                env.problem("SQS__ACCESS_KEY_ID", "is needed with the secret access key");
                return None;
            }
        };
        Some(Self { endpoint: endpoint?, region: region?, queue_prefix: queue_prefix?, credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, ::settings::Error> {
        let mut env = Env::from_pairs("WORKER", pairs.iter().copied());
        let settings = Settings::load(&mut env);
        env.finish(settings)
    }

    #[test]
    fn production_needs_nothing() {
        let settings = load(&[]).unwrap();
        assert!(settings.endpoint.is_none() && settings.credentials.is_none());
        assert_eq!(settings.region, "eu-central-1");
    }

    #[test]
    fn half_a_credential_is_refused() {
        let error =
            load(&[("WORKER__SQS__ACCESS_KEY_ID", "x"), ("WORKER__SQS__ENDPOINT", "nowhere")]).unwrap_err();
        let variables: Vec<_> = error.problems.iter().map(|p| p.variable.as_str()).collect();
        assert_eq!(variables, ["WORKER__SQS__ENDPOINT", "WORKER__SQS__SECRET_ACCESS_KEY"]);
    }
}
