//! Putting an archive together, from the object store to the object store, a part at a time.

use blobs::{Blobs, Bucket, StoredPart};
use crc32fast::Hasher;
use evidence::archive::{CHECKSUM, Layout};
use evidence::{MANIFEST, Manifest, SIGNATURE, TIME_STAMP, sha256};

use super::{LEASE, Seals, manifest};
use crate::domain::{Archive, Export};
use crate::{Error, State, db};

/// Size of a part but for the last, in bytes. S3 takes 10,000 of them.
const PART: usize = 16 * 1024 * 1024;

/// Reads the case, signs what is known of it, and stores that with the files.
pub(super) async fn make(state: &State, seals: &Seals, export: &Export) -> Result<Archive, Error> {
    let (of, trailing, now) = (export.clone(), seals.trail.clone(), state.clock.now());
    let read = state.db.tenant(&export.tenant, move |tx| {
        Box::pin(async move { manifest::read(tx, &trailing, &of, now).await })
    });
    let manifest = read.await?;
    failpoint::pass("export::read");
    let bytes = evidence::write(&manifest).map_err(Error::Manifest)?;
    let digest = sha256(&bytes);
    let time_stamp = match &seals.tsa {
        Some(tsa) => Some(tsa.stamp(&digest).await?.token),
        None => None,
    };
    let signed = evidence::sign(&bytes, time_stamp.as_deref(), seals.trail.signer());
    let signature = signed.map_err(Error::Manifest)?;

    let mut upload = Upload::begin(state, export).await?;
    upload.whole(MANIFEST, &bytes).await?;
    upload.whole(SIGNATURE, &signature).await?;
    drop(bytes);
    if let Some(time_stamp) = &time_stamp {
        upload.whole(TIME_STAMP, time_stamp).await?;
    }
    for (document, version, path) in files(&manifest) {
        let key = format!("evidence/{document}/{}", version.version);
        upload.file(path, &key, version).await?;
    }
    let size = upload.finish().await?;
    let size_bytes = i64::try_from(size).unwrap_or(i64::MAX);
    Ok(Archive { manifest_sha256: digest.into(), size_bytes })
}

/// The versions whose bytes are in the archive, in the order of the manifest.
fn files(manifest: &Manifest) -> impl Iterator<Item = (&str, &evidence::Version, &str)> {
    manifest.documents.iter().flat_map(|document| {
        let files = document.versions.iter();
        files.filter_map(|version| Some((document.id.as_str(), version, version.file.as_deref()?)))
    })
}

/// An archive on its way into the store. What it holds is one part, and the one before it where the checksum of a file stands
/// that is not read to its end yet.
struct Upload<'a> {
    state: &'a State,
    export: &'a Export,
    key: String,
    id: String,
    layout: Layout,
    /// The part that grows.
    part: Vec<u8>,
    number: u32,
    checksum: Checksum,
    sent: Vec<StoredPart>,
}

/// Where the checksum of the file goes that is being read.
enum Checksum {
    /// No file is.
    Nowhere,
    /// Into the part that grows, at this byte.
    Here(usize),
    /// Into a part before, which waits for it.
    Held { number: u32, part: Vec<u8>, at: usize },
}

impl<'a> Upload<'a> {
    async fn begin(state: &'a State, export: &'a Export) -> Result<Self, Error> {
        let key = export.object_key(export.attempt);
        let id = state.blobs.create_multipart(Bucket::Exports, &key, "application/zip").await?;
        let (layout, part, sent) = (Layout::default(), Vec::new(), Vec::new());
        Ok(Self { state, export, key, id, layout, part, number: 1, checksum: Checksum::Nowhere, sent })
    }

    async fn whole(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let head = self.layout.whole(name, bytes).map_err(|_| Error::CaseTooLarge("100,000 files"))?;
        self.write(&head).await?;
        for piece in bytes.chunks(PART) {
            self.write(piece).await?;
        }
        Ok(())
    }

    /// A file, whose bytes have to be those that the manifest says.
    async fn file(&mut self, name: &str, key: &str, version: &evidence::Version) -> Result<(), Error> {
        let size = u64::try_from(version.size_bytes).unwrap_or_default();
        let mut body = self.state.blobs.get(Bucket::Evidence, key).await?;
        if body.size() != size {
            return Err(Error::EvidenceMissing);
        }
        let head = self.layout.begin(name, size).map_err(|_| Error::CaseTooLarge("100,000 files"))?;
        self.checksum = Checksum::Here(self.part.len() + CHECKSUM.start);
        self.write(&head).await?;
        let (mut checksum, mut digest) = (Hasher::new(), evidence::Sha256::new());
        while let Some(bytes) = body.next().await? {
            checksum.update(&bytes);
            digest.update(&bytes);
            self.write(&bytes).await?;
        }
        if digest.finish() != version.sha256.0 {
            return Err(Error::EvidenceMissing);
        }
        self.end_file(checksum.finalize()).await
    }

    async fn end_file(&mut self, checksum: u32) -> Result<(), Error> {
        self.layout.checksum(checksum);
        match std::mem::replace(&mut self.checksum, Checksum::Nowhere) {
            Checksum::Nowhere => {}
            Checksum::Here(at) => put(&mut self.part, at, checksum),
            Checksum::Held { number, mut part, at } => {
                put(&mut part, at, checksum);
                self.send(number, part).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.part.extend_from_slice(bytes);
        if self.part.len() < PART {
            return Ok(());
        }
        self.send_part().await
    }

    /// Sends the part that has grown, unless a checksum is missing in it.
    async fn send_part(&mut self) -> Result<(), Error> {
        let (number, part) = (self.number, std::mem::take(&mut self.part));
        self.number += 1;
        match self.checksum {
            Checksum::Here(at) => {
                self.checksum = Checksum::Held { number, part, at };
                Ok(())
            }
            Checksum::Nowhere | Checksum::Held { .. } => self.send(number, part).await,
        }
    }

    async fn send(&mut self, number: u32, part: Vec<u8>) -> Result<(), Error> {
        still_wanted(self.state, self.export).await?;
        let blobs: &Blobs = &self.state.blobs;
        let sent = blobs.put_part(Bucket::Exports, &self.key, &self.id, number, part.into()).await?;
        failpoint::pass("export::part_sent");
        self.sent.push(sent);
        Ok(())
    }

    /// Returns the size of the whole.
    async fn finish(mut self) -> Result<u64, Error> {
        let end = std::mem::take(&mut self.layout).finish();
        self.part.extend(end);
        self.send_part().await?;
        self.sent.sort_by_key(|part| part.number);
        let head = self.state.blobs.complete(Bucket::Exports, &self.key, &self.id, &self.sent).await?;
        Ok(head.size)
    }
}

fn put(part: &mut [u8], at: usize, checksum: u32) {
    for (to, byte) in part.iter_mut().skip(at).zip(checksum.to_le_bytes()) {
        *to = byte;
    }
}

/// Shows that it is still being made, and sees whether it is wanted.
async fn still_wanted(state: &State, export: &Export) -> Result<(), Error> {
    let (tenant, id, attempt, until) =
        (export.tenant.clone(), export.id, export.attempt, state.clock.now() + LEASE);
    let renewed = state.db.tenant(&export.tenant, move |tx| {
        Box::pin(
            async move { Ok::<_, Error>(db::case_exports::renew(tx, &tenant, id, attempt, until).await?) },
        )
    });
    if renewed.await? { Ok(()) } else { Err(Error::ExportErased) }
}
