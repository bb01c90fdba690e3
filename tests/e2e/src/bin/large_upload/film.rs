//! A film of any size whose every part differs from the others, made when it is asked for.

use aws_lc_rs::digest::{Context as Hash, SHA256};
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};

/// What is repeated: parts differ by the numbers that are written into it.
const BLOCK: usize = 1024 * 1024;

/// What makes it one.
const HEAD: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";

pub(crate) struct Film {
    pub(crate) size: u64,
    noise: Vec<u8>,
}

impl Film {
    pub(crate) fn new(size: u64) -> Self {
        let mut noise = vec![0; BLOCK];
        StdRng::seed_from_u64(size).fill_bytes(&mut noise);
        Self { size, noise }
    }

    /// The bytes of a part, from 1, where parts have `size` bytes.
    pub(crate) fn part(&self, number: u64, size: u64) -> Vec<u8> {
        let from = (number - 1) * size;
        let length = usize::try_from(size.min(self.size - from)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = bytes.len();
            let take = BLOCK.min(length - at);
            bytes.extend_from_slice(&self.noise[..take]);
            let place = (from + at as u64).to_be_bytes();
            let marked = place.len().min(take);
            bytes[at..at + marked].copy_from_slice(&place[..marked]);
        }
        if number == 1 {
            bytes[..HEAD.len()].copy_from_slice(HEAD);
        }
        bytes
    }

    /// The SHA-256 of the whole, hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        // Places are written by the byte at which a block begins, whatever the parts' size.
        let size = 16 * BLOCK as u64;
        let mut hash = Hash::new(&SHA256);
        for number in 1..=self.size.div_ceil(size) {
            hash.update(&self.part(number, size));
        }
        hex::encode(hash.finish())
    }
}
