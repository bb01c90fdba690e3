//! Archives as tools write them, and as those write them who want something overlooked.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::*;

const LIMITS: Limits = Limits { max_files: 10, max_bytes: 4 * MIB as u64, max_ratio: 100, max_depth: 2 };
const MIB: usize = 1024 * 1024;

fn by(bytes: &[u8], size: usize, limits: Limits) -> Result<(), Fault> {
    let mut inspector = Inspector::new(limits);
    for part in bytes.chunks(size) {
        let _ = inspector.push(part);
    }
    inspector.finish()
}

/// Fed in parts of several sizes: what a network does to a stream must not matter.
fn inspect(bytes: &[u8]) -> Result<(), Fault> {
    let whole = by(bytes, bytes.len().max(1), LIMITS);
    for size in [1, 2, 3, 5, 21, 22, 23, 100, 4_096] {
        assert_eq!(by(bytes, size, LIMITS), whole, "in parts of {size}");
    }
    whole
}

/// An entry, and how it deviates from the truth.
#[derive(Clone)]
struct File {
    name: &'static str,
    /// As packed.
    packed: Vec<u8>,
    method: u16,
    flags: u16,
    crc: u32,
    size: u32,
    /// What the directory says instead, where it does.
    named: Option<&'static str>,
    offset: Option<u32>,
    listed: bool,
}

fn stored(name: &'static str, bytes: &[u8]) -> File {
    let size = u32::try_from(bytes.len()).unwrap();
    File {
        name,
        packed: bytes.to_vec(),
        method: 0,
        flags: 0,
        crc: crc32fast::hash(bytes),
        size,
        named: None,
        offset: None,
        listed: true,
    }
}

fn deflated(name: &'static str, bytes: &[u8]) -> File {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    File { packed: encoder.finish().unwrap(), method: 8, ..stored(name, bytes) }
}

fn zip(files: &[File]) -> Vec<u8> {
    let (mut bytes, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for file in files {
        let offset = u32::try_from(bytes.len()).unwrap();
        let common = |name: &str| {
            let mut header = Vec::new();
            for field in [20, file.flags, file.method, 0, 0x21] {
                header.extend(field.to_le_bytes());
            }
            for field in [file.crc, u32::try_from(file.packed.len()).unwrap(), file.size] {
                header.extend(field.to_le_bytes());
            }
            header.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            header.extend([0; 2]);
            header
        };
        bytes.extend(b"PK\x03\x04");
        bytes.extend(common(file.name));
        bytes.extend(file.name.as_bytes());
        bytes.extend(&file.packed);
        if file.listed {
            let name = file.named.unwrap_or(file.name);
            directory.extend(b"PK\x01\x02\x14\0");
            directory.extend(common(name));
            // Comment, disk, attributes.
            directory.extend([0; 10]);
            directory.extend(file.offset.unwrap_or(offset).to_le_bytes());
            directory.extend(name.as_bytes());
            count += 1;
        }
    }
    let offset = u32::try_from(bytes.len()).unwrap();
    let size = u32::try_from(directory.len()).unwrap();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    bytes.extend([size.to_le_bytes(), offset.to_le_bytes()].concat());
    bytes.extend([0; 2]);
    bytes
}

/// An archive in an archive, `depth` times.
fn nest(bytes: &[u8], depth: usize) -> Vec<u8> {
    (0..depth).fold(bytes.to_vec(), |inner, _| zip(&[deflated("inner.zip", &inner)]))
}

#[test]
fn archives_of_common_tools_are_read() {
    for (name, bytes) in [
        ("info-zip", &include_bytes!("../../tests/samples/info-zip.zip")[..]),
        ("info-zip, streamed", include_bytes!("../../tests/samples/info-zip-streamed.zip")),
        ("info-zip, from a pipe", include_bytes!("../../tests/samples/info-zip-piped.zip")),
        ("java", include_bytes!("../../tests/samples/java.zip")),
        ("python", include_bytes!("../../tests/samples/python.zip")),
        ("python, streamed", include_bytes!("../../tests/samples/python-streamed.zip")),
        ("python, 64 bits", include_bytes!("../../tests/samples/python-streamed-64.zip")),
        ("OOXML", include_bytes!("../../tests/samples/letter.docx")),
        ("ODF", include_bytes!("../../tests/samples/letter.odt")),
        ("none in it", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("with a comment", &[&zip(&[])[..20], b"\x03\0abc"].concat()),
        ("ours", &zip(&[stored("a", b"as it is"), deflated("b", &[7; 100_000]), stored("c", b"")])),
        ("no archive", b"%PDF-1.7"),
        ("short", b"PK"),
        ("nothing", b""),
    ] {
        assert_eq!(inspect(bytes), Ok(()), "{name}");
    }
}

#[test]
fn what_needs_a_password_is_told() {
    for (name, bytes) in [
        ("zip -P", &include_bytes!("../../tests/samples/locked.zip")[..]),
        ("AES", include_bytes!("../../tests/samples/locked-aes.zip")),
        ("ODF", include_bytes!("../../tests/samples/locked.odt")),
        ("a flag", &zip(&[File { flags: 1, ..stored("a", b"a") }])),
        ("masked headers", &zip(&[File { flags: 1 << 13, ..stored("a", b"a") }])),
        ("inside", &zip(&[stored("a", include_bytes!("../../tests/samples/locked.zip"))])),
    ] {
        assert_eq!(inspect(bytes), Err(Fault::Encrypted), "{name}");
    }
}

#[test]
fn every_limit_is_kept_to_the_letter() {
    let files = |count: usize| -> Vec<File> {
        (0..count).map(|n| stored(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"][n], b"")).collect()
    };
    assert_eq!(inspect(&zip(&files(10))), Ok(()));
    assert_eq!(inspect(&zip(&files(11))), Err(Fault::Files));
    // Those of inner archives, and the inner archives, count.
    assert_eq!(inspect(&nest(&zip(&files(9)), 1)), Ok(()));
    assert_eq!(inspect(&nest(&zip(&files(10)), 1)), Err(Fault::Files));

    let noise = |bytes: usize| -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        })
        .take(bytes)
        .collect()
    };
    let large = noise(4 * MIB);
    assert_eq!(by(&zip(&[stored("a", &large)]), 65_536, LIMITS), Ok(()));
    assert_eq!(by(&zip(&[stored("a", &large), stored("b", b"b")]), 65_536, LIMITS), Err(Fault::Bytes));
    // Unpacked twice: as the inner archive, and as what is in it.
    assert_eq!(by(&nest(&zip(&[stored("a", &large[..3 * MIB])]), 1), 65_536, LIMITS), Err(Fault::Bytes));

    // Small files may be as dense as they like.
    assert_eq!(inspect(&zip(&[deflated("a", &vec![0; MIB])])), Ok(()));
    assert_eq!(by(&zip(&[deflated("a", &vec![0; MIB + 1])]), 1_000, LIMITS), Err(Fault::Ratio));
    let mixed = [deflated("a", &vec![0; MIB]), stored("b", &large[..MIB / 32])];
    assert_eq!(by(&zip(&mixed), 1_000, LIMITS), Ok(()));

    assert_eq!(inspect(&nest(b"text", 3)), Ok(()), "two archives in one");
    assert_eq!(inspect(&nest(b"text", 4)), Err(Fault::Depth));
    let flat = Limits { max_depth: 0, ..LIMITS };
    assert_eq!(by(&nest(b"text", 1), 7, flat), Ok(()));
    assert_eq!(by(&nest(b"text", 2), 7, flat), Err(Fault::Depth));
}

#[test]
fn a_bomb_is_found_before_it_goes_off() {
    // 10 MiB of zeros in ten kilobytes, ten of them in each of three levels: 10 GiB.
    let mut bomb = zip(&[deflated("0", &vec![0; 10 * MIB])]);
    for _ in 0..3 {
        let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        bomb = zip(&names.map(|name| deflated(name, &bomb)));
    }
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let mut inspector = Inspector::new(Limits {
        max_files: 100_000,
        max_bytes: 200 * MIB as u64,
        max_ratio: 1_100,
        max_depth: 16,
    });
    assert_eq!(inspector.push(&bomb), Err(Fault::Bytes));
    assert!(inspector.budget.unpacked <= 200 * MIB as u64);
    assert_eq!(inspect(&bomb), Err(Fault::Depth));
}

#[test]
fn an_entry_that_lies_about_itself_is_told() {
    let honest = deflated("a", b"some text");
    let longer = [&honest.packed[..], b"more"].concat();
    for (name, file, fault) in [
        ("smaller", File { size: 8, ..honest.clone() }, Fault::Lie),
        ("larger", File { size: 10, ..honest.clone() }, Fault::Lie),
        ("too large to unpack", File { size: u32::MAX - 1, ..honest.clone() }, Fault::Bytes),
        ("64 bits that are not there", File { size: u32::MAX, ..honest.clone() }, Fault::Bytes),
        ("checksum", File { crc: 1, ..honest.clone() }, Fault::Lie),
        ("goes on behind its end", File { packed: longer, ..honest.clone() }, Fault::Lie),
        ("ends early", File { packed: honest.packed[..4].to_vec(), ..honest.clone() }, Fault::Lie),
        ("no packed bytes", File { packed: Vec::new(), ..honest.clone() }, Fault::Lie),
        ("stored, other size", File { size: 3, ..stored("a", b"text") }, Fault::Lie),
        ("not deflated", File { method: 8, ..stored("a", b"\xff\xff\xff") }, Fault::Damaged),
        ("another method", File { method: 12, ..stored("a", b"text") }, Fault::Method),
        ("a patch", File { flags: 1 << 5, ..stored("a", b"text") }, Fault::Method),
        ("no descriptor", File { flags: 8, ..honest.clone() }, Fault::Lie),
    ] {
        assert_eq!(inspect(&zip(&[file])), Err(fault), "{name}");
    }
}

#[test]
fn a_directory_that_disagrees_is_told() {
    let (a, b) = (stored("a", b"first"), stored("b", b"second"));
    for (name, files) in [
        ("another name", vec![File { named: Some("A"), ..a.clone() }]),
        ("another place", vec![File { offset: Some(1), ..a.clone() }]),
        ("an entry of which it knows nothing", vec![a.clone(), File { listed: false, ..b.clone() }]),
        ("one entry twice", vec![a.clone(), File { offset: Some(0), ..b.clone() }]),
        ("one name twice", vec![a.clone(), File { name: "a", ..b.clone() }]),
    ] {
        assert_eq!(inspect(&zip(&files)), Err(Fault::Directory), "{name}");
    }
    let good = zip(&[a.clone(), b]);
    let end = good.len() - END_BYTES;
    // Disks, counts, size and place of the directory.
    for field in [4, 6, 8, 10, 12, 16] {
        let mut bad = good.clone();
        bad[end + field] += 1;
        assert_eq!(inspect(&bad), Err(Fault::Directory), "{field}");
    }
    // Values of the directory that differ from the entry's: size, packed size, checksum.
    let directory = good.windows(4).position(|mark| mark == b"PK\x01\x02").unwrap();
    for field in [16, 20, 24] {
        let mut bad = good.clone();
        bad[directory + field] ^= 1;
        assert_eq!(inspect(&bad), Err(Fault::Directory), "{field}");
    }
    let mut encrypted = good.clone();
    encrypted[directory + 8] |= 1;
    assert_eq!(inspect(&encrypted), Err(Fault::Encrypted));
}

const END_BYTES: usize = 22;

#[test]
fn what_is_not_one_whole_archive_is_told() {
    let good = zip(&[stored("a", b"text"), deflated("b", b"text text text")]);
    for length in 4..good.len() {
        assert_eq!(inspect(&good[..length]), Err(Fault::Damaged), "{length}");
    }
    for more in [&b"\0"[..], b"PK", b"more", &good] {
        assert_eq!(inspect(&[&good[..], more].concat()), Err(Fault::Damaged), "{more:?}");
    }
    let end = good.len() - END_BYTES;
    assert_eq!(inspect(&[&good[..end], b"gap!", &good[end..]].concat()), Err(Fault::Damaged));
    assert_eq!(
        inspect(b"PK\x03\x04 and then a letter, as long as one of them should be"),
        Err(Fault::Damaged)
    );
}

#[test]
fn an_archive_behind_something_else_is_told() {
    let archive = zip(&[stored("a", b"text")]);
    for front in [&b"%PDF-1.7\n"[..], b"MZ..", &[b'x'; 70_000]] {
        let file = [front, &archive].concat();
        assert_eq!(by(&file, 1, LIMITS), Err(Fault::Hidden));
        assert_eq!(by(&file, file.len(), LIMITS), Err(Fault::Hidden));
        assert_eq!(by(&zip(&[stored("x", &file)]), 1_000, LIMITS), Err(Fault::Hidden), "inside");
    }
    let end = archive.len() - END_BYTES;
    let commented = [b"text", &archive[..end + 20], &u16::MAX.to_le_bytes(), &[b'c'; 65_535]].concat();
    assert_eq!(by(&commented, 1_000, LIMITS), Err(Fault::Hidden));
    // A record whose comment would end elsewhere is a text about archives.
    assert_eq!(inspect(&[b"text", &archive[..], b"more"].concat()), Ok(()));
    // A list of thousands of ends that have all passed is none; thousands that are all to come are no chance.
    for (unit, verdict) in [(&b"text PK\x05\x06"[..], Ok(())), (b"PK\x05\x06", Err(Fault::Hidden))] {
        let file = [b"text", &unit.repeat(50_000)[..]].concat();
        assert_eq!(by(&file, 1_000, LIMITS), verdict);
        assert_eq!(by(&file, file.len(), LIMITS), verdict);
    }
}

#[tokio::test]
async fn a_watch_tells_the_same() {
    let bomb = nest(b"text", 4);
    for (bytes, verdict) in [(bomb.clone(), Err(Fault::Depth)), (zip(&[stored("a", b"a")]), Ok(()))] {
        let watch = Watch::start(LIMITS);
        for part in bytes.chunks(10) {
            watch.push(bytes::Bytes::copy_from_slice(part)).await;
        }
        assert_eq!(watch.finish().await, verdict);
    }
    // Whoever gives up midway leaves nothing behind.
    let watch = Watch::start(LIMITS);
    watch.push(bomb.into()).await;
    drop(watch);
}
