use blobs::Error;

use super::*;

#[tokio::test]
async fn a_download_is_saved_under_its_name_and_kept_out_of_caches() {
    let (_test, blobs) = store().await;
    stored(&blobs, "k", PDF).await;
    blobs.copy_to_evidence("k", "evidence/0197/1", PDF.len() as u64).await.unwrap();
    for name in ["payslip.pdf", "Lohn \"März\"; ü\r\n.pdf", "%2e%2e", "給与.pdf"] {
        let get = blobs.presign_get(Bucket::Evidence, "evidence/0197/1", name, TTL).await.unwrap();
        let answer = reqwest::get(&get.url).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/pdf");
        assert_eq!(header("cache-control"), "private, no-store");
        let disposition = header("content-disposition");
        let encoded = disposition.strip_prefix("attachment; filename*=UTF-8''").expect(&disposition);
        assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{disposition}");
        assert_eq!(decode(encoded), name);
        assert_eq!(answer.bytes().await.unwrap(), PDF);
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn an_expired_or_changed_download_gives_nothing() {
    let (test, blobs) = store().await;
    stored(&blobs, "k", PDF).await;
    stored(&blobs, "l", PDF).await;
    let clock = Clock::frozen(Clock::system().now() - Duration::from_secs(301));
    let late = Blobs::new(&test.settings, clock).await;
    let late = late.presign_get(Bucket::Intake, "k", "f", Duration::from_secs(300)).await.unwrap();
    let good = blobs.presign_get(Bucket::Intake, "k", "f", TTL).await.unwrap();
    let other = good.url.replace("/k?", "/l?");
    let inline = good.url.replace("attachment", "inline");
    for url in [&late.url, &other, &inline] {
        assert_eq!(reqwest::get(url).await.unwrap().status(), StatusCode::FORBIDDEN, "{url}");
    }
    assert_eq!(reqwest::get(&good.url).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_object_is_read_as_a_stream() {
    let (_test, blobs) = store().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    stored(&blobs, "big", &bytes).await;
    let mut body = blobs.get(Bucket::Intake, "big").await.unwrap();
    assert_eq!(body.size(), bytes.len() as u64);
    let (mut read, mut chunks) = (Vec::new(), 0);
    while let Some(chunk) = body.next().await.unwrap() {
        read.extend_from_slice(&chunk);
        chunks += 1;
    }
    assert!(read == bytes && chunks > 1, "{chunks} chunks");
    let missing = blobs.get(Bucket::Intake, "nothing").await.unwrap_err();
    assert!(matches!(missing, Error::Missing(key) if key == "nothing"));
}
