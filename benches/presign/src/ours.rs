//! `blobs`, as the document service calls it.

use std::time::{Duration, Instant};

use anyhow::Result;
use bench_report::Process;
use blobs::{Blobs, Bucket, Settings, Upload};
use clock::Clock;

use crate::task::{Signed, Task, measured};

pub(crate) async fn run(task: &Task) -> Result<Signed> {
    let endpoint: url::Url = task.endpoint.parse()?;
    let settings = Settings {
        endpoint: endpoint.clone(),
        public_endpoint: endpoint,
        region: task.region.clone(),
        intake_bucket: task.bucket.clone(),
        audit_bucket: task.bucket.clone(),
        exports_bucket: task.bucket.clone(),
        evidence_bucket: task.bucket.clone(),
        replica_bucket: None,
        credentials: Some((task.access_key.clone(), task.secret_key.clone().into())),
    };
    let blobs = Blobs::new(&settings, Clock::system()).await;
    let upload = Upload { content_type: &task.content_type, size: task.size, sha256: crate::task::digest() };
    let sign = async |number: u64| {
        let key = format!("bench/{number}");
        blobs.presign_put(Bucket::Intake, &key, &upload, Duration::from_secs(900)).await
    };
    for number in 0..task.count / 5 {
        sign(number).await?;
    }
    let (start, cpu) = (Instant::now(), Process::me().cpu());
    let mut url = String::new();
    for number in 1..=task.count {
        url = sign(number).await?.url;
    }
    Ok(measured(task, start, cpu, url))
}
