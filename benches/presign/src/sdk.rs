//! The SDK's own presigning.

use std::time::{Duration, Instant};

use anyhow::Result;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::presigning::PresigningConfig;
use bench_report::Process;

use crate::task::{Signed, Task, measured};

pub(crate) async fn run(task: &Task) -> Result<Signed> {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&task.endpoint)
        .region(Region::new(task.region.clone()))
        .credentials_provider(Credentials::new(
            task.access_key.as_str(),
            task.secret_key.as_str(),
            None,
            None,
            "bench",
        ))
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .build();
    let client = Client::from_conf(config);
    let signing = PresigningConfig::expires_in(Duration::from_secs(900))?;
    let size = i64::try_from(task.size)?;
    let sign = async |number: u64| {
        let put = client
            .put_object()
            .bucket(&task.bucket)
            .key(format!("bench/{number}"))
            .content_type(&task.content_type)
            .content_length(size)
            .checksum_sha256(&task.sha256);
        put.presigned(signing.clone()).await
    };
    for number in 0..task.count / 5 {
        sign(number).await?;
    }
    let (start, cpu) = (Instant::now(), Process::me().cpu());
    let mut url = String::new();
    for number in 1..=task.count {
        url = sign(number).await?.uri().to_owned();
    }
    Ok(measured(task, start, cpu, url))
}
