use audit::inspect::Finding;
use audit::{Sealed, Trail};
use blobs::{Bucket, LockMode};
use evidence::{Fault, Mismatch, Signer};

use crate::harness::{SERVICE, tenant, world};

const DONE: Sealed = Sealed { checkpoints: 1, failed: 0 };
const NOTHING: Sealed = Sealed { checkpoints: 0, failed: 0 };
const REFUSED: Sealed = Sealed { checkpoints: 0, failed: 1 };

#[tokio::test]
async fn a_chain_that_has_grown_is_sealed_in_the_database_and_in_the_bucket() {
    let world = world().await;
    let (riverton, lakeside) = (tenant("riverton"), tenant("lakeside"));
    world.happen(&riverton, 3).await;
    assert_eq!(world.trail.seal().await.unwrap(), DONE);
    assert_eq!(world.trail.seal().await.unwrap(), NOTHING);
    world.happen(&riverton, 3).await;
    world.happen(&lakeside, 1).await;
    assert_eq!(world.trail.seal().await.unwrap(), Sealed { checkpoints: 2, failed: 0 });
    let report = world.verify(&riverton).await;
    assert_eq!((report.entries, report.sealed, report.checkpoints), (6, 6, 2));
    assert_eq!(report.findings, []);
    assert_eq!(world.trail.books.tenants().await.unwrap(), [lakeside, riverton.clone()]);

    let found = world.blobs.walk(Bucket::Audit, "", None, 100).await.unwrap();
    assert_eq!(found.len(), 3);
    for blobs::Kept { key, version } in found {
        let state = world.blobs.lock_state(Bucket::Audit, &key, &version.id).await.unwrap();
        assert_eq!(state.retention.unwrap().mode, LockMode::Compliance);
        world.blobs.delete_version(Bucket::Audit, &key, &version.id, true).await.unwrap_err();
        // Hidden, and found all the same.
        world.blobs.delete(Bucket::Audit, &key).await.unwrap();
    }
    let report = world.verify(&riverton).await;
    assert_eq!((report.sealed, report.checkpoints, report.findings), (6, 2, vec![]));
}

#[tokio::test]
async fn many_entries_get_a_checkpoint_every_ten_thousand() {
    let world = world().await;
    let riverton = tenant("riverton");
    for _ in 0..6 {
        world.happen(&riverton, 4_000).await;
    }
    assert_eq!(world.trail.seal().await.unwrap(), Sealed { checkpoints: 3, failed: 0 });
    let report = world.verify(&riverton).await;
    assert_eq!((report.entries, report.sealed, report.checkpoints), (24_000, 24_000, 3));
}

#[tokio::test]
async fn one_that_was_signed_by_somebody_who_then_died_is_copied() {
    let world = world().await;
    let riverton = tenant("riverton");
    world.happen(&riverton, 3).await;
    world.trail.seal().await.unwrap();
    world.tamper("delete from audit_checkpoints").await;
    assert_eq!(world.trail.seal().await.unwrap(), NOTHING);
    assert_eq!(world.trail.books.stored(&riverton).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_process_seals_at_a_time() {
    let world = world().await;
    world.happen(&tenant("riverton"), 3).await;
    let (one, other) = (world.trail.clone(), world.trail.clone());
    let (one, other) = tokio::join!(one.seal(), other.seal());
    let together = one.unwrap().checkpoints + other.unwrap().checkpoints;
    assert_eq!(together, 1);
}

#[tokio::test]
async fn nothing_is_signed_that_does_not_follow_what_was_signed() {
    let world = world().await;
    let riverton = tenant("riverton");
    world.happen(&riverton, 5).await;
    world.trail.seal().await.unwrap();

    // A shorter history, with all that the database knows of the longer one gone.
    world.tamper("create table kept as table audit_entries; create table heads as table audit_heads").await;
    world.tamper("delete from audit_entries; delete from audit_heads; delete from audit_checkpoints").await;
    world.happen(&riverton, 2).await;
    assert_eq!(world.trail.seal().await.unwrap(), REFUSED);
    let told = world.trail.clone().check().await.unwrap_err().to_string();
    assert!(told.contains("riverton") && told.contains("Missing"), "{told}");
    let missing = Mismatch { from: 3, to: 5, fault: Fault::Missing };
    let findings = world.verify(&riverton).await.findings;
    assert_eq!(findings, [Finding::Entries(missing)]);

    // A longer one, too.
    world.happen(&riverton, 9).await;
    assert_eq!(world.trail.seal().await.unwrap(), REFUSED);
    let rewritten = Mismatch { from: 1, to: 5, fault: Fault::Rewritten };
    assert_eq!(world.verify(&riverton).await.findings, [Finding::Entries(rewritten)]);

    world.tamper("delete from audit_entries; insert into audit_entries table kept").await;
    world.tamper("delete from audit_heads; insert into audit_heads table heads").await;
    world.happen(&riverton, 1).await;
    assert_eq!(world.trail.seal().await.unwrap(), DONE);
    world.trail.clone().check().await.unwrap();
    assert_eq!(world.verify(&riverton).await.findings, []);
}

#[tokio::test]
async fn after_a_rotation_what_the_old_key_signed_is_believed_while_it_is_named() {
    let world = world().await;
    let riverton = tenant("riverton");
    world.happen(&riverton, 2).await;
    world.trail.seal().await.unwrap();
    world.happen(&riverton, 2).await;
    let (old, signer) = (testkit::audit(), Signer::ephemeral().unwrap());
    let trail = |keys| {
        let settings = evidence::Settings { signer: signer.clone(), keys };
        Trail::new(&world.db, &world.blobs, &world.clock, &settings, SERVICE)
    };
    let forgetful = trail(evidence::PublicKeys::default().with(&signer));
    assert_eq!(forgetful.seal().await.unwrap(), REFUSED);
    let rotated = trail(old.keys.with(&signer));
    assert_eq!(rotated.seal().await.unwrap(), DONE);
    let report = rotated.books.verify(&riverton, |_| {}).await.unwrap();
    assert_eq!((report.sealed, report.checkpoints, report.findings), (4, 2, vec![]));
    // Who knows the old key alone names what it cannot believe.
    let findings = world.verify(&riverton).await.findings;
    assert!(matches!(&findings[..], [Finding::Object(_), Finding::Checkpoint(4)]), "{findings:?}");
}
