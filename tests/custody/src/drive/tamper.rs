//! Somebody who goes past the service at the object store: plants, hides, weakens and forgets, so that the reconciler has
//! work at every step while it is killed. Nothing here takes bytes away or changes them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use aws_sdk_s3::types::ChecksumAlgorithm;
use blobs::Bucket;
use ids::DocumentId;
use rand::Rng as _;
use rand::rngs::StdRng;
use testkit::place::Phase;

use super::world::World;

const PAUSE: Duration = Duration::from_millis(400);

/// Goes on until everybody leaves.
pub(super) async fn run(world: Arc<World>, mut random: StdRng) -> Result<()> {
    while *world.phase.borrow() == Phase::Killing {
        tokio::time::sleep(PAUSE).await;
        let unknown = DocumentId::mint(&world.clock);
        match random.random_range(0..6) {
            0 => {
                plant(&world, &world.s3.settings.evidence_bucket, &format!("evidence/{unknown}/1")).await?;
                world.did("tamper: orphan in evidence");
            }
            1 => {
                plant(&world, &world.s3.settings.intake_bucket, &format!("intake/{unknown}/1")).await?;
                world.did("tamper: orphan in intake");
            }
            2 => {
                let key = format!("intake/{unknown}/1");
                world.blobs.create_multipart(Bucket::Intake, &key, "application/pdf").await?;
                world.did("tamper: open upload");
            }
            3 | 4 => {
                let Some(key) = readable(&world).await? else { continue };
                world.blobs.delete(Bucket::Evidence, &key).await?;
                world.did("tamper: evidence hidden");
            }
            _ => {
                let Some(key) = readable(&world).await? else { continue };
                let stored = world.blobs.versions(Bucket::Evidence, &key).await?;
                let Some(newest) = stored.iter().find(|stored| !stored.deleted) else { continue };
                let held =
                    world.blobs.lock_state(Bucket::Evidence, &key, &newest.id).await.map(|locks| locks.held);
                // It may have been erased a moment ago.
                let Ok(held) = held else { continue };
                if world.blobs.legal_hold(Bucket::Evidence, &key, &newest.id, !held).await.is_ok() {
                    world.did("tamper: legal hold turned");
                }
            }
        }
    }
    Ok(())
}

async fn plant(world: &World, bucket: &str, key: &str) -> Result<()> {
    let put = world.s3.client.put_object().bucket(bucket).key(key).body(b"nobody's".to_vec().into());
    put.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await?;
    Ok(())
}

/// The evidence of something that can be read now.
async fn readable(world: &World) -> Result<Option<String>> {
    let any = "select 'evidence/' || document_id || '/' || version from document_versions
               where status = 'ready' order by random() limit 1";
    Ok(sqlx::query_scalar(any).fetch_optional(&mut world.rows().await).await?)
}
