//! Where the object store is, for us and for browsers.

use ::settings::{Env, Secret};
use url::Url;

/// Settings `S3__*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `S3__ENDPOINT`: the base URL this process dials; default AWS's endpoint of the region.
    pub endpoint: Url,
    /// `S3__PUBLIC_ENDPOINT`: the base URL that signatures are made for, the one browsers dial; default the endpoint.
    pub public_endpoint: Url,
    /// `S3__REGION`, default `eu-central-1`.
    pub region: String,
    /// `S3__INTAKE_BUCKET`, default `guildhall-intake`: what citizens send, before a verdict.
    pub intake_bucket: String,
    /// `S3__EVIDENCE_BUCKET`, default `guildhall-evidence`: what passed the scan.
    pub evidence_bucket: String,
    /// `S3__AUDIT_BUCKET`, default `guildhall-audit`: what proves what happened.
    pub audit_bucket: String,
    /// `S3__REPLICA_BUCKET`, optional: a second copy of the evidence, to restore it from.
    pub replica_bucket: Option<String>,
    /// `S3__EXPORTS_BUCKET`, default `guildhall-exports`: archives of cases.
    pub exports_bucket: String,
    /// `S3__ACCESS_KEY_ID` and `S3__SECRET_ACCESS_KEY`, both or neither; without them the AWS default chain (pod
    /// identity, web identity, instance role) is asked.
    pub credentials: Option<(String, Secret)>,
}

impl Settings {
    /// Reads `S3__*`; notes every error in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        let endpoint = env.var::<Url>("S3__ENDPOINT").check(BASE, is_base).optional();
        let public_endpoint = env.var::<Url>("S3__PUBLIC_ENDPOINT").check(BASE, is_base).optional();
        let region =
            env.var("S3__REGION").check("must be a region's name", is_label).default(REGION.to_owned());
        let intake_bucket =
            env.var("S3__INTAKE_BUCKET").check(BUCKET, is_bucket).default("guildhall-intake".to_owned());
        let evidence_bucket =
            env.var("S3__EVIDENCE_BUCKET").check(BUCKET, is_bucket).default("guildhall-evidence".to_owned());
        let audit_bucket =
            env.var("S3__AUDIT_BUCKET").check(BUCKET, is_bucket).default("guildhall-audit".to_owned());
        let replica_bucket = env.var("S3__REPLICA_BUCKET").check(BUCKET, is_bucket).optional();
        let exports_bucket =
            env.var("S3__EXPORTS_BUCKET").check(BUCKET, is_bucket).default("guildhall-exports".to_owned());
        let id = env.var("S3__ACCESS_KEY_ID").optional();
        let secret = env.secret("S3__SECRET_ACCESS_KEY").optional();
        let credentials = match (id?, secret?) {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => None,
            (Some(_), None) => {
                env.problem("S3__SECRET_ACCESS_KEY", "is needed with the access key id");
                return None;
            }
            (None, Some(_)) => {
                env.problem("S3__ACCESS_KEY_ID", "is needed with the secret access key");
                return None;
            }
        };
        let region = region?;
        let endpoint = match endpoint? {
            Some(endpoint) => endpoint,
            None => Url::parse(&format!("https://s3.{region}.amazonaws.com")).ok()?,
        };
        let public_endpoint = public_endpoint?.unwrap_or_else(|| endpoint.clone());
        Some(Self {
            endpoint,
            public_endpoint,
            region,
            intake_bucket: intake_bucket?,
            evidence_bucket: evidence_bucket?,
            audit_bucket: audit_bucket?,
            replica_bucket: replica_bucket?,
            exports_bucket: exports_bucket?,
            credentials,
        })
    }
}

const REGION: &str = "eu-central-1";
const BASE: &str = "must be http:// or https:// with a host and no path, for example https://s3.example.org";
const BUCKET: &str = "must be 3 to 63 of a-z, 0-9, '.' and '-'";

fn is_base(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/" && url.query().is_none()
}

#[expect(clippy::ptr_arg, reason = "the shape that `Var::check` asks for")]
fn is_label(text: &String) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[expect(clippy::ptr_arg, reason = "the shape that `Var::check` asks for")]
fn is_bucket(text: &String) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    (3..=63).contains(&text.len()) && text.bytes().all(allowed)
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
    fn on_aws_the_region_is_enough() {
        let settings = load(&[("DOCUMENT__S3__REGION", "eu-west-1")]).unwrap();
        assert_eq!(settings.endpoint.as_str(), "https://s3.eu-west-1.amazonaws.com/");
        assert_eq!(settings.public_endpoint, settings.endpoint);
    }

    #[test]
    fn every_error_is_noted() {
        let error = load(&[
            ("DOCUMENT__S3__PUBLIC_ENDPOINT", "https://s3.example.org/bucket"),
            ("DOCUMENT__S3__INTAKE_BUCKET", "In take"),
            ("DOCUMENT__S3__SECRET_ACCESS_KEY", "x"),
        ])
        .unwrap_err();
        let variables: Vec<_> = error.problems.iter().map(|p| p.variable.as_str()).collect();
        let wanted =
            ["DOCUMENT__S3__ACCESS_KEY_ID", "DOCUMENT__S3__INTAKE_BUCKET", "DOCUMENT__S3__PUBLIC_ENDPOINT"];
        assert_eq!(variables, wanted);
    }
}
