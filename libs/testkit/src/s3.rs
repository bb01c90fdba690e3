//! Fresh buckets per test.

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use secrecy::SecretString;
use topology::{Purpose, Topology};

use crate::audit::SIGNING_KEY;
use crate::cleanup::unique;
use crate::env::{credentials, env};

const REGION: &str = "us-east-1";

/// Buckets of every purpose that nobody else uses. They stay, as `cargo xtask clean` takes the server's files.
#[derive(Debug)]
pub struct TestS3 {
    /// Settings of `blobs` with these buckets.
    pub settings: blobs::Settings,
    /// The SDK's own client, for what `blobs` does not do.
    pub client: Client,
}

/// Makes the buckets, versioned and lockable as in the topology.
///
/// # Panics
/// When S3 does not answer.
pub async fn s3() -> TestS3 {
    // The SDK's futures are large; tests hold several helpers at once.
    Box::pin(make()).await
}

async fn make() -> TestS3 {
    let endpoint: url::Url =
        env().get("GUILDHALL_S3_ENDPOINT").parse().expect("GUILDHALL_S3_ENDPOINT is a URL");
    let (id, secret) = (env().get("GUILDHALL_S3_ACCESS_KEY"), env().get("GUILDHALL_S3_SECRET_KEY"));
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::from_keys(&id, &secret, None))
        .endpoint_url(endpoint.as_str())
        .force_path_style(true)
        .build();
    let client = Client::from_conf(config);
    let suffix = unique();
    let settings = blobs::Settings {
        public_endpoint: endpoint.clone(),
        endpoint,
        region: REGION.to_owned(),
        intake_bucket: bucket(&client, Purpose::Intake, &suffix).await,
        evidence_bucket: bucket(&client, Purpose::Evidence, &suffix).await,
        audit_bucket: bucket(&client, Purpose::Audit, &suffix).await,
        replica_bucket: Some(bucket(&client, Purpose::Replica, &suffix).await),
        exports_bucket: bucket(&client, Purpose::Exports, &suffix).await,
        credentials: Some((id, SecretString::from(secret))),
    };
    TestS3 { settings, client }
}

impl TestS3 {
    /// What a service's process is told of it, without its prefix.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let (id, secret) = credentials(self.settings.credentials.as_ref());
        vec![
            ("S3__ENDPOINT", self.settings.endpoint.to_string()),
            ("S3__REGION", self.settings.region.clone()),
            ("S3__INTAKE_BUCKET", self.settings.intake_bucket.clone()),
            ("S3__EVIDENCE_BUCKET", self.settings.evidence_bucket.clone()),
            ("S3__ACCESS_KEY_ID", id),
            ("S3__SECRET_ACCESS_KEY", secret),
        ]
    }

    /// What the owner of an audit chain is told beside that.
    #[must_use]
    pub fn audit_variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("S3__AUDIT_BUCKET", self.settings.audit_bucket.clone()),
            ("S3__EXPORTS_BUCKET", self.settings.exports_bucket.clone()),
            ("AUDIT__SIGNING_KEY", SIGNING_KEY.to_owned()),
        ]
    }
}

async fn bucket(client: &Client, purpose: Purpose, suffix: &str) -> String {
    let bucket = Topology::get().bucket(purpose);
    let name = format!("{}-{suffix}", bucket.name);
    let create = client.create_bucket().bucket(&name).object_lock_enabled_for_bucket(bucket.object_lock);
    create.send().await.expect("S3 of the test servers");
    if bucket.versioned {
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let versioning = client.put_bucket_versioning().bucket(&name).versioning_configuration(enabled);
        versioning.send().await.expect("versioning");
    }
    name
}
