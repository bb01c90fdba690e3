//! A committed token, whole and altered. OpenSSL made it (`samples/README.md`), so that it is not only our own writing that is read.

use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use timestamp::{Invalid, Trusted, verify};

const TOKEN: &[u8] = include_bytes!("../samples/token.tsr");
const ROOT: &[u8] = include_bytes!("../samples/root.pem");
const DIGEST: &[u8; 32] = include_bytes!("../samples/digest");

#[test]
fn a_token_holds_for_good() {
    let stamp = verify(TOKEN, DIGEST, &Trusted::from_pem(ROOT).unwrap()).unwrap();
    insta::assert_debug_snapshot!(stamp);
}

#[test]
fn no_altered_bit_changes_what_a_token_says() {
    let trusted = Trusted::from_pem(ROOT).unwrap();
    let stamp = verify(TOKEN, DIGEST, &trusted).unwrap();
    let mut unsigned = 0;
    for at in 0..TOKEN.len() {
        for bit in 0..8 {
            let mut token = TOKEN.to_vec();
            token[at] ^= 1 << bit;
            match verify(&token, DIGEST, &trusted) {
                Ok(found) => {
                    assert_eq!(found, stamp, "byte {at} bit {bit}");
                    unsigned += 1;
                }
                Err(Invalid::Size) => panic!("byte {at} bit {bit}"),
                Err(_) => {}
            }
        }
    }
    // The list of digest algorithms, versions and the like are signed by nobody. All else is found.
    assert!(unsigned < 200, "{unsigned}");
}

#[test]
fn what_is_cut_or_longer_is_no_token() {
    let trusted = Trusted::from_pem(ROOT).unwrap();
    for end in 0..TOKEN.len() {
        assert!(verify(&TOKEN[..end], DIGEST, &trusted).is_err(), "{end}");
    }
    assert!(matches!(verify(&[TOKEN, &[0]].concat(), DIGEST, &trusted), Err(Invalid::Malformed { .. })));
    assert!(matches!(verify(&vec![0; 64 * 1024 + 1], DIGEST, &trusted), Err(Invalid::Size)));
}

/// A value in DER.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let header = match (value.len(), length) {
        (0..128, [_, short]) => vec![tag, short],
        (128..256, [_, short]) => vec![tag, 0x81, short],
        (_, [high, low]) => vec![tag, 0x82, high, low],
    };
    [header, value].concat()
}

fn oid(arcs: &[u8]) -> Vec<u8> {
    tlv(6, &[arcs])
}

#[test]
fn names_made_to_be_sorted_cost_nothing() {
    const SEQUENCE: u8 = 0x30;
    const SET: u8 = 0x31;
    const OCTETS: u8 = 4;
    const FIRST: u8 = 0xa0;
    let pkcs9 = |last: &[u8]| oid(&[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9], last].concat());
    let tst_info = pkcs9(&[0x10, 1, 4]);
    let sha_256 = tlv(SEQUENCE, &[&oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1])]);
    // Of this many bytes, in the order that is worst for an insertion sort.
    let parts = (0..2_600_u16)
        .rev()
        .map(|n| tlv(SEQUENCE, &[&oid(&[0x55, 4, 3]), &tlv(OCTETS, &[&n.to_be_bytes()])]));
    let name = tlv(SEQUENCE, &[&tlv(SET, &[&parts.collect::<Vec<_>>().concat()])]);
    let serial = tlv(2, &[&[1]]);
    let empty = tlv(SEQUENCE, &[]);
    let day = tlv(0x17, &[b"260101000000Z"]);
    let validity = tlv(SEQUENCE, &[&day, &day]);
    let tbs = tlv(SEQUENCE, &[&serial, &empty, &name, &validity, &empty, &empty]);
    let certificate = tlv(SEQUENCE, &[&tbs, &empty, &tlv(3, &[&[0]])]);
    let imprint = tlv(SEQUENCE, &[&sha_256, &tlv(OCTETS, &[DIGEST])]);
    let time = tlv(0x18, &[b"20260101000000Z"]);
    let info = tlv(SEQUENCE, &[&serial, &oid(&[0x2a, 3, 4]), &imprint, &serial, &time]);
    let attribute = |id: &[u8], value: &[u8]| tlv(SEQUENCE, &[id, &tlv(SET, &[value])]);
    let signed = [
        attribute(&pkcs9(&[3]), &tst_info),
        attribute(&pkcs9(&[4]), &tlv(OCTETS, &[&Sha256::digest(&info)])),
        attribute(
            &pkcs9(&[0x10, 2, 0x2f]),
            &tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&tlv(OCTETS, &[&[0; 32]])])])]),
        ),
    ];
    let issuer_and_serial = tlv(SEQUENCE, &[&name, &serial]);
    let signature = tlv(OCTETS, &[]);
    let signer = tlv(
        SEQUENCE,
        &[&serial, &issuer_and_serial, &sha_256, &tlv(FIRST, &[&signed.concat()]), &sha_256, &signature],
    );
    let content = tlv(SEQUENCE, &[&tst_info, &tlv(FIRST, &[&tlv(OCTETS, &[&info])])]);
    let data = tlv(
        SEQUENCE,
        &[
            &tlv(2, &[&[3]]),
            &tlv(SET, &[&sha_256]),
            &content,
            &tlv(FIRST, &[&certificate]),
            &tlv(SET, &[&signer]),
        ],
    );
    let signed_data = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
    let token = tlv(SEQUENCE, &[&signed_data, &tlv(FIRST, &[&data])]);

    let begun = Instant::now();
    let found = verify(&token, DIGEST, &Trusted::from_pem(ROOT).unwrap());
    // All of it was read up to the one thing that is wrong, and not sorted, which takes minutes without optimisation.
    assert!(matches!(found, Err(Invalid::SigningCertificate)), "{found:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
