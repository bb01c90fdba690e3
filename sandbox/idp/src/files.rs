//! Files that a check is of: fetched where an account wants that, held against their digests, and let go.

use aws_lc_rs::digest;

use crate::account::web_address;
use crate::error::Error;
use crate::finding::Reason;

/// Files of a check.
const MOST: usize = 10;
/// Bytes of a file.
const LARGEST: usize = 32 * 1024 * 1024;

/// Where a file is, and what it is.
pub(crate) struct File {
    /// SHA-256 of its bytes.
    digest: [u8; 32],
    /// Whoever has this may have the file.
    url: String,
}

impl File {
    /// Both with the names of their fields; a digest are 64 hexadecimal digits.
    pub(crate) fn parse((of, digest): (String, &str), (at, url): (String, &str)) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digest, &mut bytes)
            .map_err(|_| Error::field(of, "must be SHA-256 in hexadecimal digits"))?;
        web_address(&at, url)?;
        Ok(Self { digest: bytes, url: url.to_owned() })
    }
}

/// Whether there are as many as there may be.
pub(crate) fn count(field: &str, files: usize) -> Result<(), Error> {
    if (1..=MOST).contains(&files) { Ok(()) } else { Err(Error::field(field, "must be 1 to 10")) }
}

/// What is wrong with the files, if anything is.
pub(crate) async fn examine(client: &reqwest::Client, files: &[File]) -> Option<Reason> {
    for file in files {
        match fetch(client, file).await {
            Some(digest) if digest == file.digest => {}
            Some(_) => return Some(Reason::FileAltered),
            None => return Some(Reason::FileUnavailable),
        }
    }
    None
}

/// The digest of what is at its URL.
async fn fetch(client: &reqwest::Client, file: &File) -> Option<[u8; 32]> {
    let mut response = client.get(&file.url).send().await.ok()?.error_for_status().ok()?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.ok()? {
        length += chunk.len();
        if length > LARGEST {
            return None;
        }
        context.update(&chunk);
    }
    context.finish().as_ref().try_into().ok()
}
