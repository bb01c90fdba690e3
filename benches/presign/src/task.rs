//! What everybody signs, what they say about it, and whether it holds.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bench_report::{Cpu, Process, Sample};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const BODY: &[u8] = b"%PDF-1.7 what a citizen hands in";

/// What is to be signed, and how often.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Task {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) bucket: String,
    pub(crate) content_type: String,
    pub(crate) size: u64,
    /// Base64.
    pub(crate) sha256: String,
    pub(crate) count: u64,
}

/// What signing cost, and the last URL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Signed {
    cpu_us_per_unit: f64,
    per_second: f64,
    rss_mib: f64,
    url: String,
}

impl Task {
    pub(crate) fn new(count: u64) -> Result<Self> {
        let var = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        Ok(Self {
            endpoint: var("GUILDHALL_S3_ENDPOINT")?,
            region: "us-east-1".to_owned(),
            access_key: var("GUILDHALL_S3_ACCESS_KEY")?,
            secret_key: var("GUILDHALL_S3_SECRET_KEY")?,
            bucket: "guildhall-intake".to_owned(),
            content_type: "application/pdf".to_owned(),
            size: BODY.len() as u64,
            sha256: STANDARD.encode(digest()),
            count,
        })
    }

    /// The store takes what was signed, and nothing else of that length.
    pub(crate) async fn check(&self, signed: Signed) -> Result<Sample> {
        let http = reqwest::Client::new();
        for (body, taken) in [(BODY.to_vec(), true), (vec![b'x'; BODY.len()], false)] {
            let put = http
                .put(&signed.url)
                .header("content-type", &self.content_type)
                .header("x-amz-checksum-sha256", &self.sha256)
                .body(body);
            let status = put.send().await?.status();
            ensure!(status.is_success() == taken, "the store says {status} to {}", signed.url);
        }
        Ok(Sample {
            throughput: Some(signed.per_second),
            cpu_us_per_unit: Some(signed.cpu_us_per_unit),
            rss_mib: Some(signed.rss_mib),
            ..Sample::default()
        })
    }
}

pub(crate) fn digest() -> [u8; 32] {
    Sha256::digest(BODY).into()
}

/// What was measured since `start`.
pub(crate) fn measured(task: &Task, start: Instant, cpu: Cpu, url: String) -> Signed {
    let took = start.elapsed();
    let process = Process::me();
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let per_second = task.count as f64 / took.as_secs_f64();
    Signed {
        cpu_us_per_unit: (process.cpu() - cpu).per(task.count),
        per_second,
        rss_mib: process.peak_mib(),
        url,
    }
}
