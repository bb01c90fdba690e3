//! Somebody writes to the database, has no signing key, and alters what is older than the last checkpoint.

use audit::inspect::{Finding, Inspector};
use audit::{Head, Row, StoredCheckpoint};
use evidence::{Chain, Checkpoint, Digest, PublicKeys, Signer};
use ids::Tenant;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use time::Duration;

use crate::harness::{World, tenant, world};

const ROUNDS: usize = 10_000;
const SEED: u64 = 7;

/// A tenant's tables as they were read, and what is in the bucket.
#[derive(Clone)]
struct Tables {
    chain: Chain,
    rows: Vec<Row>,
    head: Head,
    stored: Vec<StoredCheckpoint>,
    bucket: Vec<(String, Option<Checkpoint>)>,
    /// The last entry that a checkpoint covers.
    sealed: usize,
}

impl Tables {
    async fn read(world: &World, of: &Tenant) -> Self {
        let books = &world.trail.books;
        let (head, rows) = books.entries(of, 0, 10_000).await.unwrap();
        let (stored, bucket) = (books.stored(of).await.unwrap(), books.signed(of).await.unwrap());
        let sealed = usize::try_from(stored.last().unwrap().seq).unwrap();
        Self { chain: books.chain(of), rows, head: head.unwrap(), stored, bucket, sealed }
    }

    fn inspect(&self, keys: &PublicKeys) -> Vec<Finding> {
        let mut inspector = Inspector::new(self.chain.clone(), keys, self.bucket.clone(), &self.stored);
        let mut rows = self.rows.clone();
        // As the database gives them.
        rows.sort_by_key(|row| row.seq);
        for row in rows {
            if !inspector.push(row) {
                break;
            }
        }
        inspector.finish(Some(self.head)).findings
    }

    fn same(&self, other: &Self) -> bool {
        self.rows == other.rows && self.stored == other.stored && self.head == other.head
    }

    /// Numbers, hashes and head anew, as who knows how they are made would write them.
    fn rewrite(&mut self) {
        let (mut seq, mut prev) = (0, self.chain.genesis());
        for row in &mut self.rows {
            row.seq = seq + 1;
            row.prev = prev.to_vec();
            let Some(entry) = row.clone().entry() else { return };
            let entry = self.chain.entry(row.seq, prev, entry.event);
            *row = Row::from(&entry);
            (seq, prev) = (entry.seq, entry.hash);
        }
        self.head = Head { seq, hash: prev };
    }

    /// The database's checkpoints made to say what the rows say now.
    fn restate(&mut self) {
        for stored in &mut self.stored {
            if let Some(row) = self.rows.iter().find(|row| row.seq == stored.seq) {
                stored.hash.clone_from(&row.hash);
            }
        }
    }
}

fn flip(bytes: &mut [u8], random: &mut StdRng) {
    if !bytes.is_empty() {
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 1 << random.random_range(0..8);
    }
}

fn flip_text(text: &mut String, random: &mut StdRng) {
    let at = random.random_range(0..=text.len());
    text.insert(at, char::from(random.random_range(b'a'..=b'z')));
}

fn flip_column(row: &mut Row, column: u8, random: &mut StdRng) {
    match column {
        0 => {
            row.event_id = uuid::Uuid::from_u128(row.event_id.as_u128() ^ (1 << random.random_range(0..128)));
        }
        1 => flip_text(&mut row.type_, random),
        2 => flip_text(&mut row.subject, random),
        3 => row.time += Duration::microseconds(random.random_range(1..1_000_000)),
        4 => flip_text(&mut row.schema, random),
        5 => flip(&mut row.body, random),
        6 => flip(&mut row.digest, random),
        7 => flip(&mut row.prev, random),
        8 => flip(&mut row.hash, random),
        9 => row.hash.truncate(random.random_range(0..32)),
        _ => row.seq = row.seq.wrapping_neg().wrapping_add(random.random_range(-3..3)),
    }
}

/// Alters a chain in one of the ways in which it can be, and says which.
fn alter(tables: &mut Tables, other: &Tables, stranger: &Signer, random: &mut StdRng) -> &'static str {
    let sealed = tables.sealed;
    let (at, to) = (random.random_range(0..sealed), random.random_range(0..sealed));
    let what = match random.random_range(0..10) {
        0..=2 => {
            let column = random.random_range(0..11);
            flip_column(&mut tables.rows[at], column, random);
            "flip"
        }
        3 => {
            tables.rows.remove(at);
            "removal"
        }
        4 => {
            let mut row = tables.rows.choose(random).unwrap().clone();
            row.event_id = uuid::Uuid::from_u128(row.event_id.as_u128() ^ 1);
            row.seq = tables.rows[at].seq;
            tables.rows.insert(at, row);
            "insertion"
        }
        5 => {
            let (one, two) = (tables.rows[at].seq, tables.rows[to].seq);
            tables.rows[at].seq = two;
            tables.rows[to].seq = one;
            tables.rows.swap(at, to);
            "move"
        }
        6 => {
            let row = &other.rows[at.min(other.rows.len() - 1)];
            tables.rows[at] = Row { seq: tables.rows[at].seq, ..row.clone() };
            "swap between tenants"
        }
        7 => {
            tables.rows.truncate(at);
            let genesis = tables.chain.genesis().to_vec();
            let hash: Digest = tables.rows.last().map_or(genesis, |row| row.hash.clone()).try_into().unwrap();
            tables.head = Head { seq: i64::try_from(at).unwrap(), hash };
            // With what the database knows of it, or without.
            if random.random() {
                tables.stored.retain(|stored| stored.seq <= tables.head.seq);
            }
            return "truncation";
        }
        8 => {
            let place = random.random_range(0..tables.stored.len());
            let stored = &mut tables.stored[place];
            match random.random_range(0..6) {
                0 => flip(&mut stored.hash, random),
                1 => stored.signed_at += Duration::microseconds(random.random_range(1..1_000_000)),
                2 => flip_text(&mut stored.signature, random),
                3 => stored.key = stranger.key_id().to_owned(),
                4 => stored.seq += random.random_range(1..1_000),
                _ => {
                    let hash = tables.rows[at].hash.clone().try_into().unwrap();
                    let forged =
                        Checkpoint::sign(stranger, &tables.chain, stored.seq, hash, stored.signed_at);
                    stored.hash = forged.hash.to_vec();
                    (stored.key, stored.signature) = (forged.key, forged.signature);
                }
            }
            return "edited checkpoint";
        }
        _ => {
            // The newest may not have been copied yet.
            let place = random.random_range(0..tables.stored.len() - 1);
            tables.stored.remove(place);
            return "removed checkpoint";
        }
    };
    if random.random() {
        tables.rewrite();
        if random.random() {
            tables.restate();
        }
    }
    what
}

#[tokio::test]
async fn every_one_of_ten_thousand_alterations_is_found() {
    let world = world().await;
    let (riverton, lakeside) = (tenant("riverton"), tenant("lakeside"));
    for _ in 0..9 {
        world.happen(&riverton, 6).await;
        world.happen(&lakeside, 5).await;
        world.trail.seal().await.unwrap();
    }
    // What nobody has signed yet.
    world.happen(&riverton, 3).await;
    let good = Tables::read(&world, &riverton).await;
    let other = Tables::read(&world, &lakeside).await;
    let keys = &world.trail.books.keys;
    assert_eq!((good.inspect(keys), other.inspect(keys)), (vec![], vec![]));

    let stranger = Signer::ephemeral().unwrap();
    let mut random = StdRng::seed_from_u64(SEED);
    let mut altered = std::collections::BTreeMap::<&str, usize>::new();
    while altered.values().sum::<usize>() < ROUNDS {
        let mut tables = good.clone();
        let what = alter(&mut tables, &other, &stranger, &mut random);
        if tables.same(&good) {
            continue;
        }
        *altered.entry(what).or_default() += 1;
        let findings = tables.inspect(keys);
        assert!(!findings.is_empty(), "seed {SEED}: {what} {altered:?} was not found");
    }
    assert_eq!(altered.len(), 8, "{altered:?}");
}
