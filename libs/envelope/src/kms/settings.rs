use std::path::PathBuf;

use ::settings::{Env, Secret};
use url::Url;

/// Settings `KMS__*`: a key file or a key of AWS KMS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Settings {
    /// `KMS__KEY_FILE`: a file with keys, for development.
    File(PathBuf),
    /// `KMS__KEY_ID` and the others.
    Aws(AwsSettings),
}

/// Settings of AWS KMS.
#[derive(Clone, Debug)]
pub struct AwsSettings {
    /// `KMS__KEY_ID`: id, ARN or `alias/…` of a symmetric key.
    pub key_id: String,
    /// `KMS__REGION`, default `eu-central-1`.
    pub region: String,
    /// `KMS__ENDPOINT`: base URL of a KMS that is not the region's own, for example a VPC endpoint.
    pub endpoint: Option<Url>,
    /// `KMS__ACCESS_KEY_ID` and `KMS__SECRET_ACCESS_KEY`, both or neither; without them the AWS default chain
    /// (pod identity, web identity, instance role) is asked.
    pub credentials: Option<(String, Secret)>,
}

impl Settings {
    /// Reads `KMS__*`; notes every error in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        let file = env.var::<PathBuf>("KMS__KEY_FILE").optional();
        let key_id = env.var::<String>("KMS__KEY_ID").optional();
        let region = env.var::<String>("KMS__REGION").optional();
        let endpoint = env.var::<Url>("KMS__ENDPOINT").optional();
        let id = env.var::<String>("KMS__ACCESS_KEY_ID").optional();
        let secret = env.secret("KMS__SECRET_ACCESS_KEY").optional();
        let (file, key_id, region, endpoint, id, secret) = (file?, key_id?, region?, endpoint?, id?, secret?);
        match (file, key_id) {
            (Some(_), Some(_)) => {
                env.problem("KMS__KEY_ID", "cannot stand beside a key file: one of the two");
                None
            }
            (None, None) => {
                env.problem("KMS__KEY_ID", "is needed, or a key file");
                None
            }
            (Some(file), None) => {
                let others = [
                    ("KMS__REGION", region.is_some()),
                    ("KMS__ENDPOINT", endpoint.is_some()),
                    ("KMS__ACCESS_KEY_ID", id.is_some()),
                    ("KMS__SECRET_ACCESS_KEY", secret.is_some()),
                ];
                let mut alone = true;
                for (variable, _) in others.into_iter().filter(|(_, given)| *given) {
                    env.problem(variable, "means nothing beside a key file");
                    alone = false;
                }
                alone.then_some(Self::File(file))
            }
            (None, Some(key_id)) => {
                let credentials = match (id, secret) {
                    (Some(id), Some(secret)) => Some((id, secret)),
                    (None, None) => None,
                    (Some(_), None) => {
                        env.problem("KMS__SECRET_ACCESS_KEY", "is needed with the access key id");
                        return None;
                    }
                    (None, Some(_)) => {
                        env.problem("KMS__ACCESS_KEY_ID", "is needed with the secret access key");
                        return None;
                    }
                };
                let region = region.unwrap_or_else(|| "eu-central-1".to_owned());
                Some(Self::Aws(AwsSettings { key_id, region, endpoint, credentials }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, ::settings::Error> {
        let mut env = Env::from_pairs("DOCUMENT", pairs.iter().copied());
        let settings = Settings::load(&mut env);
        env.finish(settings)
    }

    #[test]
    fn exactly_one_of_file_and_aws_is_taken() {
        let file = load(&[("DOCUMENT__KMS__KEY_FILE", "keys.json")]).unwrap();
        assert!(matches!(file, Settings::File(_)));
        let Settings::Aws(aws) = load(&[("DOCUMENT__KMS__KEY_ID", "alias/guildhall")]).unwrap() else {
            panic!("AWS")
        };
        assert_eq!((aws.key_id.as_str(), aws.region.as_str()), ("alias/guildhall", "eu-central-1"));
        assert!(aws.endpoint.is_none() && aws.credentials.is_none());
        for (pairs, variables) in [
            (&[][..], &["DOCUMENT__KMS__KEY_ID"][..]),
            (&[("KEY_FILE", "k"), ("KEY_ID", "a")], &["DOCUMENT__KMS__KEY_ID"]),
            (
                &[("KEY_FILE", "k"), ("REGION", "r"), ("ENDPOINT", "http://x")],
                &["DOCUMENT__KMS__ENDPOINT", "DOCUMENT__KMS__REGION"],
            ),
            (&[("KEY_ID", "a"), ("ACCESS_KEY_ID", "x")], &["DOCUMENT__KMS__SECRET_ACCESS_KEY"]),
            (&[("KEY_ID", "a"), ("SECRET_ACCESS_KEY", "x")], &["DOCUMENT__KMS__ACCESS_KEY_ID"]),
            (&[("KEY_ID", "a"), ("ENDPOINT", "nowhere")], &["DOCUMENT__KMS__ENDPOINT"]),
        ] {
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| (format!("DOCUMENT__KMS__{name}"), *value)).collect();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let error = load(&pairs).unwrap_err();
            let told: Vec<_> = error.problems.iter().map(|problem| problem.variable.as_str()).collect();
            assert_eq!(told, variables);
        }
    }
}
